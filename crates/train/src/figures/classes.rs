//! Figures of classes: stars, or classes of popularity.

use cinescore_model::task::{Prediction, Quantity};

use super::area::OneVersusRest;
use super::{CERTAIN, CalibrationError, Name, mean_of_defined, of_class, popularity, share, stars};
use crate::objective::most_probable;
use crate::windows::Knowledge;

const NAMES: [&str; 7] = [
    "accuracy",
    "auc_macro",
    "calibration_error",
    "f1_macro",
    "log_loss",
    "precision_macro",
    "recall_macro",
];
const OF_CLASS: [&str; 3] = ["precision", "recall", "f1"];

/// Examples with what counts of each. The class that is named is the most probable one; errors are those of the mean
/// over the classes.
#[derive(Debug)]
pub(super) struct Sample {
    rows: Vec<Row>,
    areas: OneVersusRest,
    /// The label of each class, rising, with the number of its examples.
    classes: Vec<(u8, u64)>,
    errors: Errors,
}

/// The classes as numbers.
#[derive(Debug)]
enum Errors {
    Stars(stars::Sample),
    Popularity(popularity::Sample),
}

#[derive(Debug)]
struct Row {
    /// The true class; one more than there are where it is none of them.
    truth: usize,
    named: usize,
    log_loss: f64,
    /// The probability of the named class.
    confidence: f64,
}

impl Sample {
    /// `classes`: the label of each; `targets`: labels.
    pub(super) fn new(
        quantity: Quantity,
        classes: &[u8],
        targets: &[f64],
        predicted: &[Prediction],
        knowledge: Option<&Knowledge>,
    ) -> Self {
        let row = |(target, said): (&f64, &Prediction)| {
            let probabilities = said.probabilities.as_deref().unwrap_or_default();
            let place = |label: &u8| f64::from(*label) == *target;
            let truth = classes.iter().position(place).unwrap_or(classes.len());
            let named = most_probable(probabilities);
            let own = probabilities.get(truth).copied().unwrap_or(0.0);
            Row {
                truth,
                named,
                log_loss: -own.max(CERTAIN).ln(),
                confidence: probabilities.get(named).copied().unwrap_or(0.0),
            }
        };
        let rows: Vec<Row> = targets.iter().zip(predicted).map(row).collect();
        let label_of = |row: &Row| classes.get(row.named).map_or(f64::NAN, |&own| own.into());
        let named: Vec<f64> = rows.iter().map(label_of).collect();
        let positive = predicted.iter().map(|said| {
            let probabilities = said.probabilities.as_deref().unwrap_or_default();
            let above = classes.iter().zip(probabilities);
            let above = above.filter(|(label, _)| f64::from(**label) > stars::MIDDLE);
            above.map(|(_, probability)| probability).sum()
        });
        let positive: Vec<f64> = positive.collect();
        let of_each = rows.iter().zip(predicted).map(|(row, said)| {
            let probabilities = said.probabilities.as_deref().unwrap_or_default();
            (row.truth, probabilities)
        });
        let areas = OneVersusRest::new(classes.len(), &of_each.collect::<Vec<_>>());
        let count = |class: usize| rows.iter().filter(|row| row.truth == class).count() as u64;
        let classes = classes.iter().enumerate();
        Self {
            classes: classes
                .map(|(index, &label)| (label, count(index)))
                .collect(),
            errors: match quantity {
                Quantity::Stars => {
                    let named = stars::Named {
                        stars: &named,
                        positive: &positive,
                    };
                    Errors::Stars(stars::Sample::new(targets, predicted, Some(named)))
                }
                Quantity::Popularity => {
                    Errors::Popularity(popularity::Sample::new(targets, predicted, knowledge))
                }
            },
            rows,
            areas,
        }
    }

    pub(super) fn names(&self) -> Vec<Name> {
        let count = self.rows.len() as u64;
        let all = NAMES.map(|name| Name {
            text: name.to_owned(),
            count,
        });
        let of_class = |(label, count): &(u8, u64)| {
            OF_CLASS.map(|name| Name {
                text: format!("{name}_of_{label}"),
                count: *count,
            })
        };
        let of_classes = self.classes.iter().flat_map(of_class);
        let own = all.into_iter().chain(of_classes);
        let errors = match &self.errors {
            Errors::Stars(sample) => sample.names(),
            Errors::Popularity(sample) => sample.names(),
        };
        own.chain(errors).collect()
    }

    pub(super) fn values(&self, weights: &[u32]) -> Vec<f64> {
        // Hits, how often said and how often true, by class; the last is none of them.
        let mut counts = vec![[0.0; 3]; self.classes.len() + 1];
        let (mut all, mut log_loss, mut right) = (0.0, 0.0, 0.0);
        let mut calibration = CalibrationError::default();
        for (row, &weight) in self.rows.iter().zip(weights) {
            if weight == 0 {
                continue;
            }
            let weight = f64::from(weight);
            let hit = row.truth == row.named;
            all += weight;
            log_loss += weight * row.log_loss;
            right += weight * f64::from(hit);
            counts[row.named][0] += weight * f64::from(hit);
            counts[row.named][1] += weight;
            counts[row.truth][2] += weight;
            calibration.add(weight, row.confidence, hit);
        }
        let of_classes: Vec<[f64; 3]> = counts[..self.classes.len()]
            .iter()
            .map(|[hits, said, truth]| of_class(*hits, *said, *truth))
            .collect();
        // A class that is neither true nor said has no F1 and does not count; one that is true and never said has
        // no precision, which counts as 0 as scikit-learn has it.
        let macro_mean = |index: usize| {
            mean_of_defined(of_classes.iter().map(|own| match own[2].is_nan() {
                true => f64::NAN,
                false if own[index].is_nan() => 0.0,
                false => own[index],
            }))
        };
        let mut values = vec![
            share(right, all),
            self.areas.value(weights),
            calibration.value(all),
            macro_mean(2),
            share(log_loss, all),
            macro_mean(0),
            macro_mean(1),
        ];
        values.extend(of_classes.iter().flatten());
        values.extend(match &self.errors {
            Errors::Stars(sample) => sample.values(weights),
            Errors::Popularity(sample) => sample.values(weights),
        });
        values
    }
}

#[cfg(test)]
mod tests {
    use cinescore_model::task::Decoder;

    use super::*;
    use crate::figures::testing::{assert_figures, assert_weights_are_copies};

    fn said(probabilities: [f64; 3], value: f64) -> Prediction {
        Prediction {
            value,
            probabilities: Some(probabilities.into()),
            interval: None,
        }
    }

    /// Examples by rule, which the references were made of as well.
    fn by_rule() -> (Decoder, Vec<f64>, Vec<Prediction>) {
        let stars = vec![1, 4, 8, 10];
        let truth = |i: u32| (i * 13 % 29 % 4) as usize;
        let predicted = |i: u32| {
            let raw: [f64; 4] = std::array::from_fn(|class| {
                let noise = f64::from((i * 37 + 17 * class as u32) % 41) / 41.0;
                0.1 + noise + if class == truth(i) { 0.5 } else { 0.0 }
            });
            let sum: f64 = raw.iter().sum();
            let probabilities: Vec<f64> = raw.iter().map(|p| p / sum).collect();
            let mean = probabilities.iter().zip([1.0, 4.0, 8.0, 10.0]);
            Prediction {
                value: mean.map(|(p, stars)| p * stars).sum(),
                probabilities: Some(probabilities),
                interval: None,
            }
        };
        let targets = (0..200).map(|i| f64::from(stars[truth(i)])).collect();
        let predicted = (0..200).map(predicted).collect();
        (
            Decoder::Classes {
                quantity: Quantity::Stars,
                labels: stars,
            },
            targets,
            predicted,
        )
    }

    // scikit-learn 1.9.1: accuracy_score, roc_auc_score (ovr, macro), precision_recall_fscore_support, log_loss,
    // cohen_kappa_score; the calibration error of the greatest probability by numpy
    const REFERENCE: [(&str, f64); 13] = [
        ("accuracy", 0.64),
        ("auc_macro", 0.8811984661213914),
        ("calibration_error", 0.25059784569209426),
        ("f1_macro", 0.6354636591478696),
        ("log_loss", 0.9966017075069307),
        ("precision_macro", 0.6520111718906791),
        ("recall_macro", 0.633876761536336),
        ("precision_of_4", 0.5714285714285714),
        ("recall_of_4", 0.5714285714285714),
        ("f1_of_10", 0.6666666666666666),
        ("mse", 8.722990182901121),
        ("quadratic_kappa", 0.5603564139578874),
        ("within_one", 0.64),
    ];

    #[test]
    fn figures_are_those_of_scikit_learn() {
        let (decoder, targets, predicted) = by_rule();
        assert_figures(&decoder, &targets, &predicted, &REFERENCE);
        assert_weights_are_copies(&decoder, &targets, &predicted);
    }

    #[test]
    fn the_most_probable_class_is_named_and_the_mean_has_the_error() {
        let predicted = [
            said([0.6, 0.3, 0.1], 2.4),
            said([0.2, 0.2, 0.6], 6.0),
            said([0.1, 0.5, 0.4], 5.0),
        ];
        let stars = vec![1, 2, 9];
        let expected = [
            ("accuracy", 1.0 / 3.0),
            // 1 for the first class, 0 for the two others.
            ("f1_macro", 1.0 / 3.0),
            (
                "log_loss",
                -(0.6_f64.ln() + 0.2_f64.ln() + 0.4_f64.ln()) / 3.0,
            ),
            ("mae", (1.4 + 4.0 + 4.0) / 3.0),
            // By the probability of 9, not by the mean: 6 and 5 stars.
            ("sentiment_accuracy", 1.0 / 3.0),
            ("within_one", 1.0 / 3.0),
            ("recall_of_9", 0.0),
        ];
        let decoder = Decoder::Ordinal {
            quantity: Quantity::Stars,
            labels: stars,
        };
        assert_figures(&decoder, &[1.0, 2.0, 9.0], &predicted, &expected);
    }
}
