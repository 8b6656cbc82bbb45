//! A client that speaks packets, or bytes, and nothing by itself.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::mqtt::packet::{Answers, ConnAck, Connect, Level, Publish, Subscribe};
use crate::mqtt::{ClientId, Filter, Packet, PacketId, Properties, QoS, Reason, Topic, codec};

/// Waits for what must happen; generous, as it is only waited out when a test fails.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), what).await.expect("this should have happened long ago")
}

pub fn id(number: u16) -> PacketId {
    PacketId::new(number).expect("not 0")
}

pub fn publish(topic: &str, qos: QoS, number: u16, payload: &[u8]) -> Packet {
    Packet::Publish(Publish {
        dup: false,
        qos,
        retain: false,
        topic: Topic::parse(topic).expect("a topic"),
        packet_id: (qos != QoS::AtMostOnce).then(|| id(number)),
        properties: Properties::NONE,
        payload: Bytes::copy_from_slice(payload),
    })
}

/// The SUBACK that grants [`Client::subscribe`].
pub fn suback(qos: QoS) -> Packet {
    let reason = Reason::from_code(qos.level()).expect("a QoS is its reason");
    Packet::SubAck(Answers::new(id(1), vec![reason]))
}

pub struct Client {
    pub stream: TcpStream,
    buffer: BytesMut,
}

impl Client {
    /// Connects TCP alone.
    pub async fn dial(address: SocketAddr) -> Self {
        let stream = soon(TcpStream::connect(address)).await.expect("somebody listens");
        stream.set_nodelay(true).expect("an option");
        Self { stream, buffer: BytesMut::new() }
    }

    /// Connects with a session that is kept, without keep-alive.
    pub async fn connect(address: SocketAddr, name: &str) -> (Self, bool) {
        let mut client = Self::dial(address).await;
        client.send(&Packet::Connect(Box::new(connect(name)))).await;
        match client.next().await {
            Packet::ConnAck(ConnAck { session_present, reason: Reason::Success, .. }) => {
                (client, session_present)
            }
            other => panic!("{other:?}"),
        }
    }

    pub async fn subscribe(&mut self, filter: &str, qos: QoS) {
        let filter = Filter::parse(filter).expect("a filter");
        self.send(&Packet::Subscribe(Subscribe::new(id(1), vec![(filter, qos.into())]))).await;
        assert_eq!(self.next().await, suback(qos));
    }

    pub async fn subscribe_without_waiting(&mut self, filter: &str) {
        let filter = Filter::parse(filter).expect("a filter");
        let filters = vec![(filter, QoS::AtLeastOnce.into())];
        self.send(&Packet::Subscribe(Subscribe::new(id(1), filters))).await;
    }

    pub async fn send(&mut self, packet: &Packet) {
        let mut bytes = BytesMut::new();
        codec::write(packet, Level::V311, &mut bytes);
        self.send_bytes(&bytes).await;
    }

    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        soon(self.stream.write_all(bytes)).await.expect("somebody reads");
    }

    /// The next packet.
    pub async fn next(&mut self) -> Packet {
        loop {
            let packet = codec::read(&mut self.buffer, Level::V311, usize::MAX);
            if let Some(packet) = packet.expect("a packet") {
                return packet;
            }
            let count = soon(self.stream.read_buf(&mut self.buffer)).await.expect("no reset");
            assert_ne!(count, 0, "the connection was closed");
        }
    }

    /// Waits for the end; true where it is a goodbye, false where it is a reset.
    pub async fn ended_politely(&mut self) -> bool {
        loop {
            match soon(self.stream.read_buf(&mut self.buffer)).await {
                Ok(0) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }
}

pub fn connect(name: &str) -> Connect {
    Connect { client_id: ClientId::new(name), clean_start: false, ..Connect::unknown(Level::V311) }
}
