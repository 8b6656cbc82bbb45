//! The trace in sentences for people. Knows events, and nothing of windows or colours.

use crate::broker;
use crate::cable::{Deed, Kind};
use crate::card::Event as ProgramEvent;
use crate::lab::trace::Event;
use crate::lab::{Action, BoardName, DiskTrouble, Snapshot};

/// How a sentence is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It goes on as it should.
    Plain,
    /// Something works, or works again.
    Good,
    /// Worth a look.
    Warn,
    /// Something is gone, refused or lost.
    Bad,
}

/// One event as a person reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// What it happened to: "Broker 1", "card1_monitor".
    pub who: String,
    /// What happened.
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
}

impl Sentence {
    /// Puts `event` into words; `snapshot` has the boards' titles.
    pub fn of(snapshot: &Snapshot, event: &Event) -> Self {
        match event {
            Event::Broker { board, event } => {
                let (text, tone) = of_broker(event);
                Self { who: format!("{}'s broker", title(snapshot, board)), text, tone }
            }
            Event::Program { program, event } => {
                let (text, tone) = of_program(event);
                Self { who: program.to_string(), text, tone }
            }
            Event::Cable { cable, deed } => {
                let (text, tone) = of_cable(deed);
                Self { who: cable.to_string(), text, tone }
            }
            Event::Packet(crossing) => {
                let text = format!("{} to {}", crossing.words(), crossing.to());
                let tone = if crossing.passage.arrived() { Tone::Plain } else { Tone::Bad };
                Self { who: crossing.from().to_string(), text, tone }
            }
            Event::WireEnded { wire, how } => {
                let text = format!("its connection to {} ended: {how}", wire.target);
                Self { who: wire.dialer.to_string(), text, tone: Tone::Warn }
            }
            Event::Disk { board, trouble } => {
                let (text, tone) = match trouble {
                    None => ("the disk works again".to_owned(), Tone::Good),
                    Some(DiskTrouble::Full) => ("the disk is full".to_owned(), Tone::Bad),
                    Some(DiskTrouble::Slow { ms }) => {
                        (format!("the disk takes {ms} ms more for each commit"), Tone::Warn)
                    }
                };
                Self { who: title(snapshot, board), text, tone }
            }
            Event::EngineSays { board, line } => {
                Self { who: title(snapshot, board), text: line.clone(), tone: Tone::Plain }
            }
            Event::EngineDrops { board, client } => {
                let text = format!("drops messages for {client}: its queue is full");
                Self { who: title(snapshot, board), text, tone: Tone::Bad }
            }
            Event::Missed { packets } => {
                let text = format!("{packets} packets came too fast to be seen");
                Self { who: String::from("Lab"), text, tone: Tone::Warn }
            }
            Event::Power { board, on } => {
                let (text, tone) =
                    if *on { ("power on", Tone::Good) } else { ("power off", Tone::Bad) };
                Self { who: title(snapshot, board), text: text.to_owned(), tone }
            }
            Event::Asked { what, action } => {
                let text = match action {
                    Action::Start => "started by hand",
                    Action::Stop => "stopped by hand",
                    Action::Restart => "restarted by hand",
                    Action::Kill => "killed by hand, without a goodbye",
                    Action::Freeze => "frozen by hand",
                    Action::Thaw => "thawed by hand",
                };
                Self { who: what.clone(), text: text.to_owned(), tone: Tone::Warn }
            }
            Event::Fresh => {
                let text = "everything begins again".to_owned();
                Self { who: String::from("Lab"), text, tone: Tone::Plain }
            }
            Event::Note(text) => {
                Self { who: String::from("Lab"), text: text.clone(), tone: Tone::Plain }
            }
        }
    }

    /// Whether the sentence contains `words`, which are in lower case.
    pub fn contains(&self, words: &str) -> bool {
        self.who.to_lowercase().contains(words) || self.text.to_lowercase().contains(words)
    }
}

fn title(snapshot: &Snapshot, name: &BoardName) -> String {
    let board = snapshot.boards.iter().find(|board| board.name == *name);
    board.map_or_else(|| name.to_string(), |board| board.title.clone())
}

/// The broker's own words; only how they are meant is added.
fn of_cable(deed: &Deed) -> (String, Tone) {
    let (text, tone) = match deed {
        Deed::Set(fault) => match fault.kind {
            Kind::Cut(_) => ("cable cut; both ends were told", Tone::Bad),
            Kind::Silent(_) => ("cable cut silently; both ends go on believing", Tone::Bad),
            _ => return (format!("cable set to {fault}"), Tone::Bad),
        },
        Deed::Mend => ("cable mended", Tone::Good),
        other => return (format!("cable: {other}"), Tone::Warn),
    };
    (text.to_owned(), tone)
}

fn of_broker(event: &broker::Event) -> (String, Tone) {
    use broker::Event as E;
    let tone = match event {
        E::Published { .. }
        | E::TakenOut { .. }
        | E::Queued { .. }
        | E::Sent { .. }
        | E::Delivered { .. }
        | E::Subscribed { .. }
        | E::Unsubscribed { .. }
        | E::Committed { .. }
        | E::BridgeDials { .. } => Tone::Plain,
        E::Connected { .. } | E::BridgeUp { .. } | E::StoreWorks => Tone::Good,
        E::Disconnected { .. } | E::SessionExpired { .. } | E::RemoteForgot { .. } => Tone::Warn,
        E::Refused { .. }
        | E::Dropped { .. }
        | E::BridgeDown { .. }
        | E::SubscriptionRefused { .. }
        | E::StoreFails { .. } => Tone::Bad,
    };
    (event.to_string(), tone)
}

/// The program's own words; only how they are meant is added.
fn of_program(event: &ProgramEvent) -> (String, Tone) {
    use ProgramEvent as E;
    let tone = match event {
        E::Connected { .. } | E::Restored => Tone::Good,
        E::Disconnected { .. } | E::Odd { .. } => Tone::Bad,
        E::Sensor { state: Some(false), .. } | E::Ignored { .. } => Tone::Warn,
        E::Sensor { .. } | E::LimitReached { .. } => Tone::Plain,
    };
    (event.to_string(), tone)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::broker::event::{Behind, Cause, DropReason, Origin};
    use crate::broker::{ConnId, MessageId};
    use crate::cable::Fault;
    use crate::cable::fault::Delay;
    use crate::card::SensorNumber;
    use crate::card::count::{self, Odd, Run};
    use crate::gui::fixtures;
    use crate::lab::{CableName, ProgramName};
    use crate::mqtt::{ClientId, QoS, Topic};

    fn check(event: &Event, expected: &str, tone: Tone) {
        let sentence = Sentence::of(&fixtures::dual_board(), event);
        assert_eq!(format!("{}: {}", sentence.who, sentence.text), expected);
        assert_eq!(sentence.tone, tone, "{expected}");
    }

    #[test]
    fn what_brokers_say() {
        use broker::Event as E;
        let say = |event: broker::Event, expected: &str, tone| {
            let board = BoardName::new("board1");
            let expected = format!("Board 1's broker: {expected}");
            check(&Event::Broker { board, event }, &expected, tone);
        };
        let client = ClientId::new("c");
        let topic = Topic::parse("a/b").expect("a topic");
        let bridge = || String::from("up");
        let reason = || String::from("why");
        let qos = QoS::ExactlyOnce;
        let connected = |session_present, clean_session| E::Connected {
            conn: ConnId(1),
            client: client.clone(),
            session_present,
            clean_session,
        };
        say(connected(false, true), "c connected with a clean session", Tone::Good);
        say(connected(true, false), "c connected and takes up its session again", Tone::Good);
        say(connected(false, false), "c connected and begins a session that is kept", Tone::Good);
        let refused = |client| E::Refused { client, reason: reason() };
        say(refused(None), "refused a connection: why", Tone::Bad);
        say(refused(Some(client.clone())), "refused c: why", Tone::Bad);
        let gone = E::Disconnected { client: client.clone(), reason: reason() };
        say(gone, "c is gone: why", Tone::Warn);
        let published = |client, retain, size_bytes| E::Published {
            message: MessageId(1),
            packet: None,
            client,
            topic: topic.clone(),
            qos,
            retain,
            size_bytes,
        };
        let by = Some(client.clone());
        say(published(by, true, 52), "c published a/b (QoS 2, retained, 52 bytes)", Tone::Plain);
        let own = published(None, false, 1);
        say(own, "the broker published a/b (QoS 2, 1 byte)", Tone::Plain);
        for (reason, why) in [
            (DropReason::QueueFull, "its queue is full"),
            (DropReason::SlowReader, "it does not read"),
            (DropReason::TooLarge, "it is too large for max_packet_size"),
            (DropReason::BrokersOwn, "only the broker publishes there"),
        ] {
            let dropped = E::Dropped {
                message: None,
                client: client.clone(),
                topic: topic.clone(),
                qos,
                reason,
            };
            say(dropped, &format!("a/b (QoS 2) was not queued for c: {why}"), Tone::Bad);
        }
        let dials = E::BridgeDials { bridge: bridge(), address: String::from("h:1") };
        say(dials, "up dials h:1", Tone::Plain);
        let up = |session_present| E::BridgeUp { bridge: bridge(), session_present };
        say(up(true), "up is connected; the far broker had kept its session", Tone::Good);
        say(up(false), "up is connected; the far broker began a new session", Tone::Good);
        let down = E::BridgeDown { bridge: bridge(), reason: reason() };
        say(down, "up is not connected: why", Tone::Bad);
        for (in_flight, rest) in
            [(0, "nothing was under way"), (1, "1 message goes again"), (7, "7 messages go again")]
        {
            let forgot = E::RemoteForgot { bridge: bridge(), in_flight };
            let expected = format!("the far broker of up forgot its session; {rest}");
            say(forgot, &expected, Tone::Warn);
        }
        let fails = E::StoreFails { reason: reason() };
        say(fails, "cannot commit, so it promises nothing for now: why", Tone::Bad);
        say(E::StoreWorks, "commits work again", Tone::Good);
    }

    #[test]
    fn what_brokers_say_of_single_messages() {
        use broker::Event as E;
        let say = |event: broker::Event, expected: &str| {
            let board = BoardName::new("board1");
            let expected = format!("Board 1's broker: {expected}");
            check(&Event::Broker { board, event }, &expected, Tone::Plain);
        };
        let topic = Topic::parse("a/b").expect("a topic");
        let qos = QoS::ExactlyOnce;
        let who = || ClientId::new("c");
        let origin =
            Origin { conn: ConnId(1), packet_id: None, rule: Some("topic # in 2".to_owned()) };
        let came = E::Published {
            message: MessageId(1),
            packet: Some(Box::new(origin)),
            client: Some(who()),
            topic: topic.clone(),
            qos,
            retain: false,
            size_bytes: 1,
        };
        let expected = "c published a/b (QoS 2, 1 byte), let in by topic # in 2";
        say(came, expected);
        let (message, becomes, rule) = (MessageId(1), MessageId(2), "topic # out 2".to_owned());
        let out = E::TakenOut { message, becomes, client: who(), rule, topic: topic.clone() };
        say(out, "goes out by c as a/b (topic # out 2)");
        for (behind, why) in [
            (Behind::Offline, "it is not connected"),
            (Behind::Window, "too much is in flight"),
            (Behind::SlowReader, "it does not read"),
        ] {
            let waits = E::Queued { message, client: who(), qos, cause: Cause::Live, behind };
            say(waits, &format!("waits for c: {why}"));
        }
        for (cause, why) in [
            (Cause::Live, ""),
            (Cause::Subscribed, ", retained, because it subscribed"),
            (Cause::BridgeConnected, ", retained, because the bridge connected"),
        ] {
            let sent = E::Sent {
                message: Some(message),
                client: who(),
                conn: ConnId(1),
                packet_id: None,
                topic: topic.clone(),
                qos,
                retain: false,
                dup: false,
                cause,
            };
            say(sent, &format!("sent a/b (QoS 2) to c{why}"));
        }
        let delivered = E::Delivered { message, client: who() };
        say(delivered, "c has acknowledged it");
        let committed = E::Committed { number: 3, records: 2 };
        say(committed, "commit 3 is durable (2 records)");
    }

    #[test]
    fn what_programs_say() {
        use ProgramEvent as E;
        let say = |event: ProgramEvent, expected: &str, tone| {
            let program = ProgramName::new("p");
            check(&Event::Program { program, event }, &format!("p: {expected}"), tone);
        };
        let connected = |session_present| E::Connected { session_present };
        say(connected(true), "connected; its session had been kept", Tone::Good);
        say(connected(false), "connected with a new session", Tone::Good);
        let reason = || String::from("why");
        say(E::Disconnected { reason: reason() }, "not connected: why", Tone::Bad);
        say(E::Restored, "knows all that its broker kept for it", Tone::Good);
        let sensor = |state| E::Sensor { sensor: SensorNumber(4), state };
        say(sensor(Some(true)), "sensor 4 is OK", Tone::Plain);
        say(sensor(Some(false)), "sensor 4 is KO", Tone::Warn);
        say(sensor(None), "sensor 4 is unknown", Tone::Plain);
        let ignored = E::Ignored { topic: String::from("t"), reason: reason() };
        say(ignored, "ignored a message on t: why", Tone::Warn);
        say(E::LimitReached { limit: 9 }, "counted to its limit of 9", Tone::Plain);
        let odd = |so_far| {
            let (at, run, topic) =
                (Duration::ZERO, Run::new(1), Topic::parse("t").expect("a topic"));
            let odd = Odd { at, fault: count::Fault::Doubled, numbers: (7, 7), run, topic };
            E::Odd { odd, so_far }
        };
        say(odd(1), "7 came again (run 00000001 on t)", Tone::Bad);
        say(odd(10), "7 came again (run 00000001 on t); 10 so far", Tone::Bad);
    }

    #[test]
    fn what_happens_to_the_rest() {
        let cable = CableName::new("up");
        let slow = Deed::Set(Fault::both(Delay { ms: 5, ..Delay::default() }));
        for (deed, expected, tone) in [
            (Deed::cut(), "up: cable cut; both ends were told", Tone::Bad),
            (Deed::cut_silently(), "up: cable cut silently; both ends go on believing", Tone::Bad),
            (slow, "up: cable set to delay packets by 5 ms", Tone::Bad),
            (Deed::Mend, "up: cable mended", Tone::Good),
        ] {
            check(&Event::Cable { cable: cable.clone(), deed }, expected, tone);
        }
        let power = |board: &str, on| Event::Power { board: BoardName::new(board), on };
        check(&power("board2", true), "Board 2: power on", Tone::Good);
        check(&power("board2", false), "Board 2: power off", Tone::Bad);
        check(&power("elsewhere", true), "elsewhere: power on", Tone::Good);
        for (action, expected) in [
            (Action::Start, "x: started by hand"),
            (Action::Stop, "x: stopped by hand"),
            (Action::Restart, "x: restarted by hand"),
            (Action::Kill, "x: killed by hand, without a goodbye"),
            (Action::Freeze, "x: frozen by hand"),
            (Action::Thaw, "x: thawed by hand"),
        ] {
            check(&Event::Asked { what: String::from("x"), action }, expected, Tone::Warn);
        }
        check(&Event::Note(String::from("fresh start")), "Lab: fresh start", Tone::Plain);
    }
}
