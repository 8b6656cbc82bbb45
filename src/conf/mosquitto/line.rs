//! One line of a `mosquitto.conf`: the option's name, its value, and the value read as what it must
//! be. Words are separated by spaces alone, as in mosquitto.

use std::ops::RangeInclusive;

use crate::conf::error::{Mistake, Sort};

/// What is wrong with a line, before it is known which line of which file that is.
#[derive(Debug)]
pub(super) struct Wrong {
    /// What sort of mistake it is.
    pub(super) sort: Sort,
    /// What is wrong.
    pub(super) what: String,
    /// What to do.
    pub(super) help: Option<String>,
}

/// Something wrong, with nothing to add.
pub(super) fn wrong(what: impl Into<String>) -> Wrong {
    Wrong { sort: Sort::Wrong, what: what.into(), help: None }
}

impl Wrong {
    /// Adds what to do.
    pub(super) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// Says what sort of mistake it is.
    pub(super) fn sort(self, sort: Sort) -> Self {
        Self { sort, ..self }
    }
}

/// A line that says something.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// Counted from 1.
    pub number: usize,
    /// The first word.
    pub option: &'a str,
    /// The rest, without the spaces around it.
    pub value: &'a str,
    /// All of it, without the spaces around it.
    pub text: &'a str,
}

impl<'a> Line<'a> {
    /// Takes a line of a file apart; `None` for an empty line and for a comment, which has its `#`
    /// in the first column.
    #[must_use]
    pub fn parse(number: usize, raw: &'a str) -> Option<Self> {
        let text = raw.trim_end_matches('\r').trim_matches(' ');
        if raw.starts_with('#') || text.is_empty() {
            return None;
        }
        let (option, value) = text.split_once(' ').unwrap_or((text, ""));
        Some(Self { number, option, value: value.trim_start_matches(' '), text })
    }

    /// The mistake that `wrong` is, in this line of `file`.
    pub(super) fn mistake(&self, file: &str, wrong: Wrong) -> Mistake {
        Mistake {
            sort: wrong.sort,
            file: file.to_owned(),
            line: Some(self.number),
            text: self.text.to_owned(),
            what: wrong.what,
            help: wrong.help,
        }
    }

    /// The whole value, which may contain spaces.
    pub(super) fn text(&self) -> Result<&'a str, Wrong> {
        if self.value.is_empty() {
            return Err(wrong(format!("`{}` needs a value", self.option)));
        }
        Ok(self.value)
    }

    /// The value's words. A word that begins with `#` ends them: mosquitto reads no further.
    pub fn words(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.value
            .split(' ')
            .filter(|word| !word.is_empty())
            .take_while(|word| !word.starts_with('#'))
    }

    /// The only word of the value.
    pub(super) fn word(&self) -> Result<&'a str, Wrong> {
        self.text()?;
        let mut words = self.words();
        let word = words.next().ok_or_else(|| wrong(format!("`{}` needs a value", self.option)))?;
        match words.next() {
            None => Ok(word),
            Some(more) => {
                Err(wrong(format!("`{}` takes one value, not `{more}` too", self.option)))
            }
        }
    }

    /// `true` or `false`; mosquitto takes `1` and `0` for them.
    pub(super) fn bool(&self) -> Result<bool, Wrong> {
        match self.word()? {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            other => Err(wrong(format!("`{}` takes true or false, not `{other}`", self.option))),
        }
    }

    /// A number in `range`.
    pub(super) fn number(&self, range: RangeInclusive<i64>) -> Result<i64, Wrong> {
        let word = self.word()?;
        in_range(self.option, word, &range)
    }

    /// A number from 0 to 65,535.
    pub(super) fn short(&self) -> Result<u16, Wrong> {
        let number = self.number(0..=i64::from(u16::MAX))?;
        u16::try_from(number).map_err(|_| wrong(format!("{number} is too large")))
    }

    /// A number for which 0 and everything below means that there is no limit.
    pub(super) fn count(&self) -> Result<usize, Wrong> {
        let number = self.number(i64::from(i32::MIN)..=i64::from(i32::MAX))?;
        Ok(usize::try_from(number).unwrap_or(0))
    }
}

/// `word` as a number in `range`, for the option or the part of it that `what` names.
pub(super) fn in_range(what: &str, word: &str, range: &RangeInclusive<i64>) -> Result<i64, Wrong> {
    let number =
        c_number(word).ok_or_else(|| wrong(format!("`{what}` takes a number, not `{word}`")))?;
    if !range.contains(&number) {
        let (least, most) = (range.start(), range.end());
        return Err(wrong(format!("`{what}` must be from {least} to {most}, not {number}")));
    }
    Ok(number)
}

/// A whole number as C's `strtol` reads it, and so mosquitto: `0x` begins a hexadecimal one, a
/// leading zero an octal one.
fn c_number(word: &str) -> Option<i64> {
    let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
    if digits.starts_with(['-', '+']) {
        return None;
    }
    let (digits, radix) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hexadecimal) => (hexadecimal, 16),
        None if digits.len() > 1 && digits.starts_with('0') => (digits, 8),
        None => (digits, 10),
    };
    let sign = if word.starts_with('-') { "-" } else { "" };
    i64::from_str_radix(&format!("{sign}{digits}"), radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_apart() {
        let check = |raw: &str, expected: Option<(&str, &str)>| {
            let line = Line::parse(1, raw);
            assert_eq!(line.map(|line| (line.option, line.value)), expected, "{raw:?}");
        };
        check("", None);
        check("   ", None);
        check("# listener", None);
        check("#", None);
        check("\r", None);
        check("listener 1883", Some(("listener", "1883")));
        check("  listener   1883 \r", Some(("listener", "1883")));
        check("persistence_location /a b/", Some(("persistence_location", "/a b/")));
        check("topic # in", Some(("topic", "# in")));
        check("listener", Some(("listener", "")));
        check(" # indented", Some(("#", "indented")));
    }

    #[test]
    fn numbers_are_read_as_in_c() {
        let check =
            |word: &str, expected: Option<i64>| assert_eq!(c_number(word), expected, "{word}");
        check("0", Some(0));
        check("12", Some(12));
        check("-1", Some(-1));
        check("+7", Some(7));
        check("0x10", Some(16));
        check("010", Some(8));
        check("09", None);
        check("", None);
        check("-", None);
        check("--1", None);
        check("1.5", None);
        check("1k", None);
    }
}
