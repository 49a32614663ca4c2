//! Figures of some examples, of the others, and of their difference, with bootstrap intervals.
//!
//! Every figure here is a mean over examples, so that a resample of all examples is one pass over their sums. The examples of a
//! slice and the others are drawn together (`figures::bootstrap`): the interval of a difference knows that neither number
//! of examples is fixed.

use cinescore_artifact::Split;

use super::judged::Rows;
use crate::figures::bootstrap;

/// From this probability on a review counts as positive.
const THRESHOLD: f64 = 0.5;

/// Something that is known of examples, by which they are divided. An example may have several levels, as genres, or none:
/// then it counts neither with a level nor with the others of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Factor {
    /// Its name in the table.
    pub name: &'static str,
    /// Whether it is known of each example.
    pub known: Vec<bool>,
    /// Its levels, in their order.
    pub levels: Vec<Level>,
}

/// Some examples.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// What they have in common.
    pub name: String,
    /// Their places among all, rising.
    pub rows: Vec<usize>,
}

/// A figure with its 95 % interval; none where there are no examples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// The figure.
    pub value: Option<f64>,
    /// The ends.
    pub interval: Option<(f64, f64)>,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Slice {
    /// The network.
    pub subject: String,
    /// Its split.
    pub split: Split,
    /// The factor.
    pub factor: &'static str,
    /// The level's place among its factor's.
    pub place: u32,
    /// The level.
    pub level: String,
    /// The figure's name.
    pub metric: &'static str,
    /// Its examples.
    pub n: u64,
    /// Their figure.
    pub own: Measured,
    /// The other examples of which the factor is known.
    pub others_n: u64,
    /// Their figure.
    pub others: Measured,
    /// The one less the other.
    pub difference: Measured,
}

/// Weighted sum and weight of some examples.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    weight: f64,
    value: f64,
}

impl Sum {
    /// NaN of nothing, where rounding may have left a value.
    fn mean(self) -> f64 {
        match self.weight > 0.0 {
            true => self.value / self.weight,
            false => f64::NAN,
        }
    }

    fn without(self, part: Self) -> Self {
        Self {
            weight: self.weight - part.weight,
            value: self.value - part.value,
        }
    }
}

/// The figures of all levels of all factors, by factor, level and figure.
pub fn measure(
    subject: &str,
    split: Split,
    is_binary: bool,
    rows: &Rows,
    factors: &[Factor],
) -> Vec<Slice> {
    let figures = of_examples(is_binary, rows);
    let count = rows.ids.len();
    // Of each figure and level: own, others, difference.
    let means = |weights: &[u32]| -> Vec<[f64; 3]> {
        let sum = |values: &[f64], some: &mut dyn Iterator<Item = usize>| {
            some.fold(Sum::default(), |sum, row| {
                let weight = f64::from(weights[row]);
                Sum {
                    weight: sum.weight + weight,
                    value: sum.value + weight * values[row],
                }
            })
        };
        let mut means = Vec::new();
        for factor in factors {
            for (_, values) in &figures {
                let all = sum(values, &mut (0..count).filter(|row| factor.known[*row]));
                for level in &factor.levels {
                    let own = sum(values, &mut level.rows.iter().copied());
                    let others = all.without(own);
                    let (own, others) = (own.mean(), others.mean());
                    means.push([own, others, own - others]);
                }
            }
        }
        means
    };
    let values = means(&vec![1; count]);
    let resampled = bootstrap::resampled(count, bootstrap::RESAMPLES, bootstrap::SEED, means);
    let mut slices = Vec::with_capacity(values.len());
    let mut index = 0;
    for factor in factors {
        let known = factor.known.iter().filter(|known| **known).count();
        for (metric, _) in &figures {
            for (place, level) in factor.levels.iter().enumerate() {
                let n = level.rows.len();
                let measured = |which: usize, examples: usize| {
                    let value = values[index][which];
                    let all = resampled.iter().map(|means| means[index][which]).collect();
                    let is_there = examples > 0 && value.is_finite();
                    Measured {
                        value: is_there.then_some(value),
                        interval: bootstrap::interval(all, examples).filter(|_| is_there),
                    }
                };
                slices.push(Slice {
                    subject: subject.to_owned(),
                    split,
                    factor: factor.name,
                    place: u32::try_from(place).unwrap_or(u32::MAX),
                    level: level.name.clone(),
                    metric,
                    n: n as u64,
                    own: measured(0, n),
                    others_n: (known - n) as u64,
                    others: measured(1, known - n),
                    difference: measured(2, n.min(known - n)),
                });
                index += 1;
            }
        }
    }
    // Stable: factors stay in their order, levels come before figures.
    let order: Vec<&str> = factors.iter().map(|factor| factor.name).collect();
    let factor = |own: &Slice| order.iter().position(|name| *name == own.factor);
    slices.sort_by_key(|own| (factor(own), own.place, own.metric));
    slices
}

/// What counts of each example, by the name of its mean.
fn of_examples(is_binary: bool, rows: &Rows) -> Vec<(&'static str, Vec<f64>)> {
    let of = |value: fn(f64, f64) -> f64| {
        let pairs = rows.targets.iter().zip(&rows.predicted);
        pairs
            .map(|(&target, said)| value(said.value, target))
            .collect::<Vec<f64>>()
    };
    if is_binary {
        let wrong = of(|said, target| f64::from((said >= THRESHOLD) != (target == 1.0)));
        return vec![("error_rate", wrong)];
    }
    let mut figures = Vec::new();
    let intervals: Option<Vec<(f64, f64)>> =
        rows.predicted.iter().map(|said| said.interval).collect();
    if let Some(intervals) = intervals {
        let pairs = intervals.into_iter().zip(&rows.targets);
        let covered = pairs.map(|((lower, upper), target)| (lower..=upper).contains(target));
        figures.push(("coverage", covered.map(f64::from).collect()));
    }
    figures.push(("mae", of(|said, target| (said - target).abs())));
    figures.push(("mse", of(|said, target| (said - target) * (said - target))));
    figures
}

#[cfg(test)]
mod tests {
    use cinescore_model::task::Prediction;

    use super::*;

    fn rows(pairs: &[(f64, f64)]) -> Rows {
        let said = |value: f64| Prediction {
            value,
            probabilities: None,
            interval: Some((value - 1.0, value + 1.0)),
        };
        Rows {
            ids: (0..pairs.len() as u64).collect(),
            targets: pairs.iter().map(|pair| pair.0).collect(),
            predicted: pairs.iter().map(|pair| said(pair.1)).collect(),
        }
    }

    fn factor(known: &[bool], levels: &[(&str, &[usize])]) -> Factor {
        let level = |(name, rows): &(&str, &[usize])| Level {
            name: (*name).into(),
            rows: rows.to_vec(),
        };
        Factor {
            name: "genre",
            known: known.into(),
            levels: levels.iter().map(level).collect(),
        }
    }

    #[test]
    fn a_slice_stands_against_the_others_of_which_the_same_is_known() {
        let rows = rows(&[(1.0, 2.0), (1.0, 4.0), (1.0, 1.0), (9.0, 1.0)]);
        let genre = factor(
            &[true, true, true, false],
            &[("Drama", &[0, 1]), ("War", &[1]), ("None", &[])],
        );
        let found = measure("net", Split::Test, false, &rows, &[genre]);
        let names: Vec<_> = found.iter().map(|own| (own.place, own.metric)).collect();
        assert_eq!(
            names[..4],
            [(0, "coverage"), (0, "mae"), (0, "mse"), (1, "coverage")]
        );
        let of = |level: &str, metric: &str| {
            let own = found
                .iter()
                .find(|own| own.level == level && own.metric == metric)
                .unwrap();
            let values = [own.own, own.others, own.difference].map(|own| own.value);
            (own.n, own.others_n, values)
        };
        // The last review has no genre: it is nobody's other.
        assert_eq!(
            of("Drama", "mae"),
            (2, 1, [Some(2.0), Some(0.0), Some(2.0)])
        );
        assert_eq!(of("Drama", "mse").2, [Some(5.0), Some(0.0), Some(5.0)]);
        assert_eq!(of("War", "coverage").2, [Some(0.0), Some(1.0), Some(-1.0)]);
        assert_eq!(of("None", "mae"), (0, 3, [None, Some(4.0 / 3.0), None]));
    }

    #[test]
    fn classes_are_wrong_or_right() {
        let rows = rows(&[(0.0, 0.6), (1.0, 0.5), (1.0, 0.4), (0.0, 0.1)]);
        let all = factor(&[true; 4], &[("a", &[0, 1]), ("b", &[2, 3])]);
        let found = measure("net", Split::Test, true, &rows, &[all]);
        let values: Vec<_> = found
            .iter()
            .map(|own| (own.metric, own.own.value))
            .collect();
        assert_eq!(
            values,
            [("error_rate", Some(0.5)), ("error_rate", Some(0.5))]
        );
    }

    #[test]
    fn intervals_hold_a_true_difference_and_shrink_with_examples() {
        let pairs = |count: usize| -> Vec<(f64, f64)> {
            // Errors of 1 or 3 in the slice, 0 or 2 outside of it.
            let error = |row: usize| {
                f64::from(u8::from(row.is_multiple_of(2))) + 2.0 * ((row / 2) % 2) as f64
            };
            (0..count).map(|row| (5.0, 5.0 + error(row))).collect()
        };
        let width = |count: usize| {
            let rows = rows(&pairs(count));
            let even: Vec<usize> = (0..count).step_by(2).collect();
            let some = factor(&vec![true; count], &[("even", &even)]);
            let found = measure("net", Split::Test, false, &rows, &[some]);
            let own = found.iter().find(|own| own.metric == "mae").unwrap();
            let (lower, upper) = own.difference.interval.unwrap();
            assert!(lower < 1.0 && 1.0 < upper, "{own:?}");
            // By formula: both means have a variance of 1 over half of the examples.
            let normal = 2.0 * 1.96 * (4.0 / count as f64).sqrt();
            assert!(((upper - lower) / normal - 1.0).abs() < 0.15, "{own:?}");
            upper - lower
        };
        assert!(width(400) < width(100));
    }
}
