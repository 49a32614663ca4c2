//! What happens to a text before its words become ids, in this order: HTML taken out, lower case,
//! tokens; and to the ids after: cut, padded.
//!
//! Owns the settings that `encoder.json` keeps as `preprocessing`, and the way from a text to its
//! tokens. Does not own the steps (`clean`, `words`) nor the ids (`encode`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{clean, words};

/// How a text becomes tokens and a list of ids gets its length. As kept in `encoder.json`; the
/// length itself stands beside it there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocessing {
    /// Whether tags become spaces and entities are decoded: the first step.
    pub strip_html: bool,
    /// Whether Unicode's lower case is taken: the second step.
    pub lower_case: bool,
    /// How the cleaned text is divided: the third step.
    pub tokenizer: Tokenizer,
    /// Where a list that is too long is cut.
    pub truncate: Truncate,
    /// Where a list that is too short is filled up.
    pub pad: Pad,
}

/// How a text is divided into tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tokenizer {
    /// Words by Unicode's rules (UAX #29), apostrophes inside words kept.
    Words,
}

/// Where a list of ids that is too long is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Truncate {
    /// The beginning is dropped, the start id first.
    Pre,
    /// The end is dropped.
    Post,
}

/// Where a list of ids that is too short is filled up with padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pad {
    /// In front.
    Pre,
    /// Behind.
    Post,
    /// Not at all: lists keep their lengths.
    None,
}

impl Preprocessing {
    /// Gives every token of `text` to `visit`, in order. `cleaned` is a buffer to work in; what it
    /// held is lost.
    pub fn each_token(&self, text: &str, cleaned: &mut String, visit: impl FnMut(&str)) {
        cleaned.clear();
        if self.strip_html {
            clean::strip_html(text, cleaned);
        } else {
            cleaned.push_str(text);
        }
        if self.lower_case {
            clean::lower_case(cleaned);
        }
        match self.tokenizer {
            Tokenizer::Words => words::each_word(cleaned, visit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(strip_html: bool, lower_case: bool, text: &str) -> Vec<String> {
        let preprocessing = Preprocessing {
            strip_html,
            lower_case,
            tokenizer: Tokenizer::Words,
            truncate: Truncate::Pre,
            pad: Pad::Pre,
        };
        let mut tokens = Vec::new();
        preprocessing.each_token(text, &mut "left over".to_owned(), |token| {
            tokens.push(token.to_owned())
        });
        tokens
    }

    #[test]
    fn each_step_can_be_left_out() {
        let text = "GOOD film.<br />I &amp; you";
        assert_eq!(tokens(true, true, text), ["good", "film", "i", "you"]);
        assert_eq!(tokens(true, false, text), ["GOOD", "film", "I", "you"]);
        assert_eq!(
            tokens(false, true, text),
            ["good", "film", "br", "i", "amp", "you"]
        );
    }
}
