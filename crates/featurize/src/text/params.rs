//! The parameters of the kind `text`.

use cinescore_artifact::StageError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::preprocess::{Pad, Preprocessing, Tokenizer, Truncate};
use crate::split::SplitRule;

/// How reviews become ids. The defaults are those of the Keras tutorial's LSTM: 5,000 ids, 500 words,
/// cut and padded in front.
///
/// A text goes through `strip_html`, `lower_case` and `tokenizer` in this order; its ids through
/// `truncate` and `pad`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TextParams {
    /// Ids in all: 0 padding, 1 start, 2 unknown, and the most frequent tokens of the training split
    /// from 3; fewer where it has fewer tokens.
    #[schemars(range(min = 4, max = 10_000_000), extend("unit" = "ids"))]
    pub vocabulary: u32,
    /// Whether tags (`<br />`) become spaces and entities (`&amp;`) are decoded, first of all.
    pub strip_html: bool,
    /// Whether Unicode's lower case is taken, after `strip_html`.
    pub lower_case: bool,
    /// How the cleaned text is divided into tokens.
    pub tokenizer: Tokenizer,
    /// The longest list of ids, start id included; null for no limit.
    // 2,048 reviews of the longest length are just under what an Arrow list array can hold.
    #[schemars(range(min = 1, max = 1_000_000), extend("unit" = "ids"))]
    pub max_length: Option<u32>,
    /// Where lists shorter than `max_length` are filled up with zeros.
    pub pad: Pad,
    /// Where lists longer than `max_length` are cut; in front the start id falls away first, as in
    /// Keras.
    pub truncate: Truncate,
    /// Share of the source's training reviews that choose epoch and settings; by whole movies.
    #[schemars(range(min = 0.0, max = 1.0), extend("unit" = "share"))]
    pub valid: f64,
    /// Share of the source's training reviews that fit the intervals; by whole movies.
    #[schemars(range(min = 0.0, max = 1.0), extend("unit" = "share"))]
    pub calib: f64,
    /// Seed of the split by movie and of the choice of reviews.
    pub seed: u64,
    /// At most so many of the source's training reviews, chosen by the seed; null for all.
    #[schemars(range(min = 1), extend("unit" = "reviews"))]
    pub train_reviews: Option<u64>,
    /// At most so many of the source's test reviews, chosen by the seed; null for all.
    #[schemars(range(min = 1), extend("unit" = "reviews"))]
    pub test_reviews: Option<u64>,
}

impl Default for TextParams {
    fn default() -> Self {
        Self {
            vocabulary: 5000,
            strip_html: true,
            lower_case: true,
            tokenizer: Tokenizer::Words,
            max_length: Some(500),
            pad: Pad::Pre,
            truncate: Truncate::Pre,
            valid: 0.1,
            calib: 0.05,
            seed: 7,
            train_reviews: None,
            test_reviews: None,
        }
    }
}

impl TextParams {
    /// What the schema cannot say: parameters that contradict each other.
    pub fn check(&self) -> Result<(), StageError> {
        if self.valid + self.calib >= 1.0 {
            let message = format!(
                "parameters `valid` and `calib`: {} and {} leave no review to train on",
                self.valid, self.calib
            );
            return Err(StageError::usage(message).hint("their sum must be less than 1"));
        }
        if self.pad != Pad::None && self.max_length.is_none() {
            let message = "parameter `pad`: lists without a `max_length` cannot be padded to it";
            return Err(StageError::usage(message).hint("give a `max_length`, or set `pad: none`"));
        }
        Ok(())
    }

    /// The settings that the encoder keeps.
    pub fn preprocessing(&self) -> Preprocessing {
        Preprocessing {
            strip_html: self.strip_html,
            lower_case: self.lower_case,
            tokenizer: self.tokenizer,
            truncate: self.truncate,
            pad: self.pad,
        }
    }

    /// The settings that decide on the splits.
    pub fn split_rule(&self) -> SplitRule {
        SplitRule {
            valid: self.valid,
            calib: self.calib,
            seed: self.seed,
            train_reviews: self.train_reviews,
            test_reviews: self.test_reviews,
        }
    }
}
