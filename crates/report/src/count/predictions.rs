//! Counts of the `predictions` table.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{Array as _, Float64Array, StringArray, UInt64Array};
use cinescore_artifact::table::{TableError, column};
use cinescore_artifact::tables::PREDICTIONS;

use super::read;

/// From this probability on a review counts as positive.
pub(crate) const THRESHOLD: f64 = 0.5;
/// The split whose predictions are kept one by one.
const TEST: &str = "test";
/// Bins of predicted probability, each a tenth wide.
pub(crate) const BINS: usize = 10;

/// Counts of predictions by split.
pub(crate) type Predictions = BTreeMap<String, SplitPredictions>;

/// Counts of one split.
#[derive(Debug, Default)]
pub(crate) struct SplitPredictions {
    /// Predictions that are numbers.
    pub(crate) n: u64,
    /// Examples whose target or prediction is no finite number; in no other count.
    pub(crate) not_finite: u64,
    /// By truth (0, 1), by predicted probability in tenths.
    pub(crate) probabilities: [[u64; BINS]; 2],
    /// By truth (0, 1), by predicted class.
    pub(crate) confusion: [[u64; 2]; 2],
    /// By true stars.
    pub(crate) scores: BTreeMap<u8, ScorePredictions>,
    /// Examples whose target is neither 0 nor 1.
    pub(crate) no_class: u64,
    /// Examples whose target is no whole number of stars from 1 to 10.
    pub(crate) no_score: u64,
    /// Sums of the predicted probabilities, in tenths.
    pub(crate) probability_sums: [f64; BINS],
    /// The predictions one by one; of the test split only.
    pub(crate) rows: Vec<Evaluated>,
}

/// An evaluated example.
#[derive(Debug, Clone)]
pub(crate) struct Evaluated {
    pub(crate) id: u64,
    pub(crate) target: f64,
    pub(crate) predicted: f64,
    /// The 90 % interval.
    pub(crate) interval: Option<(f64, f64)>,
}

/// Predictions for reviews of one true score.
#[derive(Debug, Default)]
pub(crate) struct ScorePredictions {
    pub(crate) n: u64,
    /// Sum of the predictions, stars.
    pub(crate) sum: f64,
    /// Sum of the absolute errors, stars.
    pub(crate) absolute_error: f64,
    /// Predictions by stars, rounded (halves away from zero); the first is one star.
    pub(crate) rounded: [u64; 10],
}

/// Counts a table, as classes and as stars: which of them it means, its metrics say.
pub(crate) fn count(path: &Path) -> Result<Predictions, TableError> {
    let mut predictions = Predictions::default();
    read(
        path,
        &PREDICTIONS,
        &["id", "split", "target", "predicted", "lower", "upper"],
        |batch| {
            let ids: &UInt64Array = column(batch, "id");
            let [lower, upper]: [&Float64Array; 2] =
                ["lower", "upper"].map(|name| column(batch, name));
            let splits: &StringArray = column(batch, "split");
            let targets: &Float64Array = column(batch, "target");
            let predicted: &Float64Array = column(batch, "predicted");
            for index in 0..batch.num_rows() {
                let split = predictions
                    .entry(splits.value(index).to_owned())
                    .or_default();
                let (target, value) = (targets.value(index), predicted.value(index));
                if split.add(target, value) && splits.value(index) == TEST {
                    let ends = lower.is_valid(index) && upper.is_valid(index);
                    split.rows.push(Evaluated {
                        id: ids.value(index),
                        target,
                        predicted: value,
                        interval: ends.then(|| (lower.value(index), upper.value(index))),
                    });
                }
            }
        },
    )?;
    Ok(predictions)
}

impl SplitPredictions {
    /// Whether both are numbers.
    fn add(&mut self, target: f64, predicted: f64) -> bool {
        if !target.is_finite() || !predicted.is_finite() {
            self.not_finite += 1;
            return false;
        }
        self.n += 1;
        if target == 0.0 || target == 1.0 {
            let truth = usize::from(target == 1.0);
            // A cast of a negative number gives 0, so that nothing falls out of the bins.
            let bin = ((predicted * BINS as f64) as usize).min(BINS - 1);
            self.probabilities[truth][bin] += 1;
            self.probability_sums[bin] += predicted;
            self.confusion[truth][usize::from(predicted >= THRESHOLD)] += 1;
        } else {
            self.no_class += 1;
        }
        if target.fract() == 0.0 && (1.0..=10.0).contains(&target) {
            let score = self.scores.entry(target as u8).or_default();
            score.n += 1;
            score.sum += predicted;
            score.absolute_error += (predicted - target).abs();
            score.rounded[predicted.round().clamp(1.0, 10.0) as usize - 1] += 1;
        } else {
            self.no_score += 1;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prediction_is_counted_once() {
        let mut split = SplitPredictions::default();
        for (target, predicted) in [
            (0.0, 0.0),
            (1.0, 1.0),
            (1.0, 0.5),
            (0.0, 0.499),
            (1.0, f64::NAN),
        ] {
            split.add(target, predicted);
        }
        assert_eq!((split.n, split.not_finite), (4, 1));
        assert_eq!(split.confusion, [[2, 0], [0, 2]]);
        assert_eq!(split.probabilities[0], [1, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
        assert_eq!(split.probabilities[1], [0, 0, 0, 0, 0, 1, 0, 0, 0, 1]);

        let mut split = SplitPredictions::default();
        for (target, predicted) in [(1.0, 1.0), (10.0, 8.5), (10.0, 12.0), (3.5, 3.0)] {
            split.add(target, predicted);
        }
        assert_eq!(split.scores[&10].rounded, [0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(split.scores[&10].absolute_error, 3.5);
        assert_eq!(split.no_score, 1);
    }
}
