//! Stop words and lemmas: the built-in list, and files of the user's own.
//!
//! Owns both files' formats. UTF-8, one entry a line, `#` begins a comment line, empty lines are
//! skipped. A list of stop words has a word a line; a table of lemmas a form, a tab and its lemma.
//!
//! Negations (`not`, `never`, `isn't`) are kept unless asked otherwise: `not good` and `good` are
//! opposite ratings, and the usual lists, made for search, drop the word that makes the difference.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Which words are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StopWords {
    /// None.
    None,
    /// The 174 of Snowball's English list.
    SnowballEnglish,
    /// Those of the input `stop_list`.
    File,
}

/// What happens to negations among the stop words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Negations {
    /// They are kept.
    Keep,
    /// They are dropped like the other words of the list.
    Drop,
}

/// Why a file cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ListError {
    /// It is not UTF-8.
    #[error("line {line} is not UTF-8")]
    Encoding {
        /// The line, from 1.
        line: usize,
    },
    /// A line of a table of lemmas is none.
    #[error("line {line} is `{found}`, not a form, a tab and its lemma")]
    Lemma {
        /// The line, from 1.
        line: usize,
        /// The line's text.
        found: String,
    },
    /// A stop word has white space in it.
    #[error("line {line} is `{found}`: a stop word is one word")]
    Words {
        /// The line, from 1.
        line: usize,
        /// The line's text.
        found: String,
    },
    /// A form has two lemmas.
    #[error("line {line} says that the lemma of `{form}` is `{second}`; before it was `{first}`")]
    Twice {
        /// The line, from 1.
        line: usize,
        /// The form.
        form: String,
        /// The lemma before.
        first: String,
        /// The lemma now.
        second: String,
    },
    /// It has no entry.
    #[error("the file has no entry")]
    Empty,
}

/// Snowball's English list (snowballstem.org, BSD licence).
const SNOWBALL_ENGLISH: &str = "\
i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her \
hers herself it its itself they them their theirs themselves what which who whom this that these those \
am is are was were be been being have has had having do does did doing would should could \
ought i'm you're he's she's it's we're they're i've you've we've they've i'd you'd \
he'd she'd we'd they'd i'll you'll he'll she'll we'll they'll isn't aren't wasn't weren't hasn't \
haven't hadn't doesn't don't didn't won't wouldn't shan't shouldn't can't cannot couldn't mustn't let's \
that's who's what's here's there's when's where's why's how's a an \
the and but if or because as until while of at by for with about against between into through during \
before after above below to from up down in out on off over under again further then once here there \
when where why how all any both each few more most other some such no nor not only own same so than \
too very";

/// Words that negate; and all that end in `n't`.
const NEGATIONS: [&str; 11] = [
    "no", "not", "nor", "never", "none", "nobody", "nothing", "nowhere", "neither", "cannot",
    "without",
];

impl StopWords {
    /// The words, of the file's text where they are in one, without negations if these are kept.
    pub fn words(
        self,
        file: Option<&[u8]>,
        negations: Negations,
    ) -> Result<BTreeSet<String>, ListError> {
        let words = match self {
            Self::None => BTreeSet::new(),
            Self::SnowballEnglish => SNOWBALL_ENGLISH.split(' ').map(String::from).collect(),
            Self::File => read_words(file.unwrap_or_default())?,
        };
        let kept = |word: &String| negations == Negations::Drop || !negates(word);
        Ok(words.into_iter().filter(kept).collect())
    }
}

/// Whether a word negates.
///
/// ```
/// use cinescore_featurize::lists::negates;
/// assert!(negates("not") && negates("isn't") && negates("Don’t"));
/// assert!(!negates("hardly") && !negates("notable"));
/// ```
pub fn negates(word: &str) -> bool {
    let word = word.to_lowercase().replace('’', "'");
    word.ends_with("n't") || NEGATIONS.contains(&word.as_str())
}

fn read_words(file: &[u8]) -> Result<BTreeSet<String>, ListError> {
    let mut words = BTreeSet::new();
    for (line, text) in lines(file) {
        let text = text?;
        if text.contains(char::is_whitespace) {
            let found = text.to_owned();
            return Err(ListError::Words { line, found });
        }
        words.insert(text.to_owned());
    }
    if words.is_empty() {
        return Err(ListError::Empty);
    }
    Ok(words)
}

/// Reads a table of lemmas.
pub fn read_lemmas(file: &[u8]) -> Result<BTreeMap<String, String>, ListError> {
    let mut lemmas: BTreeMap<String, String> = BTreeMap::new();
    for (line, text) in lines(file) {
        let text = text?;
        let entry = text
            .split_once('\t')
            .map(|(form, lemma)| (form.trim(), lemma.trim()));
        let Some((form, lemma)) = entry
            .filter(|(form, lemma)| !form.is_empty() && !lemma.is_empty() && !lemma.contains('\t'))
        else {
            let found = text.chars().take(80).collect();
            return Err(ListError::Lemma { line, found });
        };
        match lemmas.get(form) {
            Some(first) if first != lemma => {
                return Err(ListError::Twice {
                    line,
                    form: form.to_owned(),
                    first: first.clone(),
                    second: lemma.to_owned(),
                });
            }
            _ => lemmas.insert(form.to_owned(), lemma.to_owned()),
        };
    }
    if lemmas.is_empty() {
        return Err(ListError::Empty);
    }
    Ok(lemmas)
}

/// The lines that are entries, with their numbers.
fn lines(file: &[u8]) -> impl Iterator<Item = (usize, Result<&str, ListError>)> {
    (1..)
        .zip(file.split(|&byte| byte == b'\n'))
        .filter_map(|(line, bytes)| match std::str::from_utf8(bytes) {
            Ok(text) => {
                let text = text.trim();
                (!text.is_empty() && !text.starts_with('#')).then_some((line, Ok(text)))
            }
            Err(_position) => Some((line, Err(ListError::Encoding { line }))),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negations_are_kept_unless_asked_otherwise() {
        let kept = StopWords::SnowballEnglish
            .words(None, Negations::Keep)
            .unwrap();
        let all = StopWords::SnowballEnglish
            .words(None, Negations::Drop)
            .unwrap();
        for word in ["not", "no", "nor", "isn't", "cannot"] {
            assert!(all.contains(word) && !kept.contains(word), "{word}");
        }
        assert_eq!(all.len(), 174);
        assert!(kept.contains("the") && kept.contains("it's"));
        assert!(
            StopWords::None
                .words(None, Negations::Keep)
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn files_are_read_with_comments_and_carriage_returns() {
        let file = "# mine\r\nfilm\r\n\r\n movie \nnot\n".as_bytes();
        let words = StopWords::File.words(Some(file), Negations::Keep).unwrap();
        assert_eq!(words.into_iter().collect::<Vec<_>>(), ["film", "movie"]);
        let lemmas = read_lemmas(b"mice\tmouse\nwent \t go\nmice\tmouse\n").unwrap();
        assert_eq!(lemmas["mice"], "mouse");
        assert_eq!(lemmas["went"], "go");
    }

    #[test]
    fn broken_files_are_refused_by_line() {
        let lemmas: [&[u8]; 6] = [
            b"mice\tmouse\nwent go",
            b"\tmouse",
            b"a\tb\tc",
            b"a\tb\na\tc",
            b"# nothing\n",
            b"a\tb\n\xff\tc",
        ];
        let mut messages: Vec<String> = lemmas
            .iter()
            .map(|file| read_lemmas(file).unwrap_err().to_string())
            .collect();
        for file in [&b"two words"[..], b""] {
            let error = StopWords::File.words(Some(file), Negations::Keep);
            messages.push(error.unwrap_err().to_string());
        }
        insta::assert_snapshot!(messages.join("\n"), @"
        line 2 is `went go`, not a form, a tab and its lemma
        line 1 is `mouse`, not a form, a tab and its lemma
        line 1 is `a\tb\tc`, not a form, a tab and its lemma
        line 2 says that the lemma of `a` is `c`; before it was `b`
        the file has no entry
        line 2 is not UTF-8
        line 1 is `two words`: a stop word is one word
        the file has no entry
        ");
    }
}
