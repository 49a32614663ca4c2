//! When not to trust a rating.
//!
//! Owns the flags and their thresholds. A threshold is a matter of what the bundle was trained on (stars that no training
//! review had) or was set before anything was measured; none was fitted to data. What ratings with and without each
//! flag are worth on test stands in `benchmarks/RESULTS.md`.

use std::collections::BTreeMap;

use cinescore_model::bundle::Manifest;
use cinescore_model::task::{Decoder, STARS, Task};
use serde::{Serialize, Serializer};

use crate::predictor::{Example, Prediction};

/// A reason not to trust a rating.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flag {
    /// Many words of the text are not in the vocabulary.
    UnknownWords,
    /// The text is shorter than a review.
    Short,
    /// The text is longer than any review of the training, or the network reads less than half of it.
    Long,
    /// The text is probably not English.
    NotEnglish,
    /// The interval is wider than half of the scale.
    WideInterval,
    /// The rating is one that no training review had: 5 and 6 stars of Stanford's reviews. For task `binary`, neither
    /// sentiment is likely.
    Middle,
}

impl Flag {
    /// All of them, in their order.
    pub const ALL: [Self; 6] = [
        Self::UnknownWords,
        Self::Short,
        Self::Long,
        Self::NotEnglish,
        Self::WideInterval,
        Self::Middle,
    ];

    /// Its name in files and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnknownWords => "unknown_words",
            Self::Short => "short",
            Self::Long => "long",
            Self::NotEnglish => "not_english",
            Self::WideInterval => "wide_interval",
            Self::Middle => "middle",
        }
    }

    /// What it says of a rating by a bundle of a task, for people.
    pub fn about(self, task: Task) -> &'static str {
        match self {
            Self::UnknownWords => "many words are not in the vocabulary",
            Self::Short => "shorter than a review",
            Self::Long => "longer than the reviews of the training, or mostly unread",
            Self::NotEnglish => "probably not English",
            Self::WideInterval => "the interval is wider than half of the scale",
            Self::Middle if task == Task::Binary => "neither sentiment is likely",
            Self::Middle => "a score that no review of the training had",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The flags of a prediction, in the order of [`Flag::ALL`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether a flag is among them.
    pub fn has(self, flag: Flag) -> bool {
        self.0 & flag.bit() != 0
    }

    /// Those that there are.
    pub fn iter(self) -> impl Iterator<Item = Flag> {
        Flag::ALL.into_iter().filter(move |flag| self.has(*flag))
    }

    /// Their names with a space between them.
    pub fn names(self) -> String {
        let names: Vec<&str> = self.iter().map(Flag::name).collect();
        names.join(" ")
    }
}

impl FromIterator<Flag> for Flags {
    fn from_iter<I: IntoIterator<Item = Flag>>(flags: I) -> Self {
        Self(flags.into_iter().fold(0, |all, flag| all | flag.bit()))
    }
}

impl Serialize for Flags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Flag::name))
    }
}

/// The share of unknown words beyond which a text is flagged.
pub const MOST_UNKNOWN: f64 = 0.25;
/// The fewest terms of a review.
pub const FEWEST_TERMS: u64 = 10;
/// The most terms of a review: the longest of Stanford's training reviews has 2,470 words.
pub const MOST_TERMS: u64 = 2_500;
/// The widest interval, in stars: half of the scale.
pub const WIDEST: f64 = (STARS.1 - STARS.0) / 2.0;
/// Between these probabilities of positive neither sentiment is likely.
pub const UNDECIDED: (f64, f64) = (0.4, 0.6);

/// Where flags begin, for a bundle.
#[derive(Debug, Clone)]
pub struct Thresholds {
    /// How often each score was trained on; none for task `binary`.
    scores: Option<BTreeMap<u8, u64>>,
}

impl Thresholds {
    /// Those of a bundle.
    pub fn of(manifest: &Manifest) -> Self {
        let is_binary = matches!(manifest.decoder, Decoder::Binary);
        Self {
            scores: (!is_binary).then(|| manifest.labels.counts.clone()),
        }
    }

    /// The flags of a text and what is said of it.
    pub fn flags(&self, example: &Example, said: &Prediction) -> Flags {
        let raised = |flag: &Flag| match flag {
            Flag::UnknownWords => example.unknown as f64 > MOST_UNKNOWN * example.terms as f64,
            Flag::Short => example.terms < FEWEST_TERMS,
            Flag::Long => {
                example.terms > MOST_TERMS
                    || example.truncated && 2 * (example.length() as u64) < example.terms
            }
            Flag::NotEnglish => example.foreign,
            Flag::WideInterval => said
                .lower
                .zip(said.upper)
                .is_some_and(|(lower, upper)| upper - lower > WIDEST),
            Flag::Middle => self.is_middle(said),
        };
        Flag::ALL.into_iter().filter(raised).collect()
    }

    fn is_middle(&self, said: &Prediction) -> bool {
        match (&self.scores, said.rating, said.positive) {
            (Some(scores), Some(rating), _) => {
                // A star that nobody gave between stars that somebody gave.
                let (star, count) = (rating.round() as u8, |star| scores.get(&star));
                count(star).is_none_or(|count| *count == 0)
            }
            (_, _, Some(positive)) => positive > UNDECIDED.0 && positive < UNDECIDED.1,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_a_set_with_names() {
        let flags: Flags = [Flag::Middle, Flag::Short, Flag::Short]
            .into_iter()
            .collect();
        assert!(flags.has(Flag::Short) && !flags.has(Flag::Long));
        assert_eq!(flags.names(), "short middle");
        assert_eq!(
            serde_json::to_string(&flags).unwrap(),
            r#"["short","middle"]"#
        );
        assert!(Flags::default().is_empty());
    }
}
