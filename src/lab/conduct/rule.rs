//! What the standard demands of each side of a connection, as far as packets alone can show a breach.

use crate::mqtt::packet::Level;

/// A demand of the standard that somebody did not keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Something other than CONNECT came first.
    ConnectFirst,
    /// CONNECT came twice.
    ConnectOnce,
    /// Something other than CONNACK came first.
    ConnackFirst,
    /// CONNACK came twice.
    ConnackOnce,
    /// CONNACK says that there is a session, and there cannot be one.
    NoSession,
    /// A repeat is not marked.
    Dup,
    /// What was not sent before is marked as a repeat.
    NotDup,
    /// A packet id is used for two messages at once.
    IdInUse,
    /// PUBLISH goes again on the connection on which it was sent.
    NotAgain,
    /// PUBLISH goes again after PUBREL.
    Released,
    /// PUBREL goes before PUBREC has come.
    ReleasedEarly,
    /// PUBREL does not go again on a new connection.
    ReleaseAgain,
    /// Repeats go in another order than the first time.
    Order,
    /// More is in flight than the other side takes.
    ReceiveMaximum,
    /// An acknowledgement of what did not come.
    AckOfNothing,
    /// SUBACK or UNSUBACK answers what nobody asked.
    AnswerToNothing,
    /// SUBACK or UNSUBACK has too many answers, or too few.
    AnswerForEach,
    /// SUBACK grants more than was asked for.
    GrantedMore,
    /// Somebody whose session is gone does not subscribe again.
    SubscribeAgain,
}

impl Rule {
    /// Its number in the standard; none where that leaves it to the application.
    #[must_use]
    pub fn clause(self, level: Level, by_broker: bool) -> Option<&'static str> {
        let new = level == Level::V5;
        Some(match self {
            Self::ConnectFirst => "MQTT-3.1.0-1",
            Self::ConnectOnce => "MQTT-3.1.0-2",
            Self::ConnackFirst => "MQTT-3.2.0-1",
            Self::ConnackOnce if new => "MQTT-3.2.0-2",
            Self::ConnackOnce => "MQTT 3.1.1, section 3.2",
            Self::NoSession if new => "MQTT-3.2.2-2, -6",
            Self::NoSession => "MQTT-3.2.2-1, -4",
            Self::Dup => "MQTT-3.3.1-1",
            Self::NotDup => "MQTT-3.3.1-3",
            Self::IdInUse if new && by_broker => "MQTT-2.2.1-4",
            Self::IdInUse if new => "MQTT-2.2.1-3",
            Self::IdInUse if by_broker => "MQTT-2.3.1-4",
            Self::IdInUse => "MQTT-2.3.1-2",
            Self::NotAgain | Self::ReleaseAgain => "MQTT-4.4.0-1",
            Self::Released if new => "MQTT-4.3.3-6",
            Self::ReleasedEarly if new => "MQTT-4.3.3-3",
            Self::Released | Self::ReleasedEarly => "MQTT-4.3.3-1",
            Self::Order => "MQTT-4.6.0-1",
            Self::ReceiveMaximum if by_broker => "MQTT-3.3.4-9",
            Self::ReceiveMaximum => "MQTT-3.3.4-7",
            Self::AckOfNothing if new => "MQTT-2.2.1-5",
            Self::AckOfNothing => "MQTT-2.3.1-6",
            Self::AnswerToNothing if new => "MQTT-2.2.1-6",
            Self::AnswerToNothing => "MQTT-2.3.1-7",
            Self::AnswerForEach if new => "MQTT-3.8.4-6",
            Self::AnswerForEach => "MQTT-3.8.4-5",
            Self::GrantedMore => "MQTT 3.1.1 and 5.0, section 3.9.3",
            Self::SubscribeAgain => return None,
        })
    }

    /// What was done, as the rest of a sentence about who did it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::ConnectFirst => "sent something before CONNECT",
            Self::ConnectOnce => "sent CONNECT twice",
            Self::ConnackFirst => "sent something before CONNACK",
            Self::ConnackOnce => "sent CONNACK twice",
            Self::NoSession => "says that there is a session where there cannot be one",
            Self::Dup => "sent a message again without DUP",
            Self::NotDup => "sent a message for the first time with DUP",
            Self::IdInUse => "used a packet id that is in use for another message",
            Self::NotAgain => "sent a message again on the same connection",
            Self::Released => "sent PUBLISH again after PUBREL",
            Self::ReleasedEarly => "sent PUBREL before PUBREC came",
            Self::ReleaseAgain => "did not send PUBREL again on a new connection",
            Self::Order => "sent messages again in another order",
            Self::ReceiveMaximum => "sent more messages at once than the other side takes",
            Self::AckOfNothing => "acknowledged what did not come",
            Self::AnswerToNothing => "answered what nobody asked",
            Self::AnswerForEach => "did not answer for each filter",
            Self::GrantedMore => "granted more than was asked for",
            Self::SubscribeAgain => "did not subscribe again although its session was gone",
        }
    }
}
