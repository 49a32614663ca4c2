//! Intervals around predicted stars, or a predicted popularity, that hold what they promise.
//!
//! Owns fitting and applying split-conformal intervals. Does not own the choice of the examples: they must be ones on
//! which nothing was learned and nothing chosen, the split `calib`, or ones that networks like this one did not see.
//!
//! An interval is the prediction give or take a width, cut to the scale of stars. The width is the k-th smallest
//! absolute error of the n calibration examples, with k = ceil((n + 1) level): of a new example that is exchangeable with them
//! the interval then holds the truth with a probability of at least `level`, whatever the network and whatever the
//! distribution (Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005; Lei et al., JASA 2018,
//! theorem 2.2). Errors differ along the scale, since a review cannot have more than 10 stars: each bin of the
//! predicted score has its own width, which makes the promise for each bin by itself (Vovk's Mondrian prediction). A
//! popularity has no such scale, and few movies have most of it: its bins are tenths of the calibration examples. The promise
//! is for exchangeable examples; later slots are not quite that, so of a division by time `coverage` says what was held.

use serde::{Deserialize, Serialize};

use crate::task::{Quantity, STARS};

/// The part of the truths that intervals are to hold.
pub const LEVEL: f64 = 0.9;
/// A bin has at least so many examples. Nine are the fewest with which a width of this level exists at all; of
/// fifty the part that is really held strays by 0.04 (the standard deviation of Beta(46, 5)).
pub const FEWEST: usize = 50;

/// Widths of intervals by predicted score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// The part of the truths that intervals hold.
    pub level: f64,
    /// What is predicted.
    pub quantity: Quantity,
    /// Rising; together they hold every prediction.
    pub bins: Vec<Bin>,
}

/// Predictions that share a width.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bin {
    /// The bin has the predictions below this that no bin before it has; none for the last, which has the others.
    pub below: Option<f64>,
    /// How far it goes on either side of the prediction; none where there were too few examples for any: the interval is
    /// then the whole scale.
    pub width: Option<f64>,
    /// Calibration examples in it.
    pub examples: u64,
}

impl Calibration {
    /// Fits widths to predicted and true values. A bin of stars is a star wide, one of popularity has a tenth of the
    /// examples; from the lowest on, one with fewer than [`FEWEST`] examples is joined with the next, and what remains at
    /// the end with the one before. None without examples; of popularity, whose scale has no end, none where they are too
    /// few for any width.
    pub fn fit(quantity: Quantity, predicted: &[f64], targets: &[f64]) -> Option<Self> {
        if predicted.is_empty() {
            return None;
        }
        let bounds = match quantity {
            Quantity::Stars => {
                let (lowest, highest) = STARS;
                let steps = 1..(highest - lowest) as u32;
                steps.map(|step| lowest + f64::from(step)).collect()
            }
            Quantity::Popularity => tenths(predicted),
        };
        let mut errors: Vec<(Option<f64>, Vec<f64>)> = Vec::new();
        let mut open: Vec<f64> = Vec::new();
        let mut from = f64::NEG_INFINITY;
        for below in bounds {
            open.extend(errors_between(predicted, targets, from, below));
            from = below;
            if open.len() >= FEWEST {
                errors.push((Some(below), std::mem::take(&mut open)));
            }
        }
        open.extend(errors_between(predicted, targets, from, f64::INFINITY));
        match errors.last_mut() {
            Some((below, last)) if open.len() < FEWEST => {
                last.append(&mut open);
                *below = None;
            }
            _ => errors.push((None, open)),
        }
        let bin = |(below, errors): (Option<f64>, Vec<f64>)| Bin {
            below,
            examples: errors.len() as u64,
            width: width(errors, LEVEL),
        };
        let bins: Vec<Bin> = errors.into_iter().map(bin).collect();
        let endless = quantity.range().1.is_infinite();
        (!endless || bins.iter().all(|bin| bin.width.is_some())).then_some(Self {
            level: LEVEL,
            quantity,
            bins,
        })
    }

    /// The interval around a predicted value, within the scale.
    pub fn interval(&self, predicted: f64) -> (f64, f64) {
        let own = self
            .bins
            .iter()
            .find(|bin| bin.below.is_none_or(|below| predicted < below));
        match own.and_then(|bin| bin.width) {
            None => self.quantity.range(),
            Some(width) => (
                self.quantity.clamp(predicted - width),
                self.quantity.clamp(predicted + width),
            ),
        }
    }
}

/// The bounds between tenths of the predictions, rising; equal ones are on one side.
fn tenths(predicted: &[f64]) -> Vec<f64> {
    let mut sorted = predicted.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mut bounds: Vec<f64> = (1..10)
        .map(|tenth| sorted[sorted.len() * tenth / 10])
        .collect();
    bounds.dedup();
    bounds
}

/// The absolute errors of the predictions from a score on and below another.
fn errors_between<'a>(
    predicted: &'a [f64],
    targets: &'a [f64],
    from: f64,
    below: f64,
) -> impl Iterator<Item = f64> + 'a {
    predicted
        .iter()
        .zip(targets)
        .filter(move |(predicted, _)| (from..below).contains(*predicted))
        .map(|(predicted, target)| (predicted - target).abs())
}

/// The k-th smallest of n errors, k = ceil((n + 1) level); none where that is more than n.
fn width(mut errors: Vec<f64>, level: f64) -> Option<f64> {
    errors.sort_by(f64::total_cmp);
    // A hair less, since 0.9 x 10 must be 9 and not a rounding error more.
    let rank = ((errors.len() + 1) as f64 * level - 1e-9).ceil() as usize;
    errors.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_width_is_the_corrected_quantile() {
        // ceil(10 x 0.9) = 9 of 9; ceil(20 x 0.9) = 18 of 19; ceil(9 x 0.9) = 9 of 8: none.
        let errors = |count: u32| (1..=count).rev().map(f64::from).collect::<Vec<_>>();
        assert_eq!(width(errors(9), 0.9), Some(9.0));
        assert_eq!(width(errors(19), 0.9), Some(18.0));
        assert_eq!(width(errors(100), 0.9), Some(91.0));
        assert_eq!(width(errors(8), 0.9), None);
    }

    #[test]
    fn bins_with_few_examples_are_joined() {
        let mut predicted = vec![1.5; 50];
        predicted.extend([2.5; 20]);
        predicted.extend([3.5; 40]);
        predicted.extend([9.9; 7]);
        let targets: Vec<f64> = predicted.iter().map(|predicted| predicted + 0.5).collect();
        let found = Calibration::fit(Quantity::Stars, &predicted, &targets).unwrap();
        let bins: Vec<_> = found
            .bins
            .iter()
            .map(|bin| (bin.below, bin.examples))
            .collect();
        // The 7 at the end go to the 60 before them.
        assert_eq!(bins, [(Some(2.0), 50), (None, 67)]);
        assert_eq!(found.interval(9.9), (9.4, 10.0));
        assert_eq!(found.interval(1.0), (1.0, 1.5));
    }

    #[test]
    fn too_few_examples_give_the_whole_scale_and_none_give_nothing() {
        let found = Calibration::fit(Quantity::Stars, &[5.0; 8], &[5.0; 8]).unwrap();
        assert_eq!(found.interval(5.0), (1.0, 10.0));
        assert_eq!(Calibration::fit(Quantity::Stars, &[], &[]), None);
    }

    #[test]
    fn popularity_has_bins_of_equally_many_examples_and_no_upper_end() {
        let predicted: Vec<f64> = (0..1000).map(|index| f64::from(index).powi(3)).collect();
        let targets: Vec<f64> = predicted.iter().map(|predicted| 2.0 * predicted).collect();
        let fit = |count: usize| {
            let own = (&predicted[..count], &targets[..count]);
            Calibration::fit(Quantity::Popularity, own.0, own.1)
        };
        let found = fit(1000).unwrap();
        let examples: Vec<u64> = found.bins.iter().map(|bin| bin.examples).collect();
        assert_eq!(examples, [100; 10]);
        // ceil(101 x 0.9) = 91 of 100.
        assert_eq!(found.interval(8.0), (0.0, 8.0 + 90.0_f64.powi(3)));
        assert!(found.interval(1e12).1 > 1e12);
        assert_eq!(fit(120).unwrap().bins.len(), 2);
        assert_eq!(fit(8), None);
        let one = Calibration::fit(Quantity::Popularity, &[0.0; 500], &[1.0; 500]).unwrap();
        assert_eq!(one.interval(0.0), (0.0, 1.0));
    }

    #[test]
    fn new_examples_are_held_as_often_as_was_promised_in_every_bin() {
        // Errors that grow along the scale, from a number without pattern (SplitMix64).
        let mut state = 9_u64;
        let mut uniform = move || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
        };
        let mut draw = |count: usize| -> (Vec<f64>, Vec<f64>) {
            (0..count)
                .map(|_| {
                    let predicted = 1.0 + 9.0 * uniform();
                    let error = (uniform() - 0.5) * predicted;
                    (predicted, (predicted + error).clamp(1.0, 10.0))
                })
                .unzip()
        };
        let (predicted, targets) = draw(20_000);
        let calibration = Calibration::fit(Quantity::Stars, &predicted, &targets).unwrap();
        assert_eq!(calibration.bins.len(), 9);
        let (predicted, targets) = draw(20_000);
        for stars in 1..10 {
            let own = predicted
                .iter()
                .zip(&targets)
                .filter(|(predicted, _)| predicted.floor() == f64::from(stars));
            let held: Vec<bool> = own
                .map(|(predicted, target)| {
                    let (lower, upper) = calibration.interval(*predicted);
                    (lower..=upper).contains(target)
                })
                .collect();
            let part = held.iter().filter(|held| **held).count() as f64 / held.len() as f64;
            assert!((part - LEVEL).abs() < 0.03, "{stars} stars: {part}");
        }
    }
}
