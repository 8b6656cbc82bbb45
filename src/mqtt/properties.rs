//! The properties of MQTT 5 packets: an ordered list, kept as it was on the wire.
//! [MQTT 5.0, section 2.2.2]
//!
//! A broker passes most of them on unread, so they stay encoded; the few that it looks at are found
//! by going through the list. Which of them may stand in which packet is the codec's business.

use std::fmt;

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// One property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the standard's: section 2.2.2.2")]
pub enum Property<'a> {
    PayloadFormatIndicator(u8),
    MessageExpiryInterval(u32),
    ContentType(&'a str),
    ResponseTopic(&'a str),
    CorrelationData(&'a [u8]),
    SubscriptionIdentifier(u32),
    SessionExpiryInterval(u32),
    AssignedClientIdentifier(&'a str),
    ServerKeepAlive(u16),
    AuthenticationMethod(&'a str),
    AuthenticationData(&'a [u8]),
    RequestProblemInformation(u8),
    WillDelayInterval(u32),
    RequestResponseInformation(u8),
    ResponseInformation(&'a str),
    ServerReference(&'a str),
    ReasonString(&'a str),
    ReceiveMaximum(u16),
    TopicAliasMaximum(u16),
    TopicAlias(u16),
    MaximumQos(u8),
    RetainAvailable(u8),
    UserProperty(&'a str, &'a str),
    MaximumPacketSize(u32),
    WildcardSubscriptionAvailable(u8),
    SubscriptionIdentifierAvailable(u8),
    SharedSubscriptionAvailable(u8),
}

impl<'a> Property<'a> {
    /// The identifier on the wire. [MQTT 5.0, table 2-4]
    #[must_use]
    pub fn id(&self) -> u8 {
        match self {
            Self::PayloadFormatIndicator(_) => 0x01,
            Self::MessageExpiryInterval(_) => 0x02,
            Self::ContentType(_) => 0x03,
            Self::ResponseTopic(_) => 0x08,
            Self::CorrelationData(_) => 0x09,
            Self::SubscriptionIdentifier(_) => 0x0b,
            Self::SessionExpiryInterval(_) => 0x11,
            Self::AssignedClientIdentifier(_) => 0x12,
            Self::ServerKeepAlive(_) => 0x13,
            Self::AuthenticationMethod(_) => 0x15,
            Self::AuthenticationData(_) => 0x16,
            Self::RequestProblemInformation(_) => 0x17,
            Self::WillDelayInterval(_) => 0x18,
            Self::RequestResponseInformation(_) => 0x19,
            Self::ResponseInformation(_) => 0x1a,
            Self::ServerReference(_) => 0x1c,
            Self::ReasonString(_) => 0x1f,
            Self::ReceiveMaximum(_) => 0x21,
            Self::TopicAliasMaximum(_) => 0x22,
            Self::TopicAlias(_) => 0x23,
            Self::MaximumQos(_) => 0x24,
            Self::RetainAvailable(_) => 0x25,
            Self::UserProperty(..) => 0x26,
            Self::MaximumPacketSize(_) => 0x27,
            Self::WildcardSubscriptionAvailable(_) => 0x28,
            Self::SubscriptionIdentifierAvailable(_) => 0x29,
            Self::SharedSubscriptionAvailable(_) => 0x2a,
        }
    }

    /// Takes the first property off `bytes`; none where they are no property.
    pub fn take(bytes: &mut &'a [u8]) -> Option<Self> {
        Some(match bytes.try_get_u8().ok()? {
            0x01 => Self::PayloadFormatIndicator(bytes.try_get_u8().ok()?),
            0x02 => Self::MessageExpiryInterval(bytes.try_get_u32().ok()?),
            0x03 => Self::ContentType(text(bytes)?),
            0x08 => Self::ResponseTopic(text(bytes)?),
            0x09 => Self::CorrelationData(binary(bytes)?),
            0x0b => Self::SubscriptionIdentifier(var_int(bytes)?),
            0x11 => Self::SessionExpiryInterval(bytes.try_get_u32().ok()?),
            0x12 => Self::AssignedClientIdentifier(text(bytes)?),
            0x13 => Self::ServerKeepAlive(bytes.try_get_u16().ok()?),
            0x15 => Self::AuthenticationMethod(text(bytes)?),
            0x16 => Self::AuthenticationData(binary(bytes)?),
            0x17 => Self::RequestProblemInformation(bytes.try_get_u8().ok()?),
            0x18 => Self::WillDelayInterval(bytes.try_get_u32().ok()?),
            0x19 => Self::RequestResponseInformation(bytes.try_get_u8().ok()?),
            0x1a => Self::ResponseInformation(text(bytes)?),
            0x1c => Self::ServerReference(text(bytes)?),
            0x1f => Self::ReasonString(text(bytes)?),
            0x21 => Self::ReceiveMaximum(bytes.try_get_u16().ok()?),
            0x22 => Self::TopicAliasMaximum(bytes.try_get_u16().ok()?),
            0x23 => Self::TopicAlias(bytes.try_get_u16().ok()?),
            0x24 => Self::MaximumQos(bytes.try_get_u8().ok()?),
            0x25 => Self::RetainAvailable(bytes.try_get_u8().ok()?),
            0x26 => Self::UserProperty(text(bytes)?, text(bytes)?),
            0x27 => Self::MaximumPacketSize(bytes.try_get_u32().ok()?),
            0x28 => Self::WildcardSubscriptionAvailable(bytes.try_get_u8().ok()?),
            0x29 => Self::SubscriptionIdentifierAvailable(bytes.try_get_u8().ok()?),
            0x2a => Self::SharedSubscriptionAvailable(bytes.try_get_u8().ok()?),
            _ => return None,
        })
    }

    /// Appends the property to `bytes`.
    ///
    /// # Panics
    /// When a string has more than 65,535 bytes: none that came out of a packet has.
    pub fn put(&self, bytes: &mut BytesMut) {
        bytes.put_u8(self.id());
        match *self {
            Self::PayloadFormatIndicator(value)
            | Self::RequestProblemInformation(value)
            | Self::RequestResponseInformation(value)
            | Self::MaximumQos(value)
            | Self::RetainAvailable(value)
            | Self::WildcardSubscriptionAvailable(value)
            | Self::SubscriptionIdentifierAvailable(value)
            | Self::SharedSubscriptionAvailable(value) => bytes.put_u8(value),
            Self::ServerKeepAlive(value)
            | Self::ReceiveMaximum(value)
            | Self::TopicAliasMaximum(value)
            | Self::TopicAlias(value) => bytes.put_u16(value),
            Self::MessageExpiryInterval(value)
            | Self::SessionExpiryInterval(value)
            | Self::WillDelayInterval(value)
            | Self::MaximumPacketSize(value) => bytes.put_u32(value),
            Self::SubscriptionIdentifier(value) => put_var_int(bytes, value),
            Self::ContentType(text)
            | Self::ResponseTopic(text)
            | Self::AssignedClientIdentifier(text)
            | Self::AuthenticationMethod(text)
            | Self::ResponseInformation(text)
            | Self::ServerReference(text)
            | Self::ReasonString(text) => put_binary(bytes, text.as_bytes()),
            Self::CorrelationData(data) | Self::AuthenticationData(data) => put_binary(bytes, data),
            Self::UserProperty(name, value) => {
                put_binary(bytes, name.as_bytes());
                put_binary(bytes, value.as_bytes());
            }
        }
    }

    /// Whether a broker passes it on with a message. [MQTT-3.3.2-4, -15, -16, -17, -18, -20]
    fn travels(&self) -> bool {
        matches!(
            self,
            Self::PayloadFormatIndicator(_)
                | Self::ContentType(_)
                | Self::ResponseTopic(_)
                | Self::CorrelationData(_)
                | Self::UserProperty(..)
        )
    }
}

/// Properties in their order, encoded, without the length before them.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Properties(Bytes);

/// Finds a property's value.
macro_rules! value {
    ($name:ident, $property:ident, $type:ty, $doc:literal) => {
        #[doc = $doc]
        #[must_use]
        pub fn $name(&self) -> Option<$type> {
            self.iter().find_map(|it| match it {
                Property::$property(value) => Some(value),
                _ => None,
            })
        }
    };
}

impl Properties {
    /// None.
    pub const NONE: Self = Self(Bytes::new());

    /// These.
    #[must_use]
    pub fn of(properties: &[Property]) -> Self {
        Self::NONE.with(properties)
    }

    /// Properties that were encoded before and found good.
    #[must_use]
    pub fn encoded(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// These and `more` behind them.
    #[must_use]
    pub fn with(&self, more: &[Property]) -> Self {
        if more.is_empty() {
            return self.clone();
        }
        let mut bytes = BytesMut::from(&self.0[..]);
        for property in more {
            property.put(&mut bytes);
        }
        Self(bytes.freeze())
    }

    /// The properties that travel with a message, in a buffer of their own, lest they hold on to a
    /// large one that they were read into.
    #[must_use]
    pub fn travelling(&self) -> Self {
        if self.0.is_empty() {
            return Self::NONE;
        }
        let mut bytes = BytesMut::with_capacity(self.0.len());
        for property in self.iter().filter(Property::travels) {
            property.put(&mut bytes);
        }
        Self(bytes.freeze())
    }

    /// Each, in order.
    pub fn iter(&self) -> impl Iterator<Item = Property<'_>> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || if rest.is_empty() { None } else { Property::take(&mut rest) })
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their bytes, without the length before them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    value!(message_expiry_s, MessageExpiryInterval, u32, "Message Expiry Interval, in seconds.");
    value!(session_expiry_s, SessionExpiryInterval, u32, "Session Expiry Interval, in seconds.");
    value!(will_delay_s, WillDelayInterval, u32, "Will Delay Interval, in seconds.");
    value!(topic_alias, TopicAlias, u16, "Topic Alias.");
    value!(topic_alias_maximum, TopicAliasMaximum, u16, "Topic Alias Maximum.");
    value!(receive_maximum, ReceiveMaximum, u16, "Receive Maximum.");
    value!(maximum_packet_size, MaximumPacketSize, u32, "Maximum Packet Size, in bytes.");
    value!(maximum_qos, MaximumQos, u8, "Maximum QoS.");
    value!(retain_available, RetainAvailable, u8, "Retain Available.");
    value!(server_keep_alive_s, ServerKeepAlive, u16, "Server Keep Alive, in seconds.");
    value!(
        subscription_identifier,
        SubscriptionIdentifier,
        u32,
        "The first Subscription Identifier."
    );
    value!(authentication_method, AuthenticationMethod, &str, "Authentication Method.");
    value!(assigned_client_id, AssignedClientIdentifier, &str, "Assigned Client Identifier.");
    value!(
        request_problem_information,
        RequestProblemInformation,
        u8,
        "Request Problem Information."
    );
    value!(reason_string, ReasonString, &str, "Reason String.");
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

fn text<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    let text = std::str::from_utf8(binary(bytes)?).ok()?;
    (!text.contains('\0')).then_some(text) // [MQTT-1.5.4-1, -2]
}

fn binary<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::from(bytes.try_get_u16().ok()?);
    let (value, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(value)
}

/// [MQTT 5.0, section 1.5.5]
pub(super) fn var_int(bytes: &mut &[u8]) -> Option<u32> {
    let mut value = 0;
    for shift in [0, 7, 14, 21] {
        let byte = bytes.try_get_u8().ok()?;
        value |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            // [MQTT-1.5.5-1]: no more bytes than it needs.
            return (byte != 0 || shift == 0).then_some(value);
        }
    }
    None
}

/// [MQTT 5.0, section 1.5.5]
pub(super) fn put_var_int(bytes: &mut BytesMut, mut value: u32) {
    assert!(value < 1 << 28, "{value} does not fit");
    loop {
        let low = u8::try_from(value & 0x7f).expect("seven bits");
        value >>= 7;
        bytes.put_u8(if value == 0 { low } else { low | 0x80 });
        if value == 0 {
            return;
        }
    }
}

/// [MQTT 5.0, section 1.5.6]
pub(super) fn put_binary(bytes: &mut BytesMut, value: &[u8]) {
    bytes.put_u16(u16::try_from(value.len()).expect("at most 65,535 bytes"));
    bytes.put_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_travels_keeps_its_order() {
        let user = |value| Property::UserProperty("k", value);
        let all = [
            user("1"),
            Property::TopicAlias(3),
            Property::ContentType("text"),
            Property::MessageExpiryInterval(9),
            user("2"),
            user("1"),
            Property::SubscriptionIdentifier(268_435_455),
        ];
        let properties = Properties::of(&all);
        assert_eq!(properties.iter().collect::<Vec<_>>(), all);
        let rest = [user("1"), Property::ContentType("text"), user("2"), user("1")];
        assert_eq!(properties.travelling().iter().collect::<Vec<_>>(), rest);
        assert_eq!(properties.message_expiry_s(), Some(9));
        assert_eq!(properties.topic_alias(), Some(3));
        assert_eq!(properties.subscription_identifier(), Some(268_435_455));
        assert_eq!(properties.receive_maximum(), None);
    }

    #[test]
    fn numbers_of_varying_length() {
        for value in [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455] {
            let mut bytes = BytesMut::new();
            put_var_int(&mut bytes, value);
            assert_eq!(var_int(&mut &bytes[..]), Some(value));
        }
        assert_eq!(var_int(&mut &[0x80, 0x00][..]), None, "longer than it needs");
        assert_eq!(var_int(&mut &[0xff, 0xff, 0xff, 0xff, 0x01][..]), None);
        assert_eq!(var_int(&mut &[0x80][..]), None);
    }
}
