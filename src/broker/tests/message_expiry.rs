//! Messages that are of use for some time only. [MQTT 5.0, section 3.3.2.3.3]

use super::bench::*;
use super::bench5::*;
use super::counts;
use crate::broker::event::DropReason;

/// Somebody who subscribed and is away, and somebody who publishes.
fn away() -> (Bench, ConnId) {
    let mut bench = Bench::new();
    let b = bench.connect5("b", true, &[lasts(NEVER)]);
    bench.subscribe(b, "t", Q2);
    bench.cut(b);
    let a = bench.connect5("a", true, &[]);
    (bench, a)
}

fn back(bench: &mut Bench) -> ConnId {
    bench.connect5("b", false, &[lasts(NEVER)])
}

/// Time passes, the broker running or off.
fn pass(bench: &mut Bench, off: bool, seconds: u64) {
    if off {
        bench.off_for(secs(seconds));
    } else {
        bench.wait(secs(seconds));
    }
}

/// What is left of its time goes with a message that waited [MQTT-3.3.2-6]; once that is over it is
/// not sent any more [MQTT-3.3.2-5], and that is told.
#[test]
fn one_that_waits() {
    let check = |expiry_s: u32, after_s: u64, left: Option<u32>| {
        for off in [false, true] {
            for qos in [Q1, Q2] {
                let (mut bench, a) = away();
                bench.publish(a, with(publish("t", "x", qos, 1), &[expires(expiry_s)]));
                bench.publish(a, publish("t", "for ever", qos, 1));
                pass(&mut bench, off, after_s);
                let b = back(&mut bench);
                let sent = bench.sent(b);
                let last = publish("t", "for ever", qos, if left.is_some() { 2 } else { 1 });
                let x = |left| with(publish("t", "x", qos, 1), &[expires(left)]);
                let expected: Vec<_> = left.map(x).into_iter().chain([last]).collect();
                assert_eq!(sent, expected, "{expiry_s} s after {after_s} s, off {off}");
                let gone = usize::from(left.is_none());
                assert_eq!(bench.dropped(DropReason::Expired), gone);
                assert_eq!(bench.broker.status().refused, gone as u64);
                assert_eq!(bench.image.messages.len(), 2 - gone);
            }
        }
    };
    check(10, 0, Some(10));
    check(10, 4, Some(6));
    check(10, 9, Some(1));
    check(10, 10, None);
    check(10, 1_000_000, None);
    check(NEVER, 1_000_000, Some(NEVER - 1_000_000));
}

/// It holds for subscribers of MQTT 3.1.1 too, which are not told how long.
#[test]
fn for_a_subscriber_of_3_1_1() {
    let (mut bench, a) = away();
    bench.publish(a, with(publish("t", "1", Q1, 1), &[expires(10)]));
    bench.publish(a, with(publish("t", "2", Q1, 1), &[expires(11)]));
    bench.wait(secs(10));
    let b = bench.connect("b", false);
    assert_eq!(bench.payloads(b), ["2"]);
}

/// A retained message goes in time, from memory and disk, and says how long it has.
#[test]
fn a_retained_one() {
    let check = |after_s: u64, left: Option<u32>| {
        for off in [false, true] {
            let mut bench = Bench::new();
            let a = bench.connect5("a", true, &[]);
            bench.publish(a, retain(with(publish("t", "x", Q1, 1), &[expires(10)])));
            bench.publish(a, retain(publish("u", "for ever", Q1, 1)));
            pass(&mut bench, off, after_s);
            let kept = 1 + usize::from(left.is_some());
            assert_eq!(bench.broker.status().retained, kept, "{after_s} s, off {off}");
            assert_eq!((bench.image.retained.len(), bench.image.messages.len()), (kept, kept));
            let b = bench.connect5("b", true, &[]);
            bench.subscribe(b, "#", Q0);
            let x = |left| with(retain(publish("t", "x", Q0, 0)), &[expires(left)]);
            let last = retain(publish("u", "for ever", Q0, 0));
            let expected: Vec<_> = left.map(x).into_iter().chain([last]).collect();
            assert_eq!(bench.sent(b), expected, "{after_s} s, off {off}");
        }
    };
    check(0, Some(10));
    check(4, Some(6));
    check(9, Some(1));
    check(10, None);
    check(1_000_000, None);
}

/// Each goes at its time, after a restart too, and none leaves a timer behind.
#[test]
fn many_retained_ones() {
    for off in [false, true] {
        let mut bench = Bench::new();
        let a = bench.connect5("a", true, &[]);
        for number in 1..=10_u16 {
            let left = with(publish(&format!("t/{number}"), "x", Q0, 0), &[expires(number.into())]);
            bench.publish(a, retain(left));
            // Each of these is replaced before its time.
            let later = with(publish("u", "x", Q0, 0), &[expires(1000 + u32::from(number))]);
            bench.publish(a, retain(later));
            counts::check(&bench.broker);
        }
        if off {
            bench.off_for(secs(0));
        }
        for left in (0..10).rev() {
            bench.wait(secs(1));
            assert_eq!(bench.image.retained.len(), 1 + left, "off {off}");
            assert_eq!(bench.broker.status().retained, 1 + left, "off {off}");
        }
        counts::check(&bench.broker);
    }
}

/// The newest on a topic decides: a later one without an end is not taken away by an earlier time.
#[test]
fn a_retained_one_that_is_replaced() {
    let check = |first: &[Property], second: &[Property], after_s: u64, expected: usize| {
        let mut bench = Bench::new();
        let a = bench.connect5("a", true, &[]);
        bench.publish(a, retain(with(publish("t", "1", Q1, 1), first)));
        bench.publish(a, retain(with(publish("t", "2", Q1, 1), second)));
        bench.wait(secs(after_s));
        assert_eq!(bench.broker.status().retained, expected, "{first:?}, {second:?}");
        bench.off_for(secs(0));
        assert_eq!(bench.broker.status().retained, expected, "{first:?}, {second:?}");
    };
    check(&[expires(10)], &[], 1000, 1);
    check(&[expires(10)], &[expires(20)], 19, 1);
    check(&[expires(10)], &[expires(20)], 20, 0);
    check(&[expires(20)], &[expires(10)], 10, 0);
    check(&[], &[expires(10)], 10, 0);
}

/// A queue that is full makes room of what has expired, and refuses only then.
#[test]
fn a_full_queue() {
    let mut bench = Bench::with(|it| it.limits.max_queued_messages = 3);
    let b = bench.connect5("b", true, &[lasts(NEVER)]);
    bench.subscribe(b, "t", Q1);
    bench.cut(b);
    let a = bench.connect5("a", true, &[]);
    bench.publish(a, with(publish("t", "1", Q1, 1), &[expires(10)]));
    bench.publish(a, publish("t", "2", Q1, 1));
    bench.publish(a, with(publish("t", "3", Q1, 1), &[expires(10)]));
    bench.publish(a, publish("t", "refused", Q1, 1));
    assert_eq!(bench.dropped(DropReason::QueueFull), 1);
    bench.wait(secs(10));
    for payload in ["4", "5", "refused"] {
        bench.publish(a, publish("t", payload, Q1, 1));
    }
    assert_eq!(bench.dropped(DropReason::QueueFull), 2);
    assert_eq!(bench.image.messages.len(), 3);
    let b = back(&mut bench);
    assert_eq!(bench.payloads(b), ["2", "4", "5"]);
}

/// What waits behind a full window expires there, and what is behind it goes on.
#[test]
fn behind_a_window() {
    let mut bench = Bench::new();
    let b = bench.connect5("b", true, &[Property::ReceiveMaximum(1)]);
    bench.subscribe(b, "t", Q1);
    let a = bench.connect5("a", true, &[]);
    bench.publish(a, publish("t", "1", Q1, 1));
    bench.publish(a, with(publish("t", "2", Q1, 1), &[expires(10)]));
    bench.publish(a, publish("t", "3", Q1, 1));
    bench.wait(secs(10));
    bench.send(b, puback(1));
    assert_eq!(bench.payloads(b), ["1", "3"]);
    assert_eq!(bench.dropped(DropReason::Expired), 1);
}

/// What was sent goes again although it has expired: nobody knows whether it arrived, and a QoS 2
/// exchange must come to its end. [MQTT-4.4.0-1]
#[test]
fn what_is_in_flight_goes_again() {
    for off in [false, true] {
        for qos in [Q1, Q2] {
            let mut bench = Bench::new();
            let b = bench.connect5("b", true, &[lasts(NEVER)]);
            bench.subscribe(b, "t", Q2);
            let a = bench.connect5("a", true, &[]);
            let packet = publish("t", "x", qos, 1);
            bench.publish(a, with(packet.clone(), &[expires(10)]));
            bench.expect(b, [with(packet.clone(), &[expires(10)])]);
            bench.cut(b);
            pass(&mut bench, off, 1000);
            let b = back(&mut bench);
            bench.expect(b, [again(with(packet, &[expires(0)]))]);
            bench.send(b, if qos == Q1 { puback(1) } else { pubrec(1) });
            if qos == Q2 {
                bench.expect(b, [pubrel(1)]);
                bench.send(b, pubcomp(1));
            }
            assert!(bench.image.messages.is_empty());
            assert_eq!(bench.dropped(DropReason::Expired), 0);
        }
    }
}

/// What has no interval is kept for ever, whatever is around it.
#[test]
fn what_has_none_stays() {
    let (mut bench, a) = away();
    for number in 0..10_u16 {
        let packet = publish("t", &number.to_string(), Q1, 1);
        let some = [expires(u32::from(number) + 1)];
        bench.publish(a, if number % 2 == 0 { packet } else { with(packet, &some) });
    }
    for _ in 0..5 {
        bench.off_for(secs(1 << 32));
        bench.wait(secs(1 << 32));
    }
    let b = back(&mut bench);
    assert_eq!(bench.payloads(b), ["0", "2", "4", "6", "8"]);
}
