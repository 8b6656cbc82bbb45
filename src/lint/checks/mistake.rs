//! Lines that the parser refuses, and what a scenario's files say wrongly of each other.

use crate::conf::{Mistake, Sort};
use crate::lint::{Check, Finding, Severity, System};

pub(super) static CHECK: Check = Check {
    id: "mistake",
    about: "a line that cannot mean what it says, or a file that cannot be read",
    why: "A broker does not start with such a file. What the rest of the file says is looked at all \
          the same, as far as it can be read.",
    find: |system| of(&CHECK, system, Sort::Wrong, Severity::Error),
};

/// The findings that mistakes of one sort are.
pub(super) fn of(check: &Check, system: &System, sort: Sort, severity: Severity) -> Vec<Finding> {
    let finding = |mistake: &Mistake| Finding {
        id: check.id,
        severity,
        file: mistake.file.clone(),
        line: mistake.line,
        what: match mistake.text.as_str() {
            "" => mistake.what.clone(),
            text => format!("{}: `{text}`", mistake.what),
        },
        cure: mistake.help.clone().unwrap_or_else(|| "put the line right".to_owned()),
    };
    system.mistakes.iter().filter(|it| it.sort == sort).map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::lint::fixtures::expect;

    #[test]
    fn what_the_parser_says() {
        expect(&CHECK, "listener 1883 localhost\n", &[]);
        expect(
            &CHECK,
            "allow_anonymous true\nconnection a\nadress h\naddress h\ntopic a\n",
            &["a.conf:3 error: `adress` is an option that neither mosquitto nor Twinboard knows: \
               `adress h`"],
        );
    }
}
