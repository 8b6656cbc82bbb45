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

/// What a broker commits at once while four clients publish to four: of `messages` messages each
/// step of the handshakes, for what came in a few commits ago and for what comes now.
fn round(clients: &[ClientId; 4], first: u64, round: u64, messages: u64) -> Vec<Record> {
    let mut records = Vec::new();
    let id = |number: u64| packet_id(u16::try_from(number % 60_000).expect("it is small") + 1);
    let numbers = |age: u64| {
        let round = round.checked_sub(age);
        round
            .into_iter()
            .flat_map(move |round| first + round * messages..first + (round + 1) * messages)
    };
    for number in numbers(0) {
        records.push(message(number, "load/board1/value", &[b'x'; 64]));
        for client in clients {
            let delivery = delivery(number, Stage::Published(id(number)));
            records.push(Record::Queue { client: client.clone(), number, delivery });
        }
        let (client, packet_id) = (clients[0].clone(), id(number));
        records.push(Record::Receive { client, packet_id, digest: Digest(number) });
    }
    for number in numbers(2) {
        records.push(Record::Release { client: clients[0].clone(), packet_id: id(number) });
        for client in clients {
            let (client, stage) = (client.clone(), Stage::Released(id(number)));
            records.push(Record::Advance { client, number, stage });
        }
    }
    for number in numbers(4) {
        let done = |client: &ClientId| Record::Dequeue { client: client.clone(), number };
        records.extend(clients.iter().map(done));
        records.push(Record::DropMessage { id: MessageId(number) });
    }
    records
}

#[test]
#[ignore = "a measurement"]
fn qos_2_from_four_to_four() {
    let (_folder, path) = place();
    let (mut store, _) = open(&path);
    let clients = ["one", "two", "three", "four"].map(ClientId::new);
    let open = |client: &ClientId| Record::OpenSession { client: client.clone(), bridge: false };
    store.commit(&clients.iter().map(open).collect::<Vec<_>>()).expect("a commit");
    let mut first = 0;
    for messages in [1, 5, 20, 100] {
        let (mut rounds, mut took) = (0, Duration::ZERO);
        first += 1_000_000;
        while took < Duration::from_secs(2) {
            let records = round(&clients, first, rounds, messages);
            let start = Instant::now();
            store.commit(&records).expect("a commit");
            took += start.elapsed();
            rounds += 1;
        }
        println!(
            "{messages} messages a commit: {:?} a commit",
            took / u32::try_from(rounds).expect("some")
        );
    }
}

#[test]
#[ignore = "a measurement"]
fn a_start_with_a_million_retained_messages() {
    const COUNT: u64 = 1_000_000;
    let (_folder, path) = place();
    let (mut store, _) = open(&path);
    let start = Instant::now();
    for thousand in 0..COUNT / 1000 {
        let records = (thousand * 1000..(thousand + 1) * 1000).flat_map(|number| {
            let name = format!("plant{}/line{}/sensor{number}", number % 10, number % 1000);
            let (id, origin) = (MessageId(number), Some(ClientId::new("gateway")));
            [
                message(number, &name, &[b'x'; 64]),
                Record::Retain { topic: topic(&name), id, origin },
            ]
        });
        store.commit(&records.collect::<Vec<_>>()).expect("a commit");
    }
    println!("kept in {:?}", start.elapsed());
    let start = Instant::now();
    drop(store);
    let size = std::fs::metadata(&path).expect("a file").len();
    println!("closed in {:?}, {size} bytes", start.elapsed());
    let before = memory_kib();
    let start = Instant::now();
    let (store, image) = open(&path);
    println!("open again in {:?}", start.elapsed());
    println!("{:?} KiB more", memory_kib().zip(before).map(|(after, before)| after - before));
    assert_eq!(image.retained.len() as u64, COUNT);
    drop(store);
}

/// What this process has in memory, on Linux.
fn memory_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}
