//! A blocking client of either version of MQTT that keeps what the standard asks a client to keep:
//! what it sent and nobody took over yet, and which QoS 2 messages it has got. Its connection may
//! break anywhere; the next one goes on from there. Knows nothing of what the messages say.

use std::collections::{BTreeSet, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bytes::BytesMut;
use twinboard::mqtt::packet::{ConnAck, Connect, Level, Publish, Subscribe};
use twinboard::mqtt::{
    ClientId, Filter, Message, Packet, PacketId, Properties, Property, QoS, Reason, Topic, codec,
};

/// How long an answer may take that must come; only waited out when a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Client {
    name: String,
    clean_session: bool,
    level: Level,
    wire: Option<Wire>,
    last_id: u16,
    /// What the broker has not taken over completely, in the order it was published.
    unfinished: VecDeque<Unfinished>,
    /// QoS 2 messages that came and are not released. [MQTT-4.3.3-2]
    holding: BTreeSet<PacketId>,
    /// What came while an answer was waited for.
    early: VecDeque<Publish>,
}

struct Unfinished {
    id: PacketId,
    publish: Publish,
    /// Whether PUBREC came, so that PUBREL is what remains to be said.
    released: bool,
}

/// What a turn brought.
#[derive(Debug)]
pub enum Happened {
    /// A message, for the first time as far as its QoS lets the client tell.
    Arrived(Publish),
    /// The broker has taken this message over: its PUBACK or PUBREC came.
    Acknowledged(Publish),
    /// Something else, or nothing for as long as was to be waited.
    Nothing,
}

struct Wire {
    stream: TcpStream,
    buffer: BytesMut,
    level: Level,
}

impl Client {
    pub fn new(name: &str, clean_session: bool) -> Self {
        Self {
            name: name.to_owned(),
            clean_session,
            level: Level::V311,
            wire: None,
            last_id: 0,
            unfinished: VecDeque::new(),
            holding: BTreeSet::new(),
            early: VecDeque::new(),
        }
    }

    /// The same in that version of MQTT.
    pub fn speaking(self, level: Level) -> Self {
        Self { level, ..self }
    }

    /// Connects and sends again, as they were and in order, what is unfinished. [MQTT-4.4.0-1]
    /// Gives back whether the broker still had the session.
    pub fn connect(&mut self, address: SocketAddr) -> io::Result<bool> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        let mut wire = Wire { stream, buffer: BytesMut::new(), level: self.level };
        let keeps = !self.clean_session;
        wire.send(&Packet::Connect(Box::new(Connect {
            client_id: ClientId::new(&self.name),
            clean_start: self.clean_session,
            properties: if keeps {
                Properties::of(&[Property::SessionExpiryInterval(u32::MAX)])
            } else {
                Properties::NONE
            },
            ..Connect::unknown(self.level)
        })))?;
        let answer = wire.next(PATIENCE)?;
        let Some(Packet::ConnAck(ConnAck { session_present, reason: Reason::Success, .. })) =
            answer
        else {
            return Err(io::Error::other(format!("{answer:?} in place of a CONNACK")));
        };
        for unfinished in &mut self.unfinished {
            if unfinished.released {
                wire.send(&Packet::PubRel(unfinished.id.into()))?;
            } else {
                unfinished.publish.dup = true;
                wire.send(&Packet::Publish(unfinished.publish.clone()))?;
            }
        }
        self.wire = Some(wire);
        Ok(session_present)
    }

    /// Subscribes, and waits until that is granted.
    pub fn subscribe(&mut self, filter: &str, qos: QoS) -> io::Result<()> {
        let id = self.next_id();
        let filter = Filter::parse(filter).expect("a filter");
        self.send(&Packet::Subscribe(Subscribe::new(id, vec![(filter, qos.into())])))?;
        loop {
            match self.read(PATIENCE)? {
                Some(Packet::SubAck(answers)) if answers.id == id => {
                    assert_eq!(answers.reasons, [Reason::from_code(qos.level()).expect("a QoS")]);
                    return Ok(());
                }
                Some(packet) => {
                    if let Happened::Arrived(publish) = self.take(packet)? {
                        self.early.push_back(publish);
                    }
                }
                None => return Err(ErrorKind::TimedOut.into()),
            }
        }
    }

    /// Publishes, and waits for nothing. What cannot be sent now is, by the next connection.
    pub fn publish(
        &mut self,
        topic: &str,
        payload: &str,
        qos: QoS,
        retain: bool,
    ) -> io::Result<()> {
        let topic = Topic::parse(topic).expect("a topic");
        self.say(&Message::new(topic, payload.to_owned(), qos, retain))
    }

    /// The same with what else a message may have.
    pub fn say(&mut self, message: &Message) -> io::Result<()> {
        let id = self.next_id();
        let properties = message.properties.clone();
        let publish = Publish { properties, ..Publish::of(message, Some(id)) };
        self.unfinished.push_back(Unfinished { id, publish: publish.clone(), released: false });
        self.send(&Packet::Publish(publish))
    }

    /// How many messages the broker has not finished with.
    pub fn unfinished(&self) -> usize {
        self.unfinished.len()
    }

    /// Waits for a packet at most so long, and answers it.
    pub fn turn(&mut self, wait: Duration) -> io::Result<Happened> {
        if let Some(publish) = self.early.pop_front() {
            return Ok(Happened::Arrived(publish));
        }
        match self.read(wait)? {
            Some(packet) => self.take(packet),
            None => Ok(Happened::Nothing),
        }
    }

    fn take(&mut self, packet: Packet) -> io::Result<Happened> {
        match packet {
            Packet::Publish(publish) => match (publish.qos, publish.packet_id) {
                (QoS::AtLeastOnce, Some(id)) => {
                    self.send(&Packet::PubAck(id.into()))?;
                    Ok(Happened::Arrived(publish))
                }
                (QoS::ExactlyOnce, Some(id)) => {
                    let new = self.holding.insert(id);
                    assert!(new || publish.dup, "a new message under an id in use: {publish:?}");
                    // The message is this client's from now on, whether or not the answer leaves.
                    if let Err(error) = self.send(&Packet::PubRec(id.into())) {
                        if !new {
                            return Err(error);
                        }
                        self.wire = None;
                    }
                    Ok(if new { Happened::Arrived(publish) } else { Happened::Nothing })
                }
                _ => Ok(Happened::Arrived(publish)),
            },
            Packet::PubAck(ack) => {
                let at = self.unfinished.iter().position(|it| it.id == ack.id);
                let done = at.and_then(|at| self.unfinished.remove(at));
                let done = done.expect("an acknowledgement of something unfinished");
                Ok(Happened::Acknowledged(done.publish))
            }
            Packet::PubRec(ack) => {
                let found = self.unfinished.iter_mut().find(|it| it.id == ack.id);
                let found = found.expect("a PUBREC of something unfinished");
                let first = !std::mem::replace(&mut found.released, true);
                let publish = found.publish.clone();
                if self.send(&Packet::PubRel(ack.id.into())).is_err() {
                    self.wire = None;
                }
                Ok(if first { Happened::Acknowledged(publish) } else { Happened::Nothing })
            }
            Packet::PubRel(ack) => {
                self.holding.remove(&ack.id);
                self.send(&Packet::PubComp(ack.id.into()))?;
                Ok(Happened::Nothing)
            }
            Packet::PubComp(ack) => {
                self.unfinished.retain(|it| it.id != ack.id);
                Ok(Happened::Nothing)
            }
            // A broker that ends says so in MQTT 5.
            Packet::Disconnect(_) => Err(ErrorKind::ConnectionAborted.into()),
            other => panic!("{other:?} for {}", self.name),
        }
    }

    fn send(&mut self, packet: &Packet) -> io::Result<()> {
        self.wire.as_mut().ok_or(ErrorKind::NotConnected)?.send(packet)
    }

    fn read(&mut self, wait: Duration) -> io::Result<Option<Packet>> {
        self.wire.as_mut().ok_or(ErrorKind::NotConnected)?.next(wait)
    }

    fn next_id(&mut self) -> PacketId {
        loop {
            self.last_id = self.last_id.wrapping_add(1);
            if let Some(id) = PacketId::new(self.last_id)
                && self.unfinished.iter().all(|it| it.id != id)
            {
                return id;
            }
        }
    }
}

impl Wire {
    fn send(&mut self, packet: &Packet) -> io::Result<()> {
        let mut bytes = BytesMut::new();
        codec::write(packet, self.level, &mut bytes);
        self.stream.write_all(&bytes)
    }

    fn next(&mut self, wait: Duration) -> io::Result<Option<Packet>> {
        self.stream.set_read_timeout(Some(wait))?;
        let mut chunk = [0; 4096];
        loop {
            let packet = codec::read(&mut self.buffer, self.level, usize::MAX);
            if let Some(packet) = packet.expect("a packet") {
                return Ok(Some(packet));
            }
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.buffer.extend_from_slice(&chunk[..count]),
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }
}
