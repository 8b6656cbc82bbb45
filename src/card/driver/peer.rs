//! The broker's end of a connection, written by hand packet by packet.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Far longer than anything here takes; a test that waits this long has failed.
pub(super) const LIMIT: Duration = Duration::from_secs(20);

/// The broker's end of a connection.
pub(super) struct Peer(pub(super) TcpStream);

impl Peer {
    pub(super) async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.expect("the client reads");
    }

    pub(super) async fn answer(&mut self, kind: u8, id: u16) {
        let [high, low] = id.to_be_bytes();
        self.send(&[kind, 2, high, low]).await;
    }

    /// QoS 2 PUBLISH on topic "t".
    pub(super) async fn send_publish(&mut self, dup: bool, id: u16, payload: &[u8]) {
        let mut packet = vec![if dup { 0x3c } else { 0x34 }];
        let mut left = 5 + payload.len();
        loop {
            let byte = u8::try_from(left % 128).expect("below 128");
            left /= 128;
            packet.push(if left > 0 { byte | 128 } else { byte });
            if left == 0 {
                break;
            }
        }
        packet.extend([0, 1, b't']);
        packet.extend(id.to_be_bytes());
        packet.extend(payload);
        self.send(&packet).await;
    }

    /// The next packet's first byte and body, or nothing at the end of the connection.
    pub(super) async fn try_receive(&mut self) -> Option<(u8, Vec<u8>)> {
        let read = async {
            let kind = self.0.read_u8().await.ok()?;
            let length = self.0.read_u8().await.ok()?;
            assert!(length < 128, "no packet of these tests' client is that long");
            let mut body = vec![0; length.into()];
            self.0.read_exact(&mut body).await.ok()?;
            Some((kind, body))
        };
        timeout(LIMIT, read).await.expect("a packet or the end")
    }

    pub(super) async fn receive(&mut self) -> (u8, Vec<u8>) {
        self.try_receive().await.expect("a packet, not the end")
    }

    pub(super) async fn expect(&mut self, kind: u8, id: u16) {
        assert_eq!(self.receive().await, (kind, id.to_be_bytes().to_vec()));
    }

    /// Expects a retained QoS 2 PUBLISH of `number` on "t"; gives its id.
    pub(super) async fn expect_publish(&mut self, dup: bool, number: u8) -> u16 {
        let (kind, body) = self.receive().await;
        assert_eq!(kind, if dup { 0x3d } else { 0x35 });
        assert_eq!(&body[..3], [0, 1, b't']);
        assert_eq!(body[5..], *number.to_string().as_bytes());
        u16::from_be_bytes([body[3], body[4]])
    }

    pub(super) async fn complete(&mut self, id: u16) {
        self.answer(0x50, id).await;
        self.expect(0x62, id).await;
        self.answer(0x70, id).await;
    }
}
