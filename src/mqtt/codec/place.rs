//! Which properties may stand in which packet, and with which values. [MQTT 5.0, table 2-4]

use super::DecodeError;
use crate::mqtt::Property;
use crate::mqtt::topic::TopicError;

/// Where properties stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Connect,
    Will,
    ConnAck,
    Publish,
    /// PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK or UNSUBACK.
    Ack,
    Subscribe,
    Unsubscribe,
    Disconnect,
    Auth,
}

/// Checks the properties of one packet.
pub(super) fn check(bytes: &[u8], place: Place, packet: &'static str) -> Result<(), DecodeError> {
    let mut rest = bytes;
    // One bit for each identifier seen; all are below 64.
    let mut seen = 0_u64;
    while !rest.is_empty() {
        let property =
            Property::take(&mut rest).ok_or(DecodeError::Value("a property makes no sense"))?;
        let bit = 1 << property.id();
        let repeats = seen & bit != 0 && !may_repeat(&property, place);
        if repeats || !belongs(&property, place) {
            return Err(DecodeError::Property { id: property.id(), packet });
        }
        seen |= bit;
        check_value(&property)?;
    }
    Ok(())
}

/// The right column of table 2-4.
fn belongs(property: &Property, place: Place) -> bool {
    use Place::{Ack, Auth, ConnAck, Connect, Disconnect, Publish, Subscribe, Will};
    let places: &[Place] = match property {
        Property::PayloadFormatIndicator(_)
        | Property::MessageExpiryInterval(_)
        | Property::ContentType(_)
        | Property::ResponseTopic(_)
        | Property::CorrelationData(_) => &[Publish, Will],
        Property::SubscriptionIdentifier(_) => &[Publish, Subscribe],
        Property::SessionExpiryInterval(_) => &[Connect, ConnAck, Disconnect],
        Property::AuthenticationMethod(_) | Property::AuthenticationData(_) => {
            &[Connect, ConnAck, Auth]
        }
        Property::RequestProblemInformation(_) | Property::RequestResponseInformation(_) => {
            &[Connect]
        }
        Property::WillDelayInterval(_) => &[Will],
        Property::ServerReference(_) => &[ConnAck, Disconnect],
        Property::ReasonString(_) => &[ConnAck, Ack, Disconnect, Auth],
        Property::ReceiveMaximum(_)
        | Property::TopicAliasMaximum(_)
        | Property::MaximumPacketSize(_) => &[Connect, ConnAck],
        Property::TopicAlias(_) => &[Publish],
        Property::UserProperty(..) => return true,
        Property::AssignedClientIdentifier(_)
        | Property::ServerKeepAlive(_)
        | Property::ResponseInformation(_)
        | Property::MaximumQos(_)
        | Property::RetainAvailable(_)
        | Property::WildcardSubscriptionAvailable(_)
        | Property::SubscriptionIdentifierAvailable(_)
        | Property::SharedSubscriptionAvailable(_) => &[ConnAck],
    };
    places.contains(&place)
}

/// Subscription identifiers are several where several subscriptions match. [MQTT-3.3.4-4]
fn may_repeat(property: &Property, place: Place) -> bool {
    match property {
        Property::UserProperty(..) => true,
        Property::SubscriptionIdentifier(_) => place == Place::Publish,
        _ => false,
    }
}

fn check_value(property: &Property) -> Result<(), DecodeError> {
    match *property {
        Property::PayloadFormatIndicator(2..)
        | Property::RequestProblemInformation(2..)
        | Property::RequestResponseInformation(2..)
        | Property::MaximumQos(2..)
        | Property::RetainAvailable(2..)
        | Property::WildcardSubscriptionAvailable(2..)
        | Property::SubscriptionIdentifierAvailable(2..)
        | Property::SharedSubscriptionAvailable(2..) => {
            Err(DecodeError::Protocol("a property is neither 0 nor 1"))
        }
        Property::SubscriptionIdentifier(0) => {
            Err(DecodeError::Protocol("a subscription identifier is 0"))
        }
        Property::ReceiveMaximum(0) => Err(DecodeError::Protocol("the receive maximum is 0")),
        Property::MaximumPacketSize(0) => {
            Err(DecodeError::Protocol("the maximum packet size is 0"))
        }
        Property::TopicAlias(0) => Err(DecodeError::Alias),
        // [MQTT-3.3.2-14]
        Property::ResponseTopic(topic) if topic.contains(['+', '#']) => {
            Err(DecodeError::Topic(TopicError::Wildcard))
        }
        _ => Ok(()),
    }
}
