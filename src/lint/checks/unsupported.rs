//! What mosquitto takes and Twinboard does not yet.

use super::mistake;
use crate::conf::Sort;
use crate::lint::{Check, Severity};

pub(super) static CHECK: Check = Check {
    id: "unsupported",
    about: "an option of mosquitto's that Twinboard does not run yet",
    why: "The file may be right, and mosquitto starts with it; `twinboard run` and `twinboard broker` \
          do not. The checks take such a line for not written: what it does for safety or for \
          topics is not seen.",
    find: |system| mistake::of(&CHECK, system, Sort::Unsupported, Severity::Note),
};

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::lint::fixtures::expect;

    #[test]
    fn what_the_parser_does_not_take_yet() {
        expect(
            &CHECK,
            "listener 8883 localhost\ncafile /ca\nallow_anonymous true\n",
            &[
                "a.conf:2 note: `cafile` is an option of mosquitto's that Twinboard does not support \
               yet: `cafile /ca`",
            ],
        );
    }
}
