//! The scenarios inside the executable, so that it runs from any folder. Their texts are files of
//! the repository's `broker-configs`, where they can be read and copied.

/// The names of the built-in scenarios.
pub const NAMES: &[&str] = &["dual-board", "counting"];

/// A name and a text, for each file beside `scenario.toml`.
type Files = &'static [(&'static str, &'static str)];

/// The text of `scenario.toml`, and the files beside it.
pub(super) fn texts(name: &str) -> Option<(&'static str, Files)> {
    match name {
        "dual-board" => Some((
            include_str!("../../broker-configs/dual-board/scenario.toml"),
            &[
                ("board1.conf", include_str!("../../broker-configs/dual-board/board1.conf")),
                ("board2.conf", include_str!("../../broker-configs/dual-board/board2.conf")),
            ],
        )),
        "counting" => Some((
            include_str!("../../broker-configs/counting/scenario.toml"),
            &[
                ("board1.conf", include_str!("../../broker-configs/counting/board1.conf")),
                ("board2.conf", include_str!("../../broker-configs/counting/board2.conf")),
            ],
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::conf::scenario::{Kind, Program};
    use crate::conf::{Folder, builtin};
    use crate::mqtt::QoS;

    #[test]
    fn every_builtin_opens_without_a_note() {
        for name in builtin::NAMES {
            let folder = Folder::builtin(name).expect("a name that is listed is there");
            let opened = folder.open("host").unwrap_or_else(|error| panic!("{name}:\n{error}"));
            assert!(!opened.scenario.expectations.is_empty(), "{name} expects nothing");
            for conf in &opened.confs {
                assert!(conf.notes.is_empty(), "{name}: {:?}", conf.notes);
                assert!(conf.settings.persistence, "{name}: a board forgets");
                assert!(
                    conf.listeners.iter().all(|it| it.bind_address.as_deref() == Some("127.0.0.1"))
                );
            }
        }
        assert_eq!(Folder::builtin("no such"), None);
    }

    #[test]
    fn the_dual_board_is_the_documents() {
        let opened = Folder::builtin("dual-board").expect("it is built in").open("host");
        let opened = opened.unwrap_or_else(|error| panic!("{error}"));
        let bridge = &opened.confs[1].settings.bridges[0];
        let rules: Vec<_> = bridge.rules.iter().map(ToString::to_string).collect();
        assert_eq!(rules, ["topic sensors/card1 in 2", "topic sensors/all out 2"]);
        assert!(bridge.rules.iter().all(|rule| rule.qos() == QoS::ExactlyOnce));
        assert_eq!(bridge.name, "bridge_to_broker1");
        assert_eq!(bridge.addresses[0].to_string(), "localhost:1883");
        assert!(!bridge.remote_clientid.as_str().contains("host"), "it must not name the machine");
        let kinds: Vec<_> = opened
            .scenario
            .boards
            .iter()
            .map(|board| board.programs.iter().map(Program::kind).collect::<Vec<_>>())
            .collect();
        assert_eq!(kinds, [vec![Kind::Card1], vec![Kind::Card2, Kind::Display]]);
    }
}
