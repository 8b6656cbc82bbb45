//! The driver against a scripted broker: each packet of the other side is written by hand, so
//! that every trap of the client library can be laid on purpose.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};

use super::peer::{LIMIT, Peer};
use super::{Handle, LIMITS, Limits, Report, spawn_within};
use crate::card::{Event, Face, Identity, Input, Link, Output, Program, SensorNumber, Token};
use crate::mqtt::{ClientId, Filter, Message, QoS, Topic};

/// How many PUBRELs a new process sends to a session it finds.
const RELEASES: u16 = super::client::IDS;

/// A program that tells the test all it is given. Sensor `n` toggled publishes "n" as token n;
/// sensor 0 toggled subscribes. Asked for `n` numbers, it wants to be told the time in `n` ms.
#[derive(Clone)]
struct Probe {
    face: Face,
    deadline: Option<Duration>,
    inputs: mpsc::UnboundedSender<Input>,
}

impl Program for Probe {
    fn identity(&self) -> Identity {
        let (client_id, keep_alive) = (ClientId::new("probe"), Duration::from_mins(1));
        Identity { client_id, clean_session: false, keep_alive }
    }

    fn handle(&mut self, now: Duration, input: Input) -> Vec<Output> {
        match &input {
            Input::Connected { session_present } => {
                self.face.link = Link::Online { since: now, session_present: *session_present };
            }
            Input::Disconnected { reason } => {
                self.face.link = Link::Offline { since: now, reason: reason.clone() };
            }
            Input::Publish(ms) => self.deadline = Some(now + Duration::from_millis(*ms)),
            Input::Time => self.deadline = None,
            _ => {}
        }
        let outputs = match input {
            Input::Toggle(SensorNumber(0)) => {
                let filter = Filter::parse("t/#").expect("a filter");
                vec![Output::Subscribe(vec![(filter, QoS::ExactlyOnce)])]
            }
            Input::Toggle(SensorNumber(n)) => vec![Output::Publish {
                token: Token(n.into()),
                topic: Topic::parse("t").expect("a topic"),
                payload: n.to_string().into(),
                qos: QoS::ExactlyOnce,
                retain: true,
            }],
            _ => Vec::new(),
        };
        self.inputs.send(input).expect("the test listens");
        outputs
    }

    fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    fn face(&self) -> &Face {
        &self.face
    }

    fn fork(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}

/// A probe that runs, and the listener it dials.
struct Bench {
    listener: TcpListener,
    address: watch::Sender<Option<SocketAddr>>,
    handle: Handle,
    inputs: mpsc::UnboundedReceiver<Input>,
    reports: mpsc::UnboundedReceiver<Report>,
}

impl Bench {
    async fn new() -> Self {
        Self::within(LIMITS).await
    }

    /// One that is connected, in a new session.
    async fn connected() -> (Self, Peer) {
        let mut bench = Self::new().await;
        let peer = bench.accept(false, 0).await;
        (bench, peer)
    }

    async fn within(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let (address, seen) = watch::channel(listener.local_addr().ok());
        let (sender, inputs) = mpsc::unbounded_channel();
        let (reporter, reports) = mpsc::unbounded_channel();
        let report = move |report| reporter.send(report).expect("the test listens");
        let began = Instant::now();
        let probe = Box::new(Probe { face: Face::default(), deadline: None, inputs: sender });
        let handle = spawn_within(limits, probe, seen, move || began.elapsed(), report);
        Self { listener, address, handle, inputs, reports }
    }

    /// Takes the next connection and answers its CONNECT; releases of a new process are answered.
    async fn accept(&mut self, session_present: bool, releases: u16) -> Peer {
        let mut peer = self.accept_silent().await;
        peer.send(&[0x20, 2, u8::from(session_present), 0]).await;
        for id in 1..=releases {
            assert_eq!(peer.receive().await, (0x62, id.to_be_bytes().to_vec()));
            peer.answer(0x70, id).await;
        }
        assert_eq!(self.input().await, Input::Connected { session_present });
        peer
    }

    /// Loses the connection, and takes the next one.
    async fn again(&mut self, peer: Peer, session_present: bool) -> Peer {
        drop(peer);
        self.expect_gone().await;
        self.accept(session_present, 0).await
    }

    /// Takes the next connection and its CONNECT, and does not answer.
    async fn accept_silent(&mut self) -> Peer {
        let accepted = timeout(LIMIT, self.listener.accept()).await.expect("it dials");
        let mut peer = Peer(accepted.expect("a connection").0);
        let (kind, body) = peer.receive().await;
        // Level 4, a session to be kept, keep-alive 60, client id "probe". [MQTT 3.1.1, section 3.1]
        assert_eq!((kind, &body[..]), (0x10, &b"\0\x04MQTT\x04\0\0\x3c\0\x05probe"[..]));
        peer
    }

    async fn input(&mut self) -> Input {
        timeout(LIMIT, self.inputs.recv()).await.expect("an input").expect("it runs")
    }

    fn toggle(&self, number: u8) {
        self.handle.tell(Input::Toggle(SensorNumber(number))).expect("it takes orders");
    }

    /// Toggles a sensor whose program publishes, and takes the program's own note of that.
    async fn publish(&mut self, number: u8) {
        self.toggle(number);
        assert_eq!(self.input().await, Input::Toggle(SensorNumber(number)));
    }

    /// Publishes, and takes that to its end.
    async fn sends(&mut self, peer: &mut Peer, number: u8) {
        self.publish(number).await;
        let id = peer.expect_publish(false, number).await;
        peer.complete(id).await;
        assert_eq!(self.input().await, Input::Sent(Token(number.into())));
    }

    async fn expect_gone(&mut self) -> String {
        match self.input().await {
            Input::Disconnected { reason } => reason,
            other => panic!("expected a lost connection, got {other:?}"),
        }
    }
}

fn message(payload: &'static [u8]) -> Input {
    let topic = Topic::parse("t").expect("a topic");
    Input::Message { topic, payload: Bytes::from_static(payload), retain: false }
}

#[tokio::test]
async fn a_pubrel_that_an_earlier_process_left_is_completed() {
    let mut bench = Bench::new().await;
    let mut peer = bench.accept(true, RELEASES).await;
    for id in [7, 1, 65_535, 7] {
        peer.answer(0x62, id).await;
        peer.expect(0x70, id).await;
    }
    // The same connection still serves.
    peer.send_publish(false, 1, b"on").await;
    peer.expect(0x50, 1).await;
    assert_eq!(bench.input().await, message(b"on"));
}

#[tokio::test]
async fn a_resent_message_is_delivered_once() {
    let (mut bench, mut peer) = Bench::connected().await;
    peer.send_publish(false, 9, b"first").await;
    peer.expect(0x50, 9).await;
    assert_eq!(bench.input().await, message(b"first"));

    let mut peer = bench.again(peer, true).await;
    peer.send_publish(true, 9, b"first").await;
    peer.expect(0x50, 9).await;
    peer.answer(0x62, 9).await;
    peer.expect(0x70, 9).await;
    // After its PUBREL the id is free for an equal message …
    peer.send_publish(false, 9, b"first").await;
    assert_eq!(bench.input().await, message(b"first"));
    // … and a broker that lost its memory may use it for another at any time.
    peer.send_publish(false, 9, b"other").await;
    assert_eq!(bench.input().await, message(b"other"));
}

#[tokio::test]
async fn a_new_session_knows_no_delivered_ids() {
    let mut bench = Bench::new().await;
    for _ in 0..2 {
        let mut peer = bench.accept(false, 0).await;
        peer.send_publish(false, 1, b"equal").await;
        peer.expect(0x50, 1).await;
        assert_eq!(bench.input().await, message(b"equal"));
        drop(peer);
        bench.expect_gone().await;
    }
}

#[tokio::test]
async fn what_was_read_before_a_loss_is_told_before_it() {
    let (mut bench, mut peer) = Bench::connected().await;
    // A good message and a breach in one segment: rumqttc reads both in one go.
    peer.send(b"\x34\x07\0\x01t\0\x09in\x20\x02\0\0").await;
    assert_eq!(bench.input().await, message(b"in"));
    bench.expect_gone().await;
    bench.accept(false, 0).await;
}

#[tokio::test]
async fn without_a_session_nothing_old_is_resent() {
    let (mut bench, mut peer) = Bench::connected().await;
    bench.publish(1).await;
    bench.publish(2).await;
    peer.expect_publish(false, 1).await;

    let mut peer = bench.again(peer, false).await;
    bench.sends(&mut peer, 3).await;
}

#[tokio::test]
async fn with_a_session_a_publication_is_resent_as_a_duplicate_and_first() {
    let (mut bench, mut peer) = Bench::connected().await;
    bench.publish(1).await;
    bench.publish(2).await;
    let id = peer.expect_publish(false, 1).await;

    let mut peer = bench.again(peer, true).await;
    bench.publish(3).await;
    assert_eq!(peer.expect_publish(true, 1).await, id);
    peer.complete(id).await;
    assert_eq!(bench.input().await, Input::Sent(Token(1)));
    // 2 had no id yet: the program says it again by itself, here as 3.
    let id = peer.expect_publish(false, 3).await;
    peer.complete(id).await;
    assert_eq!(bench.input().await, Input::Sent(Token(3)));
}

#[tokio::test]
async fn what_is_still_under_way_is_not_sent_twice_when_it_is_asked_for_again() {
    let (mut bench, mut peer) = Bench::connected().await;
    bench.publish(1).await;
    bench.publish(2).await;
    let id = peer.expect_publish(false, 1).await;

    // With its session, 1 is resent by itself, and asking for it again changes nothing.
    let mut peer = bench.again(peer, true).await;
    bench.publish(1).await;
    bench.publish(2).await;
    assert_eq!(peer.expect_publish(true, 1).await, id);
    peer.complete(id).await;
    assert_eq!(bench.input().await, Input::Sent(Token(1)));
    peer.expect_publish(false, 2).await;

    // Without one, nothing is under way any more.
    let mut peer = bench.again(peer, false).await;
    bench.sends(&mut peer, 2).await;
}

#[tokio::test]
async fn a_program_is_told_the_time_with_a_connection_and_without() {
    let mut bench = Bench::new().await;
    let peer = bench.accept(false, 0).await;
    let wait = async |bench: &mut Bench| {
        bench.handle.tell(Input::Publish(5)).expect("it takes orders");
        assert_eq!(bench.input().await, Input::Publish(5));
        assert_eq!(bench.input().await, Input::Time);
    };
    wait(&mut bench).await;
    bench.address.send(None).expect("it runs");
    drop(peer);
    bench.expect_gone().await;
    assert!(bench.expect_gone().await.contains("could not start"));
    wait(&mut bench).await;
    let silent = timeout(Duration::from_millis(50), bench.inputs.recv()).await;
    assert!(silent.is_err(), "once is enough, yet {silent:?}");
}

#[tokio::test]
async fn what_is_said_in_its_name_a_program_does_not_hear_of() {
    let mut bench = Bench::new().await;
    let topic = Topic::parse("t").expect("a topic");
    let say = |bench: &Bench, payload: &'static str, qos| {
        let message = Message::new(topic.clone(), payload, qos, true);
        bench.handle.say(message).expect("it takes orders");
    };
    let mut peer = bench.accept(false, 0).await;
    say(&bench, "7", QoS::ExactlyOnce);
    say(&bench, "", QoS::AtMostOnce);
    say(&bench, "8", QoS::ExactlyOnce);
    bench.publish(1).await;
    let id = peer.expect_publish(false, 7).await;
    peer.complete(id).await;
    assert_eq!(peer.receive().await, (0x31, b"\0\x01t".to_vec()), "a deletion");
    let id = peer.expect_publish(false, 8).await;
    // As any other, it goes again with the session.
    let mut peer = bench.again(peer, true).await;
    assert_eq!(peer.expect_publish(true, 8).await, id);
    peer.complete(id).await;
    bench.sends(&mut peer, 2).await;
}

#[tokio::test]
async fn a_cut_after_pubrec_is_mended_with_pubrel() {
    let (mut bench, mut peer) = Bench::connected().await;
    bench.publish(1).await;
    let id = peer.expect_publish(false, 1).await;
    peer.answer(0x50, id).await;
    assert_eq!(bench.input().await, Input::Sent(Token(1)));
    peer.expect(0x62, id).await;

    let mut peer = bench.again(peer, true).await;
    peer.expect(0x62, id).await;
    peer.answer(0x70, id).await;
    bench.publish(2).await;
    assert_ne!(peer.expect_publish(false, 2).await, id);
}

#[tokio::test]
async fn a_broker_that_hangs_up_on_a_pubrel_is_not_asked_for_ever() {
    let (mut bench, mut peer) = Bench::connected().await;
    bench.publish(1).await;
    let id = peer.expect_publish(false, 1).await;
    peer.answer(0x50, id).await;
    assert_eq!(bench.input().await, Input::Sent(Token(1)));
    for _ in 0..super::client::RELEASES {
        peer.expect(0x62, id).await;
        drop(peer);
        bench.expect_gone().await;
        peer = bench.accept(true, 0).await;
    }
    bench.publish(2).await;
    peer.expect_publish(false, 2).await;
}

#[tokio::test]
async fn many_publications_go_one_at_a_time_and_in_order() {
    let (mut bench, mut peer) = Bench::connected().await;
    for number in 1..=100 {
        bench.toggle(number);
    }
    for number in 1..=100 {
        let id = peer.expect_publish(false, number).await;
        assert!((1..=super::client::IDS).contains(&id));
        peer.complete(id).await;
    }
    let mut sent = 0;
    while sent < 100 {
        if let Input::Sent(token) = bench.input().await {
            sent += 1;
            assert_eq!(token, Token(sent));
        }
    }
}

#[tokio::test]
async fn a_subscription_is_one_packet_and_its_refusal_ends_the_connection() {
    let (mut bench, mut peer) = Bench::connected().await;
    bench.publish(0).await;
    let (kind, body) = peer.receive().await;
    assert_eq!((kind, &body[2..]), (0x82, &b"\0\x03t/#\x02"[..]));
    peer.send(&[0x90, 3, body[0], body[1], 2]).await;
    assert_eq!(bench.input().await, Input::Subscribed);

    bench.publish(0).await;
    let (_, body) = peer.receive().await;
    peer.send(&[0x90, 3, body[0], body[1], 0x80]).await;
    assert!(bench.expect_gone().await.contains("access rules"));
    assert_eq!(peer.try_receive().await, None);
}

#[tokio::test]
async fn a_large_message_does_not_end_the_connection() {
    let (mut bench, mut peer) = Bench::connected().await;
    let large: &'static [u8] = vec![b'x'; 3_000_000].leak();
    peer.send_publish(false, 1, large).await;
    peer.expect(0x50, 1).await;
    assert_eq!(bench.input().await, message(large));
}

#[tokio::test]
async fn a_topic_that_is_none_is_reported() {
    let (mut bench, mut peer) = Bench::connected().await;
    peer.send(b"\x30\x05\0\x01+no").await;
    loop {
        let report = timeout(LIMIT, bench.reports.recv()).await.expect("a report");
        if let Some(Report::Event { event: Event::Ignored { topic, reason }, .. }) = report {
            assert_eq!(topic, "+");
            assert!(reason.contains("wildcard") || reason.contains('+'), "{reason}");
            break;
        }
    }
}

#[tokio::test]
async fn a_connection_that_is_lost_at_once_is_not_dialled_hot() {
    let mut bench = Bench::new().await;
    let mut dialled = Vec::new();
    for _ in 0..4 {
        drop(bench.accept(true, 0).await);
        bench.expect_gone().await;
        dialled.push(Instant::now());
    }
    let waits: Vec<_> = dialled.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(waits[0] >= Duration::from_millis(250), "{waits:?}");
    assert!(waits[2] >= Duration::from_secs(1), "{waits:?}");
}

#[tokio::test]
async fn reasons_are_in_words() {
    let mut bench = Bench::new().await;
    let mut peer = bench.accept_silent().await;
    peer.send(&[0x20, 2, 0, 5]).await;
    let reason = bench.expect_gone().await;
    assert!(reason.contains("refused the connection: NotAuthorized"), "{reason}");
    drop(bench.accept(false, 0).await);
    let reason = bench.expect_gone().await;
    assert!(reason.contains("closed the connection") || reason.contains("cut"), "{reason}");
}

#[tokio::test]
async fn a_change_of_address_and_retry_now_end_the_wait() {
    let hour = Duration::from_hours(1);
    let mut bench = Bench::within(Limits { first_wait: hour, longest_wait: hour, ..LIMITS }).await;
    // Bound, so that it is nobody else's, and never listening.
    let other = TcpSocket::new_v4().expect("a socket");
    other.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
    let nobody = other.local_addr().expect("it is bound");
    drop(bench.accept(false, 0).await);
    bench.expect_gone().await;
    bench.address.send(Some(nobody)).expect("it runs");
    let reason = format!("nobody listens at {nobody}: start the broker");
    assert_eq!(bench.expect_gone().await, reason);
    bench.handle.retry_now().expect("it takes orders");
    assert_eq!(bench.expect_gone().await, reason);
    let listening = bench.listener.local_addr().expect("it is bound");
    bench.address.send(Some(listening)).expect("it runs");
    bench.accept(false, 0).await;
}

#[tokio::test]
async fn a_polite_stop_waits_for_what_was_published() {
    let (mut bench, mut peer) = Bench::connected().await;
    bench.publish(1).await;
    bench.publish(2).await;
    let stopped = tokio::spawn(bench.handle.stop());
    for number in 1..=2 {
        let id = peer.expect_publish(false, number).await;
        peer.complete(id).await;
    }
    assert_eq!(peer.receive().await, (0xe0, Vec::new()));
    drop(peer);
    timeout(LIMIT, stopped).await.expect("it ends").expect("without a panic");
}

#[tokio::test]
async fn a_polite_stop_does_not_wait_for_ever() {
    let (mut bench, mut peer) = Bench::connected().await;
    bench.publish(1).await;
    peer.expect_publish(false, 1).await;
    timeout(LIMIT, bench.handle.stop()).await.expect("it ends");
    assert_eq!(peer.try_receive().await, None);
}

#[tokio::test]
async fn a_stop_without_a_connection_ends_at_once() {
    let bench = Bench::new().await;
    timeout(LIMITS.stop, bench.handle.stop()).await.expect("it does not wait");
}

#[tokio::test]
async fn a_killed_program_says_nothing() {
    let (bench, mut peer) = Bench::connected().await;
    let orders = bench.handle.orders.clone();
    timeout(LIMIT, bench.handle.kill()).await.expect("it ends");
    assert_eq!(peer.try_receive().await, None);
    assert!(orders.is_closed());

    let (bench, mut peer) = Bench::connected().await;
    drop(bench.handle);
    assert_eq!(peer.try_receive().await, None);
}

#[tokio::test]
async fn without_an_address_nobody_is_dialled() {
    let mut bench = Bench::new().await;
    let address = bench.address.send_replace(None);
    assert!(bench.expect_gone().await.contains("could not start"));
    bench.handle.retry_now().expect("it runs");
    bench.publish(0).await;
    let dialled = timeout(Duration::from_millis(100), bench.accept_silent()).await;
    assert!(dialled.is_err(), "a stranger was dialled");
    bench.address.send_replace(address);
    bench.accept(false, 0).await;
}

#[tokio::test]
async fn an_answer_that_is_lost_is_fetched_by_a_new_connection() {
    let mut bench = Bench::within(Limits { answer: Duration::from_millis(100), ..LIMITS }).await;
    let mut peer = bench.accept(false, 0).await;
    bench.publish(0).await;
    assert_eq!(peer.receive().await.0, 0x82);
    assert!(bench.expect_gone().await.contains("unanswered"), "no SUBACK");
    let mut peer = bench.accept(true, 0).await;
    bench.publish(1).await;
    let id = peer.expect_publish(false, 1).await;
    assert!(bench.expect_gone().await.contains("unanswered"), "no PUBREC");
    let mut peer = bench.accept(true, 0).await;
    peer.expect_publish(true, 1).await;
    peer.answer(0x50, id).await;
    assert_eq!(bench.input().await, Input::Sent(Token(1)));
    assert!(bench.expect_gone().await.contains("unanswered"), "no PUBCOMP");
    let mut peer = bench.accept(true, 0).await;
    peer.expect(0x62, id).await;
    peer.answer(0x70, id).await;
    bench.sends(&mut peer, 2).await;
    let silent = timeout(Duration::from_millis(300), bench.inputs.recv()).await;
    assert!(silent.is_err(), "nothing is owed, yet {silent:?}");
}
