//! A packet in a few words, as a ladder and a list show it.

use std::fmt::Write;

use super::crossing::{Crossing, Passage};
use crate::mqtt::packet::{Ack, Answers, Connect, Level, Publish};
use crate::mqtt::{Packet, QoS, Reason};

/// So much of a payload is shown.
const SHOWN: usize = 24;

impl Crossing {
    /// "PUBLISH 5 sensors/card1 QoS 2 retained {…}".
    #[must_use]
    pub fn words(&self) -> String {
        let packet = match &self.known.packet {
            Ok(packet) => packet,
            Err(error) => return format!("no packet: {error}"),
        };
        let mut words = packet.name().to_owned();
        match packet {
            Packet::Connect(connect) => say_connect(&mut words, connect),
            Packet::ConnAck(answer) => {
                words += if answer.session_present { " session present" } else { "" };
                say_reason(&mut words, answer.reason);
            }
            Packet::Publish(publish) => self.say_publish(&mut words, publish),
            Packet::PubAck(ack)
            | Packet::PubRec(ack)
            | Packet::PubRel(ack)
            | Packet::PubComp(ack) => self.say_ack(&mut words, ack),
            Packet::Subscribe(subscribe) => {
                for (filter, options) in &subscribe.filters {
                    add(&mut words, format_args!("{filter} ({})", options.qos));
                }
            }
            Packet::Unsubscribe(unsubscribe) => {
                for filter in &unsubscribe.filters {
                    add(&mut words, format_args!("{filter}"));
                }
            }
            Packet::SubAck(answers) | Packet::UnsubAck(answers) => {
                say_answers(&mut words, answers);
            }
            Packet::Disconnect(notice) | Packet::Auth(notice) => {
                say_reason(&mut words, notice.reason);
            }
            Packet::PingReq | Packet::PingResp => {}
        }
        words
    }

    fn say_publish(&self, words: &mut String, publish: &Publish) {
        if let Some(id) = publish.packet_id {
            add(words, format_args!("{id}"));
        }
        let topic = self.topic().unwrap_or(&publish.topic);
        add(words, format_args!("{topic}"));
        if publish.qos > QoS::AtMostOnce {
            add(words, format_args!("{}", publish.qos));
        }
        for (flag, word) in [(publish.retain, "retained"), (publish.dup, "DUP")] {
            if flag {
                add(words, format_args!("{word}"));
            }
        }
        add(words, format_args!("{}", payload(&publish.payload)));
    }

    fn say_ack(&self, words: &mut String, ack: &Ack) {
        add(words, format_args!("{}", ack.id));
        if let Some(topic) = self.topic() {
            add(words, format_args!("{topic}"));
        }
        say_reason(words, ack.reason);
    }
}

fn say_connect(words: &mut String, connect: &Connect) {
    let Connect { client_id, level, bridge, clean_start, keep_alive_s, .. } = connect;
    let client = if client_id.as_str().is_empty() { "(no id)" } else { client_id.as_str() };
    add(words, format_args!("{client}, MQTT {}", level.as_str()));
    if *bridge {
        *words += ", bridge";
    }
    *words += match (*level == Level::V5, *clean_start) {
        (true, true) => ", clean start,",
        (false, true) => ", clean session,",
        (_, false) => ", kept session,",
    };
    add(words, format_args!("keep-alive {keep_alive_s} s"));
}

fn say_answers(words: &mut String, answers: &Answers) {
    for reason in &answers.reasons {
        add(words, format_args!("{reason}"));
    }
}

fn say_reason(words: &mut String, reason: Reason) {
    if reason.is_error() {
        add(words, format_args!("{reason}"));
    }
}

/// What its cable did to a packet: "dropped (drop)"; empty where it did nothing.
#[must_use]
pub fn remark(crossing: &Crossing) -> String {
    let how = match crossing.passage {
        Passage::Arrived if crossing.repeated => "repeated by the cable",
        Passage::Arrived => "",
        Passage::ArrivedAndCut => "then cut",
        Passage::Dropped => "dropped",
        Passage::Cut => "cut",
    };
    match (how, crossing.by.as_slice()) {
        (how, []) => how.to_owned(),
        ("", by) => by.join(", "),
        (how, by) => format!("{how} ({})", by.join(", ")),
    }
}

/// The beginning of a payload as text; its size where it is none.
#[must_use]
pub fn payload(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok("") => "(empty)".to_owned(),
        Ok(text) if !text.chars().any(char::is_control) => match text.char_indices().nth(SHOWN) {
            None => text.to_owned(),
            Some((end, _)) => format!("{}…", &text[..end]),
        },
        _ => format!("({} bytes)", bytes.len()),
    }
}

fn add(words: &mut String, more: std::fmt::Arguments<'_>) {
    write!(words, " {more}").expect("a string takes all");
}
