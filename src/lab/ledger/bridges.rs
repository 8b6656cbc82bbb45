//! What is known of the bridges before anything happens: from the conf files.

use super::session::SessionKey;
use crate::broker::BridgeSettings;
use crate::lab::name::CableName;
use crate::lab::trace::Party;
use crate::mqtt::{ClientId, Rule, Topic};

/// One bridge.
#[derive(Debug, Clone)]
pub struct BridgeFacts {
    /// Its cable, by which its connections are known.
    pub cable: CableName,
    /// The broker that dials.
    pub local: Party,
    /// The broker that is dialled.
    pub remote: Party,
    /// The name of its session in the local broker.
    pub local_session: ClientId,
    /// The name of its session in the remote broker.
    pub remote_session: ClientId,
    /// Its `topic` lines.
    pub rules: Vec<Rule>,
    /// Whether what waits locally outlives its connection.
    pub kept: bool,
}

impl BridgeFacts {
    /// The facts of a bridge between these two.
    #[must_use]
    pub fn new(settings: &BridgeSettings, local: Party, remote: Party) -> Self {
        Self {
            cable: CableName::new(&settings.name),
            local,
            remote,
            local_session: settings.local_clientid.clone(),
            remote_session: settings.remote_clientid.clone(),
            rules: settings.rules.clone(),
            kept: !settings.local_cleansession,
        }
    }

    /// The rule that takes a local topic out, and what it is called there.
    #[must_use]
    pub fn out(&self, topic: &Topic) -> Option<(&Rule, Topic)> {
        self.rules.iter().find_map(|rule| Some((rule, rule.to_remote(topic)?)))
    }

    /// The rule that brings a remote topic in, and what it is called here.
    #[must_use]
    pub fn comes_in(&self, topic: &Topic) -> Option<(&Rule, Topic)> {
        self.rules.iter().find_map(|rule| Some((rule, rule.to_local(topic)?)))
    }

    /// The broker at the other end, where that is one of its two sessions.
    pub(in crate::lab) fn far(&self, session: &SessionKey) -> Option<&Party> {
        if self.is_local(session) {
            Some(&self.remote)
        } else if self.is_remote(session) {
            Some(&self.local)
        } else {
            None
        }
    }

    /// Whether that is its session at the broker that dials.
    #[must_use]
    pub fn is_local(&self, session: &SessionKey) -> bool {
        self.local == session.broker && self.local_session == session.client
    }

    /// Whether that is its session at the broker that is dialled.
    #[must_use]
    pub fn is_remote(&self, session: &SessionKey) -> bool {
        self.remote == session.broker && self.remote_session == session.client
    }
}
