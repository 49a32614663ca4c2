//! Figures of a popularity as a number: a share, a count, its logarithm, or the mean over its classes.
//!
//! Beside the errors and R² there are, where more is known of the windows: the error as a part of what the last value before
//! would have made (MASE, Hyndman and Koehler 2006, with the error of the same windows below the line); whether the class of
//! popularity is right; and how well the movies of a slot are ranked, as the mean over the slots: Spearman's rank
//! correlation, and NDCG (Järvelin and Kekäläinen 2002) of the first ten with the popularity as gain. Equal forecasts share
//! their places. Errors and R² are there by tenth of the movies and by years since the release as well.

use std::collections::BTreeMap;

use cinescore_model::task::Prediction;

use super::{Name, share};
use crate::windows::Knowledge;

/// Places that count for NDCG.
const PLACES: usize = 10;
const ERRORS: [&str; 4] = ["mae", "mse", "r2", "rmse"];
/// Only where the predictions have intervals.
const OF_INTERVALS: [&str; 2] = ["coverage", "interval_width"];
/// Years since the release, by the last one of each group.
const AGES: [(&str, i32); 4] = [
    ("0_to_1", 1),
    ("2_to_4", 4),
    ("5_to_9", 9),
    ("10_to_19", 19),
];
const OLDER: &str = "20_and_more";

/// Examples with what counts of each.
#[derive(Debug)]
pub(super) struct Sample {
    rows: Vec<Row>,
    intervals: bool,
    /// Whether the last value is known.
    last: bool,
    /// Whether classes are.
    classes: bool,
    /// Rows of each slot; none where slots are not known.
    slots: Vec<Slot>,
    /// Names of the groups, rising, with their examples.
    groups: Vec<(String, u64)>,
}

#[derive(Debug)]
struct Row {
    target: f64,
    error: f64,
    width: f64,
    covered: f64,
    last_error: f64,
    right: f64,
    /// The groups that it is in.
    groups: [Option<usize>; 2],
}

/// The examples of a slot, in the order of the truth and of the forecasts, each by groups of equal ones, the lowest first.
#[derive(Debug)]
struct Slot {
    by_target: Vec<Vec<usize>>,
    by_said: Vec<Vec<usize>>,
}

/// Sums over some examples.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    weight: f64,
    absolute_error: f64,
    squared_error: f64,
    target: f64,
    target_squared: f64,
}

impl Sums {
    fn add(&mut self, row: &Row, weight: f64) {
        self.weight += weight;
        self.absolute_error += weight * row.error.abs();
        self.squared_error += weight * row.error * row.error;
        self.target += weight * row.target;
        self.target_squared += weight * row.target * row.target;
    }

    fn mae(&self) -> f64 {
        share(self.absolute_error, self.weight)
    }

    fn mse(&self) -> f64 {
        share(self.squared_error, self.weight)
    }

    /// 1 - the mean squared error over the targets' variance; NaN where they are all one.
    fn r2(&self) -> f64 {
        let deviation = self.target_squared - self.target * self.target / self.weight;
        match deviation > 1e-9 * self.target_squared {
            true => 1.0 - self.squared_error / deviation,
            false => f64::NAN,
        }
    }
}

impl Sample {
    pub(super) fn new(
        targets: &[f64],
        predicted: &[Prediction],
        knowledge: Option<&Knowledge>,
    ) -> Self {
        let known = knowledge.map_or(&[][..], |own| &own.windows);
        let bounds = knowledge.map_or(&[][..], |own| &own.bounds);
        // What a baseline says comes from `history`, which is float32: there a forecast on a bound must stay on it.
        let class = |value: f64| {
            let above = |bound: &&f64| (value as f32) > (**bound as f32);
            bounds.iter().filter(above).count()
        };
        let names: Vec<[String; 2]> = known
            .iter()
            .map(|own| groups_of(own.decile, own.age))
            .collect();
        let mut counts: BTreeMap<&String, u64> = BTreeMap::new();
        for name in names.iter().flatten() {
            *counts.entry(name).or_default() += 1;
        }
        let groups: Vec<(String, u64)> = counts
            .into_iter()
            .map(|(name, count)| (name.clone(), count))
            .collect();
        let place = |name: &String| groups.binary_search_by(|(own, _)| own.cmp(name)).ok();
        let row = |(index, (&target, said)): (usize, (&f64, &Prediction))| {
            let (lower, upper) = said.interval.unwrap_or((f64::NAN, f64::NAN));
            let last = known.get(index).and_then(|own| own.last);
            Row {
                target,
                error: said.value - target,
                width: upper - lower,
                covered: f64::from((lower..=upper).contains(&target)),
                last_error: last.map_or(f64::NAN, |last| (last - target).abs()),
                right: f64::from(class(said.value) == class(target)),
                groups: names
                    .get(index)
                    .map_or([None; 2], |names| names.each_ref().map(place)),
            }
        };
        let rows: Vec<Row> = targets.iter().zip(predicted).enumerate().map(row).collect();
        let mut slots: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (index, own) in known.iter().enumerate() {
            slots.entry(own.slot).or_default().push(index);
        }
        let slot = |rows: Vec<usize>| Slot {
            by_target: ranked(&rows, |row| targets[row]),
            by_said: ranked(&rows, |row| predicted[row].value),
        };
        Self {
            intervals: predicted.iter().all(|said| said.interval.is_some()),
            last: !known.is_empty() && known.iter().all(|own| own.last.is_some()),
            classes: !bounds.is_empty(),
            slots: slots.into_values().map(slot).collect(),
            groups,
            rows,
        }
    }

    pub(super) fn names(&self) -> Vec<Name> {
        let count = self.rows.len() as u64;
        let mut all: Vec<&str> = ERRORS.into();
        if self.intervals {
            all.extend(OF_INTERVALS);
        }
        if self.last {
            all.push("mase");
        }
        if self.classes {
            all.push("class_accuracy");
        }
        if !self.slots.is_empty() {
            all.extend(["ndcg_at_10", "spearman"]);
        }
        let all = all.into_iter().map(|name| Name {
            text: name.to_owned(),
            count,
        });
        let of_groups = self.groups.iter().flat_map(|(group, count)| {
            ["mae", "r2"].map(|name| Name {
                text: format!("{name}_of_{group}"),
                count: *count,
            })
        });
        all.chain(of_groups).collect()
    }

    pub(super) fn values(&self, weights: &[u32]) -> Vec<f64> {
        let mut sums = Sums::default();
        let mut of_groups = vec![Sums::default(); self.groups.len()];
        let (mut covered, mut width, mut last_error, mut right) = (0.0, 0.0, 0.0, 0.0);
        for (row, &weight) in self.rows.iter().zip(weights) {
            if weight == 0 {
                continue;
            }
            let weight = f64::from(weight);
            sums.add(row, weight);
            covered += weight * row.covered;
            width += weight * row.width;
            last_error += weight * row.last_error;
            right += weight * row.right;
            for group in row.groups.into_iter().flatten() {
                of_groups[group].add(row, weight);
            }
        }
        let all = sums.weight;
        let mut values = vec![sums.mae(), sums.mse(), sums.r2(), sums.mse().sqrt()];
        if self.intervals {
            values.extend([share(covered, all), share(width, all)]);
        }
        if self.last {
            values.push(share(sums.absolute_error, last_error));
        }
        if self.classes {
            values.push(share(right, all));
        }
        if !self.slots.is_empty() {
            let mut ranks = vec![[0.0; 2]; self.rows.len()];
            let mean = |values: &mut dyn Iterator<Item = f64>| super::mean_of_defined(values);
            values.push(mean(
                &mut self.slots.iter().map(|slot| self.ndcg(slot, weights)),
            ));
            values.push(mean(
                &mut self
                    .slots
                    .iter()
                    .map(|slot| spearman(slot, weights, &mut ranks)),
            ));
        }
        values.extend(of_groups.iter().flat_map(|own| [own.mae(), own.r2()]));
        values
    }

    /// The discounted gain of the first places as forecast, over the greatest that there is; NaN where nothing is gained.
    fn ndcg(&self, slot: &Slot, weights: &[u32]) -> f64 {
        share(
            self.gain(&slot.by_said, weights),
            self.gain(&slot.by_target, weights),
        )
    }

    /// The discounted gain of the first places in an order. Equal ones have the mean of their gains at each of their places.
    fn gain(&self, order: &[Vec<usize>], weights: &[u32]) -> f64 {
        let (mut place, mut sum) = (0_usize, 0.0);
        for group in order.iter().rev() {
            let (mut count, mut gains) = (0, 0.0);
            for &row in group {
                count += weights[row] as usize;
                gains += f64::from(weights[row]) * self.rows[row].target;
            }
            let places = place..(place + count).min(PLACES);
            let discounts: f64 = places.map(|place| 1.0 / (place as f64 + 2.0).log2()).sum();
            if count > 0 {
                sum += gains / count as f64 * discounts;
            }
            place += count;
            if place >= PLACES {
                break;
            }
        }
        sum
    }
}

/// The rank correlation of a slot's truth and forecasts; NaN where either is all one. `ranks`: room for those of all rows.
fn spearman(slot: &Slot, weights: &[u32], ranks: &mut [[f64; 2]]) -> f64 {
    for (which, order) in [&slot.by_target, &slot.by_said].into_iter().enumerate() {
        let mut before = 0.0;
        for group in order {
            let count: f64 = group.iter().map(|&row| f64::from(weights[row])).sum();
            for &row in group {
                ranks[row][which] = before + (count + 1.0) / 2.0;
            }
            before += count;
        }
    }
    let rows = || slot.by_target.iter().flatten();
    let weight: f64 = rows().map(|&row| f64::from(weights[row])).sum();
    // The mean of the ranks 1 to n.
    let mean = (weight + 1.0) / 2.0;
    let (mut both, mut targets, mut said) = (0.0, 0.0, 0.0);
    for &row in rows() {
        let [a, b] = ranks[row].map(|rank| rank - mean);
        let weight = f64::from(weights[row]);
        both += weight * a * b;
        targets += weight * a * a;
        said += weight * b * b;
    }
    share(both, (targets * said).sqrt())
}

/// Rows by a value, equal ones together, the lowest first.
fn ranked(rows: &[usize], value: impl Fn(usize) -> f64) -> Vec<Vec<usize>> {
    let mut sorted = rows.to_vec();
    sorted.sort_by(|&a, &b| value(a).total_cmp(&value(b)));
    let groups = sorted.chunk_by(|&a, &b| value(a) == value(b));
    groups.map(<[usize]>::to_vec).collect()
}

/// The names of the two groups that a window is in.
fn groups_of(decile: u8, age: Option<i32>) -> [String; 2] {
    let age = match age {
        None => "unknown",
        Some(age) => AGES
            .iter()
            .find(|(_, last)| age <= *last)
            .map_or(OLDER, |(name, _)| name),
    };
    [format!("decile_{decile:02}"), format!("age_{age}")]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::windows::Known;

    /// Forecasts by rule: three slots of forty movies with ties in both.
    fn by_rule() -> (Vec<f64>, Vec<Prediction>, Knowledge) {
        let rows = 0..120_u32;
        let target = |i: u32| f64::from(i * 37 % 41 % 9) / 4.0;
        let said = |i: u32| Prediction {
            value: f64::from((i * 37 % 41 % 9 + i * 29 % 7) / 2) / 4.0,
            probabilities: None,
            interval: Some((0.0, f64::from(i % 5))),
        };
        let known = |i: u32| Known {
            slot: 100 + i / 40,
            decile: (i % 10 + 1) as u8,
            age: (!i.is_multiple_of(11)).then_some(i as i32 % 30),
            last: Some(f64::from(i * 13 % 17 % 9) / 4.0),
        };
        let knowledge = Knowledge {
            windows: rows.clone().map(known).collect(),
            bounds: vec![0.0, 0.5, 1.0, 1.25, 1.75],
        };
        (
            rows.clone().map(target).collect(),
            rows.map(said).collect(),
            knowledge,
        )
    }

    fn value(sample: &Sample, weights: &[u32], name: &str) -> f64 {
        let place = sample.names().iter().position(|own| own.text == name);
        sample.values(weights)[place.unwrap()]
    }

    // By numpy, scipy.stats.spearmanr and sklearn.metrics.ndcg_score(k=10), which averages ties as well.
    const REFERENCE: [(&str, f64); 15] = [
        ("mae", 0.34375),
        ("mse", 0.18489583333333334),
        ("r2", 0.5471505564945626),
        ("rmse", 0.42999515501146446),
        ("mase", 0.4596100278551532),
        ("class_accuracy", 0.36666666666666664),
        ("ndcg_at_10", 0.9106658884791218),
        ("spearman", 0.7817836741688001),
        ("coverage", 0.7583333333333333),
        ("interval_width", 2.0),
        ("mae_of_decile_03", 0.3541666666666667),
        ("r2_of_decile_10", 0.3661971830985915),
        ("mae_of_age_2_to_4", 0.38636363636363635),
        ("r2_of_age_unknown", 0.6471238938053097),
        ("mae_of_age_20_and_more", 0.3611111111111111),
    ];

    #[test]
    fn figures_are_those_of_scipy_and_scikit_learn() {
        let (targets, predicted, knowledge) = by_rule();
        let sample = Sample::new(&targets, &predicted, Some(&knowledge));
        for (name, expected) in REFERENCE {
            let found = value(&sample, &[1; 120], name);
            assert!(
                (found - expected).abs() < 1e-9,
                "{name}: {found} is not {expected}"
            );
        }
    }

    #[test]
    fn examples_that_count_twice_are_examples_that_are_there_twice() {
        let (targets, predicted, knowledge) = by_rule();
        let weights: Vec<u32> = (0..120).map(|index| index % 3).collect();
        let copies = |index: usize| vec![index; weights[index] as usize];
        let rows: Vec<usize> = (0..120).flat_map(copies).collect();
        let some: Vec<f64> = rows.iter().map(|&row| targets[row]).collect();
        let said: Vec<Prediction> = rows.iter().map(|&row| predicted[row].clone()).collect();
        let repeated = Sample::new(&some, &said, Some(&knowledge.of(&rows)));
        let weighted = Sample::new(&targets, &predicted, Some(&knowledge));
        for name in weighted.names() {
            let found = value(&weighted, &weights, &name.text);
            let expected = value(&repeated, &vec![1; rows.len()], &name.text);
            assert!(
                (found - expected).abs() < 1e-9 || (found.is_nan() && expected.is_nan()),
                "{}: {found} is not {expected}",
                name.text
            );
        }
    }

    #[test]
    fn nothing_is_said_of_what_is_not_known() {
        let (targets, predicted, _) = by_rule();
        let names: Vec<String> = Sample::new(&targets, &predicted, None)
            .names()
            .into_iter()
            .map(|name| name.text)
            .collect();
        assert_eq!(
            names,
            ["mae", "mse", "r2", "rmse", "coverage", "interval_width"]
        );
        let constant = Sample::new(&[1.0, 1.0], &predicted[..2], None);
        assert!(value(&constant, &[1, 1], "r2").is_nan());
    }

    #[test]
    fn a_constant_forecast_ranks_nothing() {
        let (targets, mut predicted, knowledge) = by_rule();
        predicted.iter_mut().for_each(|said| said.value = 0.3);
        let sample = Sample::new(&targets, &predicted, Some(&knowledge));
        assert!(value(&sample, &[1; 120], "spearman").is_nan());
        assert!((0.0..1.0).contains(&value(&sample, &[1; 120], "ndcg_at_10")));
    }
}
