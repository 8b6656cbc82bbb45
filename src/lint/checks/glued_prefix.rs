//! Prefixes that do not end where a level ends.

use super::place;
use crate::lint::{Check, Finding, Severity, System};

pub(super) static CHECK: Check = Check {
    id: "glued-prefix",
    about: "a prefix and a pattern that join to one level, or with an empty level between",
    why: "A prefix is put before the pattern as it is written, without a slash: `topic state out 2 \
          board1 far` takes `board1state`, not `board1/state`. With a slash at the end of the prefix \
          and another at the beginning of the pattern there is an empty level between them, which is \
          a level: `a//b` is not `a/b`.",
    find,
};

fn find(system: &System) -> Vec<Finding> {
    let mut findings = Vec::new();
    for link in system.links() {
        for (rule, line) in link.rules().filter(|(rule, _)| !rule.pattern().is_empty()) {
            let pattern = rule.pattern();
            let sides =
                [(rule.local_prefix(), rule.local()), (rule.remote_prefix(), rule.remote())];
            let joined = sides.iter().find_map(|(prefix, joined)| {
                let (ends, begins) = (prefix.ends_with('/'), pattern.starts_with('/'));
                (!prefix.is_empty() && ends == begins).then_some((prefix, joined, ends))
            });
            let Some((prefix, joined, twice)) = joined else { continue };
            let how = if twice { "with an empty level between" } else { "without a slash between" };
            let what = format!("`{prefix}` and `{pattern}` join to `{joined}`, {how}");
            let cure = if twice {
                format!("write `{}` for the pattern", pattern.trim_start_matches('/'))
            } else {
                format!("write `{prefix}/` for the prefix")
            };
            findings.push(CHECK.at(Severity::Warning, place(&link, line.line), what, cure));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::lint::fixtures::expect;

    #[test]
    fn joints() {
        let check = |rule: &str, told: Option<&str>| {
            let what = told.map(|it| format!("a.conf:3 warning: {it}"));
            let what: Vec<_> = what.iter().map(String::as_str).collect();
            expect(&CHECK, &format!("connection a\naddress h\ntopic {rule}\n"), &what);
        };
        check("# out 0 l/ r/", None);
        check("/a out 0 l r", None);
        check("\"\" out 0 l r", None);
        check("a out 0", None);
        check("a out 0 \"\" r", Some("`r` and `a` join to `ra`, without a slash between"));
        check(
            "/a out 0 l/ \"\"",
            Some("`l/` and `/a` join to `l//a`, with an empty level between"),
        );
    }
}
