//! Listeners: `listener`, the older `port` and `bind_address`, and what belongs to a listener.

use std::mem::discriminant;

use super::Listener;
use super::line::{Line, Wrong, in_range, wrong};
use super::log::not_yet;
use super::reader::Reader;
use crate::broker::Limits;
use crate::conf::error::{Mistake, Sort};
use crate::mqtt::QoS;

/// The port of the listener that `bind_address` alone makes.
const DEFAULT_PORT: u16 = 1883;

/// The listeners while a file is read.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    found: Vec<Listener>,
    /// Which of them `port` and `bind_address` are about.
    default: Option<usize>,
    /// Lines that are about one of them, to be checked when all listeners are known.
    options: Vec<ListenerOption>,
}

/// A line that mosquitto takes for one listener, and a broker core for all of them.
#[derive(Debug)]
struct ListenerOption {
    value: Value,
    listener: Option<usize>,
    mistake: Mistake,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    Connections(Option<usize>),
    Qos(QoS),
    TopicAlias(u16),
    TopicAliasBroker(u16),
}

impl Value {
    fn set(self, limits: &mut Limits) {
        match self {
            Self::Connections(most) => limits.max_connections = most,
            Self::Qos(qos) => limits.max_qos = qos,
            Self::TopicAlias(most) => limits.max_topic_alias = most,
            Self::TopicAliasBroker(most) => limits.max_topic_alias_broker = most,
        }
    }
}

/// Takes a line, if it is a listener's.
pub(super) fn read(reader: &mut Reader<'_>, line: &Line<'_>) -> Result<bool, Wrong> {
    match line.option {
        "listener" => listen(reader, line)?,
        "port" => {
            let port = port(line.word()?)?;
            let listener = reader.listeners.default_listener(line.number);
            listener.port = port;
            reader.note(line, "`port` is an old option: write `listener` instead".to_owned());
        }
        "bind_address" => {
            let address = reader.once(line)?.to_owned();
            let listener = reader.listeners.default_listener(line.number);
            listener.bind_address = Some(address);
            let better = "`bind_address` is an old option: write `listener PORT ADDRESS` instead";
            reader.note(line, better.to_owned());
        }
        "max_connections" => {
            let most = line.number(i64::from(i32::MIN)..=i64::from(i32::MAX))?;
            option(reader, line, Value::Connections(usize::try_from(most).ok()));
        }
        "max_qos" | "maximum_qos" => {
            let level = line.number(0..=2)?;
            let qos = u8::try_from(level).ok().and_then(QoS::from_level).unwrap_or_default();
            option(reader, line, Value::Qos(qos));
        }
        "max_topic_alias" => {
            let most = line.short()?;
            option(reader, line, Value::TopicAlias(most));
        }
        "max_topic_alias_broker" => {
            let most = line.short()?;
            option(reader, line, Value::TopicAliasBroker(most));
        }
        "protocol" => match line.word()? {
            "mqtt" => {}
            other @ ("websockets" | "http_api") => {
                return Err(not_yet(&format!("protocol {other}")));
            }
            other => return Err(wrong(format!("`protocol` takes mqtt, not `{other}`"))),
        },
        _ => return Ok(false),
    }
    Ok(true)
}

fn port(word: &str) -> Result<u16, Wrong> {
    let number = in_range("port", word, &(1..=i64::from(u16::MAX)))?;
    u16::try_from(number).map_err(|_| wrong(format!("`{word}` is no port")))
}

fn listen(reader: &mut Reader<'_>, line: &Line<'_>) -> Result<(), Wrong> {
    line.text()?;
    let words: Vec<_> = line.words().collect();
    let (number, address) = match words[..] {
        ["0", _] => {
            return Err(wrong(
                "a listener on a Unix socket is something that Twinboard does not support yet",
            )
            .sort(Sort::Unsupported));
        }
        [number] => (port(number)?, None),
        [number, address] => (port(number)?, Some(address.to_owned())),
        _ => return Err(wrong("`listener` takes a port and, if wanted, an address to bind")),
    };
    let same = |other: &&Listener| other.port == number && other.bind_address == address;
    if let Some(other) = reader.listeners.found.iter().find(same) {
        return Err(wrong(format!("line {} listens there already", other.line)));
    }
    let listener = Listener { port: number, bind_address: address, line: line.number };
    reader.listeners.found.push(listener);
    Ok(())
}

fn option(reader: &mut Reader<'_>, line: &Line<'_>, value: Value) {
    let many = wrong(format!(
        "`{}` holds for the whole broker in Twinboard so far, and this file has several listeners",
        line.option
    ))
    .sort(Sort::Unsupported)
    .help("say the same for each listener, or leave it out");
    let mistake = reader.mistake(line, many);
    let listener = reader.listeners.found.len().checked_sub(1);
    reader.listeners.options.push(ListenerOption { value, listener, mistake });
}

impl Listeners {
    /// The listener that `port` and `bind_address` describe together.
    fn default_listener(&mut self, line: usize) -> &mut Listener {
        let index = *self.default.get_or_insert_with(|| {
            self.found.push(Listener { port: DEFAULT_PORT, bind_address: None, line });
            self.found.len() - 1
        });
        &mut self.found[index]
    }

    /// Whether a line made one.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The line of the first.
    pub(super) fn first_line(&self) -> Option<usize> {
        self.found.first().map(|listener| listener.line)
    }

    /// Hands the listeners and their limits over, and what is wrong with them.
    pub(super) fn finish(self, reader: &mut Reader<'_>) {
        let mut options = self.options;
        while let Some(first) = options.first().map(|it| discriminant(&it.value)) {
            let (same, others) =
                options.into_iter().partition(|it| discriminant(&it.value) == first);
            let group: Vec<ListenerOption> = same;
            options = others;
            if !reader.for_mosquitto {
                reader.mistakes.extend(misplaced(&group, self.found.len(), self.default));
            }
            if let Some(last) = group.last() {
                last.value.set(&mut reader.config.settings.limits);
            }
        }
        reader.config.listeners = self.found;
    }
}

/// What is wrong with the lines of one option: they must mean the same for every listener, as the
/// core knows no listeners.
fn misplaced(
    lines: &[ListenerOption],
    listeners: usize,
    default: Option<usize>,
) -> Option<Mistake> {
    let first = lines.first()?;
    let early = lines.iter().find(|line| line.listener.is_none() && default.is_none());
    if let (Some(early), 1..) = (early, listeners) {
        return Some(Mistake {
            what: "this stands before the `listener` it is about".to_owned(),
            help: Some(
                "put it below: mosquitto would open one more listener, on port 1883".to_owned(),
            ),
            ..early.mistake.clone()
        });
    }
    let known = |number: usize| lines.iter().any(|line| line.listener == Some(number));
    let all_the_same = lines.iter().all(|line| line.value == first.value);
    let everywhere = listeners < 2 || (0..listeners).all(known);
    (!(everywhere && (all_the_same || listeners < 2))).then(|| first.mistake.clone())
}
