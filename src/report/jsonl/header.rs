//! The first line of a trace in JSON lines.

use serde::{Deserialize, Serialize};

use crate::lab::ledger::BridgeFacts;
use crate::lab::name::CableName;
use crate::lab::plan::Plan;
use crate::lab::trace::Party;
use crate::mqtt::{ClientId, Direction, QoS, Rule};

/// What says that a file is such a trace.
const FORMAT: &str = "twinboard trace";
/// Counts up when older readers would not understand.
const VERSION: u32 = 1;

/// What is known of a trace as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    format: String,
    version: u32,
    /// The scenario's short name, or what was watched.
    pub scenario: String,
    /// What times count from.
    epoch: String,
    /// The local time's distance from UTC, in seconds.
    pub utc_offset_s: i32,
    /// The bridges of the system.
    pub bridges: Vec<WrittenBridge>,
}

/// A bridge as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenBridge {
    cable: CableName,
    local: Party,
    remote: Party,
    local_session: ClientId,
    remote_session: ClientId,
    rules: Vec<WrittenRule>,
    kept: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRule {
    pattern: String,
    direction: WrittenDirection,
    qos: QoS,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    local_prefix: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    remote_prefix: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenDirection {
    Out,
    In,
    Both,
}

impl Header {
    /// Of a trace of these bridges.
    #[must_use]
    pub fn new(scenario: &str, utc_offset_s: i32, bridges: &[BridgeFacts]) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            scenario: scenario.to_owned(),
            epoch: "1970-01-01T00:00:00Z".to_owned(),
            utc_offset_s,
            bridges: bridges.iter().map(WrittenBridge::from).collect(),
        }
    }

    /// Of a plan's run.
    #[must_use]
    pub fn of_plan(plan: &Plan, utc_offset_s: i32) -> Self {
        Self::new(&plan.name, utc_offset_s, &plan.bridge_facts())
    }

    /// What a ledger has to know of the bridges.
    ///
    /// # Errors
    /// In words, when a rule is none.
    pub fn bridge_facts(&self) -> Result<Vec<BridgeFacts>, String> {
        self.bridges.iter().map(WrittenBridge::facts).collect()
    }

    /// Reads it.
    ///
    /// # Errors
    /// What it is instead, and what to do.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let any: serde_json::Value = serde_json::from_str(text)
            .map_err(|_| "this is no trace: its first line is no JSON; write one with --trace")?;
        if any["format"] != FORMAT {
            return Err(format!(
                "this is no trace: its first line has no \"format\":\"{FORMAT}\"; write one with \
                 --trace"
            ));
        }
        if any["version"] != VERSION {
            return Err(format!(
                "this trace has version {}, and this program reads version {VERSION}: read it with \
                 the twinboard that wrote it",
                any["version"]
            ));
        }
        serde_json::from_value(any).map_err(|error| format!("the header is broken: {error}"))
    }
}

impl From<&BridgeFacts> for WrittenBridge {
    fn from(facts: &BridgeFacts) -> Self {
        let BridgeFacts { cable, local, remote, local_session, remote_session, rules, kept } =
            facts.clone();
        let rules = rules.iter().map(WrittenRule::from).collect();
        Self { cable, local, remote, local_session, remote_session, rules, kept }
    }
}

impl WrittenBridge {
    fn facts(&self) -> Result<BridgeFacts, String> {
        let Self { cable, local, remote, local_session, remote_session, rules, kept } =
            self.clone();
        let rules = rules.iter().map(WrittenRule::rule).collect::<Result<_, _>>()?;
        Ok(BridgeFacts { cable, local, remote, local_session, remote_session, rules, kept })
    }
}

impl From<&Rule> for WrittenRule {
    fn from(rule: &Rule) -> Self {
        Self {
            pattern: rule.pattern().to_owned(),
            direction: match rule.direction() {
                Direction::Out => WrittenDirection::Out,
                Direction::In => WrittenDirection::In,
                Direction::Both => WrittenDirection::Both,
            },
            qos: rule.qos(),
            local_prefix: rule.local_prefix().to_owned(),
            remote_prefix: rule.remote_prefix().to_owned(),
        }
    }
}

impl WrittenRule {
    fn rule(&self) -> Result<Rule, String> {
        let direction = match self.direction {
            WrittenDirection::Out => Direction::Out,
            WrittenDirection::In => Direction::In,
            WrittenDirection::Both => Direction::Both,
        };
        let Self { pattern, qos, local_prefix, remote_prefix, .. } = self;
        Rule::new(pattern, direction, *qos, local_prefix, remote_prefix)
            .map_err(|why| format!("the header's rule for {pattern:?} is none: {why}"))
    }
}
