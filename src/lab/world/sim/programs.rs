//! The boards' programs in the simulated world: the same state machines as live, over simulated
//! clients.

use super::client::{Client, News};
use super::clients::Late;
use super::{ClientNumber, Happening, NodeNumber, Sim};
use crate::card::limits::LIMITS;
use crate::card::{self, Face, Input, Link, Output, Program};
use crate::mqtt::Message;

impl Sim {
    /// Starts a program that connects to that broker.
    pub fn add_program(&mut self, node: NodeNumber, program: Box<dyn Program>) -> ClientNumber {
        let identity = program.identity();
        let client = Client::new(node, identity.client_id.as_str(), identity.clean_session);
        let number = self.add_client(client);
        self.programs.insert(number, program);
        number
    }

    /// Adds a program that begins when it is started.
    pub(super) fn seat_program(&mut self, client: Client) -> ClientNumber {
        let number = ClientNumber(self.clients.len());
        self.clients.push(client);
        self.clients[number.0].stay_away(true);
        number
    }

    /// Lets a program finish what it has begun: its broker has all that it published, as far as that
    /// is to be had in time.
    pub(super) fn finish_program(&mut self, number: ClientNumber) {
        self.freeze_client(number, false);
        let until = self.now + LIMITS.stop;
        let unsaid = |sim: &Self| {
            let client = &sim.clients[number.0];
            client.is_online() && !client.is_done()
        };
        while unsaid(self) && self.step_until(until) {}
    }

    /// Ends a program: its broker hears its goodbye.
    pub(super) fn end_program(&mut self, number: ClientNumber) {
        self.programs.remove(&number);
        self.leave(number);
        self.clients[number.0].lose_memory();
    }

    /// Kills a program: its connection breaks, and what it knew is gone.
    pub fn kill_program(&mut self, number: ClientNumber) {
        self.programs.remove(&number);
        self.frozen.remove(&number);
        self.clients[number.0].stay_away(true);
        self.break_client(number);
        // Of an end that came while it was frozen it never heard.
        self.clients[number.0].disconnected();
        self.clients[number.0].lose_memory();
    }

    /// Starts a killed program again, in a new process.
    pub fn revive_program(&mut self, number: ClientNumber, program: Box<dyn Program>) {
        self.programs.insert(number, program);
        self.clients[number.0].stay_away(false);
        self.dial_soon(number);
    }

    /// What a program knows, while it runs.
    #[must_use]
    pub fn face(&self, number: ClientNumber) -> Option<&Face> {
        self.programs.get(&number).map(|program| program.face())
    }

    /// Gives a program an input: a click, a request for numbers.
    pub fn tell_program(&mut self, number: ClientNumber, input: Input) {
        let now = self.now;
        let traced = self.record.is_some();
        if let Some(program) = self.programs.get_mut(&number) {
            let before = traced.then(|| program.face().clone());
            let outputs = program.handle(now, input);
            if let Some(before) = before {
                let events = card::Event::between(&before, program.face());
                self.note_program(number, events);
            }
            self.obey(number, outputs);
            self.set_alarm(number);
        }
    }

    /// Publishes a message in a program's name, which hears nothing of it; while it is connected.
    pub fn say_as(&mut self, number: ClientNumber, message: Message) {
        if self.face(number).is_some_and(|face| matches!(face.link, Link::Online { .. })) {
            self.client(number).publish(message);
            self.poke(number);
        }
    }

    /// Has a program told the time when it wants to be.
    fn set_alarm(&mut self, number: ClientNumber) {
        let program = self.programs.get(&number);
        let Some(at) = program.and_then(|program| program.deadline()) else { return };
        if self.alarms.get(&number).is_none_or(|set| at < *set) {
            self.alarms.insert(number, at);
            self.later(at.saturating_sub(self.now), Happening::Alarm(number));
        }
    }

    /// An alarm goes off; one that an earlier one took the place of finds nothing to do.
    pub(super) fn alarm(&mut self, number: ClientNumber) {
        if self.is_late(number, || Late::Alarm) {
            return;
        }
        if self.alarms.get(&number).is_some_and(|at| *at <= self.now) {
            self.alarms.remove(&number);
        }
        let program = self.programs.get(&number);
        if program.and_then(|it| it.deadline()).is_some_and(|at| at <= self.now) {
            self.tell_program(number, Input::Time);
        } else {
            self.set_alarm(number);
        }
    }

    /// Tells a program what its client has heard.
    pub(super) fn think(&mut self, number: ClientNumber) {
        for news in self.clients[number.0].take_news() {
            self.tell_program(
                number,
                match news {
                    News::Connected { session_present } => Input::Connected { session_present },
                    News::Disconnected => Input::Disconnected { reason: "cut".to_owned() },
                    News::Subscribed => Input::Subscribed,
                    News::Sent(token) => Input::Sent(token),
                    News::Message(publish) => Input::Message {
                        topic: publish.topic,
                        payload: publish.payload,
                        retain: publish.retain,
                    },
                },
            );
        }
    }

    fn obey(&mut self, number: ClientNumber, outputs: Vec<Output>) {
        for output in outputs {
            let client = &mut self.clients[number.0];
            match output {
                Output::Subscribe(filters) => client.subscribe(filters),
                Output::Publish { token, topic, payload, qos, retain } => {
                    client.publish_as(Message::new(topic, payload, qos, retain), token);
                }
            }
        }
        self.poke(number);
    }
}
