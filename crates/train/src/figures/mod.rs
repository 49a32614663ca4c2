//! Figures of predictions: how good they are, and how sure that is.
//!
//! One file for each kind of truth: two classes, stars as a number, classes of either, popularity as a number. Each measures examples that count
//! with a weight, so that a figure and its bootstrap are the same code. A figure that is not defined, such as a
//! precision without positives, is none and not 0.
//!
//! A figure of some examples only has their class or true stars in its name: `recall_of_7`.

mod area;
mod binary;
pub mod bootstrap;
mod classes;
mod popularity;
mod stars;

use cinescore_model::bundle::Labels;
use cinescore_model::task::{Decoder, Prediction, Quantity};

use crate::windows::Knowledge;

/// Probabilities nearer to 0 or 1 than this count as if they were not, since the logarithm of 0 would
/// make one wrong certainty outweigh everything.
const CERTAIN: f64 = 1e-15;
/// Bins of a calibration error, each a tenth of the probabilities wide.
const BINS: usize = 10;

/// A figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Its name in the `metrics` table.
    pub name: String,
    /// Its value; none where it is not defined.
    pub value: Option<f64>,
    /// The ends of its 95 % interval; none where there is none.
    pub interval: Option<(f64, f64)>,
    /// Examples that it is of.
    pub count: u64,
}

/// The name of a figure, and the examples that it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// In the `metrics` table.
    pub text: String,
    /// How many examples.
    pub count: u64,
}

/// Whether a figure is one of all examples, by its name: not of some class or score only.
pub fn is_of_all(name: &str) -> bool {
    !name.contains("_of_")
}

/// Examples with what was predicted of them, ready to be measured many times.
#[derive(Debug)]
pub struct Sample {
    examples: usize,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Binary(binary::Sample),
    Stars(stars::Sample),
    Classes(classes::Sample),
    Popularity(popularity::Sample),
}

impl Sample {
    /// Of the examples of a task: the truth and the prediction of each.
    pub fn new(decoder: &Decoder, targets: &[f64], predicted: &[Prediction]) -> Self {
        Self::with(decoder, targets, predicted, None)
    }

    /// The same of windows of which more is known.
    pub fn with(
        decoder: &Decoder,
        targets: &[f64],
        predicted: &[Prediction],
        knowledge: Option<&Knowledge>,
    ) -> Self {
        let kind = match decoder {
            Decoder::Binary => Kind::Binary(binary::Sample::new(targets, predicted)),
            Decoder::Regression {
                quantity: Quantity::Stars,
                ..
            } => Kind::Stars(stars::Sample::new(targets, predicted, None)),
            Decoder::Regression {
                quantity: Quantity::Popularity,
                ..
            }
            | Decoder::Count { .. } => {
                Kind::Popularity(popularity::Sample::new(targets, predicted, knowledge))
            }
            Decoder::Classes { quantity, labels } | Decoder::Ordinal { quantity, labels } => {
                let sample = classes::Sample::new(*quantity, labels, targets, predicted, knowledge);
                Kind::Classes(sample)
            }
        };
        Self {
            examples: targets.len(),
            kind,
        }
    }

    /// How many examples.
    pub fn len(&self) -> usize {
        self.examples
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.examples == 0
    }

    /// The figures, in the order of their values.
    pub fn names(&self) -> Vec<Name> {
        match &self.kind {
            Kind::Binary(sample) => sample.names(),
            Kind::Stars(sample) => sample.names(),
            Kind::Classes(sample) => sample.names(),
            Kind::Popularity(sample) => sample.names(),
        }
    }

    /// The values of the figures where each example counts so many times; NaN where one is not defined.
    pub fn values(&self, weights: &[u32]) -> Vec<f64> {
        match &self.kind {
            Kind::Binary(sample) => sample.values(weights),
            Kind::Stars(sample) => sample.values(weights),
            Kind::Classes(sample) => sample.values(weights),
            Kind::Popularity(sample) => sample.values(weights),
        }
    }

    /// The figures with their intervals, sorted by name.
    pub fn figures(&self) -> Vec<Figure> {
        let own = self.values(&vec![1; self.examples]);
        let resampled = bootstrap::resampled(
            self.examples,
            bootstrap::RESAMPLES,
            bootstrap::SEED,
            |weights| self.values(weights),
        );
        let figure = |(index, name): (usize, Name)| {
            let values = resampled.iter().map(|values| values[index]).collect();
            let value = Some(own[index]).filter(|value| !value.is_nan());
            Figure {
                interval: value.and_then(|_| bootstrap::interval(values, self.examples)),
                name: name.text,
                value,
                count: name.count,
            }
        };
        let mut figures: Vec<Figure> = self.names().into_iter().enumerate().map(figure).collect();
        figures.sort_by(|a, b| a.name.cmp(&b.name));
        figures
    }
}

/// What the trivial predictor says of everything, by the labels that were trained on: their mean, or the shares
/// that the classes have. Its class is the most common one. None without labels.
pub fn trivial(decoder: &Decoder, labels: &Labels) -> Option<Prediction> {
    let share =
        |label: &u8| labels.counts.get(label).copied().unwrap_or(0) as f64 / labels.examples as f64;
    (labels.examples > 0).then(|| Prediction {
        value: labels.mean,
        probabilities: decoder
            .classes()
            .map(|classes| classes.iter().map(share).collect()),
        interval: None,
    })
}

/// What the trivial predictor needs of some labels.
pub fn labels_of(decoder: &Decoder, labels: &[f64]) -> Labels {
    let numbers = matches!(
        decoder,
        Decoder::Count { .. }
            | Decoder::Regression {
                quantity: Quantity::Popularity,
                ..
            }
    );
    let mut counts = std::collections::BTreeMap::new();
    for &label in labels.iter().filter(|_| !numbers) {
        *counts.entry(label as u8).or_default() += 1;
    }
    Labels {
        examples: labels.len() as u64,
        mean: share(labels.iter().sum(), labels.len() as f64),
        counts,
    }
}

/// `part / whole`; NaN of nothing.
fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { f64::NAN }
}

/// Precision, recall and F1 of a class from its hits, how often it was said and how often it was true.
fn of_class(hits: f64, said: f64, truth: f64) -> [f64; 3] {
    [
        share(hits, said),
        share(hits, truth),
        share(2.0 * hits, said + truth),
    ]
}

/// The mean of what is defined; NaN where nothing is.
fn mean_of_defined(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values
        .filter(|value| !value.is_nan())
        .fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    share(sum, count)
}

/// The expected calibration error (Naeini et al., AAAI 2015): how far the share of what happened is from the mean
/// probability, in each tenth of the probabilities, weighted by its examples.
#[derive(Debug, Clone, Copy, Default)]
struct CalibrationError {
    /// Weighted sums of what happened and of the probability.
    bins: [(f64, f64); BINS],
}

impl CalibrationError {
    fn add(&mut self, weight: f64, probability: f64, happened: bool) {
        let bin = &mut self.bins[((probability * BINS as f64) as usize).min(BINS - 1)];
        bin.0 += weight * f64::from(happened);
        bin.1 += weight * probability;
    }

    fn value(&self, weight: f64) -> f64 {
        let distance = |(happened, probability): &(f64, f64)| (happened - probability).abs();
        share(self.bins.iter().map(distance).sum(), weight)
    }
}

#[cfg(test)]
mod testing {
    use super::{Decoder, Prediction, Sample};

    /// A prediction without classes.
    pub(super) fn plain(value: f64) -> Prediction {
        Prediction {
            value,
            probabilities: None,
            interval: None,
        }
    }

    /// Fails unless the named figures are as expected, NaN for none.
    pub(super) fn assert_figures(
        decoder: &Decoder,
        targets: &[f64],
        predicted: &[Prediction],
        expected: &[(&str, f64)],
    ) {
        let sample = Sample::new(decoder, targets, predicted);
        let names = sample.names();
        let values = sample.values(&vec![1; targets.len()]);
        assert_eq!(names.len(), values.len());
        for (name, expected) in expected {
            let index = names.iter().position(|found| found.text == *name);
            let index = index.unwrap_or_else(|| panic!("no figure `{name}` in {names:?}"));
            let found = values[index];
            assert!(
                (found - expected).abs() < 1e-9 || (found.is_nan() && expected.is_nan()),
                "{name}: {found} is not {expected}"
            );
        }
    }

    /// Fails unless examples that count twice do what examples that are there twice do.
    pub(super) fn assert_weights_are_copies(
        decoder: &Decoder,
        targets: &[f64],
        predicted: &[Prediction],
    ) {
        let weights: Vec<u32> = (0..targets.len()).map(|index| index as u32 % 3).collect();
        let copies = |index: usize| vec![index; weights[index] as usize];
        let rows: Vec<usize> = (0..targets.len()).flat_map(copies).collect();
        let some: Vec<f64> = rows.iter().map(|&row| targets[row]).collect();
        let said: Vec<Prediction> = rows.iter().map(|&row| predicted[row].clone()).collect();
        let repeated = Sample::new(decoder, &some, &said);
        let weighted = Sample::new(decoder, targets, predicted);
        let names = weighted.names();
        let values = repeated.values(&vec![1; some.len()]);
        for (name, value) in names.iter().zip(weighted.values(&weights)) {
            let index = repeated
                .names()
                .iter()
                .position(|own| own.text == name.text);
            let expected = index.map_or(f64::NAN, |index| values[index]);
            assert!(
                (value - expected).abs() < 1e-9 || (value.is_nan() && expected.is_nan()),
                "{}: {value} is not {expected}",
                name.text
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::assert_figures;
    use super::*;

    fn labels(counts: &[(u8, usize)]) -> Labels {
        let all: Vec<f64> = counts
            .iter()
            .flat_map(|&(label, count)| vec![f64::from(label); count])
            .collect();
        labels_of(&Decoder::Binary, &all)
    }

    #[test]
    fn the_trivial_predictor_knows_the_training_labels_only() {
        let said = trivial(&Decoder::Binary, &labels(&[(0, 1), (1, 3)])).unwrap();
        let log_loss = -(0.25_f64.ln() + 0.75_f64.ln()) / 2.0;
        let expected = [
            ("accuracy", 0.5),
            ("auc", 0.5),
            ("f1", 2.0 / 3.0),
            ("log_loss", log_loss),
        ];
        assert_figures(
            &Decoder::Binary,
            &[0.0, 1.0],
            &[said.clone(), said],
            &expected,
        );

        let decoder = Decoder::Classes {
            quantity: Quantity::Stars,
            labels: vec![2, 6, 9],
        };
        let said = trivial(&decoder, &labels(&[(2, 3), (9, 1)])).unwrap();
        let expected = [
            ("accuracy", 0.5),
            ("log_loss", log_loss),
            // The mean is 3.75.
            ("mae", 3.5),
        ];
        assert_figures(&decoder, &[2.0, 9.0], &[said.clone(), said], &expected);
        assert_eq!(trivial(&decoder, &labels(&[])), None);
    }

    #[test]
    fn figures_are_sorted_and_lie_in_their_intervals() {
        let scale = cinescore_model::task::TargetScale {
            offset: 0.0,
            factor: 1.0,
        };
        let decoders = [
            Decoder::Binary,
            Decoder::Regression {
                quantity: Quantity::Stars,
                scale,
            },
            Decoder::Ordinal {
                quantity: Quantity::Stars,
                labels: vec![1, 2, 3],
            },
        ];
        for decoder in decoders {
            let labels = labels(&[(1, 3), (0, 1)]);
            let said = trivial(&decoder, &labels).unwrap();
            let targets: Vec<f64> = (0..60).map(|index| f64::from(index % 3 % 2)).collect();
            let figures = Sample::new(&decoder, &targets, &vec![said; 60]).figures();
            assert!(figures.is_sorted_by(|a, b| a.name < b.name), "{figures:?}");
            assert!(figures.iter().any(|figure| figure.interval.is_some()));
            for figure in figures {
                if let (Some(value), Some((lower, upper))) = (figure.value, figure.interval) {
                    assert!(lower <= upper, "{figure:?}");
                    // An error of calibration has a bias: the interval may lie above the figure.
                    let held = (lower - 1e-12..=upper + 1e-12).contains(&value);
                    assert!(held || figure.name == "calibration_error", "{figure:?}");
                }
            }
        }
    }
}
