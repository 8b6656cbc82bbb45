//! What happens to the clients of the simulated world: dials, packets, the end of a connection,
//! pings, patience; and frost, in which all of that waits.

use std::time::Duration;

use super::wires::End;
use super::{ClientNumber, Happening, Sim};
use crate::cable::State;
use crate::mqtt::Packet;
use crate::mqtt::packet::Notice;

/// How long a client without manners waits before it dials again.
const REDIAL: Duration = Duration::from_millis(20);

/// What a frozen client has not noticed yet.
#[derive(Debug, Clone)]
pub(super) enum Late {
    Packet(Packet),
    CutOff,
    Dial,
    Alarm,
    Ping { dials: u64 },
    Unanswered { dials: u64 },
}

impl Sim {
    /// Freezes a client, or lets it notice what happened meanwhile and go on.
    pub(super) fn freeze_client(&mut self, client: ClientNumber, frozen: bool) {
        if frozen {
            self.frozen.entry(client).or_default();
            return;
        }
        for late in self.frozen.remove(&client).unwrap_or_default() {
            match late {
                Late::Packet(packet) => self.hand_to_client(client, packet),
                Late::CutOff => self.client_is_cut_off(client),
                Late::Dial => self.client_dials(client),
                Late::Alarm => self.alarm(client),
                Late::Ping { dials } => self.ping(client, dials),
                Late::Unanswered { dials } => self.unanswered(client, dials),
            }
        }
    }

    /// Keeps something for later, where the client is frozen.
    pub(super) fn is_late(&mut self, client: ClientNumber, what: impl FnOnce() -> Late) -> bool {
        let Some(waiting) = self.frozen.get_mut(&client) else { return false };
        waiting.push(what());
        true
    }

    /// Lets a client dial at once, if it is not connected.
    pub(super) fn dial_soon(&mut self, client: ClientNumber) {
        let latency = self.weather.latency();
        self.later(latency, Happening::ClientDials(client));
    }

    pub(super) fn client_dials(&mut self, client: ClientNumber) {
        if self.is_late(client, || Late::Dial) || !self.clients[client.0].wants_to_connect() {
            return;
        }
        let node = self.clients[client.0].node();
        let cable = self.clients[client.0].cable.clone();
        let cut = self.wires.cable(&cable).state() == State::Cut;
        if cut || self.nodes[node.0].broker.is_none() {
            return self.dial_again(client);
        }
        let now = self.now;
        if let Some(manners) = &mut self.clients[client.0].manners {
            manners.dials(now);
        }
        let conn = self.new_conn(node);
        self.add_wire(&cable, End::Client(client), End::Node(node, conn));
        let packets = self.clients[client.0].connected();
        self.send_from_client(client, packets);
    }

    fn dial_again(&mut self, client: ClientNumber) {
        let now = self.now;
        let manners = self.clients[client.0].manners.as_mut();
        let wait = manners.map_or(REDIAL, |manners| manners.wait(now));
        self.later(wait, Happening::ClientDials(client));
    }

    pub(super) fn send_from_client(&mut self, client: ClientNumber, packets: Vec<Packet>) {
        for packet in packets {
            self.send(End::Client(client), &packet);
        }
        self.watch_patience(client, false);
    }

    /// A packet came to a client.
    pub(super) fn hand_to_client(&mut self, client: ClientNumber, packet: Packet) {
        if self.frozen.contains_key(&client) {
            self.is_late(client, || Late::Packet(packet));
            return;
        }
        if let Some(manners) = &mut self.clients[client.0].manners {
            let dials = manners.dials;
            match &packet {
                // A program without its subscriptions would wait for ever.
                Packet::SubAck(answers) if answers.reasons.iter().any(|it| it.is_error()) => {
                    return self.break_client(client);
                }
                Packet::ConnAck(_) => {
                    let after = manners.keep_alive;
                    self.later(after, Happening::Ping { client, dials });
                }
                Packet::PingResp => manners.pinging = false,
                _ => {}
            }
        }
        let answers = !matches!(packet, Packet::Publish(_) | Packet::PubRel(_) | Packet::PingResp);
        let packets = self.clients[client.0].packet(packet);
        self.watch_patience(client, answers);
        self.send_from_client(client, packets);
        self.think(client);
    }

    /// Its connection ended.
    pub(super) fn client_is_cut_off(&mut self, client: ClientNumber) {
        if self.is_late(client, || Late::CutOff) {
            return;
        }
        self.clients[client.0].disconnected();
        self.think(client);
        self.dial_again(client);
    }

    /// Breaks a client's connection from its own side.
    pub(super) fn break_client(&mut self, client: ClientNumber) {
        if let Some((wire, _)) = self.other_end(End::Client(client)) {
            self.drop_end(wire, End::Client(client));
        }
    }

    /// Says goodbye for a client, which stays away.
    pub(super) fn leave(&mut self, client: ClientNumber) {
        self.clients[client.0].stay_away(true);
        if self.clients[client.0].is_online() {
            self.send(End::Client(client), &Packet::Disconnect(Notice::default()));
            self.close(End::Client(client));
            self.clients[client.0].disconnected();
        } else {
            self.break_client(client);
        }
    }

    /// A client is to say that it lives. One whose last PINGREQ has no answer yet gives up.
    pub(super) fn ping(&mut self, client: ClientNumber, dials: u64) {
        if self.is_late(client, || Late::Ping { dials }) {
            return;
        }
        let Some(manners) = &mut self.clients[client.0].manners else { return };
        if manners.dials != dials {
            return;
        }
        let after = manners.keep_alive;
        if std::mem::replace(&mut manners.pinging, true) {
            return self.break_client(client);
        }
        if self.clients[client.0].is_online() {
            self.send(End::Client(client), &Packet::PingReq);
            self.later(after, Happening::Ping { client, dials });
        }
    }

    /// Follows since when a program's broker owes an answer.
    fn watch_patience(&mut self, client: ClientNumber, answered: bool) {
        let now = self.now;
        let owed = self.clients[client.0].is_owed();
        let Some(manners) = &mut self.clients[client.0].manners else { return };
        manners.owed(now, owed, answered);
        if let Some(at) = manners.gives_up_at()
            && !std::mem::replace(&mut manners.watched, true)
        {
            let dials = manners.dials;
            self.later(at.saturating_sub(now), Happening::Unanswered { client, dials });
        }
    }

    /// A program's patience may be at its end.
    pub(super) fn unanswered(&mut self, client: ClientNumber, dials: u64) {
        if self.is_late(client, || Late::Unanswered { dials }) {
            return;
        }
        let now = self.now;
        let Some(manners) = &mut self.clients[client.0].manners else { return };
        if manners.dials != dials {
            return;
        }
        manners.watched = false;
        match manners.gives_up_at() {
            Some(at) if at <= now => self.break_client(client),
            _ => self.watch_patience(client, false),
        }
    }
}
