//! Words by Unicode's rules, and what stands between them.
//!
//! A review says something with its punctuation too: `!`, `?`, quotes around a word that is not meant, and where a sentence ends.
//! Each punctuation mark and symbol (Unicode's general categories P and S) that is in no word is a token of its own; white space, control
//! characters and lone combining marks are none.

use unicode_general_category::{GeneralCategory, get_general_category};

use super::words;
use crate::clean::Apostrophes;

/// Gives the begin and end of every word and every mark of `text` to `visit`, in order. The words are those of
/// [`words::each_word`]; an apostrophe at which it divides a word is a mark.
#[inline]
pub fn each_token(text: &str, apostrophes: Apostrophes, mut visit: impl FnMut(usize, usize)) {
    let mut done = 0;
    words::each_word(text, apostrophes, |begin, end| {
        each_mark(text, done, begin, &mut visit);
        visit(begin, end);
        done = end;
    });
    each_mark(text, done, text.len(), &mut visit);
}

fn each_mark(text: &str, from: usize, to: usize, visit: &mut impl FnMut(usize, usize)) {
    // Most words follow each other with a space between them.
    if text.as_bytes()[from..to] == *b" " {
        return;
    }
    for (at, mark) in text[from..to].char_indices() {
        if is_mark(mark) {
            visit(from + at, from + at + mark.len_utf8());
        }
    }
}

fn is_mark(c: char) -> bool {
    use GeneralCategory as Category;
    if c.is_ascii() {
        return c.is_ascii_punctuation();
    }
    matches!(
        get_general_category(c),
        Category::ConnectorPunctuation
            | Category::DashPunctuation
            | Category::OpenPunctuation
            | Category::ClosePunctuation
            | Category::InitialPunctuation
            | Category::FinalPunctuation
            | Category::OtherPunctuation
            | Category::MathSymbol
            | Category::CurrencySymbol
            | Category::ModifierSymbol
            | Category::OtherSymbol
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tokens(text: &str, apostrophes: Apostrophes) -> Vec<&str> {
        let mut tokens = Vec::new();
        each_token(text, apostrophes, |begin, end| {
            tokens.push(&text[begin..end])
        });
        tokens
    }

    #[test]
    fn marks_are_tokens_and_spaces_are_none() {
        let text = "Not \"good\"... don't! 9/10 (★)\u{0}\u{200d}\n—ok—";
        let found = [
            "Not", "\"", "good", "\"", ".", ".", ".", "don't", "!", "9", "/", "10", "(", "★", ")",
            "—", "ok", "—",
        ];
        assert_eq!(tokens(text, Apostrophes::Keep), found);
        assert_eq!(tokens("don't", Apostrophes::Split), ["don", "'", "t"]);
        assert_eq!(tokens("___ 🎬", Apostrophes::Keep), ["_", "_", "_", "🎬"]);
        assert!(tokens(" \t\r\n\u{301}", Apostrophes::Keep).is_empty());
    }

    proptest! {
        /// The words among them are those of the other tokenizer, and nothing that is to be seen is lost.
        #[test]
        fn words_stay_and_marks_fill_the_gaps(text in any::<String>()) {
            let found = tokens(&text, Apostrophes::Keep);
            let mut words = Vec::new();
            words::each_word(&text, Apostrophes::Keep, |begin, end| words.push(&text[begin..end]));
            let is_word = |token: &&str| token.chars().any(char::is_alphanumeric);
            let only_words: Vec<&str> = found.iter().copied().filter(is_word).collect();
            prop_assert_eq!(only_words, words);
            let marks = |text: &str| text.chars().filter(|&c| is_mark(c)).count();
            prop_assert_eq!(found.iter().map(|token| marks(token)).sum::<usize>(), marks(&text));
        }
    }
}
