//! The log of `twinboard broker`, as its conf file wants it.

use std::fs::{File, OpenOptions};
use std::io::Write;

use anyhow::Context;
use time::OffsetDateTime;

use crate::broker::Event;
use crate::conf::mosquitto::Log as Wanted;
use crate::conf::mosquitto::log::{Destination, LogType};

/// Where lines go, and which.
pub struct Log {
    wanted: Wanted,
    everything: bool,
    files: Vec<File>,
}

impl Log {
    /// Opens the log; `everything` overrides the file's choice of types.
    ///
    /// # Errors
    /// When a file of `log_dest` cannot be opened.
    pub fn open(wanted: Wanted, everything: bool) -> anyhow::Result<Self> {
        let mut files = Vec::new();
        for destination in &wanted.destinations {
            if let Destination::File(path) = destination {
                let file = OpenOptions::new().create(true).append(true).open(path);
                files.push(file.with_context(|| format!("log_dest file {}", path.display()))?);
            }
        }
        Ok(Self { wanted, everything, files })
    }

    /// Whether lines of that type are wanted.
    pub fn wants(&self, kind: LogType) -> bool {
        self.everything || self.wanted.types.contains(&kind)
    }

    /// Writes a line. One that cannot be written has nowhere else to be told.
    pub fn line(&mut self, kind: LogType, text: &str) {
        if !self.wants(kind) {
            return;
        }
        let line = if self.wanted.timestamp {
            // As mosquitto writes it: seconds since 1970.
            format!("{}: {text}\n", OffsetDateTime::now_utc().unix_timestamp())
        } else {
            format!("{text}\n")
        };
        for destination in &self.wanted.destinations {
            match destination {
                Destination::Stdout => print!("{line}"),
                Destination::Stderr => eprint!("{line}"),
                Destination::File(_) => {}
            }
        }
        for file in &mut self.files {
            if let Err(error) = file.write_all(line.as_bytes()) {
                tracing::error!(%error, "the log file takes no more");
            }
        }
    }

    /// Writes what a broker told of itself.
    pub fn event(&mut self, event: &Event) {
        let comes_and_goes = matches!(event, Event::Connected { .. } | Event::Disconnected { .. });
        if !comes_and_goes || self.wanted.connection_messages {
            self.line(kind(event), &event.to_string());
        }
    }
}

fn kind(event: &Event) -> LogType {
    match event {
        Event::Published { .. }
        | Event::TakenOut { .. }
        | Event::Queued { .. }
        | Event::Sent { .. }
        | Event::Delivered { .. }
        | Event::Committed { .. } => LogType::Debug,
        Event::Subscribed { .. } => LogType::Subscribe,
        Event::Unsubscribed { .. } => LogType::Unsubscribe,
        Event::Dropped { .. } | Event::RemoteForgot { .. } | Event::SubscriptionRefused { .. } => {
            LogType::Warning
        }
        Event::StoreFails { .. } => LogType::Error,
        Event::StoreWorks
        | Event::Connected { .. }
        | Event::Disconnected { .. }
        | Event::Refused { .. }
        | Event::SessionExpired { .. }
        | Event::BridgeDials { .. }
        | Event::BridgeUp { .. }
        | Event::BridgeDown { .. } => LogType::Notice,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::{ClientId, Filter, QoS};

    #[test]
    fn a_file_gets_what_is_wanted() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("broker.log");
        let wanted = Wanted {
            destinations: vec![Destination::File(path.clone())],
            types: vec![LogType::Error],
            timestamp: false,
            connection_messages: true,
        };
        let mut log = Log::open(wanted.clone(), false).expect("a log");
        log.line(LogType::Notice, "nobody wants this");
        log.event(&Event::StoreFails { reason: "full".to_owned() });
        let mut log = Log::open(wanted, true).expect("a log");
        log.event(&Event::StoreWorks);
        let text = std::fs::read_to_string(&path).expect("written");
        let expected = [Event::StoreFails { reason: "full".to_owned() }, Event::StoreWorks];
        assert_eq!(text, expected.map(|it| format!("{it}\n")).concat());
    }

    /// `log_type subscribe` and `log_type unsubscribe`.
    #[test]
    fn subscriptions() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("broker.log");
        let wanted = Wanted {
            destinations: vec![Destination::File(path.clone())],
            types: vec![LogType::Subscribe, LogType::Unsubscribe],
            timestamp: false,
            connection_messages: true,
        };
        let mut log = Log::open(wanted, false).expect("a log");
        let client = ClientId::new("c");
        let filter = Filter::parse("$share/g/a/#").expect("a filter");
        let (gone, qos) = (filter.clone(), QoS::ExactlyOnce);
        log.event(&Event::Subscribed { client: client.clone(), filter, qos });
        log.event(&Event::Unsubscribed { client, filter: gone });
        log.event(&Event::StoreWorks);
        let text = std::fs::read_to_string(&path).expect("written");
        let expected = [
            "c is subscribed to $share/g/a/# (QoS 2)\n",
            "c is not subscribed to $share/g/a/# any more\n",
        ];
        assert_eq!(text, expected.concat());
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_named() {
        let destinations = vec![Destination::File("/nowhere/at/all.log".into())];
        let error = Log::open(Wanted { destinations, ..Wanted::default() }, false).err();
        let error = format!("{:#}", error.expect("no such folder"));
        assert!(error.contains("log_dest file /nowhere/at/all.log"), "{error}");
    }
}
