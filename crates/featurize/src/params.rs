//! Parameters that several kinds share: how a text becomes terms, and how reviews are divided.
//!
//! Each kind's own struct takes them in with `serde(flatten)`, so that they stand beside its own
//! parameters. Unknown ones are refused by the schema, which [`closed`] closes, since serde cannot where
//! it flattens.

use cinescore_artifact::StageError;
use cinescore_artifact::program::TaskContext;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use crate::clean::{Apostrophes, Characters, Urls};
use crate::lists::{self, ListError, Negations, StopWords};
use crate::preprocess::Preprocessing;
use crate::split::{SplitBy, SplitRule, Stratify};
use crate::terms::{Stem, Terms};
use crate::tokenize::Tokenizer;

/// How a text becomes terms, in this order: `strip_html`, `nfkc`, `urls`, `lower_case`,
/// `contractions`, `digits`, `punctuation`, `tokenizer`, `stop_words`, lemmas, `stem`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TermParams {
    /// Whether tags (`<br />`) become spaces and entities (`&amp;`) are decoded, first of all.
    pub strip_html: bool,
    /// Whether Unicode's compatibility form is taken (`ﬁ` becomes `fi`, `①` `1`), second.
    pub nfkc: bool,
    /// What happens to web addresses, third: `keep`, `remove`, or the word `url` for each (`word`).
    pub urls: Urls,
    /// Whether Unicode's lower case is taken, fourth.
    pub lower_case: bool,
    /// Whether English contractions become words (`don't` becomes `do not`), fifth.
    pub contractions: bool,
    /// What happens to digits, sixth: `keep`, a `space` for each, or `remove`.
    pub digits: Characters,
    /// What happens to punctuation and special characters, seventh: `keep`, a `space` for each, or
    /// `remove`.
    pub punctuation: Characters,
    /// Whether an apostrophe between letters is part of the word, for `punctuation` and the tokenizer
    /// `words`.
    pub apostrophes: Apostrophes,
    /// How the cleaned text is divided into tokens.
    pub tokenizer: Tokenizer,
    /// Which tokens are dropped: none, those of a named list, or those of the input `stop_list`.
    pub stop_words: StopWords,
    /// What happens to negations among the stop words: `not good` is no `good`, so they are kept unless
    /// asked otherwise.
    pub negations: Negations,
    /// The language whose Snowball stemmer is applied, after stop words and lemmas.
    pub stem: Stem,
}

impl Default for TermParams {
    fn default() -> Self {
        Self {
            strip_html: true,
            nfkc: false,
            urls: Urls::Keep,
            lower_case: true,
            contractions: false,
            digits: Characters::Keep,
            punctuation: Characters::Keep,
            apostrophes: Apostrophes::Keep,
            tokenizer: Tokenizer::Words,
            stop_words: StopWords::None,
            negations: Negations::Keep,
            stem: Stem::None,
        }
    }
}

impl TermParams {
    /// The settings with the lists that the task brings.
    pub fn preprocessing(&self, context: &TaskContext) -> Result<Preprocessing, StageError> {
        let stop_words = read_input(context, "stop_list")?;
        if (self.stop_words == StopWords::File) != stop_words.is_some() {
            let message = "parameter `stop_words` and input `stop_list` do not agree";
            return Err(StageError::usage(message)
                .hint("a list of your own needs both: the file as input, and `stop_words: file`"));
        }
        let bad = |name: &'static str| {
            move |error: ListError| {
                let path = context
                    .input(name)
                    .map(|input| input.path.display().to_string());
                let path = path.unwrap_or_default();
                StageError::input(InputFile {
                    path,
                    source: error,
                })
            }
        };
        let words = self.stop_words.words(stop_words.as_deref(), self.negations);
        let lemmas = read_input(context, "lemmas")?
            .map(|file| lists::read_lemmas(&file))
            .transpose();
        let terms = Terms {
            stop_words: words.map_err(bad("stop_list"))?,
            lemmas: lemmas.map_err(bad("lemmas"))?.unwrap_or_default(),
            stem: self.stem,
        };
        if self.tokenizer == Tokenizer::Subword && !terms.is_identity() {
            let message = "parameter `tokenizer`: `subword` gives pieces of words";
            return Err(StageError::usage(message).hint(
                "stop words, lemmas and stems need whole words: leave them out, or choose another tokenizer",
            ));
        }
        Ok(self.with(terms))
    }

    /// The settings with lists.
    pub fn with(&self, terms: Terms) -> Preprocessing {
        Preprocessing {
            strip_html: self.strip_html,
            nfkc: self.nfkc,
            urls: self.urls,
            lower_case: self.lower_case,
            contractions: self.contractions,
            digits: self.digits,
            punctuation: self.punctuation,
            apostrophes: self.apostrophes,
            tokenizer: self.tokenizer,
            terms,
        }
    }
}

/// A file that a user gave is wrong.
#[derive(Debug, thiserror::Error)]
#[error("cannot use `{path}`")]
struct InputFile {
    path: String,
    source: ListError,
}

fn read_input(context: &TaskContext, name: &str) -> Result<Option<Vec<u8>>, StageError> {
    let Some(input) = context.optional_input(name) else {
        return Ok(None);
    };
    Ok(Some(fs_err::read(&input.path)?))
}

/// Which reviews become `train`, `valid`, `calib` and `test`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SplitParams {
    /// What is kept together: all reviews of a `movie`, or nothing (`review`), or the splits are those
    /// of the table (`given`).
    pub split_by: SplitBy,
    /// Whether each split gets its share of the reviews of every score.
    pub stratify: Stratify,
    /// Share of the training reviews that choose epoch and settings.
    #[schemars(range(min = 0.0, max = 1.0), extend("unit" = "share"))]
    pub valid: f64,
    /// Share of the training reviews that fit the intervals.
    #[schemars(range(min = 0.0, max = 1.0), extend("unit" = "share"))]
    pub calib: f64,
    /// Share of all labelled reviews that give the figures; null for the source's own test reviews.
    #[schemars(range(min = 0.0, max = 1.0), extend("unit" = "share"))]
    pub test: Option<f64>,
    /// With the input `folds`: the fold that is `valid`; null without it.
    #[schemars(extend("unit" = "fold"))]
    pub fold: Option<u32>,
    /// Seed of the split and of the choice of reviews.
    pub seed: u64,
    /// At most so many of the source's training reviews, chosen by the seed; null for all.
    #[schemars(range(min = 1), extend("unit" = "reviews"))]
    pub train_reviews: Option<u64>,
    /// At most so many of the source's test reviews, chosen by the seed; null for all. 0 leaves them out,
    /// so that `test` is drawn from the training reviews alone.
    #[schemars(range(min = 0), extend("unit" = "reviews"))]
    pub test_reviews: Option<u64>,
}

impl Default for SplitParams {
    fn default() -> Self {
        Self {
            split_by: SplitBy::Movie,
            stratify: Stratify::None,
            valid: 0.1,
            calib: 0.05,
            test: None,
            fold: None,
            seed: 7,
            train_reviews: None,
            test_reviews: None,
        }
    }
}

impl SplitParams {
    /// What the schema cannot say: parameters that contradict each other.
    pub fn check(&self) -> Result<(), StageError> {
        if self.valid + self.calib >= 1.0 {
            let message = format!(
                "parameters `valid` and `calib`: {} and {} leave no review to train on",
                self.valid, self.calib
            );
            return Err(StageError::usage(message).hint("their sum must be less than 1"));
        }
        if self.test.is_some_and(|test| test >= 1.0) {
            let message = "parameter `test`: 1 leaves no review to train on";
            return Err(StageError::usage(message).hint("give a share below 1"));
        }
        if self.split_by == SplitBy::Given && (self.test.is_some() || self.fold.is_some()) {
            let message = "parameter `split_by`: `given` takes the splits from the table";
            return Err(StageError::usage(message).hint("leave out `test` and `fold`"));
        }
        Ok(())
    }

    /// The settings that decide on the splits.
    pub fn rule(&self) -> SplitRule {
        SplitRule {
            split_by: self.split_by,
            stratify: self.stratify,
            valid: self.valid,
            calib: self.calib,
            test: self.test,
            seed: self.seed,
            train_reviews: self.train_reviews,
            test_reviews: self.test_reviews,
        }
    }
}

/// Makes a schema refuse every parameter that it does not name.
pub fn closed(schema: &mut Schema) {
    schema.remove("unevaluatedProperties");
    schema.insert("additionalProperties".into(), false.into());
}
