//! The bootstrap: how far a figure might have come out otherwise, had other examples been drawn.
//!
//! Owns drawing the resamples and reading intervals off them. Does not own any figure.
//!
//! A resample draws as many examples as there are, with replacement; the interval is between the 2.5 % and the
//! 97.5 % quantile of the figure over the resamples (the percentile interval of Efron and Tibshirani, An
//! Introduction to the Bootstrap, 1993, chapter 13). It says how much the draw of the examples matters, and nothing of what
//! another seed would have made of the training. Resample number i depends on the seed, i and the number of
//! examples alone: not on the threads, and two models that are measured on the same examples meet the same resamples.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// Resamples of an interval; with so many an end strays by about a tenth of the distance to the figure.
pub const RESAMPLES: u32 = 1000;
/// The seed of the figures' own intervals: a constant, since a figure should not depend on luck that can be chosen.
pub const SEED: u64 = 1;
/// The part of the resamples between the ends of an interval.
pub const LEVEL: f64 = 0.95;
/// The part of the resamples in which a figure must be defined, or its interval would be that of the others.
const DEFINED: f64 = 0.95;

/// What `measure` says of each resample, in their order. It is given how often each example was drawn.
pub fn resampled<T: Send>(
    examples: usize,
    resamples: u32,
    seed: u64,
    measure: impl Fn(&[u32]) -> T + Sync,
) -> Vec<T> {
    let draw = |weights: &mut Vec<u32>, number: u32| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(number.into());
        weights.fill(0);
        let end = u32::try_from(examples).unwrap_or(u32::MAX);
        for _draw in 0..examples {
            weights[rng.random_range(0..end) as usize] += 1;
        }
        measure(weights)
    };
    (0..resamples)
        .into_par_iter()
        .map_init(|| vec![0; examples], draw)
        .collect()
}

/// The ends of a figure's interval from its values in the resamples, NaN where it has none. None where it has none in
/// more than one of twenty, and where all examples are one, which says nothing of others.
pub fn interval(mut values: Vec<f64>, examples: usize) -> Option<(f64, f64)> {
    let resamples = values.len() as f64;
    values.retain(|value| !value.is_nan());
    if examples < 2 || values.is_empty() || (values.len() as f64) < DEFINED * resamples {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let tail = (1.0 - LEVEL) / 2.0;
    Some((quantile(&values, tail), quantile(&values, 1.0 - tail)))
}

/// A quantile of sorted values, on the line between the two nearest (NumPy's default, Hyndman and Fan's seventh).
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let place = part * (sorted.len() - 1) as f64;
    let (below, above) = (
        sorted[place.floor() as usize],
        sorted[place.ceil() as usize],
    );
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_numpys() {
        // numpy.quantile([1, 2, 4, 8], [.025, .5, .975])
        let found = [0.025, 0.5, 0.975].map(|part| quantile(&[1.0, 2.0, 4.0, 8.0], part));
        for (found, expected) in found.iter().zip([1.075, 3.0, 7.7]) {
            assert!((found - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn a_resample_has_as_many_examples_and_does_not_depend_on_the_threads() {
        let draw = || resampled(50, 40, 3, <[u32]>::to_vec);
        let alone = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .unwrap()
            .install(draw);
        let many = rayon::ThreadPoolBuilder::new()
            .num_threads(5)
            .build()
            .unwrap()
            .install(draw);
        assert_eq!(alone, many);
        assert!(
            alone
                .iter()
                .all(|weights| weights.iter().sum::<u32>() == 50)
        );
        assert_ne!(alone[0], alone[1]);
    }

    #[test]
    fn an_interval_of_a_share_holds_the_truth_as_often_as_it_says() {
        let mut held = 0;
        for data in 0..200 {
            let mut rng = ChaCha8Rng::seed_from_u64(1000 + data);
            let hits: Vec<bool> = (0..100).map(|_| rng.random::<f64>() < 0.7).collect();
            let shares = resampled(100, 400, data, |weights| {
                let right = weights.iter().zip(&hits).filter(|(_, hit)| **hit);
                f64::from(right.map(|(weight, _)| weight).sum::<u32>()) / 100.0
            });
            let (lower, upper) = interval(shares, 100).unwrap();
            held += u32::from((lower..=upper).contains(&0.7));
        }
        // 190 of 200 are expected; the standard deviation is 3.
        assert!((179..=199).contains(&held), "{held}");
    }

    #[test]
    fn what_is_often_not_defined_has_no_interval() {
        let mut values = vec![1.0; 94];
        values.extend([f64::NAN; 6]);
        assert_eq!(interval(values.clone(), 10), None);
        values[99] = 1.0;
        assert_eq!(interval(values.clone(), 10), Some((1.0, 1.0)));
        assert_eq!(interval(values, 1), None);
    }
}
