//! What becomes of a token: dropped as a stop word, replaced by its lemma, cut to its stem, in this
//! order, so that lists and tables name words as they are written.
//!
//! Owns the steps. Does not own the files that lists and tables come from (`lists`).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use rust_stemmers::{Algorithm, Stemmer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A language of Snowball's stemmers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are those of the languages")]
pub enum Stem {
    /// No stemming.
    None,
    Arabic,
    Danish,
    Dutch,
    English,
    Finnish,
    French,
    German,
    Greek,
    Hungarian,
    Italian,
    Norwegian,
    Portuguese,
    Romanian,
    Russian,
    Spanish,
    Swedish,
    Tamil,
    Turkish,
}

/// What is done to each token.
///
/// ```
/// use cinescore_featurize::terms::{Stem, Terms};
///
/// let terms = Terms {
///     stop_words: ["the".to_owned()].into(),
///     lemmas: [("mice".to_owned(), "mouse".to_owned())].into(),
///     stem: Stem::English,
/// };
/// assert_eq!(terms.term("the"), None);
/// assert_eq!(terms.term("mice").as_deref(), Some("mous"));
/// assert_eq!(terms.term("acting").as_deref(), Some("act"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Tokens that are dropped.
    pub stop_words: BTreeSet<String>,
    /// Tokens and what they become.
    pub lemmas: BTreeMap<String, String>,
    /// The stemmer.
    pub stem: Stem,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            stop_words: BTreeSet::new(),
            lemmas: BTreeMap::new(),
            stem: Stem::None,
        }
    }
}

impl Stem {
    fn algorithm(self) -> Option<Algorithm> {
        Some(match self {
            Self::None => return None,
            Self::Arabic => Algorithm::Arabic,
            Self::Danish => Algorithm::Danish,
            Self::Dutch => Algorithm::Dutch,
            Self::English => Algorithm::English,
            Self::Finnish => Algorithm::Finnish,
            Self::French => Algorithm::French,
            Self::German => Algorithm::German,
            Self::Greek => Algorithm::Greek,
            Self::Hungarian => Algorithm::Hungarian,
            Self::Italian => Algorithm::Italian,
            Self::Norwegian => Algorithm::Norwegian,
            Self::Portuguese => Algorithm::Portuguese,
            Self::Romanian => Algorithm::Romanian,
            Self::Russian => Algorithm::Russian,
            Self::Spanish => Algorithm::Spanish,
            Self::Swedish => Algorithm::Swedish,
            Self::Tamil => Algorithm::Tamil,
            Self::Turkish => Algorithm::Turkish,
        })
    }
}

impl Terms {
    /// Whether every token stays as it is.
    pub fn is_identity(&self) -> bool {
        self.stop_words.is_empty() && self.lemmas.is_empty() && self.stem == Stem::None
    }

    /// What a token becomes; `None` where it is dropped, as also where nothing is left of it.
    pub fn term<'a>(&'a self, token: &'a str) -> Option<Cow<'a, str>> {
        if self.stop_words.contains(token) {
            return None;
        }
        let lemma = self.lemmas.get(token).map_or(token, String::as_str);
        let term = match self.stem.algorithm() {
            None => Cow::Borrowed(lemma),
            Some(algorithm) => Stemmer::create(algorithm).stem(lemma),
        };
        Some(term).filter(|term| !term.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stems_are_snowballs() {
        let english = Terms {
            stem: Stem::English,
            ..Terms::default()
        };
        // From Snowball's own vocabulary of examples.
        for (word, stem) in [
            ("consistency", "consist"),
            ("knightly", "knight"),
            ("skies", "sky"),
            ("dying", "die"),
            ("generously", "generous"),
            ("film's", "film"),
        ] {
            assert_eq!(english.term(word).as_deref(), Some(stem));
        }
        let german = Terms {
            stem: Stem::German,
            ..Terms::default()
        };
        assert_eq!(german.term("kategorien").as_deref(), Some("kategori"));
    }

    #[test]
    fn stop_words_are_named_as_written_and_lemmas_before_stems() {
        let terms = Terms {
            stop_words: ["was".to_owned()].into(),
            lemmas: [("were", "was"), ("better", "good"), ("us", "")]
                .map(|(form, lemma)| (form.to_owned(), lemma.to_owned()))
                .into(),
            stem: Stem::None,
        };
        assert_eq!(terms.term("was"), None);
        assert_eq!(terms.term("were").as_deref(), Some("was"));
        assert_eq!(terms.term("better").as_deref(), Some("good"));
        assert_eq!(terms.term("us"), None);
        assert!(!terms.is_identity() && Terms::default().is_identity());
    }
}
