//! `topic pattern [[[out|in|both] qos] local-prefix remote-prefix]`.

use super::line::{Line, Wrong, in_range, wrong};
use crate::conf::error::Sort;
use crate::mqtt::rule::RuleError;
use crate::mqtt::{Direction, QoS, Rule};

/// Reads the rule that a `topic` line is, and whether the line gives a QoS.
pub(super) fn parse(line: &Line<'_>) -> Result<(Rule, bool), Wrong> {
    let (pattern, rest) = pattern(line.text()?)?;
    let mut words: Vec<_> = rest.split(' ').filter(|word| !word.is_empty()).collect();
    // A `#` may be the pattern, but after the direction it begins a comment.
    let comment = words.iter().skip(1).position(|word| word.starts_with('#'));
    words.truncate(comment.map_or(words.len(), |found| found + 1));
    if let Some(extra) = words.get(4) {
        return Err(wrong(format!("`{extra}` is one word too many"))
            .help("topic PATTERN DIRECTION QOS LOCAL_PREFIX REMOTE_PREFIX"));
    }
    let direction = words.first().map_or(Ok(Direction::Out), |word| direction(word))?;
    let qos = words.get(1).map_or(Ok(QoS::AtMostOnce), |word| qos(word))?;
    let prefix = |index: usize| words.get(index).map_or("", |word| unquoted(word));
    Rule::new(unquoted(pattern), direction, qos, prefix(2), prefix(3))
        .map(|rule| (rule, words.len() > 1))
        .map_err(|why| {
            let empty = why == RuleError::EmptyPattern;
            wrong(why.to_string()).sort(if empty { Sort::EmptyPattern } else { Sort::Wrong })
        })
}

/// The pattern, which stands in quotes where it has spaces, and what follows it.
fn pattern(value: &str) -> Result<(&str, &str), Wrong> {
    let quoted = value.strip_prefix('"').filter(|rest| !rest.starts_with('"'));
    match quoted {
        Some(rest) => rest
            .split_once('"')
            .ok_or_else(|| wrong("the pattern's closing quotation mark is missing")),
        None => Ok(value.split_once(' ').unwrap_or((value, ""))),
    }
}

fn unquoted(word: &str) -> &str {
    if word == "\"\"" { "" } else { word }
}

fn direction(word: &str) -> Result<Direction, Wrong> {
    match word.to_ascii_lowercase().as_str() {
        "out" => Ok(Direction::Out),
        "in" => Ok(Direction::In),
        "both" => Ok(Direction::Both),
        _ => Err(wrong(format!("`{word}` is no direction"))
            .help("`out` takes messages to the far broker, `in` brings them, `both` does both")),
    }
}

fn qos(word: &str) -> Result<QoS, Wrong> {
    let level = in_range("QoS", word, &(0..=2))?;
    u8::try_from(level)
        .ok()
        .and_then(QoS::from_level)
        .ok_or_else(|| wrong(format!("`{word}` is no QoS")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        let check = |value: &str, expected: &str| {
            let text = format!("topic {value}");
            let line = Line::parse(1, &text).expect("a line");
            let read = parse(&line).map_or_else(|wrong| wrong.what, |(rule, _)| rule.to_string());
            assert!(read.contains(expected), "{value}: {read}");
        };
        check("sensors/card1 in 2", "topic sensors/card1 in 2");
        check("a", "topic a out 0");
        check("# both", "topic # both 0");
        check("#", "topic # out 0");
        check("a IN", "topic a in 0");
        check("a out 1 l/ r/", "topic a out 1 l/ r/");
        check("a out 1 l/", "topic a out 1 l/ \"\"");
        check("a out 1 \"\" r/", "topic a out 1 \"\" r/");
        check("\"\" both 2 here there", "topic \"\" both 2 here there");
        check("\"a b/#\" in 1", "topic a b/# in 1");
        check("a out 2 # and so on", "topic a out 2");
        check("a  out   2", "topic a out 2");
        check("a sideways", "`sideways` is no direction");
        check("a out 3", "`QoS` must be from 0 to 2, not 3");
        check("a out two", "`QoS` takes a number, not `two`");
        check("a out 0 l r x", "`x` is one word too many");
        check("\"a b in", "closing quotation mark");
        check("\"\" out 0 l", "an empty pattern needs");
        check("\"\"", "an empty pattern needs");
        check("a/#/b", "not a valid topic filter");
        check("a out 0 +/ r/", "a prefix must not contain");
    }

    #[test]
    fn whether_a_line_gives_a_qos() {
        let check = |value: &str, expected: bool| {
            let text = format!("topic {value}");
            let line = Line::parse(1, &text).expect("a line");
            assert_eq!(parse(&line).map(|(_, says)| says).ok(), Some(expected), "{value}");
        };
        check("a", false);
        check("# both", false);
        check("a out # 2", false);
        check("a out 0", true);
        check("a out 1 l/ r/", true);
    }
}
