//! Figures of stars, 1 to 10, as a number.

use cinescore_model::task::Prediction;

use super::{Name, share};

/// Stars that there are, and 0 for none of them.
const SCORES: usize = 11;
const NAMES: [&str; 9] = [
    "mae",
    "mse",
    "mse_tenths",
    "mse_unit",
    "quadratic_kappa",
    "r2",
    "rmse",
    "sentiment_accuracy",
    "within_one",
];
/// Stars above are positive; there is no score at the middle of the scale.
pub(super) const MIDDLE: f64 = 5.5;
/// Only where the predictions have intervals.
const OF_INTERVALS: [&str; 2] = ["coverage", "interval_width"];

/// What a task with classes says of each example beside its stars.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    /// The stars of its class.
    pub(super) stars: &'a [f64],
    /// The probability of more stars than the middle of the scale.
    pub(super) positive: &'a [f64],
}

/// Examples with what counts of each.
#[derive(Debug)]
pub(super) struct Sample {
    rows: Vec<Row>,
    /// The true scores, rising, with the number of their examples.
    scores: Vec<(usize, u64)>,
    intervals: bool,
}

#[derive(Debug)]
struct Row {
    target: f64,
    /// Predicted less true.
    error: f64,
    /// Whole stars.
    said: f64,
    near: f64,
    /// Whether the side of the scale is the true one.
    sided: f64,
    score: usize,
    width: f64,
    covered: f64,
}

impl Sample {
    /// `targets`: stars; `named`: what is said where a whole number, or a side of the scale, is wanted: without it the
    /// predicted stars, rounded, and their side.
    pub(super) fn new(targets: &[f64], predicted: &[Prediction], named: Option<Named<'_>>) -> Self {
        let row = |(index, (&target, said)): (usize, (&f64, &Prediction))| {
            let whole = named.map_or(said.value, |named| named.stars[index]).round();
            let positive = named.map_or(said.value > MIDDLE, |named| named.positive[index] >= 0.5);
            let (lower, upper) = said.interval.unwrap_or((f64::NAN, f64::NAN));
            Row {
                target,
                error: said.value - target,
                said: whole,
                near: f64::from((whole - target).abs() <= 1.0),
                sided: f64::from(positive == (target > MIDDLE)),
                score: (target as usize).min(SCORES - 1),
                width: upper - lower,
                covered: f64::from((lower..=upper).contains(&target)),
            }
        };
        let rows: Vec<Row> = targets.iter().zip(predicted).enumerate().map(row).collect();
        let count = |score: usize| rows.iter().filter(|row| row.score == score).count() as u64;
        let scores = (1..SCORES).map(|score| (score, count(score)));
        let scores = scores.filter(|(_, count)| *count > 0).collect();
        let intervals = predicted.iter().all(|said| said.interval.is_some());
        Self {
            rows,
            scores,
            intervals,
        }
    }

    fn of_intervals(&self) -> &'static [&'static str] {
        if self.intervals { &OF_INTERVALS } else { &[] }
    }

    pub(super) fn names(&self) -> Vec<Name> {
        let count = self.rows.len() as u64;
        let all = NAMES.iter().chain(self.of_intervals()).map(|name| Name {
            text: (*name).to_owned(),
            count,
        });
        let of_scores = |name: &'static str| {
            self.scores.iter().map(move |(score, count)| Name {
                text: format!("{name}_of_{score}"),
                count: *count,
            })
        };
        let covered = self.of_intervals().first().copied();
        all.chain(of_scores("mean_error"))
            .chain(covered.into_iter().flat_map(of_scores))
            .collect()
    }

    /// The mean squared error stands there on three scales: stars, a tenth of the stars, and stars from 0 to 1. Published
    /// figures use one or the other and seldom say which.
    pub(super) fn values(&self, weights: &[u32]) -> Vec<f64> {
        let mut sums = Sums::default();
        let mut of_scores = [[0.0; 3]; SCORES];
        for (row, &weight) in self.rows.iter().zip(weights) {
            if weight == 0 {
                continue;
            }
            let weight = f64::from(weight);
            sums.add(row, weight);
            let own = &mut of_scores[row.score];
            own[0] += weight;
            own[1] += weight * row.error;
            own[2] += weight * row.covered;
        }
        let all = sums.weight;
        let mse = share(sums.squared_error, all);
        let mut values = vec![
            share(sums.absolute_error, all),
            mse,
            mse / 100.0,
            mse / 81.0,
            sums.quadratic_kappa(),
            sums.r2(),
            mse.sqrt(),
            share(sums.sided, all),
            share(sums.near, all),
        ];
        if self.intervals {
            values.push(share(sums.covered, all));
            values.push(share(sums.width, all));
        }
        let of = |index: usize| {
            self.scores
                .iter()
                .map(move |(score, _)| share(of_scores[*score][index], of_scores[*score][0]))
        };
        values.extend(of(1));
        if self.intervals {
            values.extend(of(2));
        }
        values
    }
}

/// Weighted sums over examples.
#[derive(Debug, Default)]
struct Sums {
    weight: f64,
    absolute_error: f64,
    squared_error: f64,
    near: f64,
    sided: f64,
    covered: f64,
    width: f64,
    target: f64,
    target_squared: f64,
    said: f64,
    said_squared: f64,
    disagreement: f64,
}

impl Sums {
    fn add(&mut self, row: &Row, weight: f64) {
        self.weight += weight;
        self.absolute_error += weight * row.error.abs();
        self.squared_error += weight * row.error * row.error;
        self.near += weight * row.near;
        self.sided += weight * row.sided;
        self.covered += weight * row.covered;
        self.width += weight * row.width;
        self.target += weight * row.target;
        self.target_squared += weight * row.target * row.target;
        self.said += weight * row.said;
        self.said_squared += weight * row.said * row.said;
        self.disagreement += weight * (row.target - row.said).powi(2);
    }

    /// 1 - the mean squared error over the targets' variance; NaN where they are all one. Stars are whole numbers:
    /// their sums are exact.
    fn r2(&self) -> f64 {
        let deviation = self.target_squared - self.target * self.target / self.weight;
        match deviation > 1e-9 * self.target_squared {
            true => 1.0 - self.squared_error / deviation,
            false => f64::NAN,
        }
    }

    /// Agreement beyond chance, where a disagreement counts as its square (Cohen 1968): 1 - the mean squared difference of
    /// the rounded stars over that of two independent draws from both.
    fn quadratic_kappa(&self) -> f64 {
        // Times the weights squared: whole numbers, so that one answer to everything agrees by 0 and no rounding error.
        let by_chance = self.weight * self.target_squared - 2.0 * self.target * self.said
            + self.weight * self.said_squared;
        match by_chance > 0.0 {
            true => 1.0 - self.weight * self.disagreement / by_chance,
            false => f64::NAN,
        }
    }
}

#[cfg(test)]
mod tests {
    use cinescore_model::task::{Decoder, Quantity, TargetScale};

    use super::*;
    use crate::figures::testing::{assert_figures, assert_weights_are_copies, plain};

    const DECODER: Decoder = Decoder::Regression {
        quantity: Quantity::Stars,
        scale: TargetScale {
            offset: 0.0,
            factor: 1.0,
        },
    };

    fn said(values: &[f64]) -> Vec<Prediction> {
        values.iter().map(|&value| plain(value)).collect()
    }

    /// Examples by rule, which the references were made of as well.
    fn by_rule() -> (Vec<f64>, Vec<Prediction>) {
        let target =
            |i: u32| f64::from([1, 2, 3, 4, 7, 8, 9, 10][(i * 13 % 29 % 8) as usize] as u32);
        let predicted = |i: u32| {
            let value: f64 =
                0.7 * target(i) + 0.3 * 5.5 + 3.0 * (f64::from(i * 37 % 41) / 41.0 - 0.5);
            let value = value.clamp(1.0, 10.0);
            Prediction {
                value,
                probabilities: None,
                interval: Some(((value - 1.3).max(1.0), (value + 1.3).min(10.0))),
            }
        };
        (
            (0..200).map(target).collect(),
            (0..200).map(predicted).collect(),
        )
    }

    // scikit-learn 1.9.1: mean_squared_error, .., cohen_kappa_score(weights="quadratic") of the rounded stars; the rest
    // with numpy
    const REFERENCE: [(&str, f64); 15] = [
        ("mae", 1.0787012195121948),
        ("mse", 1.7291053911362284),
        ("mse_tenths", 0.01729105391136228),
        ("mse_unit", 0.021346980137484303),
        ("quadratic_kappa", 0.8845042068858721),
        ("r2", 0.8251857335244586),
        ("rmse", 1.3149545205581175),
        ("sentiment_accuracy", 0.95),
        ("within_one", 0.69),
        ("coverage", 0.615),
        ("interval_width", 2.5057012195121953),
        ("mean_error_of_1", 1.3570460704607044),
        ("mean_error_of_10", -1.4738675958188148),
        ("coverage_of_1", 0.4444444444444444),
        ("coverage_of_10", 0.42857142857142855),
    ];

    #[test]
    fn figures_are_those_of_scikit_learn() {
        let (targets, predicted) = by_rule();
        assert_figures(&DECODER, &targets, &predicted, &REFERENCE);
        assert_weights_are_copies(&DECODER, &targets, &predicted);
    }

    #[test]
    fn errors_are_measured_in_stars() {
        let targets = [1.0, 10.0, 4.0, 7.0];
        let mse: f64 = (1.0 + 9.0 + 0.16) / 4.0;
        let expected = [
            ("mae", 4.4 / 4.0),
            ("mse", mse),
            ("mse_tenths", mse / 100.0),
            ("mse_unit", mse / 81.0),
            // sklearn.metrics.cohen_kappa_score([1, 10, 4, 7], [2, 7, 4, 7], weights="quadratic")
            ("quadratic_kappa", 1.0 - 2.5 / (41.5 - 55.0 + 29.5)),
            ("r2", 1.0 - mse / 11.25),
            ("rmse", mse.sqrt()),
            ("sentiment_accuracy", 1.0),
            ("within_one", 0.75),
            ("mean_error_of_1", 1.0),
            ("mean_error_of_10", -3.0),
        ];
        assert_figures(&DECODER, &targets, &said(&[2.0, 7.0, 4.4, 7.0]), &expected);
    }

    #[test]
    fn what_is_not_defined_is_not_a_number() {
        let expected = [("mae", 1.0), ("mse", 1.0), ("r2", f64::NAN)];
        assert_figures(&DECODER, &[4.0, 4.0], &said(&[5.0, 3.0]), &expected);
        let sample = Sample::new(&[1.0, 4.0, 10.0], &said(&[5.4; 3]), None);
        let kappa = sample
            .names()
            .iter()
            .position(|name| name.text == "quadratic_kappa");
        assert_eq!(sample.values(&[1, 2, 5])[kappa.unwrap()], 0.0);
        let expected = [("quadratic_kappa", f64::NAN)];
        assert_figures(&DECODER, &[4.0, 4.0], &said(&[4.0, 4.0]), &expected);
    }

    #[test]
    fn without_intervals_nothing_is_said_of_them() {
        let sample = Sample::new(&[4.0], &said(&[4.0]), None);
        assert!(
            sample
                .names()
                .iter()
                .all(|name| !name.text.contains("cover"))
        );
    }
}
