//! What is said of a text.

use cinescore_model::bundle::Manifest;
use cinescore_model::task::{self, Decoder, STARS};
use serde::Serialize;

use super::Example;
use crate::flags::{Flags, Thresholds};

/// The middle of the scale: above it a review is positive.
pub(crate) const MIDDLE: f64 = (STARS.0 + STARS.1) / 2.0;

/// Whether a review speaks for its movie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sentiment {
    /// Against it.
    Negative,
    /// For it.
    Positive,
}

impl Sentiment {
    /// `negative` or `positive`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Negative => "negative",
            Self::Positive => "positive",
        }
    }
}

/// A score and its probability.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Score {
    /// Its stars.
    pub stars: u8,
    /// Its probability.
    pub probability: f64,
}

/// What is said of a text. Which parts there are depends on the task that the bundle was trained for:
///
/// | task | rating, interval | probability of positive | probabilities of scores |
/// |---|---|---|---|
/// | `regression` | yes | no | no |
/// | `classes`, `ordinal` | yes: the mean of the scores | yes: of the scores above the middle | yes |
/// | `binary` | no: it never saw stars | yes | no |
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
    /// Stars, 1 to 10.
    pub rating: Option<f64>,
    /// The lower end of the interval around them.
    pub lower: Option<f64>,
    /// The upper end.
    pub upper: Option<f64>,
    /// By the probability of positive where there is one; else by the middle of the scale, 5.5 stars.
    pub sentiment: Option<Sentiment>,
    /// The probability of positive.
    pub positive: Option<f64>,
    /// The probability of each score, rising.
    pub scores: Option<Vec<Score>>,
    /// Reasons not to trust it.
    pub flags: Flags,
}

impl Prediction {
    /// Of what a bundle's network says, without flags.
    pub(super) fn new(manifest: &Manifest, said: task::Prediction) -> Self {
        let (rating, positive, scores) = match &manifest.decoder {
            Decoder::Binary => (None, Some(said.value), None),
            Decoder::Regression { .. } | Decoder::Count { .. } => (Some(said.value), None, None),
            Decoder::Classes { labels, .. } | Decoder::Ordinal { labels, .. } => {
                let all = labels
                    .iter()
                    .copied()
                    .zip(said.probabilities.unwrap_or_default());
                let scores: Vec<Score> = all
                    .map(|(stars, probability)| Score { stars, probability })
                    .collect();
                let above = scores
                    .iter()
                    .filter(|score| f64::from(score.stars) > MIDDLE);
                let positive = above.map(|score| score.probability).sum::<f64>();
                (Some(said.value), Some(positive), Some(scores))
            }
        };
        let interval = said.interval.filter(|_| rating.is_some());
        let is_positive = match positive {
            Some(positive) => positive >= 0.5,
            None => said.value > MIDDLE,
        };
        Self {
            rating,
            lower: interval.map(|(lower, _)| lower),
            upper: interval.map(|(_, upper)| upper),
            sentiment: Some(if is_positive {
                Sentiment::Positive
            } else {
                Sentiment::Negative
            }),
            positive,
            scores,
            flags: Flags::default(),
        }
    }

    /// With the flags that the text and the prediction call for.
    pub(super) fn flagged(mut self, example: &Example, thresholds: &Thresholds) -> Self {
        self.flags = thresholds.flags(example, &self);
        self
    }

    /// Without anything that its flags warn of: for those who rather have no rating than a doubtful one.
    #[must_use]
    pub fn or_none(self) -> Self {
        if self.flags.is_empty() {
            return self;
        }
        Self {
            rating: None,
            lower: None,
            upper: None,
            sentiment: None,
            positive: None,
            scores: None,
            flags: self.flags,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use cinescore_model::bundle::BUNDLE_VERSION;
    use cinescore_model::task::Quantity;

    use super::*;

    /// What a bundle of this version says of itself.
    pub(crate) fn manifest(decoder: Decoder) -> Manifest {
        Manifest {
            version: BUNDLE_VERSION,
            decoder,
            calibration: None,
            labels: Default::default(),
            ids: 3,
            parameters: 1,
            chosen_epoch: 1,
            metrics: Default::default(),
            libtorch: String::new(),
            files: Default::default(),
        }
    }

    #[test]
    fn what_is_said_depends_on_the_task() {
        let said = |decoder: Decoder, outputs: &[f64]| {
            let said = decoder.decode(outputs);
            Prediction::new(&manifest(decoder), said)
        };
        let binary = said(Decoder::Binary, &[2.0]);
        assert_eq!(
            (binary.rating, binary.sentiment),
            (None, Some(Sentiment::Positive))
        );
        let scale = task::TargetScale {
            offset: 5.5,
            factor: 1.0,
        };
        let stars = said(
            Decoder::Regression {
                quantity: Quantity::Stars,
                scale,
            },
            &[-1.0],
        );
        assert_eq!((stars.rating, stars.positive), (Some(4.5), None));
        assert_eq!(stars.sentiment, Some(Sentiment::Negative));
        let classes = said(
            Decoder::Classes {
                quantity: Quantity::Stars,
                labels: vec![1, 7, 9],
            },
            &[0.0, 0.0, 0.0],
        );
        assert!((classes.positive.unwrap() - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(classes.scores.unwrap().len(), 3);
    }
}
