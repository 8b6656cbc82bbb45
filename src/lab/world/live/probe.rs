//! Asks a broker of any kind what it retains: a client that subscribes to everything and leaves.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, ToSocketAddrs};
use tokio::time::timeout;

use crate::mqtt::codec::{self, MAX_PACKET_SIZE, Reader};
use crate::mqtt::packet::{Connect, Level, Notice, Subscribe};
use crate::mqtt::{ClientId, Filter, Packet, PacketId, QoS, Topic};

/// How long it may take in all.
const LIMIT: Duration = Duration::from_secs(3);
/// MQTT 3.1.1 does not say when the retained messages are all there. Brokers send them behind SUBACK;
/// with none for so long, there are no more.
const SILENCE: Duration = Duration::from_millis(100);

/// What the broker at that address retains, `$` topics left out.
///
/// # Errors
/// When it does not answer as a broker, or not in time.
pub async fn retained(address: impl ToSocketAddrs) -> io::Result<BTreeMap<Topic, Bytes>> {
    timeout(LIMIT, ask(address)).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

async fn ask(address: impl ToSocketAddrs) -> io::Result<BTreeMap<Topic, Bytes>> {
    let mut stream = TcpStream::connect(address).await?;
    let connect = Connect {
        client_id: ClientId::new(&format!("twinboard-{}", std::process::id())),
        // Rumqttd takes nobody without one.
        keep_alive_s: 60,
        ..Connect::unknown(Level::V311)
    };
    let all = Filter::parse("#").expect("a filter");
    let id = PacketId::MIN;
    let subscribe = Subscribe::new(id, vec![(all, QoS::AtMostOnce.into())]);
    send(&mut stream, &Packet::Connect(Box::new(connect))).await?;
    send(&mut stream, &Packet::Subscribe(subscribe)).await?;
    let mut reader = Reader::new(Level::V311, MAX_PACKET_SIZE);
    let (mut buffer, mut found, mut answered) = (BytesMut::new(), BTreeMap::new(), false);
    loop {
        while let Some(packet) = reader.read(&mut buffer).map_err(io::Error::other)? {
            match packet {
                Packet::ConnAck(answer) if answer.reason.is_error() => {
                    return Err(io::Error::other(format!("it answers {}", answer.reason)));
                }
                Packet::SubAck(_) => answered = true,
                Packet::Publish(publish) if publish.retain && !publish.topic.is_dollar() => {
                    found.insert(publish.topic, publish.payload);
                }
                _ => {}
            }
        }
        let read = stream.read_buf(&mut buffer);
        let read = if answered { timeout(SILENCE, read).await } else { Ok(read.await) };
        match read {
            Ok(Ok(0)) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => drop(read?),
            Err(_) => break,
        }
    }
    send(&mut stream, &Packet::Disconnect(Notice::default())).await?;
    Ok(found)
}

async fn send(stream: &mut TcpStream, packet: &Packet) -> io::Result<()> {
    let mut bytes = BytesMut::new();
    codec::write(packet, Level::V311, &mut bytes);
    stream.write_all(&bytes).await
}
