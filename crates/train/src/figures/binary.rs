//! Figures of two classes.

use cinescore_model::task::Prediction;

use super::area::Area;
use super::{CERTAIN, CalibrationError, Name, mean_of_defined, of_class, share};

/// From this probability on an example counts as positive.
const THRESHOLD: f64 = 0.5;
const NAMES: [&str; 13] = [
    "accuracy",
    "auc",
    "calibration_error",
    "f1",
    "f1_macro",
    "log_loss",
    "precision",
    "precision_macro",
    "recall",
    "recall_macro",
    "f1_of_negative",
    "precision_of_negative",
    "recall_of_negative",
];

/// Examples, the lowest probability first: so the area under the curve is one pass.
#[derive(Debug)]
pub(super) struct Sample {
    rows: Vec<Row>,
    negatives: u64,
}

#[derive(Debug)]
struct Row {
    /// The number of the example.
    example: u32,
    /// Of positive.
    probability: f64,
    positive: bool,
    log_loss: f64,
}

impl Sample {
    /// `targets`: 0 or 1; `predicted`: the probability of positive.
    pub(super) fn new(targets: &[f64], predicted: &[Prediction]) -> Self {
        let row = |(example, (target, said)): (usize, (&f64, &Prediction))| {
            let positive = *target >= 0.5;
            let p = said.value.clamp(CERTAIN, 1.0 - CERTAIN);
            Row {
                example: u32::try_from(example).unwrap_or(u32::MAX),
                probability: said.value,
                positive,
                log_loss: if positive { -p.ln() } else { -(-p).ln_1p() },
            }
        };
        let mut rows: Vec<Row> = targets.iter().zip(predicted).enumerate().map(row).collect();
        rows.sort_by(|a, b| a.probability.total_cmp(&b.probability));
        let negatives = rows.iter().filter(|row| !row.positive).count() as u64;
        Self { rows, negatives }
    }

    pub(super) fn names(&self) -> Vec<Name> {
        let name = |name: &str| Name {
            text: name.to_owned(),
            count: match name.contains("_of_") {
                true => self.negatives,
                false => self.rows.len() as u64,
            },
        };
        NAMES.map(name).into()
    }

    pub(super) fn values(&self, weights: &[u32]) -> Vec<f64> {
        // By truth, then by what is said.
        let mut counts = [[0.0; 2]; 2];
        let mut log_loss = 0.0;
        let mut calibration = CalibrationError::default();
        let mut area = Area::default();
        for row in &self.rows {
            let weight = f64::from(weights[row.example as usize]);
            if weight == 0.0 {
                continue;
            }
            counts[usize::from(row.positive)][usize::from(row.probability >= THRESHOLD)] += weight;
            log_loss += weight * row.log_loss;
            calibration.add(weight, row.probability, row.positive);
            area.add(weight, row.probability, row.positive);
        }
        let [[correct, false_alarms], [misses, hits]] = counts;
        let (negatives, positives) = (correct + false_alarms, misses + hits);
        let all = negatives + positives;
        let [precision, recall, f1] = of_class(hits, hits + false_alarms, positives);
        let [own_precision, own_recall, own_f1] = of_class(correct, correct + misses, negatives);
        let macro_mean = |a: f64, b: f64| mean_of_defined([a, b].into_iter());
        vec![
            share(hits + correct, all),
            area.value(),
            calibration.value(all),
            f1,
            macro_mean(f1, own_f1),
            share(log_loss, all),
            precision,
            macro_mean(precision, own_precision),
            recall,
            macro_mean(recall, own_recall),
            own_f1,
            own_precision,
            own_recall,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::testing::{assert_weights_are_copies, plain};
    use cinescore_model::task::Decoder;

    fn assert_figures(targets: &[f64], predicted: &[f64], expected: &[(&str, f64)]) {
        let said: Vec<Prediction> = predicted.iter().map(|&value| plain(value)).collect();
        crate::figures::testing::assert_figures(&Decoder::Binary, targets, &said, expected);
    }

    /// Examples by rule, which the references were made of as well; some probabilities are equal.
    fn by_rule() -> (Vec<f64>, Vec<f64>) {
        let target = |i: u32| f64::from((i * 7919 % 101 + 2 * (i % 5)) % 3 % 2);
        let predicted = |i: u32| {
            let noise = f64::from(i * 37 % 41) / 41.0;
            (0.6 * noise + 0.4 * target(i)).clamp(0.01, 0.99)
        };
        (
            (0..200).map(target).collect(),
            (0..200).map(predicted).collect(),
        )
    }

    #[test]
    fn figures_are_those_of_scikit_learn() {
        let (targets, predicted) = by_rule();
        assert_figures(&targets, &predicted, &REFERENCE);
    }

    // scikit-learn 1.9.1: accuracy_score, roc_auc_score, f1_score, .. of p >= 0.5, log_loss; the calibration error
    // by numpy.bincount over floor(10 p)
    const REFERENCE: [(&str, f64); 13] = [
        ("accuracy", 0.875),
        ("auc", 0.9590553202413041),
        ("calibration_error", 0.21666219512195123),
        ("f1", 0.782608695652174),
        ("f1_macro", 0.84744469870328),
        ("log_loss", 0.36544352505009814),
        ("precision", 0.7258064516129032),
        ("precision_macro", 0.8339177185600748),
        ("recall", 0.8490566037735849),
        ("recall_macro", 0.8667051726350918),
        ("f1_of_negative", 0.9122807017543859),
        ("precision_of_negative", 0.9420289855072463),
        ("recall_of_negative", 0.8843537414965986),
    ];

    #[test]
    fn an_example_that_counts_twice_is_two() {
        let (targets, predicted) = by_rule();
        let said: Vec<Prediction> = predicted.iter().map(|&value| plain(value)).collect();
        assert_weights_are_copies(&Decoder::Binary, &targets, &said);
    }

    #[test]
    fn classes_are_counted() {
        let targets = [1.0, 1.0, 1.0, 0.0, 0.0];
        let predicted = [0.9, 0.5, 0.2, 0.7, 0.1];
        let log_loss =
            -(0.9_f64.ln() + 0.5_f64.ln() + 0.2_f64.ln() + 0.3_f64.ln() + 0.9_f64.ln()) / 5.0;
        let expected = [
            ("accuracy", 0.6),
            // Of 6 pairs, 2 are in the wrong order: 0.5 and 0.2 below 0.7.
            ("auc", 4.0 / 6.0),
            // Every example is alone in its tenth.
            ("calibration_error", (0.1 + 0.5 + 0.8 + 0.7 + 0.1) / 5.0),
            ("f1", 2.0 / 3.0),
            ("log_loss", log_loss),
            ("precision", 2.0 / 3.0),
            ("recall", 2.0 / 3.0),
            ("f1_of_negative", 0.5),
        ];
        assert_figures(&targets, &predicted, &expected);
    }

    #[test]
    fn what_is_not_defined_is_not_a_number() {
        let undefined = ["auc", "f1", "precision", "recall"].map(|name| (name, f64::NAN));
        assert_figures(&[0.0, 0.0], &[0.0, 0.0], &undefined);
    }

    #[test]
    fn equal_predictions_are_half_in_order() {
        let expected = [("auc", 0.875), ("calibration_error", 0.1)];
        assert_figures(&[0.0, 1.0, 0.0, 1.0], &[0.4, 0.4, 0.1, 0.9], &expected);
    }

    #[test]
    fn a_wrong_certainty_costs_much_and_not_everything() {
        assert_figures(&[1.0], &[0.0], &[("log_loss", -CERTAIN.ln())]);
    }
}
