//! What happens to a text before its words become ids: cleaning, tokens, terms, in this order.
//!
//! Owns the settings that an encoder's file keeps, complete with lists and tables, and the way from a
//! text to its terms. Does not own the steps (`clean`, `tokenize`, `terms`) nor the ids (`encode`).

use serde::{Deserialize, Serialize};

use crate::clean::{Apostrophes, Characters, Cleaned, Cleaning, Urls};
use crate::terms::Terms;
use crate::token::{Secrets, Spot, Token};
use crate::token_map::TokenMap;
use crate::tokenize::Tokenizer;

/// How a text becomes terms. As kept in an encoder's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocessing {
    /// Whether tags become spaces and entities are decoded: the first step.
    pub strip_html: bool,
    /// Whether Unicode's compatibility form is taken: the second step.
    pub nfkc: bool,
    /// What happens to web addresses: the third step.
    pub urls: Urls,
    /// Whether Unicode's lower case is taken: the fourth step.
    pub lower_case: bool,
    /// Whether English contractions are expanded: the fifth step.
    pub contractions: bool,
    /// What happens to digits: the sixth step.
    pub digits: Characters,
    /// What happens to punctuation and special characters: the seventh step.
    pub punctuation: Characters,
    /// Whether apostrophes between letters count as punctuation, and divide `words`.
    pub apostrophes: Apostrophes,
    /// How the cleaned text is divided: the eighth step.
    pub tokenizer: Tokenizer,
    /// What becomes of each token: the last step.
    pub terms: Terms,
}

/// The most tokens that a memory of terms keeps, so that a stream of ever new words does not grow it.
const REMEMBERED: usize = 1 << 18;

impl Preprocessing {
    /// The steps before the tokens.
    pub fn cleaning(&self) -> Cleaning {
        Cleaning {
            strip_html: self.strip_html,
            nfkc: self.nfkc,
            urls: self.urls,
            lower_case: self.lower_case,
            contractions: self.contractions,
            digits: self.digits,
            punctuation: self.punctuation,
            apostrophes: self.apostrophes,
        }
    }

    /// Cleans a text and finds its tokens, in order, before anything becomes of them. What `tokens` held
    /// is lost.
    pub fn find_tokens(&self, text: &str, tokens: &mut Tokens) {
        let Tokens { cleaned, spots } = tokens;
        self.cleaning().clean(text, cleaned);
        spots.clear();
        let padded = cleaned.padded();
        let secrets = Secrets::of_process();
        self.tokenizer
            .each_token(cleaned, self.apostrophes, |begin, end| {
                spots.push(Spot::new(padded, begin, end, secrets));
            });
    }

    /// Gives every term of a text to `visit`, in order. What `tokens` held is lost.
    pub fn each_term(&self, text: &str, tokens: &mut Tokens, mut visit: impl FnMut(&str)) {
        self.find_tokens(text, tokens);
        for spot in tokens.spots() {
            if let Some(term) = self.terms.term(&tokens.text()[spot.range()]) {
                visit(&term);
            }
        }
    }
}

/// A cleaned text and where its tokens are. Kept between texts, it costs no allocation.
#[derive(Debug, Default)]
pub struct Tokens {
    cleaned: Cleaned,
    spots: Vec<Spot>,
}

impl Tokens {
    /// The cleaned text.
    pub fn text(&self) -> &str {
        self.cleaned.text()
    }

    /// Where its tokens are.
    pub fn spots(&self) -> &[Spot] {
        &self.spots
    }
}

/// Remembers what became of tokens, since most are seen again and again.
#[derive(Debug)]
pub struct Memory<V> {
    known: TokenMap<V>,
}

impl<V: Copy + Default> Default for Memory<V> {
    fn default() -> Self {
        Self {
            known: TokenMap::default(),
        }
    }
}

impl<V: Copy + Default> Memory<V> {
    /// Makes room, if need be, and has what is remembered of tokens fetched, since they will be asked for.
    pub fn fetch(&mut self, tokens: &[Spot]) {
        if self.known.len() > REMEMBERED {
            self.known.clear();
        }
        self.known.fetch(tokens);
    }

    /// What a token became; by `find` where it is new or was forgotten.
    #[inline]
    pub fn get(&mut self, token: Token<'_>, find: impl FnOnce() -> V) -> V {
        self.known.get_or_insert_with(token, find)
    }
}
