//! A report as JUnit XML, the form that Jenkins, GitLab and others read: a test case for each step,
//! each expectation and each promise that always stands.

use std::fmt::Write;

use super::Report;
use super::escape::escape;
use super::ladder;
use crate::conf::scenario::BreachKind;

/// The promises that always stand.
const PROMISES: [(BreachKind, &str); 9] = [
    (BreachKind::Lost, "nothing promised is lost"),
    (BreachKind::Doubled, "nothing of QoS 2 comes twice"),
    (BreachKind::Reordered, "the order of a topic and publisher is kept"),
    (BreachKind::Forgot, "no broker forgets a session it had promised to keep"),
    (BreachKind::Loop, "nothing goes round"),
    (BreachKind::Disagree, "both ends of a bridge retain the same"),
    (BreachKind::Shows, "windows show what their boards know"),
    (BreachKind::Claims, "nobody claims what nobody acknowledged"),
    (BreachKind::Conduct, "everybody keeps to the standard"),
];

/// A test case.
struct Case {
    name: String,
    seconds: f64,
    /// A line and what is behind it.
    failure: Option<(String, String)>,
}

/// The whole document.
#[must_use]
pub fn xml(report: &Report) -> String {
    let suites = [
        ("steps", steps(report)),
        ("expectations", expectations(report)),
        ("promises", promises(report)),
    ];
    let all: usize = suites.iter().map(|(_, cases)| cases.len()).sum();
    let failed: usize = suites.iter().map(|(_, cases)| failures(cases)).sum();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let name = escape(&report.scenario);
    let seconds = report.seconds;
    put(
        &mut xml,
        format_args!(
            "<testsuites name=\"{name}\" tests=\"{all}\" failures=\"{failed}\" errors=\"0\" \
             time=\"{seconds:.3}\">\n"
        ),
    );
    for (suite, cases) in &suites {
        let (count, failed) = (cases.len(), failures(cases));
        let seconds: f64 = cases.iter().map(|case| case.seconds).sum();
        put(
            &mut xml,
            format_args!(
                "  <testsuite name=\"{name}.{suite}\" tests=\"{count}\" failures=\"{failed}\" \
                 errors=\"0\" skipped=\"0\" time=\"{seconds:.3}\">\n"
            ),
        );
        for case in cases {
            put_case(&mut xml, &format!("{name}.{suite}"), case);
        }
        if *suite == "promises" {
            put(&mut xml, format_args!("    <system-out>{}</system-out>\n", escape(&said(report))));
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn put_case(xml: &mut String, class: &str, case: &Case) {
    let (name, seconds) = (escape(&case.name), case.seconds);
    put(
        xml,
        format_args!("    <testcase classname=\"{class}\" name=\"{name}\" time=\"{seconds:.3}\""),
    );
    match &case.failure {
        None => xml.push_str("/>\n"),
        Some((message, text)) => put(
            xml,
            format_args!(
                ">\n      <failure message=\"{}\" type=\"failure\">{}</failure>\n    </testcase>\n",
                // In an attribute a plain end of a line would be read as a space.
                escape(message).replace('\n', "&#10;"),
                escape(text)
            ),
        ),
    }
}

/// A step's time is that from the step before.
fn steps(report: &Report) -> Vec<Case> {
    let mut before = 0.0;
    let case = |step: &super::StepReport| {
        let seconds = (step.at_seconds - before).max(0.0);
        before = step.at_seconds;
        let failure = step.failed.as_ref().map(|why| (why.clone(), why.clone()));
        Case { name: format!("{}: {}", step.number, step.what), seconds, failure }
    };
    report.steps.iter().map(case).collect()
}

fn expectations(report: &Report) -> Vec<Case> {
    let case = |it: &super::ExpectationReport| {
        let why = it.why.clone().unwrap_or_default();
        let failure = (!it.kept).then(|| (why.clone(), why));
        Case { name: it.what.clone(), seconds: 0.0, failure }
    };
    report.expectations.iter().map(case).collect()
}

fn promises(report: &Report) -> Vec<Case> {
    let case = |(kind, name): &(BreachKind, &str)| {
        let breaches = report.verdict.breaches.iter().filter(|it| it.kind == *kind && !it.expected);
        let told: Vec<_> = breaches
            .map(|it| (it.what.clone(), format!("{}\n{}", it.what, ladder::text(&it.ladder))))
            .collect();
        let failure = told.first().map(|(first, _)| {
            let all: Vec<_> = told.iter().map(|(_, text)| text.as_str()).collect();
            (first.clone(), all.join("\n"))
        });
        Case { name: (*name).to_owned(), seconds: 0.0, failure }
    };
    PROMISES.iter().map(case).collect()
}

fn said(report: &Report) -> String {
    let counts = report.verdict.counts;
    let mut said = format!(
        "{} published, {} bridged, {} delivered\n",
        counts.published, counts.bridged, counts.delivered
    );
    for note in &report.verdict.notes {
        put(&mut said, format_args!("note: {note}\n"));
    }
    for it in &report.findings {
        put(&mut said, format_args!("{} {}: {}: {}\n", it.severity, it.id, it.file, it.what));
    }
    said
}

fn failures(cases: &[Case]) -> usize {
    cases.iter().filter(|case| case.failure.is_some()).count()
}

fn put(to: &mut String, what: std::fmt::Arguments<'_>) {
    to.write_fmt(what).expect("a string takes all");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::ladder::Ladder;
    use crate::lab::verdict::Verdict;
    use crate::report::verdict::BreachReport;
    use crate::report::{ExpectationReport, StepReport, VerdictReport, fixtures};

    fn report() -> Report {
        let mut verdict = VerdictReport::from(&Verdict::default());
        verdict.notes.push("3 <wait>".to_owned());
        for what in ["a & b\u{1b}", "c"] {
            let ladder = Ladder::of(&fixtures::both_versions()[..2]);
            let (kind, what) = (BreachKind::Doubled, what.to_owned());
            verdict.breaches.push(BreachReport { kind, what, expected: false, ladder });
        }
        let step = |number, at_seconds, failed: Option<&str>| StepReport {
            number,
            what: "wait until \"quiet\"".to_owned(),
            at_seconds,
            failed: failed.map(str::to_owned),
        };
        let (what, why) = ("all agree".to_owned(), None);
        Report {
            scenario: "test".to_owned(),
            passed: false,
            seconds: 2.0,
            findings: Vec::new(),
            steps: vec![step(1, 0.5, None), step(2, 1.75, Some("late\nby far"))],
            expectations: vec![ExpectationReport { what, kept: true, why }],
            verdict,
            detail: None,
        }
    }

    #[test]
    fn a_case_for_each() {
        let xml = xml(&report());
        for expected in [
            "<testsuites name=\"test\" tests=\"12\" failures=\"2\" errors=\"0\" time=\"2.000\">",
            "<testsuite name=\"test.steps\" tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\" \
             time=\"1.750\">",
            "<testcase classname=\"test.steps\" name=\"1: wait until &quot;quiet&quot;\" \
             time=\"0.500\"/>",
            "time=\"1.250\">\n      <failure message=\"late&#10;by far\" type=\"failure\">late\nby far<",
            "name=\"all agree\" time=\"0.000\"/>",
            "name=\"nothing promised is lost\" time=\"0.000\"/>",
            "<failure message=\"a &amp; b\u{fffd}\" type=\"failure\">a &amp; b\u{fffd}\n",
            "note: 3 &lt;wait&gt;",
        ] {
            assert!(xml.contains(expected), "{expected}\n{xml}");
        }
        assert!(xml.contains("CONNECT old") && xml.contains("\nc\n"), "both, with their ladders");
    }
}
