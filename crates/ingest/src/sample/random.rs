//! Random draws that are the same on every machine and for ever: ChaCha8 with draws of our own on top
//! (a library may change its sampling in any release) and `libm` for logarithms and cosines.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// Independent streams of one seed, so that a change in one part leaves the others as they are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stream {
    Catalog = 1,
    Reviews = 2,
    Ratings = 3,
    Tags = 4,
    Texts = 5,
}

/// A source of random draws.
pub(super) struct Random(ChaCha8Rng);

impl Random {
    pub(super) fn new(seed: u64, stream: Stream) -> Self {
        Self::numbered(seed, stream, 0)
    }

    /// One of many streams of a kind: each review has its own.
    pub(super) fn numbered(seed: u64, stream: Stream, number: u64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(number << 8 | stream as u64);
        Self(generator)
    }

    /// A whole number in `0..limit`; `limit` is not 0.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        // The bias of this method is under limit / 2^64.
        ((u128::from(self.0.next_u64()) * limit as u128) >> 64) as usize
    }

    /// A whole number in `low..=high`.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1) as usize) as i64
    }

    /// A number in `0.0..1.0`.
    pub(super) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with probability `p`.
    pub(super) fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// One of the items; there must be one.
    pub(super) fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len())]
    }

    /// A draw from the standard normal distribution (Box and Muller 1958).
    pub(super) fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.unit()));
        radius * libm::cos(std::f64::consts::TAU * self.unit())
    }

    /// A draw from the exponential distribution of the given mean.
    pub(super) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * libm::log(1.0 - self.unit())
    }

    /// Brings the items into random order (Fisher and Yates).
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_never_change() {
        let mut random = Random::numbered(7, Stream::Texts, 3);
        let draws = (
            random.below(1000),
            random.between(-5, 5),
            random.chance(0.5),
            random.pick(&["a", "b", "c"]),
        );
        insta::assert_debug_snapshot!(draws, @r#"
        (
            736,
            -1,
            true,
            "b",
        )
        "#);
        let normals: Vec<f64> = (0..10_000).map(|_| random.normal()).collect();
        let mean = normals.iter().sum::<f64>() / 1e4;
        let variance = normals.iter().map(|x| x * x).sum::<f64>() / 1e4;
        assert!(
            mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05,
            "{mean} {variance}"
        );
    }
}
