//! What is in a page, and that it needs nothing beside it.

use std::sync::Arc;

use super::*;
use crate::conf::scenario::BreachKind;
use crate::lab::chronicle::Chronicle;
use crate::lab::ladder::Ladder;
use crate::lab::verdict::Verdict;
use crate::report::detail::{BoardReport, BridgeReport, Topology};
use crate::report::{ExpectationReport, StepReport, VerdictReport, fixtures};

fn report() -> Report {
    let mut chronicle = Chronicle::new(Vec::new());
    let entries = fixtures::both_versions();
    for entry in &entries {
        chronicle.take(entry);
    }
    let topology = Topology {
        boards: vec![BoardReport {
            name: "board1".to_owned(),
            title: "Board <1>".to_owned(),
            engine: "native".to_owned(),
            programs: vec![("old".to_owned(), "tally".to_owned())],
        }],
        bridges: vec![BridgeReport {
            name: "up".to_owned(),
            from: "board1".to_owned(),
            to: "far.example:1883".to_owned(),
            rules: vec!["topic a/# out 2 \"\" b/".to_owned()],
        }],
    };
    let mut verdict = VerdictReport::from(&Verdict::default());
    let part: Vec<Arc<_>> = entries[entries.len() - 9..].to_vec();
    (verdict.kept, verdict.as_expected) = (false, false);
    verdict.breaches.push(super::super::verdict::BreachReport {
        kind: BreachKind::Lost,
        what: "board1 acknowledged <script>alert(1)</script>".to_owned(),
        expected: false,
        ladder: Ladder::of(&part),
    });
    Report {
        scenario: "test".to_owned(),
        passed: false,
        seconds: 1.5,
        findings: Vec::new(),
        steps: vec![StepReport {
            number: 1,
            what: "cut & mend".to_owned(),
            at_seconds: 0.5,
            failed: Some("too \"late\"".to_owned()),
        }],
        expectations: vec![ExpectationReport {
            what: "all agree".to_owned(),
            kept: false,
            why: Some("one does not".to_owned()),
        }],
        verdict,
        detail: Some(Detail::new("A <test>", topology, &chronicle)),
    }
}

#[test]
fn a_page_has_all_of_it_and_needs_nothing_else() {
    let page = page(&report(), UtcOffset::UTC);
    for needed in [
        "A &lt;test&gt;",
        "FAILED",
        "2026-01-01 12:00",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "Board &lt;1&gt;",
        "topic a/# out 2 &quot;&quot; b/",
        "cut &amp; mend",
        "too &quot;late&quot;",
        "all agree",
        "class=\"line lost\"",
        "drop the next packet",
    ] {
        assert!(page.contains(needed), "{needed}");
    }
    let addresses = page.replace("http://www.w3.org/2000/svg", "");
    for unwanted in ["<script", "http:", "https:", "url(", "@import", "src=", "href=", "NaN", "inf"]
    {
        assert!(!addresses.contains(unwanted), "{unwanted}");
    }
}

/// Tags that are closed where they must be: a page that a parser has to mend is none.
#[test]
fn tags_are_closed_in_their_order() {
    let page = page(&report(), UtcOffset::UTC);
    let mut open: Vec<&str> = Vec::new();
    for tag in page.split('<').skip(1) {
        let name = tag.split([' ', '>', '/']).find(|it| !it.is_empty()).expect("a name");
        if tag.starts_with('!') || ["meta", "br"].contains(&name) || tag.contains("/>") {
            continue;
        }
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "{tag}");
        } else {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn times_as_people_read_them() {
    let check = |ms: f64, expected: &str| assert_eq!(chart::time(ms), expected);
    check(0.0123, "12 µs");
    check(0.9996, "1.0 ms");
    check(12.34, "12 ms");
    check(999.6, "1.0 s");
    check(123_456.0, "123 s");
}
