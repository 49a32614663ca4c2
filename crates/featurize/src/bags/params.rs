//! The parameters of the kind `bags`.

use cinescore_artifact::StageError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::params::{SplitParams, TermParams, closed};
use crate::tokenize::Tokenizer;

/// How reviews become bags of n-grams.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(transform = closed)]
pub struct BagParams {
    /// From a text to its terms.
    #[serde(flatten)]
    pub terms: TermParams,
    /// The longest n-gram, in terms; shorter ones are counted too.
    #[schemars(range(min = 1, max = 3), extend("unit" = "terms"))]
    pub ngrams: u32,
    /// Word classes that are learned from the training split's texts, with which words in n-grams of two and three are replaced besides
    /// (see docs/featurize.md): 0 for none. Good classes are hundreds.
    #[schemars(range(max = 10_000), extend("unit" = "classes"))]
    pub classes: u32,
    /// Which texts classes are learned from.
    pub classes_from: ClassTexts,
    /// How an n-gram gets its number: by a `vocabulary` of the training split, or `hashed`.
    pub indices: Indices,
    /// Numbers in all: the most frequent n-grams of the training split, or what n-grams are hashed to.
    #[schemars(range(min = 1, max = 16_777_216), extend("unit" = "n-grams"))]
    pub size: u32,
    /// How often an n-gram must occur in the training split to be in the vocabulary.
    #[schemars(range(min = 1), extend("unit" = "occurrences"))]
    pub min_count: u64,
    /// What stands for an n-gram that a review has.
    pub values: Values,
    /// What is added to every count of a class for `log_count_ratio`.
    #[schemars(range(min = 0.0001, max = 1000.0))]
    pub smoothing: f64,
    /// What a review's values are divided by, so that long and short reviews weigh alike.
    pub norm: Norm,
    /// From reviews to splits.
    #[serde(flatten)]
    pub split: SplitParams,
}

/// Which texts word classes are learned from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClassTexts {
    /// Those of the training split.
    Train,
    /// Also those of the source's training and unlabelled reviews that are in no split: texts without scores.
    Unlabelled,
}

/// How an n-gram gets its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Indices {
    /// By its place in a vocabulary.
    Vocabulary,
    /// By MurmurHash3 of its bytes, as scikit-learn's `HashingVectorizer` does without signs.
    Hashed,
}

/// The value of an n-gram in a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Values {
    /// How often the review has it.
    Counts,
    /// 1.
    Binary,
    /// Its count times its inverse document frequency, `ln((1 + n) / (1 + d)) + 1`; with `norm: auto` that is
    /// scikit-learn's `TfidfVectorizer`.
    TfIdf,
    /// The naive-Bayes log-count ratio of its presence in positive and negative training reviews (Wang
    /// and Manning 2012).
    LogCountRatio,
}

/// What the values of a review are divided by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Norm {
    /// By their Euclidean length for `tf_idf`, by nothing for other values.
    #[default]
    Auto,
    /// By nothing.
    None,
    /// By their Euclidean length.
    L2,
}

impl Norm {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes a reference"
    )]
    fn is_auto(&self) -> bool {
        *self == Self::Auto
    }
}

/// What an encoder of bags keeps of the parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BagSettings {
    /// The longest n-gram, in terms.
    pub ngrams: u32,
    /// How an n-gram gets its number.
    pub indices: Indices,
    /// Numbers in all, where n-grams are hashed.
    pub size: u32,
    /// The value of an n-gram in a review.
    pub values: Values,
    /// What is added to every count of a class.
    pub smoothing: f64,
    /// What the values of a review are divided by.
    #[serde(default, skip_serializing_if = "Norm::is_auto")]
    pub norm: Norm,
    /// The words of each word class, the most frequent first, where n-grams have classes in them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<Vec<Box<str>>>,
}

impl BagSettings {
    /// Whether the values of a review are divided by their Euclidean length.
    pub(super) fn is_normed(&self) -> bool {
        match self.norm {
            Norm::Auto => self.values == Values::TfIdf,
            Norm::None => false,
            Norm::L2 => true,
        }
    }
}

impl Default for BagParams {
    fn default() -> Self {
        Self {
            terms: TermParams::default(),
            ngrams: 2,
            classes: 0,
            classes_from: ClassTexts::Train,
            indices: Indices::Vocabulary,
            size: 200_000,
            min_count: 2,
            values: Values::TfIdf,
            smoothing: 1.0,
            norm: Norm::Auto,
            split: SplitParams::default(),
        }
    }
}

impl BagParams {
    /// What the schema cannot say: parameters that contradict each other.
    pub fn check(&self) -> Result<(), StageError> {
        self.split.check()?;
        if self.terms.tokenizer == Tokenizer::Subword {
            let message = "parameter `tokenizer`: bags are of whole words";
            return Err(StageError::usage(message).hint("choose another tokenizer than `subword`"));
        }
        if self.classes > 0 && self.indices == Indices::Hashed {
            let message = "parameter `classes`: hashed n-grams come of words that nobody counts, and classes are of counted ones";
            return Err(
                StageError::usage(message).hint("choose `indices: vocabulary`, or `classes: 0`")
            );
        }
        Ok(())
    }

    /// What the encoder keeps.
    pub(super) fn settings(&self) -> BagSettings {
        BagSettings {
            ngrams: self.ngrams,
            indices: self.indices,
            size: self.size,
            values: self.values,
            smoothing: self.smoothing,
            norm: self.norm,
            classes: Vec::new(),
        }
    }
}
