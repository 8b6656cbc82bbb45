//! What travels with a message, and requests with their answers.
//! [MQTT 5.0, sections 3.3.2.3 and 4.10]

use super::bench::*;
use super::bench5::*;
use crate::mqtt::codec;

/// What is passed on, in an order of its own.
const TRAVELLING: &[Property] = &[
    Property::UserProperty("k", "1"),
    Property::ContentType("text/plain"),
    Property::UserProperty("k", "2"),
    Property::CorrelationData(&[0, 1, 255]),
    Property::UserProperty("a", ""),
    Property::ResponseTopic("answers/here"),
    Property::PayloadFormatIndicator(1),
    Property::UserProperty("k", "1"),
];

/// What reaches a client of 3.1.1 on its wire.
fn on_the_wire(packets: &[Packet], level: Level) -> Vec<Packet> {
    let mut bytes = bytes::BytesMut::new();
    for packet in packets {
        codec::write(packet, level, &mut bytes);
    }
    let mut read = Vec::new();
    while let Some(packet) = codec::read(&mut bytes, level, usize::MAX).expect("good packets") {
        read.push(packet);
    }
    read
}

/// Every way a message goes, and whom it reaches: all of it in MQTT 5 in its order
/// [MQTT-3.3.2-4, -15, -16, -17, -18, -20], nothing of it in 3.1.1.
#[test]
fn they_travel() {
    for qos in [Q0, Q1, Q2] {
        for level in [Level::V5, Level::V311] {
            for way in ["live", "waits", "restart", "retained", "retained, restart", "again"] {
                let mut bench = Bench::with(|it| it.limits.queue_qos0_messages = true);
                let keeps: &[_] = if level == Level::V5 { &[lasts(NEVER)] } else { &[] };
                let join = |bench: &mut Bench| {
                    let conn = bench.ask(Connect { level, ..connect5("b", false, keeps) });
                    bench.accepted(conn);
                    conn
                };
                let mut b = join(&mut bench);
                let retained = way.starts_with("retained");
                if !retained {
                    bench.subscribe(b, "t", Q2);
                }
                let away = ["waits", "restart"].contains(&way);
                if away {
                    bench.cut(b);
                }
                let a = bench.connect5("a", true, &[]);
                let marks = [Property::TopicAlias(3)];
                let plain = publish("t", "x", qos, u16::from(qos > Q0));
                let sent = with(with(plain.clone(), &marks), TRAVELLING);
                bench.publish(a, if retained { retain(sent) } else { sent });
                if way.ends_with("restart") {
                    bench.off_for(secs(1));
                }
                if way == "again" {
                    bench.sent(b);
                }
                if away || way.ends_with("restart") || way == "again" {
                    b = join(&mut bench);
                }
                if retained {
                    bench.subscribe(b, "t", Q2);
                }
                let got = on_the_wire(&bench.sent(b), level);
                let whole = if level == Level::V5 { with(plain, TRAVELLING) } else { plain };
                let expected = match way {
                    "again" if qos == Q0 => vec![],
                    "again" => vec![again(whole)],
                    _ if retained => vec![retain(whole)],
                    _ => vec![whole],
                };
                assert_eq!(got, expected, "{way}, {qos}, {level:?}");
            }
        }
    }
}

/// A message of 3.1.1 has none.
#[test]
fn from_3_1_1() {
    let mut bench = Bench::new();
    let b = bench.connect5("b", true, &[]);
    bench.subscribe(b, "t", Q1);
    let a = bench.connect("a", true);
    bench.publish(a, publish("t", "x", Q1, 1));
    bench.expect(b, [publish("t", "x", Q1, 1)]);
}

/// They count where bytes are counted.
#[test]
fn they_are_counted() {
    let long = "v".repeat(1000);
    let change = |bytes| {
        move |it: &mut Settings| {
            it.limits.max_queued_bytes = bytes;
        }
    };
    for (bytes, kept) in [(1000, 0), (1100, 1)] {
        let mut bench = Bench::with(change(bytes));
        let b = bench.connect5("b", true, &[lasts(NEVER)]);
        bench.subscribe(b, "t", Q1);
        bench.cut(b);
        let a = bench.connect5("a", true, &[]);
        let packet = publish("t", "x", Q1, 1);
        bench.publish(a, with(packet, &[Property::UserProperty("k", &long)]));
        assert_eq!(bench.image.messages.len(), kept);
    }
}

/// A request names where its answer goes and what it belongs to; whoever answers says so.
#[test]
fn request_and_response() {
    let mut bench = Bench::new();
    let asks = bench.connect5("asks", true, &[Property::RequestResponseInformation(1)]);
    bench.subscribe(asks, "answers/asks", Q1);
    let knows = bench.connect5("knows", true, &[]);
    bench.subscribe(knows, "questions", Q1);
    let mut numbers = Vec::new();
    for number in [b"1", b"2"] {
        let about = [Property::ResponseTopic("answers/asks"), Property::CorrelationData(number)];
        bench.publish(asks, with(publish("questions", "what?", Q1, 1), &about));
        let sent = bench.sent(knows);
        let [Packet::Publish(question)] = sent.as_slice() else { panic!("{sent:?}") };
        let mut answer_to = None;
        let mut belongs_to = Vec::new();
        for property in question.properties.iter() {
            match property {
                Property::ResponseTopic(topic) => answer_to = Some(topic.to_owned()),
                Property::CorrelationData(data) => belongs_to = data.to_vec(),
                other => panic!("{other:?}"),
            }
        }
        let answer = publish(&answer_to.expect("a topic"), "that", Q1, 1);
        bench.publish(knows, with(answer, &[Property::CorrelationData(&belongs_to)]));
        let sent = bench.sent(asks);
        let [Packet::Publish(answer)] = sent.as_slice() else { panic!("{sent:?}") };
        assert_eq!(answer.topic.as_str(), "answers/asks");
        numbers.push(answer.properties.clone());
    }
    let expected = [b"1", b"2"].map(|it| Properties::of(&[Property::CorrelationData(it)]));
    assert_eq!(numbers, expected);
}
