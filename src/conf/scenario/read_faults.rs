//! Reads what a step breaks and mends: cables, disks, what is frozen, and when.

use std::time::Duration;

use toml::{Spanned, Table};

use super::raw::{RawClear, RawRelease, RawStep};
use super::read::{Check, meant};
use super::{Board, Deed, Target};
use crate::cable::fault::{Hold, NAMES};
use crate::cable::{self, Fault, Kind};

/// A script is no older than this; in seconds.
const LONGEST: f64 = 86_400.0;

impl Check<'_> {
    /// Takes out of a step what is done to cables and disks, what is frozen and thawed, and the
    /// plain waits; a wrong one stands as none.
    pub(super) fn faults(&mut self, raw: &mut RawStep, boards: &[Board]) -> Vec<Option<Deed>> {
        let mut deeds = Vec::new();
        let plain: [(_, fn() -> cable::Deed); 5] = [
            (raw.cut.take(), cable::Deed::cut),
            (raw.cut_silently.take(), cable::Deed::cut_silently),
            (raw.hold.take(), || cable::Deed::Set(Fault::both(Hold::default()))),
            (raw.reset.take(), || cable::Deed::Reset),
            (raw.mend.take(), || cable::Deed::Mend),
        ];
        for (named, deed) in plain {
            let deed = |it: Spanned<String>| on_cable(it.into_inner(), deed());
            deeds.extend(named.map(|it| Some(deed(it))));
        }
        deeds.extend(raw.fault.take().map(|it| self.fault(it)));
        deeds.extend(raw.clear.take().map(|it| self.clear(it)));
        deeds.extend(raw.release.take().map(|it| self.release(it)));
        for (target, deed) in [
            (raw.freeze.take(), Deed::Freeze as fn(Target) -> Deed),
            (raw.thaw.take(), Deed::Thaw as fn(Target) -> Deed),
        ] {
            deeds.extend(target.map(|it| self.freezable(it, boards).map(deed)));
        }
        for (board, deed) in [
            (raw.disk_full.take(), Deed::DiskFull as fn(String) -> Deed),
            (raw.disk_ok.take(), Deed::DiskOk as fn(String) -> Deed),
        ] {
            deeds.extend(board.map(|it| {
                self.known_board(it.span().start, it.get_ref(), boards);
                Some(deed(it.into_inner()))
            }));
        }
        deeds.extend(raw.disk_slow.take().map(|it| {
            self.known_board(it.span().start, &it.get_ref().board, boards);
            let it = it.into_inner();
            Some(Deed::DiskSlow { board: it.board, ms: it.ms })
        }));
        deeds.extend(raw.wait.take().map(|it| Some(Deed::Wait(self.seconds("wait", &it)))));
        deeds
    }

    /// A time from 0 up, in seconds, which may have a point.
    pub(super) fn seconds(&mut self, key: &str, written: &Spanned<f64>) -> Duration {
        let seconds = *written.get_ref();
        if (0.0..=LONGEST).contains(&seconds) {
            return Duration::from_secs_f64(seconds);
        }
        let what = format!("`{key}` is 0 to {LONGEST} seconds, not {seconds}");
        self.wrong(written.span().start, what, None);
        Duration::ZERO
    }

    fn fault(&mut self, raw: Spanned<Table>) -> Option<Deed> {
        let (at, mut table) = (raw.span().start, raw.into_inner());
        let Some(toml::Value::String(cable)) = table.remove("cable") else {
            let help =
                "write `cable = \"…\"` beside the fault: a bridge's, a program's or a board's name";
            self.wrong(at, "this names no cable", Some(help.to_owned()));
            return None;
        };
        let known = |name: &str| name == "direction" || NAMES.contains(&name);
        if let Some(name) = table.keys().find(|name| !known(name)) {
            let help = meant(name, NAMES.iter().copied());
            self.wrong(at, format!("there is no fault `{name}`"), help);
            return None;
        }
        match table.try_into::<Fault>() {
            Ok(fault) => {
                if let Kind::Lose(lose) = &fault.kind
                    && !(0.0..=1.0).contains(&lose.chance)
                {
                    let help = "0.01 loses a connection with one packet of a hundred";
                    self.wrong(at, "`chance` is 0 to 1", Some(help.to_owned()));
                    return None;
                }
                Some(on_cable(cable, cable::Deed::Set(fault)))
            }
            Err(error) => {
                self.wrong(at, error.message().trim(), None);
                None
            }
        }
    }

    fn clear(&mut self, raw: Spanned<RawClear>) -> Option<Deed> {
        let (at, RawClear { cable, fault }) = (raw.span().start, raw.into_inner());
        if !NAMES.contains(&fault.as_str()) {
            let help = meant(&fault, NAMES.iter().copied());
            self.wrong(at, format!("there is no fault `{fault}`"), help);
            return None;
        }
        Some(on_cable(cable, cable::Deed::Clear(fault)))
    }

    fn release(&mut self, raw: Spanned<RawRelease>) -> Option<Deed> {
        let at = raw.span().start;
        let RawRelease { cable, packets, direction } = raw.into_inner();
        if packets == 0 {
            let help = "to let all of them go, write `clear` with `fault = \"hold\"`";
            self.wrong(at, "`packets` is 1 or more", Some(help.to_owned()));
            return None;
        }
        Some(on_cable(cable, cable::Deed::Release { direction, packets }))
    }

    fn freezable(&mut self, raw: Spanned<Target>, boards: &[Board]) -> Option<Target> {
        let at = raw.span().start;
        let target = self.target(raw, boards);
        if let Target::Bridge(_) = target {
            let help = "freeze its broker, or hold its cable".to_owned();
            self.wrong(at, "a bridge cannot be frozen alone", Some(help));
            return None;
        }
        Some(target)
    }
}

fn on_cable(cable: String, deed: cable::Deed) -> Deed {
    Deed::Cable { cable, deed }
}
