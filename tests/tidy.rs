//! The house rules that a machine can check: file headers, lengths, import directions, pure cores,
//! no unfinished work, and what lies at the top of the repository.

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Lines a file may have without its tests.
const FILE_LINES: usize = 500;
/// A function's lines, its signature and closing brace included, are fewer than this. Tests are
/// tables, which may grow.
const FUNCTION_LINES: usize = 70;

/// The parts of the crate and what each may import, itself aside. The order is the map's: imports
/// go downward only, and peers do not import each other but where it says so here.
const MAP: &[(&str, &[&str])] = &[
    (
        "cli",
        &[
            "gui", "tui", "bench", "report", "lab", "engine", "net", "store", "card", "lint",
            "conf", "broker", "cable", "mqtt",
        ],
    ),
    // An outsider: it speaks to brokers over sockets alone.
    ("bench", &[]),
    ("gui", &["lab", "cable", "card", "lint", "conf", "broker", "mqtt"]),
    ("tui", &["report", "lab", "cable", "card", "conf", "broker", "mqtt"]),
    ("report", &["lab", "card", "lint", "conf", "broker", "cable", "mqtt"]),
    (
        "lab",
        &["engine", "net", "store", "card", "lint", "conf", "broker", "cable", "mqtt", "defect"],
    ),
    ("engine", &["net", "store", "conf", "broker", "cable", "mqtt"]),
    ("net", &["store", "broker", "cable", "mqtt"]),
    ("store", &["broker", "mqtt"]),
    ("card", &["mqtt", "defect"]),
    ("lint", &["conf", "broker", "mqtt"]),
    ("conf", &["broker", "cable", "mqtt"]),
    ("broker", &["mqtt", "defect"]),
    ("cable", &["mqtt"]),
    ("mqtt", &[]),
    ("defect", &[]),
];

/// Parts that decide without sockets, clocks and threads of their own.
const PURE: &[&str] = &["mqtt", "broker", "cable", "conf", "lint", "card"];

/// What reaches out of a core.
const IMPURE: &[&str] =
    &["std::net", "tokio", "std::thread", "Instant::now", "SystemTime::now", "std::fs"];

/// What lies at the top of the repository, dotfiles aside.
const TOP: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "assets",
    "broker-configs",
    "src",
    "target",
    "tests",
];

/// Where a core's thin shell may reach out: the boards' driver, and `conf`'s readers of files.
fn may_reach_out(source: &Source, word: &str) -> bool {
    match source.part() {
        "card" => {
            let path = source.path.strip_prefix("card").unwrap_or(&source.path);
            path.starts_with("driver") || path.to_string_lossy().starts_with("driver")
        }
        "conf" => word == "std::fs",
        _ => false,
    }
}

/// One file of the sources.
struct Source {
    /// Below `src`.
    path: PathBuf,
    text: String,
}

impl Source {
    /// The part of the crate it belongs to; `lib` and `main` belong to themselves.
    fn part(&self) -> &str {
        let first = self.path.iter().next().and_then(|name| name.to_str()).unwrap_or_default();
        first.trim_end_matches(".rs")
    }

    /// Whether the file as a whole is tests.
    fn is_tests(&self) -> bool {
        let name = self.path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        name == "tests" || name.ends_with("_tests") || self.path.iter().any(|part| part == "tests")
    }

    /// Numbered lines up to the file's own tests, which end it by custom.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut lines = self.text.lines().enumerate().peekable();
        let whole = self.is_tests();
        std::iter::from_fn(move || {
            let (index, line) = lines.next()?;
            let test_block = line == "#[cfg(test)]"
                && lines
                    .peek()
                    .is_some_and(|(_, next)| next.starts_with("mod ") && next.ends_with('{'));
            (whole || !test_block).then_some((index + 1, line))
        })
    }

    /// The lines without what follows `//`.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines().map(|(number, line)| {
            let comment = line.trim_start().starts_with("//");
            (number, if comment { "" } else { line.split(" // ").next().unwrap_or(line) })
        })
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("src can be listed") {
            let path = entry.expect("src can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source is text");
                let path = path.strip_prefix(root().join("src")).expect("below src").to_owned();
                found.push(Source { path, text });
            }
        }
    }
    assert!(found.len() > 10, "the sources were not found");
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// Fails with all that `find` says of the sources, one a line, after what to do about it.
fn check(rule: &str, find: impl Fn(&Source, &mut dyn FnMut(usize, String))) {
    let mut failures = String::new();
    for source in sources() {
        find(&source, &mut |line, what| {
            writeln!(failures, "  src/{}:{line}: {what}", source.path.display())
                .expect("a string takes what is written");
        });
    }
    assert!(failures.is_empty(), "{rule}\n{failures}");
}

#[test]
fn every_file_says_what_it_is() {
    check("Begin the file with `//!`: what it is, and what it must not know.", |source, tell| {
        if !source.text.starts_with("//! ") {
            tell(1, "no `//!` header".to_owned());
        }
    });
}

#[test]
fn files_are_short() {
    check("Split the file: one noun each.", |source, tell| {
        let lines = source.lines().count();
        if lines > FILE_LINES && !source.is_tests() {
            tell(1, format!("{lines} lines without tests, {FILE_LINES} is the end"));
        }
    });
}

#[test]
fn functions_are_short() {
    check("Split the function: ifs up, fors down.", |source, tell| {
        for (line, name, length) in functions(source) {
            if !source.is_tests() && length >= FUNCTION_LINES {
                tell(
                    line,
                    format!("`{name}` has {length} lines, it must be under {FUNCTION_LINES}"),
                );
            }
        }
    });
}

/// Functions with their first lines and lengths. rustfmt puts the closing brace of an item under
/// the item's first letter, so the first such brace ends it.
fn functions(source: &Source) -> Vec<(usize, String, usize)> {
    let lines: Vec<_> = source.lines().map(|(_, line)| line).collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = line.len() - line.trim_start().len();
        let closing = format!("{}}}", " ".repeat(indent));
        let end = lines[index..].iter().position(|line| *line == closing);
        let declared_only = lines[index..].iter().position(|line| line.ends_with(';'));
        let in_one_line = line.ends_with('}');
        let Some(end) = end.filter(|_| !in_one_line) else { continue };
        let body = lines[index..].iter().position(|line| line.ends_with('{'));
        if declared_only.is_some_and(|semicolon| body.is_none_or(|body| semicolon < body)) {
            continue;
        }
        found.push((index + 1, name.to_owned(), end + 1));
    }
    found
}

fn function_name(line: &str) -> Option<&str> {
    let mut words = line.trim_start();
    if let Some(rest) = words.strip_prefix("pub") {
        words = match rest.strip_prefix('(') {
            Some(scope) => scope.split_once(") ")?.1,
            None => rest.strip_prefix(' ')?,
        };
    }
    for modifier in ["const ", "async "] {
        words = words.strip_prefix(modifier).unwrap_or(words);
    }
    let name = words.strip_prefix("fn ")?;
    name.split(['(', '<']).next()
}

#[test]
fn imports_go_downward() {
    check("Imports go downward only (see the map in src/lib.rs).", |source, tell| {
        let Some((_, below)) = MAP.iter().find(|(part, _)| *part == source.part()) else {
            if !["lib", "main"].contains(&source.part()) {
                tell(1, format!("`{}` has no place in the map of tests/tidy.rs", source.part()));
            }
            return;
        };
        for (line, code) in source.code() {
            if code.ends_with("crate::{") {
                tell(line, "write one `use crate::PART` for each part".to_owned());
            }
            for imported in imports(code) {
                if imported != source.part() && !below.contains(&imported) && is_part(imported) {
                    tell(line, format!("`{}` must not import `{imported}`", source.part()));
                }
            }
        }
    });
}

fn is_part(name: &str) -> bool {
    MAP.iter().any(|(part, _)| *part == name)
}

/// The parts of the crate that a line names: `crate::x`, and each of `crate::{x, y}`.
fn imports(code: &str) -> Vec<&str> {
    let identifier = |text: &str| text.find(|c: char| !c.is_alphanumeric() && c != '_');
    let mut found = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let names = match rest.strip_prefix('{') {
            Some(list) => list.split(", ").collect(),
            None => vec![rest],
        };
        found.extend(names.iter().map(|name| &name[..identifier(name).unwrap_or(name.len())]));
    }
    found
}

#[test]
fn cores_are_pure() {
    check("Time, sockets, threads and files are the shells': pass them in.", |source, tell| {
        if !PURE.contains(&source.part()) || source.is_tests() {
            return;
        }
        for (line, code) in source.code() {
            for word in IMPURE.iter().filter(|word| code.contains(**word)) {
                if !may_reach_out(source, word) {
                    tell(line, format!("`{}` is pure, and this says `{word}`", source.part()));
                }
            }
        }
    });
}

#[test]
fn nothing_is_left_unfinished() {
    let words = ["TODO", "FIXME", "unimplemented!", "todo!"];
    check("Finish it, or leave it out.", |source, tell| {
        for (index, line) in source.text.lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(**word)) {
                tell(index + 1, format!("`{word}`"));
            }
        }
    });
}

#[test]
fn the_top_of_the_repository_is_tidy() {
    for entry in std::fs::read_dir(root()).expect("the repository can be listed") {
        let name = entry.expect("the repository can be listed").file_name();
        let name = name.to_string_lossy();
        let known = name.starts_with('.') || TOP.contains(&name.as_ref());
        assert!(known, "`{name}` does not belong at the top of the repository: {TOP:?} do");
    }
}

#[test]
fn the_checks_themselves_see() {
    let source = |path: &str, text: &str| Source { path: path.into(), text: text.to_owned() };
    assert_eq!(imports("use crate::mqtt::Topic;"), ["mqtt"]);
    assert_eq!(imports("use crate::{broker, mqtt::QoS};"), ["broker", "mqtt"]);
    assert_eq!(imports("let x = crate::lab::f(crate::gui::g);"), ["lab", "gui"]);
    let long =
        format!("pub(super) async fn long(\n    a: u8,\n) {{\n{}}}\n", "    x();\n".repeat(80));
    assert_eq!(functions(&source("a.rs", &long)), [(1, "long".to_owned(), 84)]);
    let declared = "trait A {\n    fn a();\n    fn b(&self) {\n    }\n}\n";
    assert_eq!(functions(&source("a.rs", declared)), [(3, "b".to_owned(), 2)]);
    let tested = source("a.rs", "//! A\ncode\n#[cfg(test)]\nmod tests {\n    code\n}\n");
    assert_eq!(tested.lines().count(), 2);
    let outside = source("a.rs", "code\n#[cfg(test)]\nmod tests;\ncode\n");
    assert_eq!(outside.lines().count(), 4);
    assert!(may_reach_out(&source("card/driver.rs", ""), "tokio"));
    assert!(may_reach_out(&source("card/driver/trap.rs", ""), "tokio"));
    assert!(!may_reach_out(&source("card/card1.rs", ""), "tokio"));
    assert!(!may_reach_out(&source("conf/folder.rs", ""), "tokio"));
}
