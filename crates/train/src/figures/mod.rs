//! Figures of predictions: how good they are.
//!
//! One file for each kind of truth: two classes, stars as a number, stars as classes. A figure that is not
//! defined, such as a precision without positives, is none and not 0.

mod binary;
mod classes;
mod stars;

use cinescore_model::task::{Decoder, Prediction};

/// Probabilities nearer to 0 or 1 than this count as if they were not, since the logarithm of 0 would
/// make one wrong certainty outweigh everything.
const CERTAIN: f64 = 1e-15;

/// A figure by its name in the `metrics` table; none where it is not defined.
pub type Figure = (&'static str, Option<f64>);

/// The figures of a task, sorted by name.
pub fn of(decoder: &Decoder, targets: &[f64], predicted: &[Prediction]) -> Vec<Figure> {
    let values: Vec<f64> = predicted
        .iter()
        .map(|prediction| prediction.value)
        .collect();
    let mut figures = match decoder {
        Decoder::Binary => binary::figures(targets, &values),
        Decoder::Regression { .. } => stars::figures(targets, &values, &values),
        Decoder::Classes { stars } | Decoder::Ordinal { stars } => {
            classes::figures(stars, targets, predicted)
        }
    };
    figures.sort_by_key(|figure| figure.0);
    figures
}

/// What the trivial predictor says of everything, and its figures: the mean of the training split, or the shares
/// that its classes have there. Its class is the most common one.
pub fn trivial(decoder: &Decoder, training: &[f64], targets: &[f64]) -> Vec<Figure> {
    let Some(mean) = mean(training.iter().copied()) else {
        return Vec::new();
    };
    let share = |stars: u8| {
        let own = training.iter().filter(|label| **label == f64::from(stars));
        own.count() as f64 / training.len() as f64
    };
    let said = Prediction {
        value: mean,
        probabilities: decoder
            .classes()
            .map(|stars| stars.iter().map(|&stars| share(stars)).collect()),
    };
    of(decoder, targets, &vec![said; targets.len()])
}

/// The mean of some numbers; none of none.
pub fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_u64), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

/// `part / whole`; none of nothing.
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod testing {
    use super::Figure;

    /// Fails unless the named figures are as expected.
    pub(super) fn assert_figures(found: &[Figure], expected: &[Figure]) {
        for (name, expected) in expected {
            let found = found.iter().find(|figure| figure.0 == *name);
            let found = found.unwrap_or_else(|| panic!("no figure `{name}`")).1;
            match (found, expected) {
                (Some(a), Some(b)) => assert!((a - b).abs() < 1e-9, "{name}: {a} is not {b}"),
                (a, b) => assert_eq!(a, *b, "{name}"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::assert_figures;
    use super::*;

    #[test]
    fn the_trivial_predictor_knows_the_training_labels_only() {
        let found = trivial(&Decoder::Binary, &[1.0, 1.0, 0.0, 1.0], &[0.0, 1.0]);
        let log_loss = -(0.25_f64.ln() + 0.75_f64.ln()) / 2.0;
        let expected = [
            ("accuracy", Some(0.5)),
            ("auc", Some(0.5)),
            ("f1", Some(2.0 / 3.0)),
            ("log_loss", Some(log_loss)),
        ];
        assert_figures(&found, &expected);

        let stars = vec![2, 6, 9];
        let found = trivial(
            &Decoder::Classes { stars },
            &[2.0, 2.0, 9.0, 2.0],
            &[2.0, 9.0],
        );
        let expected = [
            ("accuracy", Some(0.5)),
            ("log_loss", Some(log_loss)),
            // The mean is 3.75.
            ("mae", Some(3.5)),
        ];
        assert_figures(&found, &expected);
    }

    #[test]
    fn figures_are_sorted_by_name() {
        let scale = cinescore_model::task::TargetScale {
            offset: 0.0,
            factor: 1.0,
        };
        let decoders = [
            Decoder::Binary,
            Decoder::Regression { scale },
            Decoder::Ordinal {
                stars: vec![1, 2, 3],
            },
        ];
        for decoder in decoders {
            let found = trivial(&decoder, &[1.0, 0.0], &[1.0, 0.0]);
            assert!(found.is_sorted_by_key(|figure| figure.0), "{found:?}");
        }
    }
}
