//! Dialling for a bridge: from an address as a conf file has it to a connection, or to a reason in
//! words.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};

use crate::broker::{Address, BridgeNumber};

/// How long a dial may take, with all numbers a host's name stands for.
const LIMIT: Duration = Duration::from_secs(5);

/// Where a bridge connects for an address; none means to the host it names. A lab leads the addresses of
/// its own boards to their cables.
pub type Route = Box<dyn Fn(BridgeNumber, &Address) -> Option<SocketAddr> + Send + Sync>;

/// Connects to `address`, or to where `routed` leads instead.
///
/// # Errors
/// In words: "connection refused at 127.0.0.1:1883".
pub(super) async fn dial(
    address: &Address,
    routed: Option<SocketAddr>,
) -> Result<TcpStream, String> {
    let deadline = Instant::now() + LIMIT;
    let targets = match routed {
        Some(target) => vec![target],
        None => look_up(address, deadline).await?,
    };
    let mut reason = format!("{} has no address", address.host);
    for (index, target) in targets.iter().enumerate() {
        // A number that does not answer must leave time for the next.
        let left = deadline.saturating_duration_since(Instant::now());
        let share = u32::try_from(targets.len() - index).map_or(left, |parts| left / parts);
        match connect(*target, Instant::now() + share).await {
            Ok(stream) => return Ok(stream),
            Err(why) => reason = why,
        }
    }
    Err(reason)
}

/// Connects to `target`, however long that takes.
///
/// # Errors
/// In words, as [`dial`].
pub(super) async fn connect_now(target: SocketAddr) -> Result<TcpStream, String> {
    connect(target, Instant::now() + LIMIT).await
}

async fn connect(target: SocketAddr, deadline: Instant) -> Result<TcpStream, String> {
    let connected = timeout_at(deadline, TcpStream::connect(target)).await;
    let stream = match connected {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(in_words(&error, target)),
        Err(_) => return Err(format!("no answer from {target}")),
    };
    stream.set_nodelay(true).map_err(|error| in_words(&error, target))?;
    Ok(stream)
}

async fn look_up(address: &Address, deadline: Instant) -> Result<Vec<SocketAddr>, String> {
    let Address { host, port } = address;
    if let Ok(number) = host.parse::<IpAddr>() {
        return Ok(vec![(number, *port).into()]);
    }
    match timeout_at(deadline, lookup_host((host.as_str(), *port))).await {
        Ok(Ok(found)) => Ok(found.collect()),
        Ok(Err(error)) => Err(format!("the host {host:?} is not known: {error}")),
        Err(_) => Err(format!("looking up the host {host:?} takes too long")),
    }
}

fn in_words(error: &io::Error, target: SocketAddr) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => format!("connection refused at {target}"),
        io::ErrorKind::HostUnreachable => format!("no way to the host of {target}"),
        io::ErrorKind::NetworkUnreachable => format!("no way to the network of {target}"),
        _ => format!("{target}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::bind;

    fn address(host: &str, port: u16) -> Address {
        Address { host: host.to_owned(), port }
    }

    #[tokio::test]
    async fn reasons_in_words() {
        let free = bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
        let port = free.local_addr().expect("bound").port();
        drop(free);
        let check = async |address: &Address, routed: Option<SocketAddr>, expected: &str| {
            let reason = dial(address, routed).await.expect_err("nobody there");
            assert!(reason.contains(expected), "{reason}");
        };
        let refused = format!("connection refused at 127.0.0.1:{port}");
        check(&address("127.0.0.1", port), None, &refused).await;
        let routed = SocketAddr::from(([127, 0, 0, 1], port));
        check(&address("board1.example", 1883), Some(routed), &refused).await;
        check(&address("no such host", 1883), None, "is not known").await;
    }
}
