//! Whatever a core may write, cut into whatever commits, with whatever restarts between them: the
//! store gives back what the records add up to.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const CLIENTS: [&str; 3] = ["card1_monitor", "", "bridge_to_broker1"];
const TOPICS: [&str; 4] = ["sensors/all", "sensors/card1", "/", "$SYS/ü"];
const QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

/// What happens to a store.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A record of some kind, with numbers to choose its parts by.
    Record {
        kind: u8,
        a: usize,
        b: usize,
        c: u64,
    },
    Commit,
    /// A quiet moment.
    Fold,
    /// A commit that is refused for its last record: nothing of it happens.
    Refused,
    /// A clean stop and a start.
    Restart,
    /// A pulled plug and a start: what was not committed is gone.
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let record = (0..18u8, any::<usize>(), any::<usize>(), any::<u64>());
    prop_oneof![
        12 => record.prop_map(|(kind, a, b, c)| Step::Record { kind, a, b, c }),
        3 => Just(Step::Commit),
        1 => Just(Step::Fold),
        1 => Just(Step::Refused),
        1 => Just(Step::Restart),
        1 => Just(Step::Crash),
    ]
}

fn pick<T: Clone>(from: impl Iterator<Item = T>, by: usize) -> Option<T> {
    let all: Vec<T> = from.collect();
    (!all.is_empty()).then(|| all[by % all.len()].clone())
}

fn small(c: u64) -> u32 {
    u32::try_from(c % 1000).expect("a small number")
}

/// A time, of whole milliseconds as a store keeps it, or none.
fn time(c: u64) -> Option<Duration> {
    (!c.is_multiple_of(3)).then(|| Duration::from_millis(c >> 20))
}

/// A record that `image` can take, where there is one of that kind.
fn record(image: &Image, kind: u8, a: usize, b: usize, c: u64) -> Option<Record> {
    let client = ClientId::new(CLIENTS[a % CLIENTS.len()]);
    let topic = topic(TOPICS[b % TOPICS.len()]);
    let filter = Filter::parse(["#", "sensors/+", "+/card1"][b % 3]).expect("a filter");
    let qos = QOS[a % 3];
    let id = pick(image.messages.keys().copied(), b);
    let packet_id = packet_id(u16::try_from(c % 3 + 1).expect("a small number"));
    let stage = [Stage::Queued, Stage::Published(packet_id), Stage::Released(packet_id)][a / 3 % 3];
    let session = image.sessions.get(&client);
    let number = session.and_then(|session| pick(session.deliveries.keys().copied(), b));
    if kind >= 5 && session.is_none() {
        return Some(Record::OpenSession { client, bridge: b.is_multiple_of(2) });
    }
    match kind {
        0..=1 => {
            let (id, retain) = (MessageId(c), b.is_multiple_of(2));
            let mut message = Message::new(topic, c.to_le_bytes()[..a % 9].to_vec(), qos, retain);
            let all = [Property::ResponseTopic("back/to"), Property::UserProperty("ü", "")];
            message.properties = Properties::of(&all[..b % 3]);
            message.expires_at = time(c);
            let message = Arc::new(message);
            (!image.messages.contains_key(&id)).then_some(Record::Message { id, message })
        }
        2 => {
            let used = |id: &MessageId| {
                let to = |session: &crate::broker::durable::SessionImage| {
                    session.deliveries.values().any(|delivery| delivery.id == *id)
                };
                let left = |session: &crate::broker::durable::SessionImage| {
                    session.will.is_some_and(|will| will.id == *id)
                };
                image.retained.values().any(|held| held.id == *id)
                    || image.sessions.values().any(|session| to(session) || left(session))
            };
            id.filter(|id| !used(id)).map(|id| Record::DropMessage { id })
        }
        3 => {
            let origin = a.is_multiple_of(2).then_some(client);
            id.map(|id| Record::Retain { topic, id, origin })
        }
        4 => Some(Record::ClearRetained { topic }),
        5 => Some(Record::DropSession { client }),
        6 => {
            let (no_local, retain_as_published) = (b.is_multiple_of(2), c.is_multiple_of(2));
            let identifier = (c > 99).then_some(small(c) + 1);
            let options = Subscription { qos, no_local, retain_as_published, identifier };
            Some(Record::Subscribe { client, filter, options })
        }
        7 => Some(Record::Unsubscribe { client, filter }),
        8..=9 => {
            let free = !session?.deliveries.contains_key(&c);
            let (id, retain) = (id?, b.is_multiple_of(2));
            let subscription_ids = (0..small(c) % 3).map(|id| id * 77 + 1).collect();
            let delivery = Delivery { id, qos, retain, subscription_ids, stage };
            free.then_some(Record::Queue { client, number: c, delivery })
        }
        10 => number.map(|number| Record::Advance { client, number, stage }),
        11 => number.map(|number| Record::Dequeue { client, number }),
        12 => Some(Record::Receive { client, packet_id, digest: Digest(c) }),
        13 => Some(Record::Release { client, packet_id }),
        14 => {
            let rules = b.is_multiple_of(2).then_some(Digest(c));
            Some(Record::Established { client, rules })
        }
        15 => Some(Record::MissedRetained { client, missed: b.is_multiple_of(2) }),
        16 => {
            let expiry = Expiry::from_interval([0, 60, u32::MAX][b % 3]);
            Some(Record::SessionExpiry { client, expiry, ends_at: time(c) })
        }
        _ => {
            let (delay_s, expiry_s) = (small(c), a.is_multiple_of(2).then_some(u32::MAX));
            let will = |id| WillImage { id, delay_s, expiry_s, due: time(c) };
            let will = if c.is_multiple_of(4) { None } else { Some(will(id?)) };
            Some(Record::Will { client, will })
        }
    }
}

fn replay(steps: &[Step]) {
    let (_folder, path) = place();
    let (mut store, mut committed) = open(&path);
    let mut image = committed.clone();
    let mut waiting = Vec::new();
    for &step in steps {
        match step {
            Step::Record { kind, a, b, c } => {
                if let Some(record) = record(&image, kind, a, b, c) {
                    image.apply(&record);
                    waiting.push(record);
                }
                continue;
            }
            Step::Commit | Step::Restart => {
                store.commit(&waiting).expect("a commit of records that fit");
                committed.clone_from(&image);
                waiting.clear();
                if matches!(step, Step::Commit) {
                    continue;
                }
                drop(store);
            }
            Step::Fold => {
                store.fold().expect("tables that take what is pending");
                continue;
            }
            Step::Refused => {
                let unfit = Record::DropSession { client: ClientId::new("nobody") };
                let records = [&waiting[..], &[unfit]].concat();
                store.commit(&records).expect_err("nobody has a session");
                continue;
            }
            Step::Crash => {
                store.abandon();
                waiting.clear();
            }
        }
        committed.boot += 1;
        let (again, loaded) = open(&path);
        assert_eq!(loaded, committed);
        (store, image) = (again, loaded);
    }
    drop(store);
    committed.boot += 1;
    assert_eq!(open(&path).1, committed);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_store_gives_back_what_its_records_add_up_to(steps in vec(step(), 1..120)) {
        replay(&steps);
    }
}
