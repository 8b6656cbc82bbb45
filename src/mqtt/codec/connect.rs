//! CONNECT and CONNACK from bytes. [MQTT 5.0, sections 3.1 and 3.2]

use bytes::Bytes;

use super::BRIDGE_BIT;
use super::body::Body;
use super::error::DecodeError;
use super::place::Place;
use crate::mqtt::packet::{ConnAck, Connect, Level, Will};
use crate::mqtt::{ClientId, Message, Packet, QoS, Reason, Topic};

/// The return codes of MQTT 3.1.1 and what MQTT 5 calls them. [MQTT 3.1.1, table 3.1]
pub(super) const RETURN_CODES: [Reason; 6] = [
    Reason::Success,
    Reason::UnsupportedProtocolVersion,
    Reason::ClientIdentifierNotValid,
    Reason::ServerUnavailable,
    Reason::BadUserNameOrPassword,
    Reason::NotAuthorized,
];

pub(super) fn connect(mut body: Body) -> Result<Packet, DecodeError> {
    let protocol = body.text()?;
    let byte = body.u8()?;
    let (level, bridge) = match (protocol.as_str(), byte & !BRIDGE_BIT) {
        ("MQTT", 4) => (Level::V311, byte & BRIDGE_BIT != 0),
        ("MQIsdp", 3) => (Level::V31, byte & BRIDGE_BIT != 0),
        ("MQTT", 5) if byte == 5 => (Level::V5, false),
        ("MQTT" | "MQIsdp", _) => (Level::Unknown(byte), false),
        _ => return Err(DecodeError::Value("the protocol name is not MQTT")), // [MQTT-3.1.2-1]
    };
    if matches!(level, Level::Unknown(_)) {
        // What follows has a form only that level knows; the answer needs none of it.
        return Ok(Packet::Connect(Box::new(Connect::unknown(level))));
    }
    body.level = level;
    let flags = body.u8()?;
    check_flags(flags, level)?;
    let keep_alive_s = body.u16()?;
    let properties = body.properties(Place::Connect)?;
    if properties.authentication_method().is_none()
        && properties.iter().any(|it| matches!(it, crate::mqtt::Property::AuthenticationData(_)))
    {
        return Err(DecodeError::Protocol("CONNECT has authentication data without a method"));
    }
    let client_id = ClientId::new(&body.text()?);
    let will = if flags & 0b0000_0100 == 0 { None } else { Some(will(flags, &mut body)?) };
    let username = if flags & 0b1000_0000 == 0 { None } else { Some(body.text()?) };
    let password = if flags & 0b0100_0000 == 0 { None } else { Some(body.binary()?) };
    body.end()?;
    Ok(Packet::Connect(Box::new(Connect {
        level,
        bridge,
        client_id,
        clean_start: flags & 0b0000_0010 != 0,
        keep_alive_s,
        will,
        username,
        password,
        properties,
    })))
}

fn check_flags(flags: u8, level: Level) -> Result<(), DecodeError> {
    if flags & 1 != 0 {
        return Err(DecodeError::Value("the reserved flag of CONNECT is set")); // [MQTT-3.1.2-3]
    }
    if flags & 0b0000_0100 == 0 && flags & 0b0011_1000 != 0 {
        // [MQTT-3.1.2-11, -13, -15]
        return Err(DecodeError::Value("CONNECT has a will QoS or will retain without a will"));
    }
    if level != Level::V5 && flags & 0b1100_0000 == 0b0100_0000 {
        // [MQTT 3.1.1: MQTT-3.1.2-22]; MQTT 5 allows it.
        return Err(DecodeError::Value("CONNECT has a password without a user name"));
    }
    Ok(())
}

fn will(flags: u8, body: &mut Body) -> Result<Will, DecodeError> {
    let qos = QoS::from_level(flags >> 3 & 0b11).ok_or(DecodeError::Value("the will has QoS 3"))?; // [MQTT-3.1.2-14]
    let properties = body.properties(Place::Will)?;
    let topic = Topic::parse(&body.text()?).map_err(DecodeError::Topic)?;
    let payload = Bytes::copy_from_slice(&body.binary()?);
    let mut message = Message::new(topic, payload, qos, flags & 0b0010_0000 != 0);
    message.properties = properties.travelling();
    Ok(Will {
        message,
        delay_s: properties.will_delay_s().unwrap_or(0),
        expiry_s: properties.message_expiry_s(),
    })
}

pub(super) fn connack(body: &mut Body) -> Result<ConnAck, DecodeError> {
    let flags = body.u8()?;
    let code = body.u8()?;
    let reason = if body.is_v5() {
        Reason::from_code(code).filter(|it| it.is_error() || *it == Reason::Success)
    } else {
        RETURN_CODES.get(usize::from(code)).copied()
    };
    let reason = reason.ok_or(DecodeError::Value("CONNACK has a reserved return code"))?;
    if flags > 1 {
        return Err(DecodeError::Value("a reserved flag of CONNACK is set"));
    }
    // A broker that does not know MQTT 5 refuses it in the words of 3.1.1, without properties.
    let old = body.is_v5() && body.bytes.is_empty() && reason.is_error();
    let properties =
        if old { crate::mqtt::Properties::NONE } else { body.properties(Place::ConnAck)? };
    Ok(ConnAck { session_present: flags == 1, reason, properties })
}
