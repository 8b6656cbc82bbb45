//! A recipe is written and read, and what is wrong with one is said.

use std::collections::BTreeMap;

use super::*;
use crate::cable;
use crate::conf::scenario::Target;
use crate::lab::explore;

fn builtin(name: &str) -> Recipe {
    Recipe::new(Folder::builtin(name).expect("it is there"), 7)
}

/// What it is when nobody looks at lines.
fn plain(mut recipe: Recipe) -> Recipe {
    recipe.steps.iter_mut().flatten().for_each(|step| step.line = 0);
    recipe
}

fn check_round(recipe: &Recipe) {
    let text = recipe.text().expect("it can be written");
    let read = Recipe::read(&text).unwrap_or_else(|error| panic!("{text}\n{error}"));
    assert_eq!(plain(read), plain(recipe.clone()), "{text}");
    let short = recipe.short().expect("it can be written");
    assert!(short.starts_with("tb1:") && !short.contains(char::is_whitespace), "{short}");
    let read = Recipe::read(&short).unwrap_or_else(|error| panic!("{short}\n{error}"));
    assert_eq!(plain(read), plain(recipe.clone()), "{short}");
}

fn wrong(text: &str) -> String {
    Recipe::read(text).map(|_| ()).expect_err(text).to_string()
}

#[test]
fn a_recipe_comes_back() {
    let mut recipe = builtin("dual-board");
    check_round(&recipe);
    let bridge = || "bridge_to_broker1".to_owned();
    recipe.by_hand = vec![
        ByHand {
            at: Duration::from_nanos(3_000_000_021),
            after: 118,
            deed: Deed::Cable { cable: bridge(), deed: cable::Deed::cut() },
        },
        ByHand {
            at: Duration::from_secs(4),
            after: 119,
            deed: Deed::Start(Target::Bridge(bridge())),
        },
    ];
    check_round(&recipe);
    check_round(&Recipe { seed: u64::MAX, ..recipe.clone() });
    check_round(&recipe.with_steps(Vec::new()));
}

#[test]
fn every_schedule_of_the_explorer_comes_back() {
    for name in ["dual-board", "counting"] {
        let recipe = builtin(name);
        let plan = recipe.plan().expect("it fits");
        for seed in 0..40 {
            check_round(&recipe.clone().with_steps(explore::schedule(&plan, seed)));
        }
    }
}

#[test]
fn a_scenario_goes_with_its_files() {
    let dual = Folder::builtin("dual-board").expect("it is there");
    let mut files: BTreeMap<_, _> = dual.files.clone();
    files.insert("scenario.toml".to_owned(), dual.scenario.clone());
    let own = Recipe::new(Folder::of("dual-board", files.clone()), 1);
    assert_eq!(own.scenario, Source::Builtin("dual-board".to_owned()), "the same files");
    files.insert("scenario.toml".to_owned(), format!("{}\n# 'it''s'\n'''", dual.scenario));
    let other = Recipe::new(Folder::of("mine", files.clone()), 1);
    assert!(matches!(other.scenario, Source::Files(_)));
    files.insert("scenario.toml".to_owned(), format!("{}\n# mine", dual.scenario));
    check_round(&Recipe::new(Folder::of("mine", files), 1));
}

#[test]
fn as_it_is_written() {
    let deed = Deed::PowerOff("board1".to_owned());
    let by_hand = vec![ByHand { at: Duration::from_millis(2500), after: 9, deed }];
    let recipe = Recipe { by_hand, ..builtin("dual-board") };
    let text = recipe.text().expect("it can be written");
    let (head, digest) = text.split_once("digest = \"").expect("it has one");
    assert_eq!(
        head,
        "# A run of the scenario dual-board. Play it: twinboard replay FILE\n\
         run = 1\nscenario = \"dual-board\"\n"
    );
    let (_, rest) = digest.split_once("\"\n").expect("it ends");
    assert_eq!(rest, "seed = 7\n\n[[by_hand]]\nafter = 9\nat = 2.5\npower_off = \"board1\"\n");
}

#[test]
fn what_is_wrong_is_said() {
    let check = |text: &str, expected: &str| {
        let said = wrong(text);
        assert!(said.contains(expected), "{text}: {said}");
    };
    check("title = 'T'", "this is no run of Twinboard: it does not begin with `run = 1`");
    check("run = 2\nnew = 1", "version 2 of the form, and this Twinboard reads version 1");
    check("tb9:abc", "version 9 of the form");
    check("run = 1\nscenario = 'dual-bord'", "there is no built-in scenario `dual-bord`");
    check(
        "run = 1\nscenario = 'dual-board'\ndigest = '00000000'",
        "the built-in scenario `dual-board` has changed since this run was written (its files \
         were 00000000, and are ",
    );
    check("run = 1\nscenario = 'dual-board'\nsteps = []", "unknown field `steps`");
    let step = |step: &str| format!("run = 1\nscenario = 'dual-board'\n{step}");
    check(&step("[[step]]\ncut = 'x'"), "step 1: there is no cable `x` (help: there is ");
    check(&step("[[by_hand]]\ncut = 'board1'"), "deed 1 by hand: it says no time: add `at`");
    check(&step("[[by_hand]]\nat = 1\nwait = 1"), "deed 1 by hand: nobody waits by hand");
    let files = "run = 1\nscenario = 'mine'\n[files]\n'scenario.toml' = 'title = 1'";
    check(files, "scenario.toml:1: invalid type");
}

#[test]
fn a_damaged_string_is_no_run() {
    let short = builtin("counting").short().expect("it can be written");
    let whole = short.len();
    check_lost(&short[..whole - 6]);
    check_lost(&format!("{}é", &short[..whole - 2]));
    let changed: String = short
        .char_indices()
        .map(|(at, letter)| match (at, letter) {
            (30, 'A') => 'B',
            (30, _) => 'A',
            _ => letter,
        })
        .collect();
    check_lost(&changed);
    let broken = format!("  {}\n {}\n", &short[..40], &short[40..]);
    assert_eq!(Recipe::read(&broken).expect("mail breaks lines"), builtin("counting"));
}

fn check_lost(short: &str) {
    let said = wrong(short);
    assert!(said.starts_with("the string is damaged or not whole: "), "{short}: {said}");
}
