//! Rules that an earlier one of the same bridge covers.

use super::place;
use crate::lint::{Check, Finding, Severity, System};
use crate::mqtt::{Direction, Rule, TopicSet};

pub(super) static CHECK: Check = Check {
    id: "shadowed",
    about: "a rule that decides nothing, as an earlier one takes all its topics",
    why: "A bridge subscribes once for each rule, so a message that two rules take is sent twice \
          where `allow_duplicate_messages` is true, as it is by default here and in mosquitto 2.1. \
          What comes in is named and capped by the first rule that fits, so the later one only adds \
          a copy: `topic # in 0` above `topic sensors/# in 2` brings sensors in twice, and both \
          times with QoS 0. What goes out is named by the first rule in mosquitto, and by each rule \
          in Twinboard.",
    find,
};

fn find(system: &System) -> Vec<Finding> {
    let mut findings = Vec::new();
    for link in system.links() {
        let rules: Vec<_> = link.rules().collect();
        for (at, (rule, line)) in rules.iter().enumerate() {
            let by = |way| rules[..at].iter().find(|(earlier, _)| covers(earlier, rule, way));
            for way in [Direction::Out, Direction::In] {
                let Some((earlier, by)) = by(way) else { continue };
                let does = if way == Direction::Out { "takes out" } else { "brings in" };
                let capped = if way == Direction::In && earlier.qos() < rule.qos() {
                    format!(", with {} both times", earlier.qos())
                } else {
                    String::new()
                };
                let what = format!(
                    "everything that this rule {does} is taken by line {} first (`{earlier}`), and \
                     crosses twice{capped}",
                    by.line
                );
                let cure = "take one of the two rules away, or put the narrower one first and \
                            make the wider one leave it out";
                findings.push(CHECK.at(Severity::Warning, place(&link, line.line), what, cure));
            }
        }
    }
    findings
}

fn covers(earlier: &Rule, rule: &Rule, way: Direction) -> bool {
    let (both, one, two) = if way == Direction::Out {
        let both = earlier.direction().goes_out() && rule.direction().goes_out();
        (both, earlier.local(), rule.local())
    } else {
        let both = earlier.direction().comes_in() && rule.direction().comes_in();
        (both, earlier.remote(), rule.remote())
    };
    both && TopicSet::of(one).covers(&TopicSet::of(two))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::lint::fixtures::expect;

    #[test]
    fn shadows() {
        let check = |rules: &str, expected: &[&str]| {
            expect(&CHECK, &format!("connection a\naddress h\n{rules}\n"), expected);
        };
        check("topic a in 2\ntopic # in 2", &[]);
        check("topic # out 2\ntopic a in 2", &[]);
        check("topic # in 2\ntopic $SYS/# in 2", &[]);
        check(
            "topic # in 0\ntopic sensors/# in 2",
            &["a.conf:4 warning: everything that this rule brings in is taken by line 3 first \
               (`topic # in 0`), and crosses twice, with QoS 0 both times"],
        );
        check(
            "topic # both 2\ntopic a out 2",
            &["a.conf:4 warning: everything that this rule takes out is taken by line 3 first \
               (`topic # both 2`), and crosses twice"],
        );
        // The prefix makes another topic of it on the side that counts.
        check("topic a in 2\ntopic a in 2 \"\" far/", &[]);
        check(
            "topic a in 2 l/ far/\ntopic a in 2 \"\" far/",
            &["a.conf:4 warning: everything that this rule brings in is taken by line 3 first \
             (`topic a in 2 l/ far/`), and crosses twice"],
        );
    }
}
