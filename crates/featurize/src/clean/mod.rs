//! Cleaning: what happens to a text before it is divided into tokens.
//!
//! Owns the steps' order. Each step is a file, and off unless said otherwise; in this order, since
//! each one relies on what the ones before it left:
//!
//! 1. [`html`] (on): tags become spaces, entities are decoded. First, because an entity may stand for
//!    any character below.
//! 2. [`nfkc`]: Unicode's compatibility form: `ﬁ` is `fi`, `①` is `1`, `e` and its accent are `é`.
//! 3. [`urls`]: before anything that would take them apart.
//! 4. [`lower`] (on): Unicode's lower case.
//! 5. [`contractions`]: `don't` is `do not`; while there are apostrophes.
//! 6. [`characters`]: digits, then punctuation and special characters.
//!
//! Does not own where tokens begin (`tokenize`), nor what is done to a token (`terms`: stop words,
//! lemmas, stems).
//!
//! ```
//! use cinescore_featurize::clean::{Cleaning, Cleaned, Characters};
//!
//! let cleaning = Cleaning {
//!     contractions: true,
//!     punctuation: Characters::Space,
//!     ..Cleaning::default()
//! };
//! let mut cleaned = Cleaned::default();
//! cleaning.clean("I DON&#39;T like it!<br />Sorry...", &mut cleaned);
//! assert_eq!(cleaned.text(), "i do not like it  sorry   ");
//! ```

pub mod characters;
pub mod contractions;
pub mod html;
pub mod lower;
pub mod nfkc;
pub mod urls;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Spaces behind a cleaned text, so that what reads it may read this many bytes at once anywhere.
pub const PADDING: usize = 64;

/// Which steps are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cleaning {
    /// Tags become spaces, entities are decoded.
    pub strip_html: bool,
    /// Unicode's compatibility form.
    pub nfkc: bool,
    /// Addresses.
    pub urls: Urls,
    /// Unicode's lower case.
    pub lower_case: bool,
    /// English contractions become two words.
    pub contractions: bool,
    /// Digits.
    pub digits: Characters,
    /// Punctuation and special characters.
    pub punctuation: Characters,
    /// Whether `punctuation` takes apostrophes between letters too.
    pub apostrophes: Apostrophes,
}

/// What happens to web addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Urls {
    /// They stay.
    Keep,
    /// Each becomes a space.
    Remove,
    /// Each becomes the word `url`.
    Word,
}

/// What happens to characters of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Characters {
    /// They stay.
    Keep,
    /// Each becomes a space, so that it divides words.
    Space,
    /// They go, and what stood around them becomes one word.
    Remove,
}

/// What an apostrophe between two letters is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Apostrophes {
    /// A part of the word: `don't` is one.
    Keep,
    /// Punctuation: `don't` is `don` and `t`.
    Split,
}

impl Default for Cleaning {
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
        }
    }
}

/// A cleaned text, and the buffers in which it became so. Kept between texts, it costs no allocation.
#[derive(Debug, Default, Clone)]
pub struct Cleaned {
    /// The text, with [`PADDING`] spaces behind it.
    buffer: String,
    length: usize,
    spare: String,
}

impl Cleaned {
    /// The text.
    pub fn text(&self) -> &str {
        &self.buffer[..self.length]
    }

    /// The text's bytes, with [`PADDING`] more behind them.
    pub fn padded(&self) -> &[u8] {
        self.buffer.as_bytes()
    }

    /// Begins a new text, of which nothing is there.
    fn begin(&mut self) {
        self.buffer.clear();
        self.spare.clear();
    }

    /// Takes a step that reads the text and writes it anew.
    fn step(&mut self, step: impl FnOnce(&str, &mut String)) {
        self.spare.clear();
        step(&self.buffer, &mut self.spare);
        std::mem::swap(&mut self.buffer, &mut self.spare);
    }

    fn end(&mut self) {
        self.length = self.buffer.len();
        self.buffer.push_str(SPACES);
    }
}

/// What is put behind a cleaned text.
const SPACES: &str = match std::str::from_utf8(&[b' '; PADDING]) {
    Ok(spaces) => spaces,
    Err(_none) => "",
};

impl Cleaning {
    /// Cleans a text; what `cleaned` held before is lost.
    pub fn clean(&self, text: &str, cleaned: &mut Cleaned) {
        cleaned.begin();
        if self.strip_html {
            html::strip(text, &mut cleaned.buffer);
        } else {
            cleaned.buffer.push_str(text);
        }
        if self.nfkc && !nfkc::is_done(&cleaned.buffer) {
            cleaned.step(nfkc::compose);
        }
        if self.urls != Urls::Keep && urls::may_have(&cleaned.buffer) {
            cleaned.step(|text, cleaned| urls::replace(text, self.urls, cleaned));
        }
        if self.lower_case {
            if cleaned.buffer.is_ascii() {
                cleaned.buffer.make_ascii_lowercase();
            } else {
                cleaned.step(lower::lower_case);
            }
        }
        if self.contractions && contractions::may_have(&cleaned.buffer) {
            cleaned.step(contractions::expand);
        }
        if self.digits != Characters::Keep {
            cleaned.step(|text, cleaned| characters::digits(text, self.digits, cleaned));
        }
        if self.punctuation != Characters::Keep {
            cleaned.step(|text, cleaned| {
                characters::punctuation(text, self.punctuation, self.apostrophes, cleaned);
            });
        }
        cleaned.end();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all() -> Cleaning {
        Cleaning {
            strip_html: true,
            nfkc: true,
            urls: Urls::Word,
            lower_case: true,
            contractions: true,
            digits: Characters::Space,
            punctuation: Characters::Space,
            apostrophes: Apostrophes::Keep,
        }
    }

    fn cleaned(cleaning: Cleaning, text: &str) -> String {
        let mut cleaned = Cleaned::default();
        cleaning.clean("left over <b>", &mut cleaned);
        cleaning.clean(text, &mut cleaned);
        assert_eq!(cleaned.padded().len(), cleaned.text().len() + PADDING);
        cleaned.text().to_owned()
    }

    #[test]
    fn each_step_relies_on_those_before() {
        for (text, wanted) in [
            // The entity is the apostrophe of a contraction, in capitals.
            ("I CAN&#39;T", "i can not"),
            // A full-width address.
            ("see ｗｗｗ．imdb．com now", "see url now"),
            // The digits of an address go with it, others by themselves.
            ("http://a.b/1 gave 10", "url gave   "),
            // Apostrophes that expansion left are kept inside words only.
            ("'Hitchcock's'", " hitchcock's "),
            ("ﬁlm №①", "film no "),
        ] {
            assert_eq!(cleaned(all(), text), wanted, "{text}");
        }
    }

    #[test]
    fn nothing_asked_for_changes_nothing() {
        let none = Cleaning {
            strip_html: false,
            lower_case: false,
            ..Cleaning::default()
        };
        let text = "<b>Ünder</b> &amp; http://x 10% DON'T ﬁ";
        assert_eq!(cleaned(none, text), text);
    }

    proptest! {
        #[test]
        fn no_text_breaks_it_and_cleaning_twice_in_lower_case_is_cleaning_once(text in any::<String>()) {
            cleaned(all(), &text);
            let plain = Cleaning { strip_html: false, ..all() };
            let once = cleaned(Cleaning { urls: Urls::Remove, ..plain }, &text);
            prop_assert_eq!(cleaned(Cleaning { urls: Urls::Remove, ..plain }, &once), once.clone());
        }
    }
}
