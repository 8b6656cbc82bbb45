//! Chance that repeats itself: the same seed gives the same draws on every machine.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// A source of draws, written as the number it goes on from, or as that number in quotation marks
/// where it is too great for the numbers of TOML. (SplitMix64, by Sebastiano Vigna.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
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

impl<'de> Deserialize<'de> for Random {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Seed)
    }
}

struct Seed;

impl Visitor<'_> for Seed {
    type Value = Random;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a seed: a number from 0 up")
    }

    fn visit_u64<E: Error>(self, seed: u64) -> Result<Random, E> {
        Ok(Random(seed))
    }

    fn visit_i64<E: Error>(self, seed: i64) -> Result<Random, E> {
        let seed = u64::try_from(seed);
        seed.map(Random).map_err(|_| E::custom("a seed is a number from 0 up"))
    }

    fn visit_str<E: Error>(self, seed: &str) -> Result<Random, E> {
        let read = seed.parse().map(Random);
        read.map_err(|_| E::custom(format!("a seed is a number from 0 up, not {seed:?}")))
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
