//! How examples of different lengths are divided among passes through a network.
//!
//! In a pass all examples have as many steps as the longest: padding costs what words cost. A step costs something
//! for itself too, and so does a pass, so that one example at a time is no better. The cheapest way to cut a list that is sorted by
//! length is found by dynamic programming.
//!
//! LibTorch's kernels are made for each shape when it first comes, which takes a millisecond on a fast processor and keeps some
//! memory for as many as 1,024 of them (oneDNN): a server under load grew by the minute. So passes have few shapes, 168 of up to 512
//! steps: steps and examples are rounded up, at the cost of a few hundredths of padding.

use std::ops::Range;

/// Examples that go through a network together at most: as many as in an evaluation.
pub(super) const MOST: usize = 64;

/// What a step costs beside its examples, in examples: LSTMs of 100 and 256 units take 2.2 to 2.6 (one thread, AVX-512).
const STEP: f64 = 2.5;
/// What a pass costs beside its steps, in steps of one example.
const PASS: f64 = 250.0;
/// Numbers of examples that a pass is rounded up to.
const COUNTS: [usize; 7] = [1, 2, 4, 8, 16, 32, MOST];

/// Some examples that go through the network together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pass {
    /// Which, in the sorted list.
    pub(super) examples: Range<usize>,
    /// Steps of all of them, the longest's or some more.
    pub(super) steps: usize,
    /// How many there are with those that only fill it.
    pub(super) count: usize,
}

impl Pass {
    fn new(examples: Range<usize>, longest: usize) -> Self {
        Self {
            steps: steps(longest),
            count: count(examples.len()),
            examples,
        }
    }

    fn cost(&self) -> f64 {
        self.steps as f64 * (self.count as f64 + STEP) + PASS
    }
}

/// Steps for a length, at least one: a multiple of 16, from 257 on of a sixteenth of the next power of two.
fn steps(longest: usize) -> usize {
    let unit = (longest.next_power_of_two() / 16).max(16);
    longest.max(1).div_ceil(unit) * unit
}

fn count(examples: usize) -> usize {
    let known = COUNTS.iter().find(|count| **count >= examples);
    known.copied().unwrap_or(examples)
}

/// The passes with the least cost for examples of these lengths, which are sorted.
pub(super) fn divide(lengths: &[usize]) -> Vec<Pass> {
    // The cost of the first so many examples, and where the last of their passes begins.
    let mut best = vec![(0.0, 0); lengths.len() + 1];
    for end in 1..=lengths.len() {
        let longest = lengths[end - 1];
        let least = (end.saturating_sub(MOST)..end)
            .map(|begin| {
                let cost = best[begin].0 + Pass::new(begin..end, longest).cost();
                (cost, begin)
            })
            .min_by(|a, b| a.0.total_cmp(&b.0));
        best[end] = least.unwrap_or((0.0, 0));
    }
    let mut passes = Vec::new();
    let mut end = lengths.len();
    while end > 0 {
        let begin = best[end].1;
        passes.push(Pass::new(begin..end, lengths[end - 1]));
        end = begin;
    }
    passes.reverse();
    passes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many examples each pass has.
    fn counts(lengths: &[usize]) -> Vec<usize> {
        let passes = divide(lengths).into_iter();
        passes.map(|pass| pass.examples.len()).collect()
    }

    #[test]
    fn those_of_similar_length_go_together() {
        assert!(divide(&[]).is_empty());
        assert_eq!(counts(&[230]), [1]);
        assert_eq!(counts(&[100; 64]), [64]);
        assert_eq!(counts(&[100; 65]).len(), 2);
        assert_eq!(counts(&[20, 20, 20, 500, 500]), [3, 2]);
        // Short ones are not worth a pass of their own.
        assert_eq!(counts(&[3, 5, 8, 13]), [4]);
    }

    #[test]
    fn every_example_is_in_one_pass_that_has_room_for_it() {
        let lengths: Vec<usize> = (0..700).map(|index| index * index / 240).collect();
        let mut next = 0;
        for pass in divide(&lengths) {
            assert_eq!(pass.examples.start, next);
            next = pass.examples.end;
            assert!(pass.count >= pass.examples.len() && pass.count <= MOST);
            let longest = lengths[next - 1];
            assert!(pass.steps >= longest && pass.steps < longest + longest / 8 + 16);
        }
        assert_eq!(next, 700);
    }

    #[test]
    fn there_are_few_shapes() {
        let mut all: Vec<usize> = (1..=512).map(steps).collect();
        all.dedup();
        assert_eq!(all.len() * COUNTS.len(), 24 * 7);
        let found = [0, 1, 64, 65, 257, 501].map(steps);
        assert_eq!(found, [16, 16, 64, 80, 288, 512]);
    }
}
