//! Which clicks no broker has taken over yet.
//!
//! A click counts from the PUBREC of a publication that was made after it: each publication
//! carries all of a program's own sensors, so any later one covers it too.

use std::collections::BTreeMap;

use super::{SensorNumber, Token};

/// The sensors whose last click is not the broker's yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Clicks {
    /// The first publication made after the click, once there is one.
    covered_by: BTreeMap<SensorNumber, Option<Token>>,
}

impl Clicks {
    /// A sensor was clicked.
    pub(super) fn click(&mut self, sensor: SensorNumber) {
        self.covered_by.insert(sensor, None);
    }

    /// All own sensors are published under `token`.
    pub(super) fn published(&mut self, token: Token) {
        for cover in self.covered_by.values_mut() {
            cover.get_or_insert(token);
        }
    }

    /// The broker took over the publication `token`.
    pub(super) fn sent(&mut self, token: Token) {
        self.covered_by.retain(|_, cover| cover.is_none_or(|cover| cover > token));
    }

    /// Whether a sensor's last click is not the broker's yet.
    pub(super) fn waits(&self, sensor: SensorNumber) -> bool {
        self.covered_by.contains_key(&sensor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENSOR: SensorNumber = SensorNumber(1);

    #[test]
    fn a_click_waits_for_a_publication_made_after_it() {
        let mut clicks = Clicks::default();
        clicks.published(Token(1));
        clicks.click(SENSOR);
        clicks.sent(Token(1));
        assert!(clicks.waits(SENSOR), "publication 1 was made before the click");
        clicks.published(Token(2));
        clicks.published(Token(3));
        clicks.sent(Token(2));
        assert!(!clicks.waits(SENSOR), "publication 2 carries the click");
    }

    #[test]
    fn any_later_publication_covers_a_click() {
        let mut clicks = Clicks::default();
        clicks.click(SENSOR);
        clicks.published(Token(1));
        clicks.sent(Token(7));
        assert!(!clicks.waits(SENSOR));
    }

    #[test]
    fn the_last_click_is_the_one_that_counts() {
        let mut clicks = Clicks::default();
        clicks.click(SENSOR);
        clicks.published(Token(1));
        clicks.click(SENSOR);
        clicks.published(Token(2));
        clicks.sent(Token(1));
        assert!(clicks.waits(SENSOR));
        clicks.sent(Token(2));
        assert!(!clicks.waits(SENSOR));
    }
}
