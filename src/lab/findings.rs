//! A scenario as the linter looks at it: its conf files, and what its programs publish.

use crate::card::payload::{ALL, CARD1};
use crate::conf::mosquitto::Config;
use crate::conf::scenario::{Board, Deed, Program, Scenario, Setup};
use crate::conf::{Mistake, Opened, Survey};
use crate::lint::{self, Client, Finding, Node, System};
use crate::mqtt::{QoS, Topic};

/// What is to be said of a scenario that can run.
#[must_use]
pub fn of(opened: &Opened) -> Vec<Finding> {
    let confs = opened.confs.iter().map(|conf| Some(conf.clone())).collect();
    lint::check(&system(&opened.scenario, confs, Vec::new()))
}

/// What is to be said of a scenario, be there mistakes in it or not.
#[must_use]
pub fn of_survey(survey: Survey) -> Vec<Finding> {
    let Survey { scenario, confs, mistakes, .. } = survey;
    lint::check(&system(&scenario, confs, mistakes))
}

fn system(scenario: &Scenario, confs: Vec<Option<Config>>, mistakes: Vec<Mistake>) -> System {
    let boards = scenario.boards.iter().zip(confs);
    let node = |(board, conf): (&Board, Option<Config>)| {
        let clients = board.programs.iter().map(|it| client(scenario, it)).collect();
        Some(Node { name: board.name.clone(), conf: conf?, clients })
    };
    System::new(boards.filter_map(node).collect(), mistakes)
}

fn client(scenario: &Scenario, program: &Program) -> Client {
    let fixed = |topic: &str| Topic::parse(topic).ok().map(|topic| (topic, QoS::ExactlyOnce));
    let publishes = match &program.setup {
        Setup::Card1 => fixed(CARD1),
        Setup::Card2 => fixed(ALL),
        Setup::Counter(counter) => Some((counter.topic.clone(), counter.qos)),
        Setup::Display | Setup::Tally(_) => None,
    };
    let by_the_script = scenario.steps.iter().filter_map(|step| match &step.deed {
        Deed::Message { program: by, message } if *by == program.name => {
            Some((message.topic.clone(), message.qos))
        }
        _ => None,
    });
    let publishes = publishes.into_iter().chain(by_the_script).collect();
    Client { id: program.name.clone(), publishes }
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::conf::{Folder, builtin};

    #[test]
    fn what_is_built_in_has_nothing_to_cure() {
        for name in builtin::NAMES {
            let opened = Folder::builtin(name).expect("it is built in").open("host");
            let findings = of(&opened.unwrap_or_else(|error| panic!("{error}")));
            assert!(findings.is_empty(), "{name}: {findings:#?}");
        }
    }

    #[test]
    fn programs_are_known() {
        let mut folder = Folder::builtin("dual-board").expect("it is built in");
        let bridge = folder.files.get_mut("board2.conf").expect("a file");
        *bridge = bridge.replace("topic sensors/card1 in 2", "topic sensor/card1 in 1");
        let findings = of(&folder.open("host").expect("a scenario"));
        let told: Vec<_> = findings.iter().map(|it| (it.id, it.line)).collect();
        assert_eq!(told, [("idle-rule", Some(33))], "{findings:#?}");
        let bridge = folder.files.get_mut("board2.conf").expect("a file");
        *bridge = bridge.replace("topic sensor/card1 in 1", "topic sensors/card1 in 1");
        let findings = of(&folder.open("host").expect("a scenario"));
        assert_eq!(findings.iter().map(|it| it.id).collect::<Vec<_>>(), ["qos-cap"]);
    }
}
