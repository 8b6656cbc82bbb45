//! Bridges: a `connection` line begins one, and every bridge option belongs to the last.

use std::collections::BTreeMap;
use std::time::Duration;

use super::line::{Line, Wrong, in_range, wrong};
use super::lines::{BridgeLines, RuleLine};
use super::log::not_yet;
use super::reader::Reader;
use super::{address, names, topic};
use crate::broker::BridgeSettings;
use crate::broker::settings::{Restart, StartType};
use crate::conf::error::Mistake;
use crate::mqtt::packet::Level;
use crate::mqtt::{ClientId, Topic};

/// What a bridge by MQTT 3.1 cannot know. [MQTT 3.1, section 3.2]
const V31: &str = "MQTT 3.1 does not say whether the far broker kept the bridge's session: what is \
                   under way when a connection ends goes again as new, and may arrive twice";

/// A bridge while its section is read.
pub(super) struct Section {
    settings: BridgeSettings,
    lines: BridgeLines,
    local_clientid: Option<ClientId>,
    local_cleansession: Option<bool>,
    /// Whether there is an `address` line and a `topic` line, be they right or wrong.
    addressed: bool,
    has_topic: bool,
    /// A mistake at the `connection` line, to be filled in.
    line: Mistake,
    /// Likewise at the line that gave the remote password.
    password_line: Option<Mistake>,
}

/// Takes a line, if it is a bridge's.
pub(super) fn read(reader: &mut Reader<'_>, line: &Line<'_>) -> Result<bool, Wrong> {
    if line.option == "connection" {
        connection(reader, line)?;
        return Ok(true);
    }
    if !names::BRIDGE.contains(&line.option) {
        return Ok(false);
    }
    if reader.bridges.is_empty() {
        return Err(wrong(format!("`{}` belongs to a bridge, and none has begun", line.option))
            .help("put a line `connection NAME` above it"));
    }
    text_option(reader, line)?;
    timing_option(reader, line)?;
    if let Some(section) = reader.bridges.last_mut() {
        section.lines.note(line);
        plain_option(section, line)?;
        if line.option == "bridge_protocol_version" && section.settings.level == Level::V31 {
            reader.note(line, V31.to_owned());
        }
    }
    Ok(true)
}

fn connection(reader: &mut Reader<'_>, line: &Line<'_>) -> Result<(), Wrong> {
    let name = line.word();
    let known = name
        .as_ref()
        .is_ok_and(|name| reader.bridges.iter().any(|section| section.settings.name == **name));
    // A section begins in any case, so that the lines below do not count as mistakes as well.
    let text = name.as_ref().map_or("", |name| name);
    reader.bridges.push(Section {
        settings: BridgeSettings::new(text, reader.host),
        lines: BridgeLines::new(line.number),
        local_clientid: None,
        local_cleansession: None,
        addressed: false,
        has_topic: false,
        line: reader.mistake(line, wrong("")),
        password_line: None,
    });
    if known {
        return Err(wrong(format!("there is a bridge `{text}` already"))
            .help("give each `connection` a name of its own"));
    }
    name.map(drop)
}

/// Options whose value is text that mosquitto takes once in a section.
fn text_option(reader: &mut Reader<'_>, line: &Line<'_>) -> Result<(), Wrong> {
    let value = match line.option {
        "address" | "addresses" | "clientid" | "remote_clientid" | "local_clientid"
        | "username" | "remote_username" | "password" | "remote_password"
        | "notification_topic" => reader.once(line),
        _ => return Ok(()),
    };
    let mistake = reader.mistake(line, wrong(""));
    let Some(section) = reader.bridges.last_mut() else { return Ok(()) };
    section.addressed |= line.option.starts_with("address");
    let value = value?;
    let settings = &mut section.settings;
    match line.option {
        "address" | "addresses" => {
            settings.addresses = line.words().map(address::parse).collect::<Result<_, _>>()?;
        }
        "clientid" | "remote_clientid" => {
            check_remote(value)?;
            settings.remote_clientid = ClientId::new(value);
        }
        "local_clientid" => section.local_clientid = Some(ClientId::new(value)),
        "username" | "remote_username" => settings.remote_username = Some(value.to_owned()),
        "password" | "remote_password" => {
            settings.remote_password = Some(value.to_owned());
            section.password_line = Some(mistake);
        }
        "notification_topic" => {
            let topic = Topic::parse(value)
                .map_err(|why| wrong(format!("`{value}` is no topic: {why}")))?;
            settings.notification_topic = Some(topic);
        }
        _ => {}
    }
    Ok(())
}

fn plain_option(section: &mut Section, line: &Line<'_>) -> Result<(), Wrong> {
    let settings = &mut section.settings;
    match line.option {
        "topic" => {
            section.has_topic = true;
            let (rule, says_qos) = topic::parse(line)?;
            settings.rules.push(rule);
            section.lines.rules.push(RuleLine { line: line.number, says_qos });
        }
        "cleansession" => settings.cleansession = line.bool()?,
        "local_cleansession" => section.local_cleansession = Some(line.bool()?),
        "try_private" => settings.try_private = line.bool()?,
        "notifications" => settings.notifications = line.bool()?,
        "notifications_local_only" => settings.notifications_local_only = line.bool()?,
        "round_robin" => settings.round_robin = line.bool()?,
        "bridge_attempt_unsubscribe" => settings.attempt_unsubscribe = line.bool()?,
        "bridge_outgoing_retain" => settings.outgoing_retain = line.bool()?,
        "start_type" => {
            settings.start = match line.word()? {
                "automatic" => StartType::Automatic,
                "once" => StartType::Once,
                "lazy" => return Err(not_yet("start_type lazy")),
                other => {
                    return Err(wrong(format!("`start_type` takes no `{other}`"))
                        .help("it takes automatic or once"));
                }
            }
        }
        "bridge_protocol_version" => {
            settings.level = match line.word()? {
                "mqttv31" => Level::V31,
                "mqttv311" => Level::V311,
                "mqttv50" => Level::V5,
                other => {
                    return Err(wrong(format!("`bridge_protocol_version` takes no `{other}`"))
                        .help("it takes mqttv31, mqttv311 or mqttv50"));
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// Times that mosquitto puts right where they are too short or too long, and says so.
fn timing_option(reader: &mut Reader<'_>, line: &Line<'_>) -> Result<(), Wrong> {
    let mut notes = Vec::new();
    let mut clamp = |what: &str, seconds: i64, least: i64, most: i64| {
        let used = seconds.clamp(least, most);
        if used != seconds {
            notes.push(format!("{what} of {seconds} seconds is taken for {used}"));
        }
        Duration::from_secs(used.unsigned_abs())
    };
    let Some(section) = reader.bridges.last_mut() else { return Ok(()) };
    match line.option {
        "keepalive_interval" => {
            let seconds = line.number(i64::from(i32::MIN)..=i64::from(u16::MAX))?;
            section.settings.keepalive_interval =
                clamp("a keepalive interval", seconds, 5, i64::from(u16::MAX));
        }
        "restart_timeout" => {
            line.text()?;
            let numbers = line
                .words()
                .map(|word| in_range("restart_timeout", word, &(0..=i64::from(i32::MAX))))
                .collect::<Result<Vec<_>, _>>()?;
            let restart = &mut section.settings.restart;
            let wait = |base| clamp("a restart timeout", base, 1, 3600);
            *restart = restart_timeout(&numbers, *restart, wait)?;
        }
        _ => {}
    }
    for note in notes {
        reader.note(line, note);
    }
    Ok(())
}

fn restart_timeout(
    numbers: &[i64],
    before: Restart,
    mut wait: impl FnMut(i64) -> Duration,
) -> Result<Restart, Wrong> {
    let seconds = |number: i64| Duration::from_secs(number.unsigned_abs());
    let (base, cap, stable) = match *numbers {
        [constant] => (wait(constant), None, before.stable),
        [base, cap] => (wait(base), Some(cap), before.stable),
        [base, cap, stable] => (wait(base), Some(cap), seconds(stable)),
        _ => {
            return Err(wrong(
                "`restart_timeout` takes a base, a cap and a stable time, in seconds",
            ));
        }
    };
    let cap = cap.map_or(base, |cap| seconds(cap.min(7200)));
    if cap < base {
        return Err(wrong("the cap of `restart_timeout` is below its base")
            .help("write the shortest wait first: `restart_timeout 5 30`"));
    }
    Ok(Restart { base, cap, stable })
}

/// The remote client id becomes part of the notification topic, so it must be fit for one.
fn check_remote(id: &str) -> Result<(), Wrong> {
    Topic::parse(&format!("$SYS/broker/connection/{id}/state")).map(drop).map_err(|why| {
        wrong(format!("`{id}` cannot stand in the bridge's notification topic: {why}"))
            .help("choose a `remote_clientid` without + and #")
    })
}

/// Hands the bridges over, and what is wrong with them as a whole.
pub(super) fn finish(reader: &mut Reader<'_>) {
    let mut local_ids = BTreeMap::new();
    for section in std::mem::take(&mut reader.bridges) {
        let failed = |line: &Mistake, wrong: Wrong| Mistake {
            sort: wrong.sort,
            what: wrong.what,
            help: wrong.help,
            ..line.clone()
        };
        let mut settings = section.settings;
        let name = settings.name.clone();
        if !section.addressed {
            let wrong = wrong(format!("the bridge `{name}` has no address"))
                .help("add the far broker: `address HOST:PORT`");
            reader.mistakes.push(failed(&section.line, wrong));
        }
        if !section.has_topic {
            let wrong = wrong(format!("the bridge `{name}` has no topic, so nothing would cross"))
                .help("add what is to cross: `topic PATTERN in|out|both QOS`");
            reader.mistakes.push(failed(&section.line, wrong));
        }
        if let Err(wrong) = check_remote(settings.remote_clientid.as_str()) {
            reader.mistakes.push(failed(&section.line, wrong));
        }
        if let (Some(line), None) = (&section.password_line, &settings.remote_username) {
            // [MQTT-3.1.2-22]
            let wrong = wrong("a password needs a name").help("add `remote_username NAME`");
            reader.mistakes.push(failed(line, wrong));
        }
        settings.local_cleansession = section.local_cleansession.unwrap_or(settings.cleansession);
        settings.local_clientid = section
            .local_clientid
            .unwrap_or_else(|| ClientId::new(&format!("local.{}", settings.remote_clientid)));
        let id = settings.local_clientid.clone();
        if let Some(other) = local_ids.insert(id.clone(), name.clone()).filter(|it| *it != name) {
            let wrong =
                wrong(format!("`{name}` and `{other}` have the same local client id `{id}`"))
                    .help("give one of them a `local_clientid` or a `remote_clientid` of its own");
            reader.mistakes.push(failed(&section.line, wrong));
        }
        reader.config.settings.bridges.push(settings);
        reader.config.lines.bridges.push(section.lines);
    }
}
