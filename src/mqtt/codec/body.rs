//! What follows a packet's fixed header, taken field by field.

use bytes::{Buf, Bytes};

use super::DecodeError;
use super::place::{self, Place};
use crate::mqtt::packet::Level;
use crate::mqtt::{PacketId, Properties, Reason};

/// The rest of a packet.
pub(super) struct Body {
    /// The packet, for errors.
    pub(super) name: &'static str,
    pub(super) level: Level,
    pub(super) bytes: Bytes,
}

impl Body {
    pub(super) fn is_v5(&self) -> bool {
        self.level == Level::V5
    }

    pub(super) fn take(&mut self, len: usize) -> Result<Bytes, DecodeError> {
        if self.bytes.len() < len {
            return Err(DecodeError::Size(self.name));
        }
        Ok(self.bytes.split_to(len))
    }

    pub(super) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.bytes.try_get_u8().map_err(|_| DecodeError::Size(self.name))
    }

    pub(super) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.bytes.try_get_u16().map_err(|_| DecodeError::Size(self.name))
    }

    pub(super) fn packet_id(&mut self) -> Result<PacketId, DecodeError> {
        PacketId::new(self.u16()?).ok_or(DecodeError::Value("a packet id is 0")) // [MQTT-2.3.1-1]
    }

    pub(super) fn binary(&mut self) -> Result<Bytes, DecodeError> {
        let len = usize::from(self.u16()?);
        self.take(len)
    }

    /// [MQTT-1.5.3-1, -2]
    pub(super) fn text(&mut self) -> Result<String, DecodeError> {
        let bytes = self.binary()?;
        let text = utf8(&bytes)?;
        if text.bytes().any(|b| b == 0) {
            return Err(DecodeError::Value("a string contains the null character"));
        }
        Ok(text.to_owned())
    }

    /// The properties that stand here, where the protocol has any.
    pub(super) fn properties(&mut self, place: Place) -> Result<Properties, DecodeError> {
        if !self.is_v5() {
            return Ok(Properties::NONE);
        }
        let mut rest = &self.bytes[..];
        let len = crate::mqtt::properties::var_int(&mut rest)
            .ok_or(DecodeError::Value("the length of the properties is no length"))?;
        let header_len = self.bytes.len() - rest.len();
        self.bytes.advance(header_len);
        if len == 0 {
            return Ok(Properties::NONE);
        }
        let bytes = self.take(usize::try_from(len).expect("28 bits"))?;
        place::check(&bytes, place, self.name)?;
        Ok(Properties::encoded(bytes))
    }

    /// A reason that is one of `allowed`.
    pub(super) fn reason(&mut self, allowed: &[Reason]) -> Result<Reason, DecodeError> {
        let reason = Reason::from_code(self.u8()?);
        reason
            .filter(|it| allowed.contains(it))
            .ok_or(DecodeError::Value("a reason code has no meaning in its packet"))
    }

    pub(super) fn end(&self) -> Result<(), DecodeError> {
        if self.bytes.is_empty() { Ok(()) } else { Err(DecodeError::Size(self.name)) }
    }
}

pub(super) fn utf8(bytes: &[u8]) -> Result<&str, DecodeError> {
    std::str::from_utf8(bytes).map_err(|_| DecodeError::Value("a string is not UTF-8"))
}
