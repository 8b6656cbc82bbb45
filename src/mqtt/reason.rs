//! Reason codes: what became of what was asked. [MQTT 5.0, section 2.4]
//!
//! The broker speaks this one vocabulary. MQTT 3.1.1 knows few of the codes; its bytes are made of
//! them where packets are written.

use std::fmt;

/// A reason code, under its name in the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are the standard's, and `Display` says them in words")]
pub enum Reason {
    /// Also: normal disconnection, granted QoS 0.
    #[default]
    Success = 0x00,
    GrantedQos1 = 0x01,
    GrantedQos2 = 0x02,
    DisconnectWithWill = 0x04,
    NoMatchingSubscribers = 0x10,
    NoSubscriptionExisted = 0x11,
    ContinueAuthentication = 0x18,
    ReAuthenticate = 0x19,
    UnspecifiedError = 0x80,
    MalformedPacket = 0x81,
    ProtocolError = 0x82,
    ImplementationSpecificError = 0x83,
    UnsupportedProtocolVersion = 0x84,
    ClientIdentifierNotValid = 0x85,
    BadUserNameOrPassword = 0x86,
    NotAuthorized = 0x87,
    ServerUnavailable = 0x88,
    ServerBusy = 0x89,
    Banned = 0x8a,
    ServerShuttingDown = 0x8b,
    BadAuthenticationMethod = 0x8c,
    KeepAliveTimeout = 0x8d,
    SessionTakenOver = 0x8e,
    TopicFilterInvalid = 0x8f,
    TopicNameInvalid = 0x90,
    PacketIdentifierInUse = 0x91,
    PacketIdentifierNotFound = 0x92,
    ReceiveMaximumExceeded = 0x93,
    TopicAliasInvalid = 0x94,
    PacketTooLarge = 0x95,
    MessageRateTooHigh = 0x96,
    QuotaExceeded = 0x97,
    AdministrativeAction = 0x98,
    PayloadFormatInvalid = 0x99,
    RetainNotSupported = 0x9a,
    QosNotSupported = 0x9b,
    UseAnotherServer = 0x9c,
    ServerMoved = 0x9d,
    SharedSubscriptionsNotSupported = 0x9e,
    ConnectionRateExceeded = 0x9f,
    MaximumConnectTime = 0xa0,
    SubscriptionIdentifiersNotSupported = 0xa1,
    WildcardSubscriptionsNotSupported = 0xa2,
}

/// Every reason code with its name in words.
const NAMES: [(Reason, &str); 43] = [
    (Reason::Success, "success"),
    (Reason::GrantedQos1, "granted QoS 1"),
    (Reason::GrantedQos2, "granted QoS 2"),
    (Reason::DisconnectWithWill, "disconnect with will message"),
    (Reason::NoMatchingSubscribers, "no matching subscribers"),
    (Reason::NoSubscriptionExisted, "no subscription existed"),
    (Reason::ContinueAuthentication, "continue authentication"),
    (Reason::ReAuthenticate, "re-authenticate"),
    (Reason::UnspecifiedError, "unspecified error"),
    (Reason::MalformedPacket, "malformed packet"),
    (Reason::ProtocolError, "protocol error"),
    (Reason::ImplementationSpecificError, "implementation specific error"),
    (Reason::UnsupportedProtocolVersion, "unsupported protocol version"),
    (Reason::ClientIdentifierNotValid, "client identifier not valid"),
    (Reason::BadUserNameOrPassword, "bad user name or password"),
    (Reason::NotAuthorized, "not authorized"),
    (Reason::ServerUnavailable, "server unavailable"),
    (Reason::ServerBusy, "server busy"),
    (Reason::Banned, "banned"),
    (Reason::ServerShuttingDown, "server shutting down"),
    (Reason::BadAuthenticationMethod, "bad authentication method"),
    (Reason::KeepAliveTimeout, "keep alive timeout"),
    (Reason::SessionTakenOver, "session taken over"),
    (Reason::TopicFilterInvalid, "topic filter invalid"),
    (Reason::TopicNameInvalid, "topic name invalid"),
    (Reason::PacketIdentifierInUse, "packet identifier in use"),
    (Reason::PacketIdentifierNotFound, "packet identifier not found"),
    (Reason::ReceiveMaximumExceeded, "receive maximum exceeded"),
    (Reason::TopicAliasInvalid, "topic alias invalid"),
    (Reason::PacketTooLarge, "packet too large"),
    (Reason::MessageRateTooHigh, "message rate too high"),
    (Reason::QuotaExceeded, "quota exceeded"),
    (Reason::AdministrativeAction, "administrative action"),
    (Reason::PayloadFormatInvalid, "payload format invalid"),
    (Reason::RetainNotSupported, "retain not supported"),
    (Reason::QosNotSupported, "QoS not supported"),
    (Reason::UseAnotherServer, "use another server"),
    (Reason::ServerMoved, "server moved"),
    (Reason::SharedSubscriptionsNotSupported, "shared subscriptions not supported"),
    (Reason::ConnectionRateExceeded, "connection rate exceeded"),
    (Reason::MaximumConnectTime, "maximum connect time"),
    (Reason::SubscriptionIdentifiersNotSupported, "subscription identifiers not supported"),
    (Reason::WildcardSubscriptionsNotSupported, "wildcard subscriptions not supported"),
];

impl Reason {
    /// The reason that a byte on the wire stands for.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        NAMES.iter().map(|(reason, _)| *reason).find(|it| it.code() == code)
    }

    /// The byte on the wire.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Whether it says that something went wrong: 0x80 and above.
    #[must_use]
    pub fn is_error(self) -> bool {
        self.code() >= 0x80
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = NAMES.iter().find(|(reason, _)| reason == self);
        let (_, name) = known.expect("every reason has a name");
        write!(f, "{name} ({:#04x})", self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_its_own() {
        for (reason, _) in NAMES {
            assert_eq!(Reason::from_code(reason.code()), Some(reason));
        }
        assert_eq!(Reason::from_code(0x03), None);
        assert_eq!(Reason::QuotaExceeded.to_string(), "quota exceeded (0x97)");
    }
}
