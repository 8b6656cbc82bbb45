//! Empty patterns without both prefixes.

use super::mistake;
use crate::conf::Sort;
use crate::lint::{Check, Severity};

pub(super) static CHECK: Check = Check {
    id: "empty-prefix",
    about: "an empty pattern, and a prefix that is empty too",
    why: "`topic \"\" both 2 here there` joins two topics of different names: with an empty pattern \
          the prefixes are the names. If one of them is empty as well, there is no topic on that \
          side. Mosquitto's manual has a table of what may be empty: a pattern may stand with any \
          prefixes, no pattern only with both.",
    find: |system| mistake::of(&CHECK, system, Sort::EmptyPattern, Severity::Error),
};

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::lint::fixtures::expect;

    #[test]
    fn mosquittos_table() {
        let check = |words: &str, wrong: bool| {
            let text = format!("connection a\naddress h\ntopic {words}\n");
            let what = format!(
                "a.conf:3 error: an empty pattern needs a local and a remote prefix, to name one \
                 topic on each side: `topic {words}`"
            );
            let expected: &[&str] = &[&what];
            expect(&CHECK, &text, if wrong { expected } else { &[] });
        };
        check("a out 2 l/ r/", false);
        check("a out 2 l/", false);
        check("a out 2 \"\" r/", false);
        check("a", false);
        check("\"\" out 2 l r", false);
        check("\"\" out 2 l", true);
        check("\"\" out 2 \"\" r", true);
        check("\"\"", true);
    }
}
