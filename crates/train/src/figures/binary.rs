//! Figures of two classes.

use super::{CERTAIN, Figure, mean, share};

/// Bins of the calibration error, each a tenth of the probabilities wide.
const BINS: usize = 10;

/// `predicted`: the probability of positive; `targets`: 0 or 1.
pub(super) fn figures(targets: &[f64], predicted: &[f64]) -> Vec<Figure> {
    let (mut hits, mut false_alarms, mut misses, mut correct) = (0_u64, 0_u64, 0_u64, 0_u64);
    for (&target, &predicted) in targets.iter().zip(predicted) {
        match (target >= 0.5, predicted >= 0.5) {
            (true, true) => hits += 1,
            (false, true) => false_alarms += 1,
            (true, false) => misses += 1,
            (false, false) => correct += 1,
        }
    }
    let log_loss = targets.iter().zip(predicted).map(|(&target, &predicted)| {
        let p = predicted.clamp(CERTAIN, 1.0 - CERTAIN);
        if target >= 0.5 {
            -p.ln()
        } else {
            -(-p).ln_1p()
        }
    });
    vec![
        ("accuracy", share(hits + correct, targets.len() as u64)),
        ("auc", auc(targets, predicted)),
        ("calibration_error", calibration_error(targets, predicted)),
        ("f1", share(2 * hits, 2 * hits + false_alarms + misses)),
        ("log_loss", mean(log_loss)),
        ("precision", share(hits, hits + false_alarms)),
        ("recall", share(hits, hits + misses)),
    ]
}

/// The area under the ROC curve: the probability that a positive is predicted above a negative, equal ones counting
/// half (Mann and Whitney 1947).
fn auc(targets: &[f64], predicted: &[f64]) -> Option<f64> {
    let mut ranked: Vec<(f64, bool)> = predicted
        .iter()
        .zip(targets)
        .map(|(&predicted, &target)| (predicted, target >= 0.5))
        .collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut won) = (0.0, 0.0);
    for equal in ranked.chunk_by(|a, b| a.0 == b.0) {
        let positives = equal.iter().filter(|(_, positive)| *positive).count() as f64;
        let negatives = equal.len() as f64 - positives;
        won += positives * (below + negatives / 2.0);
        below += negatives;
    }
    let pairs = below * (ranked.len() as f64 - below);
    (pairs > 0.0).then(|| won / pairs)
}

/// The expected calibration error (Naeini et al., AAAI 2015): how far the share of positives is from the mean
/// probability, in each tenth of the probabilities, weighted by its examples.
fn calibration_error(targets: &[f64], predicted: &[f64]) -> Option<f64> {
    let mut bins = [(0.0, 0.0); BINS];
    for (&target, &predicted) in targets.iter().zip(predicted) {
        let bin = ((predicted * BINS as f64) as usize).min(BINS - 1);
        bins[bin].0 += target;
        bins[bin].1 += predicted;
    }
    let distance: f64 = bins
        .iter()
        .map(|(positives, probability)| f64::abs(positives - probability))
        .sum();
    (!targets.is_empty()).then(|| distance / targets.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::testing::assert_figures;

    #[test]
    fn classes_are_counted() {
        let targets = [1.0, 1.0, 1.0, 0.0, 0.0];
        let predicted = [0.9, 0.5, 0.2, 0.7, 0.1];
        let log_loss =
            -(0.9_f64.ln() + 0.5_f64.ln() + 0.2_f64.ln() + 0.3_f64.ln() + 0.9_f64.ln()) / 5.0;
        let expected = [
            ("accuracy", Some(0.6)),
            // Of 6 pairs, 2 are in the wrong order: 0.5 and 0.2 below 0.7.
            ("auc", Some(4.0 / 6.0)),
            // Every example is alone in its tenth.
            (
                "calibration_error",
                Some((0.1 + 0.5 + 0.8 + 0.7 + 0.1) / 5.0),
            ),
            ("f1", Some(2.0 / 3.0)),
            ("log_loss", Some(log_loss)),
            ("precision", Some(2.0 / 3.0)),
            ("recall", Some(2.0 / 3.0)),
        ];
        let found = figures(&targets, &predicted);
        assert_eq!(found.len(), expected.len());
        assert_figures(&found, &expected);
    }

    #[test]
    fn what_is_not_defined_is_not_a_number() {
        let found = figures(&[0.0, 0.0], &[0.0, 0.0]);
        let undefined = ["auc", "f1", "precision", "recall"].map(|name| (name, None));
        assert_figures(&found, &undefined);
    }

    #[test]
    fn equal_predictions_are_half_in_order() {
        let expected = [("auc", Some(0.875)), ("calibration_error", Some(0.1))];
        assert_figures(
            &figures(&[0.0, 1.0, 0.0, 1.0], &[0.4, 0.4, 0.1, 0.9]),
            &expected,
        );
    }

    #[test]
    fn a_wrong_certainty_costs_much_and_not_everything() {
        let found = figures(&[1.0], &[0.0]);
        let log_loss = found.iter().find(|figure| figure.0 == "log_loss").unwrap();
        let log_loss = log_loss.1.unwrap();
        assert!(log_loss > 30.0 && log_loss.is_finite());
    }
}
