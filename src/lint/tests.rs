//! The checks together: that each is explained, and that what is built in has nothing to cure.

use std::collections::BTreeSet;

use super::fixtures::system;
use super::{CHECKS, Severity, check, explain};

#[test]
fn every_check_is_explained() {
    let ids: BTreeSet<_> = CHECKS.iter().map(|it| it.id).collect();
    assert_eq!(ids.len(), CHECKS.len(), "two checks have one id");
    for check in CHECKS {
        assert!(check.id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", check.id);
        assert!(!check.about.is_empty() && check.why.ends_with('.'), "{}", check.id);
        assert_eq!(explain(check.id).map(|it| it.about), Some(check.about));
    }
    assert!(explain("no such").is_none());
}

#[test]
fn the_worst_comes_first() {
    let text = "listener 1883\nallow_anonymous true\nnonsense\nconnection a\naddress localhost:1883\n\
                topic # out 0\n";
    let system = system(&[("a.conf", text)]);
    let found: Vec<_> = check(&system).iter().map(|it| (it.severity, it.id)).collect();
    assert_eq!(
        found,
        [
            (Severity::Error, "mistake"),
            (Severity::Error, "loop"),
            (Severity::Warning, "open-listener"),
            (Severity::Warning, "retained-deletes"),
        ]
    );
}
