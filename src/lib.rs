//! Twinboard: a desktop lab for MQTT systems of more than one broker.
//!
//! One program starts real brokers, joins them by bridges, opens the windows of simulated boards,
//! lets a person click sensors and break things, and says what was lost or restored. This page is
//! the map of the code and the rules it keeps; `tests/tidy.rs` holds most of them.
//!
//! # The map
//!
//! Imports go downward only.
//!
//! ```text
//! main.rs   run() -> ExitCode
//! cli/      the commands: windows (default), run, sim, replay, check, watch, trace, matrix, bench …
//! bench/    loads against brokers, and their figures: an outsider, over sockets alone
//! gui/      the windows: read a Snapshot, send Commands; no I/O, no locks, no domain logic
//! tui/      a run in simulated time in a terminal: goes through a Timeline in both directions
//! report/   what a run comes to: text, JSON, JUnit, HTML; its trace: JSON lines, pcapng
//! lab/      plan, Command, Snapshot, Trace, script; world/live: real time; world/sim: virtual time;
//!           explore/, timeline/, recipe/: what can be done with a world that is a value
//! engine/   which broker a board runs: ours, rumqttd, mosquitto, somebody else's
//! net/      live shell: listeners, connections, a broker's owner task, dials, cables      (tokio)
//! store/    a broker's durable state in SQLite, on a thread of its own
//! card/     the boards' programs: sensors, a display, counting    pure; driver/ over rumqttc
//! lint/     what conf files that belong together will do unasked  pure
//! conf/     mosquitto.conf and scenario.toml into typed values    pure
//! broker/   sessions, retained messages, wills, bridges           pure
//! cable/    frames, and what a cable does to each                 pure
//! mqtt/     topics, messages, properties, packets, their bytes    pure
//! defect    mistakes that the tests plant, and no build has
//! ```
//!
//! # Both versions of MQTT
//!
//! A packet has one form in the cores, that of MQTT 5: with reasons and properties. [`mqtt::codec`]
//! leaves out what a connection of MQTT 3.1.1 cannot say, and finds the nearest reason for what it
//! says. So a session does not know which version its client speaks; the few places that must
//! (DISCONNECT by the broker, reason codes that replace a hang-up, limits that only MQTT 5
//! negotiates) ask the connection.
//!
//! Times count from 1970 and never go back while a process runs: what is to end at a time, a session
//! or a message, still ends then after a restart.
//!
//! # Two worlds, one set of cores
//!
//! Everything that decides is a pure state machine: [`broker::Broker::handle`] and
//! [`card::Program::handle`] take the time and one input and give outputs. They have no sockets, no
//! clocks, no threads and no randomness of their own. Two worlds drive them:
//!
//! - [`lab::world::live`], over real TCP and in real time: [`net`] carries packets, [`store`] keeps
//!   records, `card::driver` speaks for a program through rumqttc.
//! - [`lab::world::sim`], in virtual time and in one thread: packets are bytes on simulated wires,
//!   disks keep what was committed and nothing else. A minute of the dual-board system takes
//!   milliseconds, so the tests go through every cut point of a handshake and every order of
//!   restarts.
//!
//! What a world is asked, what is written down of it and as what it shows itself is one code for both
//! (`lab::world`'s `commands`, `record` and `view`); what its parts can do each says in its way
//! (`parts`). So whoever plays a script ([`lab::stage`]) or draws a window cannot tell them apart.
//!
//! # Simulated time
//!
//! ```text
//! recipe (scenario, seed, schedule) ---> World: a value, copied at will ---> the same entries, always
//!                                          |
//!          timeline: step, back, jump, fork, by copies kept at growing distances;
//!                    its host lets time pass by the clock, for windows
//!          explore:  random schedules, each from its seed; the smallest that fails; every order
//! ```
//!
//! The same plan, seed and commands at the same times give the same trace, byte for byte, on every
//! machine: maps that are iterated are ordered, latencies and the times of commits are drawn from the
//! seed, and a host's name is no part of it. What a power failure finds half written is there or not,
//! which is drawn, too. [`lab::explore`] mends everything at a run's end, and asks that whoever was cut
//! off comes back, that everything comes to rest, and that every promise was kept.
//!
//! # Commit before speak
//!
//! ```text
//! inputs ---> Broker ---> outputs, held back per connection ---> wire
//!                |                 ^
//!                | Commit n        | Committed n
//!                v                 |
//!              store: one transaction, one fsync for all inputs of the meantime
//! ```
//!
//! No CONNACK, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK and no first PUBLISH of QoS 1 or 2
//! leaves a broker before what it announces is durable. The core writes [`broker::Record`]s to its
//! journal and holds each such packet back until the commit with the newest record is done, whoever's
//! record that was; each connection's packets leave in order. There is one commit under way at a
//! time, and what comes meanwhile goes into the next, so safety does not cost throughput. What a
//! record means is said once, by [`broker::Image::apply`]; the store in SQLite and the simulated
//! disk are held against it. A commit is one row of encoded records in a log table of the store's
//! file, which is folded into the tables for sessions, messages and the like when there is time:
//! most messages come and go between two folds and never touch those.
//!
//! A full queue refuses the newest message, and says so. A store that fails holds back every
//! promise until it works again; new work that needs it is refused.
//!
//! # A bridge is a session
//!
//! A bridge is a session of its own broker whose link dials out. What waits while the far side is
//! away, and the QoS 2 handshakes of both directions, live in that session and are as durable as
//! any other: that makes it exactly-once through cuts and kills. When the far side answers "session
//! present = 0" it has forgotten: packet ids from it are dropped, what it had acknowledged is done
//! with, the rest goes out as new, and the trace says who forgot.
//!
//! # The cable
//!
//! Every connection goes through a cable, whole packet by whole packet: each program and each
//! bridge dials a port on loopback of its own, and a board's public ports are the near ends of its
//! front cable. So a connection's cable is known by the port it came to, for a broker of any kind.
//! Behind its cables our own broker has a [`net::Door`], to which a connection goes on as a pipe inside
//! the process; a broker of another kind listens where nobody else knows.
//!
//! ```text
//! program ---> its cable ---+
//! bridge  ---> its cable ---+--> broker (a door, or a private port)
//! anybody ---> front cable -+
//!                  |
//!                  +--- faults: each a small pure rule (pass, delay, drop, cut) over one packet
//!                  +--- sights: what passed, told before it goes on
//! ```
//!
//! A fault is one file in `cable/fault/`. A [`cable::Lane`] keeps the order of one direction and
//! asks the faults in force; the live world's pumps and the simulated world's wires drive the same
//! lanes. While no fault is set, a live cable passes bytes on as they come.
//!
//! What a cable costs is wake-ups and calls to the system, not looking at bytes. So a board's broker
//! and cables share a thread, a door spares the second TCP connection, and whoever looks at the
//! sights is woken once in a while, not by each.
//!
//! Two faults are no cable's. A part that is frozen is not polled at all, so its sockets stay open
//! and time passes. A disk ([`net::Disk`]) stands between a broker and its store, and outlives both.
//!
//! # One trace, and what is read from it
//!
//! ```text
//! cables' sights, brokers' and programs' events, deeds ---> trace (entries, numbered)
//!                                                             |
//!         windows, files, ladders <---------------------------+
//!         ledger: who owes what to whom <---------------------+
//!            |--- conduct: what the standard forbids each side of a connection
//!            |--- verdict: lost, doubled, reordered, forgotten, going round, disagreeing, misconduct
//!            +--- passports: the way of one message
//! ```
//!
//! The [`lab::ledger`] reads packets alone, so it judges a broker of any kind: a PUBLISH that
//! arrives at a broker is owed to every session with a subscription, an acknowledgement that arrives
//! makes it a promise, and a PUBLISH that the broker sends is matched with what it owes by the
//! session's order, topic and payload. Where our own broker tells which message it hands to a
//! connection, the match is exact. A bridge's PUBLISH leaves one broker and enters the next, which
//! makes the chain of a message through any number of them known.
//!
//! A promise counts once its acknowledgement has arrived: what nobody acknowledged is claimed by
//! nobody. What waits for a session that is away is kept, not lost; what a full queue refused is
//! over the limit; a retained message on a new subscription is no duplicate; a packet that was
//! dropped on a connection that lives is judged after the reconnect [MQTT-4.4.0-1].
//!
//! The [`lab::conduct`] of brokers, bridges and programs is read off the same packets: repeats without
//! DUP, packet ids in use, handshakes that go backward. It says only what is certain, whatever was lost
//! on the way. That the verdict has teeth is tested with [`defect`]s: mistakes that the tests plant in
//! the cores, one line each, and that no built program has.
//!
//! # Other brokers
//!
//! A board can run rumqttd, a mosquitto of the machine, or one that somebody else runs
//! ([`engine::Running`]). They have the same cables around them as ours: a mosquitto's conf is its
//! board's with the listeners' ports and the bridges' addresses changed to the cables' ends
//! ([`mod@engine::derived`]). They say nothing of themselves but lines of a log, so who is connected, and
//! since when, is read off the packets at their cables.
//!
//! # The way of one toggled sensor
//!
//! 1. The person clicks sensor 2 in card 1's window; `gui` sends [`lab::Command::Toggle`].
//! 2. The live world hands it to card 1's driver, and that to the program
//!    ([`card::Input::Toggle`]), which shows KO, "not sent yet", and wants `sensors/card1` published
//!    with QoS 2, retained.
//! 3. rumqttc sends PUBLISH over TCP. The connection's task in `net` reads it, the owner task gives
//!    it to broker 1's core: the message is retained and queued for the bridge's session, the
//!    packet id is noted, all of it as records of one commit.
//! 4. The store commits; PUBREC leaves. The program hears [`card::Input::Sent`]: the click counts.
//! 5. The PUBLISH to the bridge leaves with the same commit and goes through the cable to broker 2's
//!    link, which maps the topic by its `in` rule and publishes it there, retained, again only
//!    after a commit of its own.
//! 6. Card 2's program hears `sensors/card1`, and publishes all six states on `sensors/all`; the
//!    display shows them, and the bridge's `out` rule carries them back to broker 1, for card 1 to
//!    restore from.
//! 7. Each step is an entry of the trace and changes a snapshot; the world sends the newest one to
//!    the windows and wakes them.
//!
//! # Where this differs from the first design
//!
//! - The codec is ours, since the packet types of the libraries at hand leave most protocol errors
//!   to a second parse; see [`mqtt::codec`].
//! - rumqttd runs as a process of its own, since nothing inside the program could end it; see
//!   [`mod@engine`].
//! - A will is kept with its session, in both versions: after a power failure it is published when
//!   the broker is back, as the standards allow (MQTT 5.0, section 3.1.2.5).

pub mod bench;
pub mod broker;
pub mod cable;
pub mod card;
pub mod cli;
pub mod conf;
pub mod defect;
pub mod engine;
pub mod gui;
pub mod lab;
pub mod lint;
pub mod mqtt;
pub mod net;
pub mod report;
pub mod store;
pub mod tui;
