//! Binding a listener's port, and saying in words why that failed.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;

use super::port_owner::{self, PortOwner};

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1024;

/// Why a listener could not be had.
#[derive(Debug, Error)]
pub enum BindError {
    /// Somebody listens there already.
    #[error("port {} on {} is taken{}; stop what listens there, or choose another port",
            .address.port(), .address.ip(), Owned(.owner.as_ref()))]
    Taken {
        /// Where.
        address: SocketAddr,
        /// By whom, where the system tells.
        owner: Option<PortOwner>,
    },
    /// The system lets this user not have that port.
    #[error("this user may not listen on port {} of {}; choose a port of 1024 or above",
            .0.port(), .0.ip())]
    Denied(SocketAddr),
    /// This machine has no such address.
    #[error("{} is no address of this machine; choose 127.0.0.1, 0.0.0.0 or one it has", .0.ip())]
    NoSuchAddress(SocketAddr),
    /// Anything else.
    #[error("cannot listen on {address}: {source}")]
    Other {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

struct Owned<'a>(Option<&'a PortOwner>);

impl fmt::Display for Owned<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |owner| write!(f, " by {owner}"))
    }
}

/// Listens on `address`; port 0 gives a free one. A port whose last listener has just gone can be
/// had at once.
///
/// # Errors
/// See [`BindError`].
pub fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    listen(address).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => {
            BindError::Taken { address, owner: port_owner::find(address.port()) }
        }
        io::ErrorKind::PermissionDenied => BindError::Denied(address),
        io::ErrorKind::AddrNotAvailable => BindError::NoSuchAddress(address),
        _ => BindError::Other { address, source },
    })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // So that a listener of its own can have the same port of IPv4.
        socket.set_only_v6(true)?;
    }
    // On Windows the same option would let two programs share the port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named() {
        let first = bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        let address = first.local_addr().expect("bound");
        let error = bind(address).expect_err("it is taken").to_string();
        assert!(error.starts_with(&format!("port {} on 127.0.0.1 is taken", address.port())));
        #[cfg(target_os = "linux")]
        assert!(error.contains("taken by this program itself"), "{error}");
        drop(first);
        bind(address).expect("free again");
    }

    #[test]
    fn errors_say_what_to_do() {
        let check = |address: &str, expected: &str| {
            let error = bind(address.parse().expect("an address")).expect_err("not to be had");
            assert!(error.to_string().contains(expected), "{error}");
        };
        check("192.0.2.1:0", "no address of this machine");
    }
}
