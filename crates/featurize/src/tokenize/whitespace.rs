//! What stands between white space, as Python's `str.split` gives it.
//!
//! The published 2,470 words of the longest training review are counted so. White space is Unicode's,
//! and `U+001C` to `U+001F`, as in Python.
//!
//! Eight bytes are looked at together: those that are neither ASCII from `!` on nor part of a longer
//! character are found by arithmetic on one number.

use super::is_python_space;
use crate::clean::Cleaned;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x80 * ONES;

/// Gives the begin and end of every token to `visit`.
#[inline]
pub fn each_token(cleaned: &Cleaned, mut visit: impl FnMut(usize, usize)) {
    let (text, bytes) = (cleaned.text(), cleaned.padded());
    let mut at = 0;
    while at < text.len() {
        if bytes[at] == b' ' {
            at += 1;
            continue;
        }
        let begin = at;
        let space = loop {
            at += plain(bytes, at);
            if at >= text.len() {
                at = text.len();
                break 0;
            }
            let byte = bytes[at];
            if byte == b' ' {
                break 1;
            }
            // Everything but the space is rare: other controls, and longer characters.
            if byte > b' ' && byte.is_ascii() {
                continue;
            }
            let Some(c) = text[at..].chars().next() else {
                break 0;
            };
            if is_python_space(c) {
                break c.len_utf8();
            }
            at += c.len_utf8();
        };
        if begin < at {
            visit(begin, at);
        }
        at += space;
    }
}

/// How many of the next eight bytes are plain, before the first that is not.
#[inline]
fn plain(bytes: &[u8], at: usize) -> usize {
    let word = bytes[at..]
        .first_chunk()
        .map_or(0, |bytes| u64::from_le_bytes(*bytes));
    // A byte below `!` borrows into its high bit; bytes above it may be wrong, it never is.
    let odd = ((word.wrapping_sub(u64::from(b'!') * ONES) & !word) | word) & HIGH_BITS;
    odd.trailing_zeros() as usize / 8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Tokenizer, is_python_space, tokens};
    use crate::clean::Apostrophes;

    fn split(text: &str) -> Vec<String> {
        tokens(Tokenizer::Whitespace, Apostrophes::Keep, text)
    }

    #[test]
    fn white_space_is_pythons() {
        assert_eq!(
            split("\u{1c}a\tb\n\nc\u{85}d\u{a0}e\u{3000}f\u{1f}g\u{200b}h \u{0}\u{7f} "),
            ["a", "b", "c", "d", "e", "f", "g\u{200b}h", "\u{0}\u{7f}"]
        );
    }

    proptest! {
        #[test]
        fn it_is_a_split(text in "([a-zé🎬!~\u{0}\u{1b}\u{1c}\u{1f}\u{80}\u{85}\u{a0}\u{2028}]{0,12}[ \t\n\u{2003}]{0,2}){0,12}") {
            let wanted: Vec<&str> = text.split(is_python_space).filter(|part| !part.is_empty()).collect();
            prop_assert_eq!(split(&text), wanted);
        }
    }
}
