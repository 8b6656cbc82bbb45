//! Chance that repeats itself: the same seed gives the same draws on every machine.

use serde::{Deserialize, Serialize};

/// A source of draws, written as the number it goes on from. (SplitMix64, by Sebastiano Vigna.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Random(pub u64);

impl Random {
    /// The next draw.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The next draw as a fraction, from 0 up to but not 1.
    pub fn fraction(&mut self) -> f64 {
        // Half of the bits are as fine as anybody needs.
        let bits = u32::try_from(self.draw() >> 32).unwrap_or(u32::MAX);
        f64::from(bits) / (f64::from(u32::MAX) + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_those_of_the_published_generator() {
        let mut random = Random(1_234_567);
        let drawn: Vec<u64> = (0..3).map(|_| random.draw()).collect();
        let expected =
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!(drawn, expected);
        assert!((0..1000).map(|_| random.fraction()).all(|it| (0.0..1.0).contains(&it)));
    }
}
