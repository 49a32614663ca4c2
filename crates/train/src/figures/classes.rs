//! Figures of stars as classes.

use cinescore_model::task::Prediction;

use super::{CERTAIN, Figure, mean, share, stars};
use crate::objective::most_probable;

/// `classes`: the stars of each class. The class that is named is the most probable one; errors in stars are
/// those of the mean over the classes.
pub(super) fn figures(classes: &[u8], targets: &[f64], predicted: &[Prediction]) -> Vec<Figure> {
    let probabilities =
        |prediction: &Prediction| prediction.probabilities.clone().unwrap_or_default();
    let named: Vec<f64> = predicted
        .iter()
        .map(|prediction| {
            let class = most_probable(&probabilities(prediction));
            classes.get(class).map_or(f64::NAN, |&stars| stars.into())
        })
        .collect();
    let values: Vec<f64> = predicted
        .iter()
        .map(|prediction| prediction.value)
        .collect();
    let right = targets.iter().zip(&named).filter(|(a, b)| a == b).count() as u64;
    let log_loss = targets.iter().zip(predicted).map(|(target, prediction)| {
        let class = classes
            .iter()
            .position(|&stars| f64::from(stars) == *target);
        let own = class.and_then(|class| probabilities(prediction).get(class).copied());
        -own.unwrap_or(0.0).max(CERTAIN).ln()
    });
    let mut figures = stars::figures(targets, &values, &named);
    figures.push(("accuracy", share(right, targets.len() as u64)));
    figures.push(("f1_macro", macro_f1(classes, targets, &named)));
    figures.push(("log_loss", mean(log_loss)));
    figures
}

/// The mean of F1 over the classes that there are among the truths or the predictions.
fn macro_f1(classes: &[u8], targets: &[f64], named: &[f64]) -> Option<f64> {
    let f1 = |&stars: &u8| {
        let own = f64::from(stars);
        let count = |values: &[f64]| values.iter().filter(|value| **value == own).count() as u64;
        let hits = targets
            .iter()
            .zip(named)
            .filter(|(target, named)| **target == own && **named == own)
            .count() as u64;
        share(2 * hits, count(targets) + count(named))
    };
    mean(classes.iter().filter_map(f1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::testing::assert_figures;

    fn said(probabilities: [f64; 3], value: f64) -> Prediction {
        Prediction {
            value,
            probabilities: Some(probabilities.into()),
        }
    }

    #[test]
    fn the_most_probable_class_is_named_and_the_mean_has_the_error() {
        let predicted = [
            said([0.6, 0.3, 0.1], 2.4),
            said([0.2, 0.2, 0.6], 6.0),
            said([0.1, 0.5, 0.4], 5.0),
        ];
        let found = figures(&[1, 2, 9], &[1.0, 2.0, 9.0], &predicted);
        let expected = [
            ("accuracy", Some(1.0 / 3.0)),
            // 1 for the first class, 0 for the two others.
            ("f1_macro", Some(1.0 / 3.0)),
            (
                "log_loss",
                Some(-(0.6_f64.ln() + 0.2_f64.ln() + 0.4_f64.ln()) / 3.0),
            ),
            ("mae", Some((1.4 + 4.0 + 4.0) / 3.0)),
            ("within_one", Some(1.0 / 3.0)),
        ];
        assert_figures(&found, &expected);
    }
}
