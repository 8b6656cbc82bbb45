//! How fast it is: run by hand, `cargo test --release store::tests::speed -- --ignored --nocapture`.

use std::time::Instant;

use super::*;

/// The records of `count` QoS 2 messages from one client to another, handshake by handshake: each
/// step is a commit of its own, as no step may be told before the one before it is durable.
fn steps(client: &ClientId, first: u64, count: u64) -> [Vec<Record>; 4] {
    let numbers = first..first + count;
    let id = |number: u64| packet_id(u16::try_from(number % 60_000).expect("it is small") + 1);
    let to = || client.clone();
    let each = |records: &dyn Fn(u64) -> Vec<Record>| numbers.clone().flat_map(records).collect();
    [
        each(&|number| {
            let (packet_id, delivery) =
                (id(number), delivery(number, Stage::Published(id(number))));
            vec![
                message(number, "sensors/all", &[b'x'; 64]),
                Record::Queue { client: to(), number, delivery },
                Record::Receive { client: to(), packet_id, digest: Digest(number) },
            ]
        }),
        each(&|number| vec![Record::Release { client: to(), packet_id: id(number) }]),
        each(&|number| {
            let stage = Stage::Released(id(number));
            vec![Record::Advance { client: to(), number, stage }]
        }),
        each(&|number| {
            let id = MessageId(number);
            vec![Record::Dequeue { client: to(), number }, Record::DropMessage { id }]
        }),
    ]
}

#[test]
#[ignore = "a measurement"]
fn qos_2_messages_a_second() {
    for batch in [1, 10, 100, 1000] {
        let (_folder, path) = place();
        let (mut store, _) = open(&path);
        let client = ClientId::new("client");
        store
            .commit(&[Record::OpenSession { client: client.clone(), bridge: false }])
            .expect("a commit");
        let (mut messages, mut commits, mut took) = (0, 0, Duration::ZERO);
        while took < Duration::from_secs(2) {
            let steps = steps(&client, messages, batch);
            let start = Instant::now();
            for records in &steps {
                store.commit(records).expect("a commit");
            }
            took += start.elapsed();
            messages += batch;
            commits += 4;
        }
        #[expect(clippy::cast_precision_loss, reason = "a rate to look at")]
        let rate = |count: u64| count as f64 / took.as_secs_f64();
        let (messages, commits) = (rate(messages), rate(commits));
        println!("batches of {batch}: {messages:.0} messages/s, {commits:.0} commits/s");
    }
}
