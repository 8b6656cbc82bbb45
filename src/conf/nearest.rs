//! The known name that is most like a mistyped one.

/// The name among `known` that takes the fewest single-letter changes to become `typed`, if it is
/// near enough to have been meant: at most a third of the letters differ.
pub(super) fn nearest<'a>(
    typed: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let allowed = typed.chars().count().div_ceil(3);
    known
        .into_iter()
        .map(|name| (distance(typed, name), name))
        .filter(|(changes, _)| *changes <= allowed)
        .min_by_key(|(changes, _)| *changes)
        .map(|(_, name)| name)
}

/// How many letters must be put in, taken out or replaced (Levenshtein's distance).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        let check = |one: &str, other: &str, expected: usize| {
            assert_eq!(distance(one, other), expected, "{one} {other}");
            assert_eq!(distance(other, one), expected, "{other} {one}");
        };
        check("", "", 0);
        check("", "abc", 3);
        check("kitten", "sitting", 3);
        check("adress", "address", 1);
        check("listener", "listener", 0);
    }

    #[test]
    fn names_that_were_meant() {
        let known = ["listener", "address", "addresses", "topic"];
        let check = |typed: &str, expected: Option<&str>| {
            assert_eq!(nearest(typed, known), expected, "{typed}");
        };
        check("listner", Some("listener"));
        check("adress", Some("address"));
        check("topics", Some("topic"));
        check("colour", None);
        check("", None);
    }
}
