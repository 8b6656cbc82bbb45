//! Loops across bridges.

use std::fmt::Write;

use super::place;
use crate::lint::graph::Graph;
use crate::lint::search::{self, Loop};
use crate::lint::{Check, Finding, Severity, System};
use crate::mqtt::Direction;

pub(super) static CHECK: Check = Check {
    id: "loop",
    about: "bridges that bring a topic back to where it was",
    why: "A message that comes back under a name that is taken out again goes round for ever, and \
          each round gives a copy to every subscriber on the way. One message is enough to keep \
          brokers and network busy until somebody takes a bridge away.\n\
          \n\
          `try_private` and MQTT 5's no-local stop the direct echo alone: what came by a bridge does \
          not go back by the same bridge. Three brokers in a triangle, two bridges between the same \
          two brokers, or a bridge from each side are loops all the same, for what comes by one \
          bridge goes on by another.\n\
          \n\
          Where the rules change prefixes, the topic may come back with one prefix more in each \
          round. It ends when the topic has more than 200 levels or 65,535 bytes, long after it has \
          filled every broker with retained topics nobody wanted.\n\
          \n\
          The search follows the rules themselves, prefixes and directions included: a triangle \
          whose rules let no topic make it all the way round is not called a loop.",
    find,
};

fn find(system: &System) -> Vec<Finding> {
    let graph = Graph::new(system);
    let found = search::search(&graph);
    let mut findings: Vec<_> = found.loops.iter().filter_map(|it| finding(&graph, it)).collect();
    if found.gave_up
        && let Some(node) = system.nodes.first()
    {
        let what = "there are too many ways between the brokers to look at all of them: there may \
                    be more loops than are told here";
        let cure = "check fewer files at a time";
        findings.push(Finding {
            line: None,
            ..CHECK.at(Severity::Note, (&node.conf.file, 0), what, cure)
        });
    }
    findings
}

fn finding(graph: &Graph<'_>, it: &Loop<'_>) -> Option<Finding> {
    let last = it.path.last()?;
    let mut way = graph.names[it.path[0].from].to_owned();
    for crossing in &it.path {
        let (name, file) = (&crossing.link.settings.name, &crossing.link.conf.file);
        let (to, line) = (graph.names[crossing.to], crossing.line());
        // Writing to a string cannot fail.
        write!(way, " -> {to} ({file}:{line}, bridge {name}, {})", crossing.way)
            .expect("a string takes all");
    }
    let (topic, back) = (&it.topic, &it.back);
    let mut what = if topic == back {
        format!("`{topic}` goes round for ever: {way}")
    } else {
        format!(
            "`{topic}` comes back as `{back}`, longer in each round until no topic can be: {way}"
        )
    };
    what.push_str(". This rule closes the loop");
    if it.both_ways {
        what.push_str(", and another goes round the other way");
    }
    let cure = if last.rule().direction() == Direction::Both {
        "let each topic have one way: write `in` or `out` for `both`, give what each broker says \
         a prefix of its own, or take one bridge of the loop away"
    } else {
        "take this rule away, or give what each broker says a prefix of its own and let only that out"
    };
    Some(CHECK.at(Severity::Error, place(&last.link, last.line()), what, cure))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::lint::fixtures::{found, system};

    /// A broker for each text, `a`, `b` and so on, on ports 1, 2 and so on.
    fn check(texts: &[&str], expected: &[&str]) {
        let names = ["a.conf", "b.conf", "c.conf", "d.conf"];
        let text = |(at, text): (usize, &&str)| format!("listener {} localhost\n{text}", at + 1);
        let texts: Vec<_> = texts.iter().enumerate().map(text).collect();
        let files: Vec<_> =
            names.iter().zip(&texts).map(|(name, it)| (*name, it.as_str())).collect();
        assert_eq!(found(&CHECK, &system(&files)), expected, "\n{}", texts.join("\n"));
    }

    fn bridge(name: &str, port: u8, rules: &str) -> String {
        format!("connection {name}\naddress localhost:{port}\n{rules}\n")
    }

    #[test]
    fn a_triangle() {
        let rule = "topic # both 2";
        let (ab, bc, ca) = (bridge("ab", 2, rule), bridge("bc", 3, rule), bridge("ca", 1, rule));
        check(
            &[&ab, &bc, &ca],
            &["c.conf:4 error: `x` goes round for ever: a -> b (a.conf:4, bridge ab, out) -> c \
               (b.conf:4, bridge bc, out) -> a (c.conf:4, bridge ca, out). This rule closes the \
               loop, and another goes round the other way"],
        );
        // Each topic has one way only.
        let out = |name, port| bridge(name, port, "topic # out 2");
        check(
            &[&out("ab", 2), &out("bc", 3), &out("ca", 1)],
            &["c.conf:4 error: `x` goes round for ever: a -> b (a.conf:4, bridge ab, out) -> c \
               (b.conf:4, bridge bc, out) -> a (c.conf:4, bridge ca, out). This rule closes the \
               loop"],
        );
        check(&[&out("ab", 2), &out("bc", 3), &bridge("ca", 1, "topic # in 2")], &[]);
        // A chain has no loop, be it as long as it may.
        check(&[&ab, &bc, ""], &[]);
    }

    #[test]
    fn a_triangle_that_no_topic_gets_round() {
        let out = |name, port, pattern: &str| bridge(name, port, &format!("topic {pattern} out 2"));
        let (ab, bc) = (out("ab", 2, "a/#"), out("bc", 3, "+/b"));
        check(&[&ab, &bc, &out("ca", 1, "+/c")], &[]);
        check(&[&ab, &bc, &out("ca", 1, "b/+")], &[]);
        check(
            &[&ab, &bc, &out("ca", 1, "a/+")],
            &["c.conf:4 error: `a/b` goes round for ever: a -> b (a.conf:4, bridge ab, out) -> c \
               (b.conf:4, bridge bc, out) -> a (c.conf:4, bridge ca, out). This rule closes the \
               loop"],
        );
    }

    #[test]
    fn two_brokers() {
        let rule = "topic t/# both 1";
        let (out, back) = (bridge("one", 2, rule), bridge("two", 1, rule));
        check(&[&out, ""], &[]);
        let told = "`t/x` goes round for ever: a -> b (a.conf:4, bridge one, out) -> a (";
        check(
            &[&out, &back],
            &[&format!(
                "b.conf:4 error: {told}b.conf:4, bridge two, out). This rule closes the loop, and \
                 another goes round the other way"
            )],
        );
        let twice = format!("{out}{}", bridge("more", 2, rule));
        check(
            &[&twice, ""],
            &[&format!(
                "a.conf:7 error: {told}a.conf:7, bridge more, in). This rule closes the loop, and \
                 another goes round the other way"
            )],
        );
        // One bridge takes it there, the other one back.
        let both =
            format!("{}{}", bridge("one", 2, "topic a out 1"), bridge("two", 2, "topic + in 1"));
        check(
            &[&both, ""],
            &["a.conf:7 error: `a` goes round for ever: a -> b (a.conf:4, bridge one, out) -> a \
               (a.conf:7, bridge two, in). This rule closes the loop"],
        );
        // An echo comes back once, and does not go out again.
        check(&[&bridge("one", 2, "topic # both 2\ntry_private false"), ""], &[]);
    }

    #[test]
    fn a_bridge_to_its_own_broker() {
        check(
            &[&bridge("me", 1, "topic # out 0")],
            &["a.conf:4 error: `x` goes round for ever: a -> a (a.conf:4, bridge me, out). This \
               rule closes the loop"],
        );
        check(&[&bridge("me", 1, "topic a/# out 0 \"\" b/")], &[]);
    }

    #[test]
    fn names_that_change() {
        let there = bridge("there", 2, "topic # out 0 \"\" a/");
        let (same, other) = ("topic # out 0 a/ \"\"", "topic # out 0 b/ \"\"");
        let told = "goes round for ever: a -> b (a.conf:4, bridge there, out) -> a (b.conf:4, \
                    bridge back, out). This rule closes the loop";
        check(&[&there, &bridge("back", 1, same)], &[&format!("b.conf:4 error: `x` {told}")]);
        check(&[&there, &bridge("back", 1, other)], &[]);
        // One prefix more in each round.
        check(
            &[&there, &bridge("back", 1, "topic # out 0")],
            &[
                "b.conf:4 error: `x` comes back as `a/x`, longer in each round until no topic can be: \
               a -> b (a.conf:4, bridge there, out) -> a (b.conf:4, bridge back, out). This rule \
               closes the loop",
            ],
        );
        // It grows out of the pattern of the first rule.
        let narrow = bridge("there", 2, "topic + out 0 \"\" a/");
        check(&[&narrow, &bridge("back", 1, "topic # out 0")], &[]);
        // One prefix less in each round comes to an end.
        check(
            &[&bridge("there", 2, "topic # out 0 a/ \"\""), &bridge("back", 1, "topic # out 0")],
            &[],
        );
        // Two rounds bring it back.
        let swap = bridge("swap", 1, "topic # out 0 a/ b/\ntopic # out 0 b/ a/");
        check(
            &[&bridge("there", 2, "topic # out 0"), &swap],
            &[
                "b.conf:5 error: `a/x` goes round for ever: a -> b (a.conf:4, bridge there, out) -> a \
               (b.conf:4, bridge swap, out) -> b (a.conf:4, bridge there, out) -> a (b.conf:5, \
               bridge swap, out). This rule closes the loop",
            ],
        );
    }

    #[test]
    fn the_first_rule_names_what_comes_in() {
        // What a plain look takes for a loop, the earlier rule sends elsewhere.
        let out = bridge("out", 2, "topic a/x out 0");
        let back = "topic + in 0 b/ a/\ntopic # in 0";
        check(&[&format!("{out}{}", bridge("in", 2, back)), ""], &[]);
        let wider = bridge("out", 2, "topic a/# out 0");
        check(
            &[&format!("{wider}{}", bridge("in", 2, back)), ""],
            &[
                "a.conf:8 error: `a/x/x` goes round for ever: a -> b (a.conf:4, bridge out, out) -> a \
               (a.conf:8, bridge in, in). This rule closes the loop",
            ],
        );
    }
}
