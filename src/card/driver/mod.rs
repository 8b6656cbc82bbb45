//! Runs one program over real TCP: the shell around the pure state machine.
//!
//! ```text
//! Handle --orders--> task: Program <-> Client <-> TCP
//!   ^                  |
//!   +---- face --------+--reports--> whoever spawned it
//! ```
//! It dials again by itself. It knows nothing of what the program means, and of MQTT only what
//! [`Input`] and [`super::Output`] say; rumqttc is known to `client` alone.

mod client;
mod handle;

#[cfg(test)]
mod mosquitto;
#[cfg(test)]
mod peer;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use self::client::{Client, Polled, Said};
pub use self::handle::{Handle, Refused};
use self::handle::{ORDERS, Order};
use super::limits::{LIMITS, Limits};
use super::{Event, Face, Input, Output, Program, Token};
use crate::mqtt::Message;

/// What is published in a program's name has a token with this bit, and a number of its own in the
/// others. A program's own tokens have it never: they count up from 0, or have the highest bit.
const SAID: u64 = 1 << 62;

/// What a running program reports, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// Its face changed: this is the new one.
    Face(Arc<Face>),
    /// Something happened to it.
    Event { at: Duration, event: Event },
}

/// Runs `program` on the current tokio runtime.
///
/// It dials `address` as it stands at each dial; a change ends a wait and an attempt under way,
/// but no connection. While there is none it does not dial. `clock` gives the time of its world. `report` is called from the
/// program's task and must not block.
///
/// # Panics
/// Outside a tokio runtime.
#[must_use = "a dropped handle kills the program"]
pub fn spawn(
    program: Box<dyn Program>,
    address: watch::Receiver<Option<SocketAddr>>,
    clock: impl Fn() -> Duration + Send + 'static,
    report: impl FnMut(Report) + Send + 'static,
) -> Handle {
    spawn_within(LIMITS, program, address, clock, report)
}

fn spawn_within(
    limits: Limits,
    program: Box<dyn Program>,
    address: watch::Receiver<Option<SocketAddr>>,
    clock: impl Fn() -> Duration + Send + 'static,
    report: impl FnMut(Report) + Send + 'static,
) -> Handle {
    let (orders, taken) = mpsc::channel(ORDERS);
    let (sender, face) = watch::channel(Arc::new(program.face().clone()));
    let client = Client::new(program.identity());
    let desk =
        Desk { program, clock: Box::new(clock), report: Box::new(report), face: sender, said: 0 };
    let task = Task { limits, desk, client, address, orders: taken };
    let frozen = watch::Sender::new(false);
    let task = tokio::spawn(unless_frozen(frozen.subscribe(), task.run()));
    Handle { orders, face, frozen, task }
}

/// Does `work`, which stands still where it is while it is frozen.
async fn unless_frozen<F: Future>(mut frozen: watch::Receiver<bool>, work: F) -> F::Output {
    let mut work = pin!(work);
    let mut thawed = frozen.clone();
    loop {
        tokio::select! {
            biased;
            // Nobody can freeze it any more: then it only goes on.
            Ok(_) = frozen.wait_for(|frozen| *frozen) => {}
            done = &mut work => return done,
        }
        if thawed.wait_for(|frozen| !*frozen).await.is_err() {
            return work.await;
        }
    }
}

/// The program and those who watch it.
struct Desk {
    program: Box<dyn Program>,
    clock: Box<dyn Fn() -> Duration + Send>,
    report: Box<dyn FnMut(Report) + Send>,
    face: watch::Sender<Arc<Face>>,
    /// How many messages were published in the program's name.
    said: u64,
}

impl Desk {
    /// When the program wants to be told the time.
    fn deadline(&self) -> Option<Instant> {
        let at = self.program.deadline()?;
        Some(Instant::now() + at.saturating_sub((self.clock)()))
    }

    /// Gives the program an input and reports what changed.
    fn input(&mut self, input: Input) -> Vec<Output> {
        let at = (self.clock)();
        let outputs = self.program.handle(at, input);
        let (before, after) = (self.face.borrow().clone(), self.program.face());
        if *before != *after {
            let after = Arc::new(after.clone());
            self.face.send_replace(after.clone());
            for event in Event::between(&before, &after) {
                (self.report)(Report::Event { at, event });
            }
            (self.report)(Report::Face(after));
        }
        outputs
    }

    /// What publishes a message in the program's name.
    fn say(&mut self, message: Message) -> Vec<Output> {
        self.said += 1;
        let Message { topic, payload, qos, retain, .. } = message;
        vec![Output::Publish { token: Token(SAID | self.said), topic, payload, qos, retain }]
    }

    /// Tells the program what the broker said.
    fn hear(&mut self, said: Said) -> Vec<Output> {
        let input = match said {
            Said::Connected { session_present } => Input::Connected { session_present },
            Said::Subscribed => Input::Subscribed,
            Said::Message { topic, payload, retain } => Input::Message { topic, payload, retain },
            // The program did not publish it.
            Said::Sent(Token(token)) if token & SAID != 0 => return Vec::new(),
            Said::Sent(token) => Input::Sent(token),
            Said::Gone { reason } => Input::Disconnected { reason },
            Said::Unusable { topic, reason } => {
                let event = Event::Ignored { topic, reason };
                (self.report)(Report::Event { at: (self.clock)(), event });
                return Vec::new();
            }
            Said::Goodbye => return Vec::new(),
        };
        self.input(input)
    }
}

/// The task's state.
struct Task {
    limits: Limits,
    desk: Desk,
    client: Client,
    address: watch::Receiver<Option<SocketAddr>>,
    orders: mpsc::Receiver<Order>,
}

/// A polite stop under way.
struct Stop {
    /// Until when it may take.
    limit: Instant,
    /// Whether DISCONNECT is asked for.
    goodbye: bool,
}

/// What is next after a connection or a wait.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// Dial again, after a wait: a short one if the connection held.
    Wait { held: bool },
    /// Dial at once.
    Dial,
    /// Nothing: it was stopped.
    End,
}

impl Task {
    async fn run(mut self) {
        let mut wait = self.limits.first_wait;
        loop {
            let address = *self.address.borrow_and_update();
            let Some(address) = address else {
                if self.nowhere().await == Next::End {
                    return;
                }
                continue;
            };
            self.client.dial(address);
            let mut next = self.connection().await;
            if let Next::Wait { held } = next {
                wait = if held { self.limits.first_wait } else { wait };
                next = self.pause(wait).await;
                wait = (2 * wait).min(self.limits.longest_wait);
            }
            if next == Next::End {
                return;
            }
        }
    }

    /// Waits for an address: its board's broker could not start, and whoever has its port is a
    /// stranger.
    async fn nowhere(&mut self) -> Next {
        let reason = "its broker could not start".to_owned();
        drop(self.desk.input(Input::Disconnected { reason }));
        loop {
            let next = self.pause(Duration::MAX).await;
            if next == Next::End || self.address.borrow().is_some() {
                return next;
            }
        }
    }

    /// One connection, from the dial to its end.
    async fn connection(&mut self) -> Next {
        let mut online_since = None;
        let mut stop = None;
        loop {
            let polled = match self.poll(&mut stop).await {
                Ok(polled) => polled,
                Err(next) => return next,
            };
            for said in self.client.take(polled) {
                let gone = matches!(said, Said::Gone { .. });
                if gone && stop.is_some() {
                    return Next::End;
                }
                if matches!(said, Said::Connected { .. }) {
                    online_since = Some(Instant::now());
                }
                let outputs = self.desk.hear(said);
                self.client.outbox().push(outputs);
                if gone {
                    let held =
                        online_since.is_some_and(|since| since.elapsed() >= self.limits.held);
                    return Next::Wait { held };
                }
            }
        }
    }

    /// Waits for the broker, and takes orders meanwhile.
    async fn poll(&mut self, stop: &mut Option<Stop>) -> Result<Polled, Next> {
        let Self { limits, desk, client, address, orders } = self;
        let (poll, outbox) = client.parts();
        tokio::pin!(poll);
        loop {
            if let Some(stop) = stop
                && !stop.goodbye
                && outbox.is_idle()
            {
                stop.goodbye = outbox.say_goodbye();
            }
            let limit = stop.as_ref().map_or_else(Instant::now, |stop| stop.limit);
            let owed = outbox.owed_since();
            let answer = owed.unwrap_or_else(Instant::now) + limits.answer;
            let deadline = desk.deadline().filter(|_| stop.is_none());
            let due = deadline.unwrap_or_else(Instant::now);
            tokio::select! {
                polled = &mut poll => return Ok(polled),
                order = orders.recv(), if stop.is_none() => match order {
                    Some(Order::Input(input)) => outbox.push(desk.input(input)),
                    Some(Order::Say(message)) => outbox.push(desk.say(message)),
                    Some(Order::RetryNow) => {}
                    Some(Order::Stop) if outbox.is_online() => {
                        *stop = Some(Stop { limit: Instant::now() + limits.stop, goodbye: false });
                    }
                    Some(Order::Stop) | None => return Err(Next::End),
                },
                () = sleep_until(due), if deadline.is_some() => outbox.push(desk.input(Input::Time)),
                () = sleep_until(limit), if stop.is_some() => return Err(Next::End),
                () = sleep_until(answer), if owed.is_some() => return Ok(Polled::Unanswered),
                Ok(()) = address.changed(), if !outbox.is_online() => return Err(Next::Dial),
            }
        }
    }

    /// Waits before dialling again.
    async fn pause(&mut self, wait: Duration) -> Next {
        let over = sleep(wait);
        tokio::pin!(over);
        loop {
            let deadline = self.desk.deadline();
            let due = deadline.unwrap_or_else(Instant::now);
            tokio::select! {
                () = &mut over => return Next::Dial,
                () = sleep_until(due), if deadline.is_some() => drop(self.desk.input(Input::Time)),
                order = self.orders.recv() => match order {
                    Some(Order::Say(_)) => tracing::debug!("not said: there is no connection"),
                    // Offline, an input has no outputs that could be sent.
                    Some(Order::Input(input)) => drop(self.desk.input(input)),
                    Some(Order::RetryNow) => return Next::Dial,
                    Some(Order::Stop) | None => return Next::End,
                },
                Ok(()) = self.address.changed() => return Next::Dial,
            }
        }
    }
}
