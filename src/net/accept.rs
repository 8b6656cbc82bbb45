//! Taking connections from a listener, come what may.

use std::io;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// How long to wait when the system is out of files or memory: connections that end give some back.
const BREATH: Duration = Duration::from_millis(100);

/// The next connection. What fails on the way concerns one connection only or passes by itself, so
/// the listener goes on; `name` says whose listener it is, for the log.
pub(super) async fn accept(listener: &TcpListener, name: &str) -> TcpStream {
    let mut troubled = false;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    // The connection is gone already; reading from it will say so.
                    tracing::debug!(name, %peer, %error, "no TCP_NODELAY");
                }
                return stream;
            }
            Err(error) if is_of_one_connection(&error) => {
                tracing::debug!(name, %error, "a connection ended before it was accepted");
            }
            Err(error) => {
                if !troubled {
                    tracing::warn!(name, %error, "cannot accept connections; trying on");
                }
                troubled = true;
                sleep(BREATH).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
