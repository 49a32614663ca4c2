//! The parameters of the kind `text`.

use cinescore_artifact::StageError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::count::Numbering;
use crate::lengths::{Lengths, Pad, Truncate};
use crate::params::{SplitParams, TermParams, closed};
use crate::tokenize::Tokenizer;

/// How reviews become ids. The defaults are those of the Keras tutorial's LSTM: 5,000 ids, 500 words,
/// cut and padded in front.
///
/// The whole review as one time step (the report with models A to F) is `tokenizer: whitespace`,
/// `start: false`, `max_length: 2470`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(transform = closed)]
pub struct TextParams {
    /// Ids in all: 0 padding, 1 start, 2 unknown, and the most frequent terms of the training split
    /// from 3; fewer where it has fewer terms. With subwords at least 259: every byte has an id.
    #[schemars(range(min = 4, max = 10_000_000), extend("unit" = "ids"))]
    pub vocabulary: u32,
    /// How often a term must occur in the training split to have an id; with subwords, how often a pair
    /// must to be merged.
    #[schemars(range(min = 1), extend("unit" = "occurrences"))]
    pub min_count: u64,
    /// The order in which terms get their ids. `first_appearance` is there to show a leak, and for
    /// nothing else: negative training reviews are read first, as from the folders `neg` and `pos`, so
    /// that a high id says that no negative review has the term, and a network that reads ids as
    /// numbers reads the label. `first_appearance_in_source` shows all of it: terms of the source's whole training split
    /// have ids, whatever split of ours their reviews are in.
    pub numbering: Numbering,
    /// From a text to its terms.
    #[serde(flatten)]
    pub terms: TermParams,
    /// Whether every list begins with the id 1.
    pub start: bool,
    /// The longest list of ids, start id included; null for no limit, or, where lists are padded, for
    /// the longest list of the training split.
    // 2,048 reviews of the longest length are just under what an Arrow list array can hold.
    #[schemars(range(min = 1, max = 1_000_000), extend("unit" = "ids"))]
    pub max_length: Option<u32>,
    /// Where lists shorter than `max_length` are filled up with zeros.
    pub pad: Pad,
    /// Where lists longer than `max_length` are cut; in front the start id falls away first, as in
    /// Keras.
    pub truncate: Truncate,
    /// Groups of reviews of similar lengths, recorded so that batches waste little padding.
    #[schemars(range(min = 1, max = 256), extend("unit" = "buckets"))]
    pub buckets: u32,
    /// From reviews to splits.
    #[serde(flatten)]
    pub split: SplitParams,
}

impl Default for TextParams {
    fn default() -> Self {
        Self {
            vocabulary: 5000,
            min_count: 1,
            numbering: Numbering::Frequency,
            terms: TermParams::default(),
            start: true,
            max_length: Some(500),
            pad: Pad::Pre,
            truncate: Truncate::Pre,
            buckets: 16,
            split: SplitParams::default(),
        }
    }
}

impl TextParams {
    /// What the schema cannot say: parameters that contradict each other.
    pub fn check(&self) -> Result<(), StageError> {
        self.split.check()?;
        if self.terms.tokenizer == Tokenizer::Subword && self.numbering != Numbering::Frequency {
            let message = "parameter `numbering`: subwords are numbered as they are learnt";
            return Err(StageError::usage(message).hint("choose another tokenizer than `subword`"));
        }
        if self.terms.tokenizer == Tokenizer::Subword && self.vocabulary < 259 {
            let message = format!(
                "parameter `vocabulary`: {} ids are too few for subwords",
                self.vocabulary
            );
            return Err(StageError::usage(message).hint(
                "3 reserved ids and one for each byte make 259; tens of thousands are usual",
            ));
        }
        Ok(())
    }

    /// How a list gets its length.
    pub fn lengths(&self) -> Lengths {
        Lengths {
            start: self.start,
            truncate: self.truncate,
            pad: self.pad,
        }
    }
}
