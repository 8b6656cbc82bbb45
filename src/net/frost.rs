//! A broker that is frozen: its tasks stand still where they are, its sockets stay open, and the
//! system goes on taking what others send until its buffers are full. Time passes.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Whether a broker's tasks stand still. Copies speak of the same broker.
#[derive(Debug, Clone, Default)]
pub(super) struct Frost(Arc<Inside>);

#[derive(Debug, Default)]
struct Inside {
    frozen: AtomicBool,
    thawed: Notify,
}

impl Frost {
    /// From now on the tasks stand still.
    pub(super) fn freeze(&self) {
        self.0.frozen.store(true, Ordering::Release);
    }

    /// They go on.
    pub(super) fn thaw(&self) {
        self.0.frozen.store(false, Ordering::Release);
        self.0.thawed.notify_waiters();
    }

    fn is_frozen(&self) -> bool {
        self.0.frozen.load(Ordering::Acquire)
    }

    /// Does `work`, which stands still while this is frozen: it is not polled then, so whatever
    /// wakes it is found when it goes on.
    pub(super) async fn over<F: Future>(self, work: F) -> F::Output {
        let mut work = pin!(work);
        loop {
            // It hears of every thaw from here on, so none can pass between the look and the wait.
            let mut thawed = pin!(self.0.thawed.notified());
            let done = poll_fn(|context| {
                if self.is_frozen() {
                    return thawed.as_mut().poll(context).map(|()| None);
                }
                work.as_mut().poll(context).map(Some)
            });
            if let Some(done) = done.await {
                return done;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn work_stands_still_and_goes_on() {
        let frost = Frost::default();
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let (teller, mut told) = mpsc::unbounded_channel();
        let work = async move {
            while let Some(number) = receiver.recv().await {
                teller.send(number).expect("somebody hears");
            }
        };
        let task = tokio::spawn(frost.clone().over(work));
        for round in 0..3 {
            sender.send(round).expect("it runs");
            assert_eq!(told.recv().await, Some(round));
            frost.freeze();
            sender.send(round).expect("it runs");
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            assert!(told.try_recv().is_err(), "it stands still");
            frost.thaw();
            assert_eq!(told.recv().await, Some(round));
        }
        frost.freeze();
        frost.thaw();
        drop(sender);
        task.await.expect("no panic");
    }
}
