//! What whoever runs a program holds of it: gives it orders, shows its face, ends it.
//!
//! It knows nothing of MQTT but what a message is.

use std::panic;
use std::sync::Arc;

use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::card::{Face, Input};
use crate::mqtt::Message;

/// How many orders may wait; a person cannot click faster than they are taken.
pub(super) const ORDERS: usize = 256;

/// An order was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the program takes no orders: it has ended, or {ORDERS} orders wait already")]
pub struct Refused;

/// A program that runs. Dropping the handle kills it.
#[derive(Debug)]
pub struct Handle {
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) face: watch::Receiver<Arc<Face>>,
    /// Whether the task stands still.
    pub(super) frozen: watch::Sender<bool>,
    pub(super) task: JoinHandle<()>,
}

/// What the program's task takes from its handle.
#[derive(Debug)]
pub(super) enum Order {
    Input(Input),
    Say(Message),
    RetryNow,
    Stop,
}

impl Handle {
    /// Gives it an input that comes from people: a click, a request for numbers.
    ///
    /// # Errors
    /// The program has ended, or too many orders wait: this one is dropped.
    pub fn tell(&self, input: Input) -> Result<(), Refused> {
        self.order(Order::Input(input))
    }

    /// Publishes a message in the program's name, which hears nothing of it. It is said once: without
    /// a connection it is dropped, and so it is when the connection ends before it is under way.
    ///
    /// # Errors
    /// As [`Handle::tell`].
    pub fn say(&self, message: Message) -> Result<(), Refused> {
        self.order(Order::Say(message))
    }

    /// Dials at once if it waits to dial again.
    ///
    /// # Errors
    /// As [`Handle::tell`].
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

    /// Lets it do nothing at all, or go on after that. Its connection stays open meanwhile, and what
    /// comes waits.
    pub fn freeze(&self, frozen: bool) {
        self.frozen.send_replace(frozen);
    }

    /// Whether it is frozen.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        *self.frozen.borrow()
    }

    /// Ends it politely: waits until the broker has all it published, says DISCONNECT, and lets
    /// the broker close; at most a second, all in all.
    ///
    /// # Panics
    /// If the program's task panicked.
    pub async fn stop(mut self) {
        self.freeze(false);
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
