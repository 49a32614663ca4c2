//! Where the tokens of a cleaned text are.
//!
//! Owns the tokenizers' names. Each one is a file; `keras`, `sklearn` and `subword` give what the
//! libraries of these names give, which tests on real reviews hold them to. Does not own what a token
//! becomes (`terms`), nor ids (`encode`).
//!
//! | text | tokens |
//! |---|---|
//! | `words` | words by Unicode's rules: `sci-fi` is two, `don't` and `e.g` are one |
//! | `marks` | those words, and every punctuation mark and symbol between them |
//! | `whitespace` | what stands between white space: `fun,` is one, comma included |
//! | `keras` | like Keras' `Tokenizer`: punctuation but the apostrophe divides |
//! | `sklearn` | like scikit-learn's `CountVectorizer`: two or more letters, digits or `_` |
//! | `subword` | pieces of words, learnt on the training split: byte-level BPE |

mod blocks;
pub mod keras;
pub mod marks;
pub mod sklearn;
pub mod subword;
pub mod whitespace;
pub mod words;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clean::{Apostrophes, Cleaned};

/// How a text is divided into tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tokenizer {
    /// Words by Unicode's rules (UAX #29).
    Words,
    /// The same, and each punctuation mark and symbol between them.
    Marks,
    /// What stands between white space.
    Whitespace,
    /// As Keras' `Tokenizer` does with its default filters.
    Keras,
    /// As scikit-learn's `CountVectorizer` does with its default pattern.
    Sklearn,
    /// Byte-level BPE, learnt on the training split.
    Subword,
}

impl Tokenizer {
    /// Gives the begin and end of every token to `visit`, in order; none is empty. For `subword` these
    /// are the words that are then divided further.
    #[inline]
    pub fn each_token(
        self,
        cleaned: &Cleaned,
        apostrophes: Apostrophes,
        visit: impl FnMut(usize, usize),
    ) {
        match self {
            Self::Words => words::each_word(cleaned.text(), apostrophes, visit),
            Self::Marks => marks::each_token(cleaned.text(), apostrophes, visit),
            Self::Whitespace => whitespace::each_token(cleaned, visit),
            Self::Keras => keras::each_token(cleaned, visit),
            Self::Sklearn => sklearn::each_token(cleaned, visit),
            Self::Subword => subword::pieces::each_word(cleaned.text(), visit),
        }
    }
}

/// Whether a character is white space for Python's `str.split`: Unicode's, and the four separators of
/// ASCII.
fn is_python_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

/// The tokens of a text as it stands, for tests and examples.
///
/// ```
/// use cinescore_featurize::clean::Apostrophes;
/// use cinescore_featurize::tokenize::{Tokenizer, tokens};
///
/// let text = "a sci-fi \"classic\", don't_miss it!";
/// let of = |tokenizer| tokens(tokenizer, Apostrophes::Keep, text);
/// assert_eq!(of(Tokenizer::Words), ["a", "sci", "fi", "classic", "don't_miss", "it"]);
/// assert_eq!(of(Tokenizer::Marks)[..5], ["a", "sci", "-", "fi", "\""]);
/// assert_eq!(of(Tokenizer::Whitespace), ["a", "sci-fi", "\"classic\",", "don't_miss", "it!"]);
/// assert_eq!(of(Tokenizer::Keras), ["a", "sci", "fi", "classic", "don't", "miss", "it"]);
/// assert_eq!(of(Tokenizer::Sklearn), ["sci", "fi", "classic", "don", "t_miss", "it"]);
/// assert_eq!(
///     of(Tokenizer::Subword)[..6],
///     ["a", " sci", "-", "fi", " \"", "classic"]
/// );
/// ```
pub fn tokens(tokenizer: Tokenizer, apostrophes: Apostrophes, text: &str) -> Vec<String> {
    let untouched = crate::clean::Cleaning {
        strip_html: false,
        lower_case: false,
        ..Default::default()
    };
    let mut cleaned = Cleaned::default();
    untouched.clean(text, &mut cleaned);
    let mut tokens = Vec::new();
    tokenizer.each_token(&cleaned, apostrophes, |begin, end| {
        tokens.push(cleaned.text()[begin..end].to_owned());
    });
    tokens
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Tokenizer; 6] = [
        Tokenizer::Words,
        Tokenizer::Marks,
        Tokenizer::Whitespace,
        Tokenizer::Keras,
        Tokenizer::Sklearn,
        Tokenizer::Subword,
    ];

    #[test]
    fn emptiness_and_one_huge_word() {
        let huge = "x".repeat(10_000_000);
        for tokenizer in ALL {
            assert!(tokens(tokenizer, Apostrophes::Keep, "").is_empty());
            let found = tokens(tokenizer, Apostrophes::Split, &huge);
            if tokenizer == Tokenizer::Subword {
                assert_eq!(found.concat(), huge);
            } else {
                assert_eq!(found, [huge.as_str()]);
            }
        }
    }

    #[test]
    fn right_to_left_text_keeps_its_order_in_memory() {
        let text = "פילם מצוין, فيلم رائع";
        for tokenizer in [Tokenizer::Words, Tokenizer::Sklearn] {
            assert_eq!(
                tokens(tokenizer, Apostrophes::Keep, text),
                ["פילם", "מצוין", "فيلم", "رائع"]
            );
        }
    }

    proptest! {
        #[test]
        fn tokens_lie_in_order_between_characters(text in any::<String>()) {
            for tokenizer in ALL {
                let mut cleaned = Cleaned::default();
                crate::clean::Cleaning::default().clean(&text, &mut cleaned);
                let mut last = 0;
                tokenizer.each_token(&cleaned, Apostrophes::Split, |begin, end| {
                    assert!(last <= begin && begin < end);
                    assert!(cleaned.text().get(begin..end).is_some());
                    last = end;
                });
            }
        }
    }
}
