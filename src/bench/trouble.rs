//! What can go wrong in a run, in words that say what to do.

use std::io;

use super::frame::Garbled;

/// Why a run has no figures.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Somebody wished to end.
    #[error("ended early")]
    Stopped,
    #[error("{0}: {1}")]
    Io(&'static str, #[source] io::Error),
    #[error(
        "the broker closed a connection in the middle of the load; look into its log, or try \
         `--protocol 3.1.1`"
    )]
    Closed,
    #[error(
        "the broker refused a client (code {0}); it must speak this protocol, let anonymous clients \
         in, and have room for as many connections as the load needs"
    )]
    Refused(u8),
    #[error("the broker refused a message (reason {0:#04x}); raise its limits")]
    MessageRefused(u8),
    #[error("the broker refused the subscription (code {0:#04x})")]
    SubscriptionRefused(u8),
    #[error("the broker sent bytes that are no MQTT packet")]
    Garbled,
    #[error("nothing came for {0} s while {1}")]
    Silence(u64, &'static str),
    #[error("{0}")]
    Start(String),
}

impl From<Garbled> for Trouble {
    fn from(_: Garbled) -> Self {
        Self::Garbled
    }
}
