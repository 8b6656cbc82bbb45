//! Mistakes that can be planted on purpose, to see that the lab finds them. It knows their names, and
//! not where they are made: each is one line at its place, `if defect::on(Defect::X)`.
//!
//! A built program has none of them: there, [`on`] is the constant `false`, and nothing is left of the
//! lines that ask. In the library's own tests a thread plants one for itself.

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Defect {
    /// A broker acknowledges what its store does not have yet.
    AcksBeforeCommit,
    /// A broker forgets on a new connection which QoS 2 messages it has taken in.
    ForgetsInbound,
    /// A broker leaves out of its store that it has taken a QoS 2 message in.
    LeavesOutReceive,
    /// What is sent again is not marked.
    ResendsWithoutDup,
    /// What is sent for the first time is marked as a repeat.
    MarksFirstAsRepeat,
    /// PUBLISH goes again although PUBREL was sent.
    ResendsAfterRelease,
    /// PUBREL does not go again on a new connection.
    ForgetsRelease,
    /// What is in flight goes again in the wrong order.
    ResendsInDisorder,
    /// A packet id is given although it is in use.
    ReusesIds,
    /// More is in flight than the other side takes.
    IgnoresReceiveMaximum,
    /// A full queue drops its oldest message, and nobody is told.
    DropsOldest,
    /// A full queue refuses the newest message, and nobody is told.
    RefusesSilently,
    /// A message goes with a lower QoS than was granted.
    LowersQos,
    /// A message goes with a higher QoS than was granted.
    RaisesQos,
    /// A live message keeps its retain flag.
    KeepsRetainFlag,
    /// A retained message goes to a new subscriber without its flag.
    LosesRetainFlag,
    /// A broker goes on sending after UNSUBSCRIBE.
    IgnoresUnsubscribe,
    /// SUBACK has an answer too few.
    AnswersTooFew,
    /// The subscriptions of sessions are not there any more after a restart.
    ForgetsSubscriptions,
    /// A clean session finds what it left behind.
    KeepsCleanSession,
    /// A session ends before its time.
    ExpiresEarly,
    /// A will is published although its client said goodbye.
    WillAfterGoodbye,
    /// The second retained message of a topic does not take the first one's place.
    KeepsStaleRetained,
    /// A retained message is not stored.
    RetainsInMemory,
    /// A retained message is not deleted.
    IgnoresDelete,
    /// A bridge does not take the deletion of a retained message out.
    KeepsDeletesHere,
    /// A bridge takes out what it brought in.
    EchoesBack,
    /// A bridge sends what is retained again with each connection.
    RefreshesAlways,
    /// A bridge caps what it takes out at QoS 1.
    CapsBridge,
    /// A bridge does not subscribe again at a far broker that has forgotten it.
    BridgeStaysUnsubscribed,
    /// A bridge loses what is in flight when the far broker has forgotten it.
    DropsWhenForgotten,
    /// A disk loses how far deliveries have come.
    DiskLosesStages,
    /// A program publishes defaults before it knows what its broker kept.
    PublishesDefaults,
    /// A program does not say again what it said last.
    SuppressesEqual,
    /// A counter counts what it publishes as acknowledged.
    CountsUnacknowledged,
    /// A counting program subscribes once, whatever its broker forgets.
    SubscribesOnce,
}

#[cfg(test)]
impl Defect {
    /// All of them.
    pub const ALL: [Self; 36] = [
        Self::AcksBeforeCommit,
        Self::ForgetsInbound,
        Self::LeavesOutReceive,
        Self::ResendsWithoutDup,
        Self::MarksFirstAsRepeat,
        Self::ResendsAfterRelease,
        Self::ForgetsRelease,
        Self::ResendsInDisorder,
        Self::ReusesIds,
        Self::IgnoresReceiveMaximum,
        Self::DropsOldest,
        Self::RefusesSilently,
        Self::LowersQos,
        Self::RaisesQos,
        Self::KeepsRetainFlag,
        Self::LosesRetainFlag,
        Self::IgnoresUnsubscribe,
        Self::AnswersTooFew,
        Self::ForgetsSubscriptions,
        Self::KeepsCleanSession,
        Self::ExpiresEarly,
        Self::WillAfterGoodbye,
        Self::KeepsStaleRetained,
        Self::RetainsInMemory,
        Self::IgnoresDelete,
        Self::KeepsDeletesHere,
        Self::EchoesBack,
        Self::RefreshesAlways,
        Self::CapsBridge,
        Self::BridgeStaysUnsubscribed,
        Self::DropsWhenForgotten,
        Self::DiskLosesStages,
        Self::PublishesDefaults,
        Self::SuppressesEqual,
        Self::CountsUnacknowledged,
        Self::SubscribesOnce,
    ];
}

/// Whether that mistake is made here and now.
#[cfg(not(test))]
#[inline]
#[must_use]
pub const fn on(_: Defect) -> bool {
    false
}

#[cfg(test)]
pub use planted::{Planted, on, plant, planted};

#[cfg(test)]
mod planted {
    use std::cell::Cell;

    use super::Defect;

    thread_local! {
        static PLANTED: Cell<Option<Defect>> = const { Cell::new(None) };
    }

    /// Whether this thread has that mistake planted.
    pub fn on(defect: Defect) -> bool {
        PLANTED.get() == Some(defect)
    }

    /// What this thread has planted, to plant it in another one: `plant(planted())` there.
    pub fn planted() -> Option<Defect> {
        PLANTED.get()
    }

    /// Keeps a mistake planted in this thread while it lives.
    #[must_use]
    pub struct Planted {
        before: Option<Defect>,
    }

    /// Plants a mistake, or none, in this thread alone.
    pub fn plant(defect: impl Into<Option<Defect>>) -> Planted {
        Planted { before: PLANTED.replace(defect.into()) }
    }

    impl Drop for Planted {
        fn drop(&mut self) {
            PLANTED.set(self.before);
        }
    }

    #[test]
    fn a_mistake_is_its_threads_own_and_ends_with_its_guard() {
        let wrong = Defect::ReusesIds;
        let guard = plant(wrong);
        assert!(on(wrong) && !on(Defect::EchoesBack));
        let carried = planted();
        std::thread::spawn(move || {
            assert!(!on(wrong));
            let _guard = plant(carried);
            assert!(on(wrong));
        })
        .join()
        .expect("no panic");
        drop(guard);
        assert!(!on(wrong));
    }
}
