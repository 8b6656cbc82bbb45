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

#[cfg(test)]
mod mosquitto;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::panic;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use self::client::{Client, Polled, Said};
use super::{Event, Face, Input, Output, Program, SensorNumber};

/// The wait before dialling again after a connection that held, or the first refusal.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest wait between two dials; it doubles up to here.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// A connection that held this long makes the next wait short again. One that is lost at once,
/// over and over, does not.
const HELD: Duration = Duration::from_secs(2);
/// How long a polite stop waits for the broker's answers, all in all.
const STOP_LIMIT: Duration = Duration::from_secs(1);
/// How many orders may wait; a person cannot click faster than they are taken.
const ORDERS: usize = 256;

/// What a running program reports, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// Its face changed: this is the new one.
    Face(Arc<Face>),
    /// Something happened to it.
    Event { at: Duration, event: Event },
}

/// An order was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the program takes no orders: it has ended, or {ORDERS} orders wait already")]
pub struct Refused;

/// A program that runs. Dropping the handle kills it.
#[derive(Debug)]
pub struct Handle {
    orders: mpsc::Sender<Order>,
    face: watch::Receiver<Arc<Face>>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
enum Order {
    Input(Input),
    RetryNow,
    Stop,
}

/// Runs `program` on the current tokio runtime.
///
/// It dials `address` as it stands at each dial; a change ends a wait and an attempt under way,
/// but no connection. `clock` gives the time since the world began. `report` is called from the
/// program's task and must not block.
///
/// # Panics
/// Outside a tokio runtime.
#[must_use = "a dropped handle kills the program"]
pub fn spawn(
    program: Box<dyn Program>,
    address: watch::Receiver<SocketAddr>,
    clock: impl Fn() -> Duration + Send + 'static,
    report: impl FnMut(Report) + Send + 'static,
) -> Handle {
    let (orders, taken) = mpsc::channel(ORDERS);
    let (sender, face) = watch::channel(Arc::new(program.face().clone()));
    let client = Client::new(program.identity(), *address.borrow());
    let desk = Desk { program, clock: Box::new(clock), report: Box::new(report), face: sender };
    let task = Task { desk, client, address, orders: taken };
    Handle { orders, face, task: tokio::spawn(task.run()) }
}

impl Handle {
    /// Clicks a sensor's button.
    ///
    /// # Errors
    /// The program has ended, or too many orders wait: this one is dropped.
    pub fn toggle(&self, sensor: SensorNumber) -> Result<(), Refused> {
        self.order(Order::Input(Input::Toggle(sensor)))
    }

    /// Sets a sensor, as a script does.
    ///
    /// # Errors
    /// As [`Handle::toggle`].
    pub fn set(&self, sensor: SensorNumber, state: bool) -> Result<(), Refused> {
        self.order(Order::Input(Input::Set(sensor, state)))
    }

    /// Dials at once if it waits to dial again.
    ///
    /// # Errors
    /// As [`Handle::toggle`].
    pub fn retry_now(&self) -> Result<(), Refused> {
        self.order(Order::RetryNow)
    }

    /// What its window may show now.
    #[must_use]
    pub fn face(&self) -> Arc<Face> {
        self.face.borrow().clone()
    }

    /// The faces as they change.
    #[must_use]
    pub fn faces(&self) -> watch::Receiver<Arc<Face>> {
        self.face.clone()
    }

    /// Ends it politely: waits until the broker has all it published, says DISCONNECT, and lets
    /// the broker close; at most a second, all in all.
    ///
    /// # Panics
    /// If the program's task panicked.
    pub async fn stop(mut self) {
        // A task that has ended already takes no order and needs none.
        if self.orders.send(Order::Stop).await.is_ok() {
            tracing::debug!("asked the program to stop");
        }
        self.ended().await;
    }

    /// Ends it as a killed process ends: its connection closes without DISCONNECT.
    ///
    /// # Panics
    /// If the program's task panicked.
    pub async fn kill(mut self) {
        self.task.abort();
        self.ended().await;
    }

    fn order(&self, order: Order) -> Result<(), Refused> {
        self.orders.try_send(order).map_err(|_| Refused)
    }

    async fn ended(&mut self) {
        if let Err(error) = (&mut self.task).await
            && error.is_panic()
        {
            panic::resume_unwind(error.into_panic());
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The program and those who watch it.
struct Desk {
    program: Box<dyn Program>,
    clock: Box<dyn Fn() -> Duration + Send>,
    report: Box<dyn FnMut(Report) + Send>,
    face: watch::Sender<Arc<Face>>,
}

impl Desk {
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

    /// Tells the program what the broker said.
    fn hear(&mut self, said: Said) -> Vec<Output> {
        let input = match said {
            Said::Connected { session_present } => Input::Connected { session_present },
            Said::Subscribed => Input::Subscribed,
            Said::Message { topic, payload, retain } => Input::Message { topic, payload, retain },
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
    desk: Desk,
    client: Client,
    address: watch::Receiver<SocketAddr>,
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
        let mut wait = FIRST_WAIT;
        loop {
            let address = *self.address.borrow_and_update();
            self.client.dial(address);
            let mut next = self.connection().await;
            if let Next::Wait { held } = next {
                wait = if held { FIRST_WAIT } else { wait };
                next = self.pause(wait).await;
                wait = (2 * wait).min(LONGEST_WAIT);
            }
            if next == Next::End {
                return;
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
                    let held = online_since.is_some_and(|since| since.elapsed() >= HELD);
                    return Next::Wait { held };
                }
            }
        }
    }

    /// Waits for the broker, and takes orders meanwhile.
    async fn poll(&mut self, stop: &mut Option<Stop>) -> Result<Polled, Next> {
        let Self { desk, client, address, orders } = self;
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
            tokio::select! {
                polled = &mut poll => return Ok(polled),
                order = orders.recv(), if stop.is_none() => match order {
                    Some(Order::Input(input)) => outbox.push(desk.input(input)),
                    Some(Order::RetryNow) => {}
                    Some(Order::Stop) if outbox.is_online() => {
                        *stop = Some(Stop { limit: Instant::now() + STOP_LIMIT, goodbye: false });
                    }
                    Some(Order::Stop) | None => return Err(Next::End),
                },
                () = sleep_until(limit), if stop.is_some() => return Err(Next::End),
                Ok(()) = address.changed(), if !outbox.is_online() => return Err(Next::Dial),
            }
        }
    }

    /// Waits before dialling again.
    async fn pause(&mut self, wait: Duration) -> Next {
        let over = sleep(wait);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = &mut over => return Next::Dial,
                order = self.orders.recv() => match order {
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
