//! The values of each trial: every combination of a grid, or seeded random ones.
//!
//! The same seed gives the same trials on every machine: the random numbers are ChaCha's and the
//! mathematics `libm`'s. Numbers are rounded to four significant digits, so that people can type them.

use std::collections::BTreeSet;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_yaml::Value;

use crate::file::{Method, Range, Sweep};

/// Values of the searched variables, in the order of the file.
pub type Values = Vec<(String, Value)>;

/// Draws in a row that give nothing new, before the search counts as exhausted.
const IN_VAIN: usize = 1000;

/// The trials of a sweep, in the order of their numbers, no two alike.
pub fn trials(sweep: &Sweep) -> Vec<Values> {
    match sweep.method {
        Method::Grid => grid(&sweep.search),
        Method::Random(count) | Method::Halving(count, _) => {
            random(&sweep.search, sweep.seed, count)
        }
    }
}

/// How many trials a grid has; none of more than can be counted.
pub(crate) fn grid_size(search: &[(String, Range)]) -> Option<usize> {
    search.iter().try_fold(1_usize, |size, (_name, range)| {
        let points = match *range {
            Range::Choice(ref values) => values.len(),
            Range::Int(low, high) => {
                usize::try_from(high.checked_sub(low)?.checked_add(1)?).ok()?
            }
            Range::Uniform(.., steps) | Range::LogUniform(.., steps) => steps.unwrap_or(2),
        };
        size.checked_mul(points)
    })
}

fn grid(search: &[(String, Range)]) -> Vec<Values> {
    let mut trials: Vec<Values> = vec![Vec::new()];
    for (name, range) in search {
        let values = points(range);
        trials = trials
            .iter()
            .flat_map(|trial| {
                values.iter().map(move |value| {
                    let mut trial = trial.clone();
                    trial.push((name.clone(), value.clone()));
                    trial
                })
            })
            .collect();
    }
    trials
}

/// The values of a range in a grid.
fn points(range: &Range) -> Vec<Value> {
    let between = |low: f64, high: f64, steps: Option<usize>| {
        let steps = steps.unwrap_or(2);
        (0..steps).map(move |step| low + (high - low) * step as f64 / (steps - 1) as f64)
    };
    match *range {
        Range::Choice(ref values) => values.clone(),
        Range::Int(low, high) => (low..=high).map(Value::from).collect(),
        Range::Uniform(low, high, steps) => between(low, high, steps).map(rounded).collect(),
        Range::LogUniform(low, high, steps) => between(libm::log(low), libm::log(high), steps)
            .map(|log| rounded(libm::exp(log)))
            .collect(),
    }
}

fn random(search: &[(String, Range)], seed: u64, count: usize) -> Vec<Values> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut seen = BTreeSet::new();
    let mut trials = Vec::new();
    let mut in_vain = 0;
    while trials.len() < count && in_vain < IN_VAIN {
        let trial: Values = search
            .iter()
            .map(|(name, range)| (name.clone(), draw(range, &mut rng)))
            .collect();
        // A small search has fewer trials than were asked for.
        if seen.insert(format!("{trial:?}")) {
            trials.push(trial);
            in_vain = 0;
        } else {
            in_vain += 1;
        }
    }
    trials
}

fn draw(range: &Range, rng: &mut ChaCha8Rng) -> Value {
    match *range {
        Range::Choice(ref values) => values[rng.random_range(0..values.len())].clone(),
        Range::Int(low, high) => Value::from(rng.random_range(low..=high)),
        Range::Uniform(low, high, _) => rounded(low + (high - low) * rng.random::<f64>()),
        Range::LogUniform(low, high, _) => {
            let (low, high) = (libm::log(low), libm::log(high));
            rounded(libm::exp(low + (high - low) * rng.random::<f64>()))
        }
    }
}

/// Four significant digits.
fn rounded(number: f64) -> Value {
    let text = format!("{number:.3e}");
    Value::from(text.parse::<f64>().unwrap_or(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search() -> Vec<(String, Range)> {
        vec![
            ("lr".into(), Range::LogUniform(1e-4, 1e-2, Some(3))),
            ("units".into(), Range::Choice(vec![50.into(), 100.into()])),
            ("layers".into(), Range::Int(1, 2)),
        ]
    }

    fn number(trial: &Values, index: usize) -> f64 {
        trial[index].1.as_f64().unwrap()
    }

    #[test]
    fn a_grid_is_every_combination() {
        let trials = grid(&search());
        assert_eq!(trials.len(), 3 * 2 * 2);
        assert_eq!(grid_size(&search()), Some(trials.len()));
        let endless = || ("seed".to_owned(), Range::Int(0, i64::MAX));
        assert_eq!(grid_size(&[endless()]), None);
        assert_eq!(
            grid_size(&[
                ("n".into(), Range::Int(1, 1 << 40)),
                ("m".into(), Range::Int(1, 1 << 40))
            ]),
            None
        );
        let rates: BTreeSet<String> = trials
            .iter()
            .map(|trial| format!("{:?}", trial[0].1))
            .collect();
        assert_eq!(rates.len(), 3);
        assert_eq!(number(&trials[0], 0), 1e-4);
        assert_eq!(number(&trials[4], 0), 1e-3);
        assert_eq!(number(&trials[11], 0), 1e-2);
    }

    #[test]
    fn random_trials_follow_their_seed_and_stay_in_their_ranges() {
        let trials = random(&search(), 7, 500);
        assert_eq!(trials, random(&search(), 7, 500));
        assert_ne!(trials, random(&search(), 8, 500));
        assert!(
            trials
                .iter()
                .all(|trial| (1e-4..=1e-2).contains(&number(trial, 0)))
        );
        // Half of the orders of magnitude, half of the draws: 250, give or take four deviations.
        let low = trials
            .iter()
            .filter(|trial| number(trial, 0) < 1e-3)
            .count();
        assert!((205..=295).contains(&low), "{low}");
    }

    #[test]
    fn a_small_search_ends_when_it_is_exhausted() {
        let search = vec![("layers".to_owned(), Range::Int(1, 3))];
        let trials = random(&search, 1, 50);
        assert_eq!(trials.len(), 3);
    }

    #[test]
    fn the_trials_of_a_seed_never_change() {
        let trials = random(&search(), 7, 2);
        let shown: Vec<String> = trials
            .iter()
            .map(|trial| format!("{:?}", trial[0].1))
            .collect();
        assert_eq!(shown, ["Number(0.0002068)", "Number(0.0001181)"]);
    }
}
