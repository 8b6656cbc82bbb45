//! rumqttd 0.20, as fast as its settings let it be: large segments, so that what is published is
//! still there for a slow reader, and no limit of connections that a load would meet.
//!
//! Its own program serves a listener on one thread; here its connections share as many threads as
//! there are processors, which is faster for most loads.
//!
//! It has no call to stop; its process is ended. It refuses keep-alive 0. A listener speaks one version
//! of MQTT: for a board, 3.1.1, as the boards' programs and bridges do where nothing else is said.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use rumqttd::protocol::Protocol;
use rumqttd::protocol::v4::V4;
use rumqttd::protocol::v5::V5;
use rumqttd::{ConnectionSettings, LinkType, Router, RouterConfig, Server, ServerSettings};
use tokio::runtime::Builder;

use super::process::{Process, Recipe, Tell};
use super::{EngineError, free_ports, io as failed};

/// What it is called, with its version.
pub const VERSION: &str = "rumqttd 0.20";

/// As in the configuration that it comes with.
const SEGMENT_BYTES: usize = 100 * 1024 * 1024;
const SEGMENTS: usize = 10;
const OUTGOING_PACKETS: u64 = 200;
const INFLIGHT: usize = 100;
const CONNECTIONS: usize = 100_000;
const PAYLOAD_BYTES: usize = 1024 * 1024;
const CONNECT_WITHIN_MS: u16 = 60_000;

/// Runs it on that port of loopback, for MQTT 3.1.1 or for 5, until the process ends.
///
/// # Errors
/// When it cannot start.
pub fn run(port: u16, five: bool) -> io::Result<()> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let served = runtime
        .block_on(async { if five { serve(port, V5).await } else { serve(port, V4).await } });
    served.map_err(io::Error::other)
}

/// Starts it as a process of its own in the folder `state`, on a free port, by this program's file
/// `own`.
///
/// # Errors
/// When it does not start.
pub async fn start(
    own: &Path,
    state: &Path,
    tell: Tell,
) -> Result<(Process, SocketAddr), EngineError> {
    let cannot = || format!("cannot make the folder {}", state.display());
    std::fs::create_dir_all(state).map_err(failed(cannot()))?;
    let port = free_ports(1)?[0];
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let recipe = Recipe {
        engine: "rumqttd",
        program: own,
        arguments: ["rumqttd", "--port", &port.to_string()].map(Into::into).to_vec(),
        folder: state,
        own,
        addresses: vec![address],
        tell,
    };
    Ok((Process::start(recipe).await?, address))
}

async fn serve<P: Protocol + Clone + Send + 'static>(port: u16, protocol: P) -> Result<(), String> {
    let router = Router::new(0, router());
    let mut server = Server::new(server(port), router.spawn(), protocol);
    server.start(LinkType::Remote).await.map_err(|error| error.to_string())
}

fn router() -> RouterConfig {
    RouterConfig {
        max_connections: CONNECTIONS,
        max_outgoing_packet_count: OUTGOING_PACKETS,
        max_segment_size: SEGMENT_BYTES,
        max_segment_count: SEGMENTS,
        ..RouterConfig::default()
    }
}

fn server(port: u16) -> ServerSettings {
    ServerSettings {
        name: "rumqttd".to_owned(),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        tls: None,
        next_connection_delay_ms: 0,
        connections: ConnectionSettings {
            connection_timeout_ms: CONNECT_WITHIN_MS,
            max_payload_size: PAYLOAD_BYTES,
            max_inflight_count: INFLIGHT,
            auth: None,
            external_auth: None,
            dynamic_filters: true,
        },
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_is_the_one_that_is_built_in() {
        let locked = include_str!("../../Cargo.lock");
        let version = super::VERSION.strip_prefix("rumqttd ").expect("a name and a version");
        assert!(locked.contains(&format!("name = \"rumqttd\"\nversion = \"{version}.")));
    }
}
