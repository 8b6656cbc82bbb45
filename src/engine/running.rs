//! A broker that runs, whichever it is.

use std::net::SocketAddr;

use super::{EngineError, Process};
use crate::broker::{BridgeNumber, BridgeOrder, Status};
use crate::conf::Engine;
use crate::net::{BrokerHandle, Target};

/// A broker that runs.
#[derive(Debug)]
pub enum Running {
    /// Ours.
    Native(BrokerHandle),
    /// A process, and where it listens: an address for each public port of its board.
    Process {
        /// What it is.
        engine: Engine,
        /// The process.
        process: Process,
        /// Where it listens.
        addresses: Vec<SocketAddr>,
    },
    /// Somebody else's, there.
    Remote(Target),
}

/// A name for people and the places of messages: which engines could do what another cannot.
const NATIVE_ALONE: &str = "the native engine alone can do that";

impl Running {
    /// Where the cable of that public port leads to it.
    #[must_use]
    pub fn target(&self, port: usize) -> Target {
        match self {
            Self::Native(broker) => Target::Inside(broker.door()),
            Self::Process { addresses, .. } => {
                let found = addresses.get(port).or(addresses.first()).copied();
                found.map_or(Target::Nowhere, Target::At)
            }
            Self::Remote(target) => target.clone(),
        }
    }

    /// Where it listens behind the cables; none, where it is somebody else's.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Native(broker) => broker.addresses().first().copied(),
            Self::Process { addresses, .. } => addresses.first().copied(),
            Self::Remote(_) => None,
        }
    }

    /// What it says of itself; nothing, where it is not ours.
    pub async fn status(&self) -> Status {
        match self {
            Self::Native(broker) => broker.status().await.unwrap_or_default(),
            Self::Process { .. } | Self::Remote(_) => Status::default(),
        }
    }

    /// Why it ended by itself, if it did.
    pub fn ended(&mut self) -> Option<String> {
        match self {
            Self::Native(broker) => broker
                .has_ended()
                .then(|| "the broker ended by a defect; start it again".to_owned()),
            Self::Process { process, .. } => {
                process.ended().map(|error| format!("{error}; start it again"))
            }
            Self::Remote(_) => None,
        }
    }

    /// Asks one of its bridges to do something.
    ///
    /// # Errors
    /// When its bridges do not listen to orders.
    pub fn order(&self, bridge: BridgeNumber, order: BridgeOrder) -> Result<(), EngineError> {
        let Self::Native(broker) = self else {
            return Err(EngineError::Cannot(format!(
                "{}'s bridges cannot be told what to do one by one: cut their cables, or stop the \
                 broker; {NATIVE_ALONE}",
                self.name()
            )));
        };
        broker.order(bridge, order);
        Ok(())
    }

    /// Ends it politely. When this returns, its ports are free and its state is written.
    ///
    /// # Errors
    /// When it could not keep everything.
    pub async fn stop(self) -> Result<(), String> {
        match self {
            Self::Native(broker) => broker.stop().await.map_err(|error| error.to_string()),
            Self::Process { process, .. } => process.stop().await.map_err(|it| it.to_string()),
            Self::Remote(_) => Ok(()),
        }
    }

    /// Ends it as a pulled plug does.
    pub async fn kill(self) {
        match self {
            Self::Native(broker) => broker.kill().await,
            Self::Process { process, .. } => process.kill().await,
            Self::Remote(_) => {}
        }
    }

    /// Lets it do nothing at all; its connections stay open, and it loses nothing.
    ///
    /// # Errors
    /// When it cannot be frozen.
    pub async fn freeze(&self) -> Result<(), EngineError> {
        match self {
            Self::Native(broker) => {
                broker.freeze().await;
                Ok(())
            }
            Self::Process { process, .. } => process.freeze(),
            Self::Remote(_) => Err(self.cannot_freeze()),
        }
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When it cannot be frozen.
    pub fn thaw(&self) -> Result<(), EngineError> {
        match self {
            Self::Native(broker) => {
                broker.thaw();
                Ok(())
            }
            Self::Process { process, .. } => process.thaw(),
            Self::Remote(_) => Err(self.cannot_freeze()),
        }
    }

    fn cannot_freeze(&self) -> EngineError {
        let name = self.name();
        EngineError::Cannot(format!("{name} cannot be frozen: native, mosquitto and rumqttd can"))
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Native(_) => Engine::Native.name(),
            Self::Process { engine, .. } => engine.name(),
            Self::Remote(_) => "a remote broker",
        }
    }
}
