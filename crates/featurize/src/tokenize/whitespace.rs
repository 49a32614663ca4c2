//! What stands between white space, as Python's `str.split` gives it.
//!
//! The published 2,470 words of the longest training review are counted so. White space is Unicode's,
//! and `U+001C` to `U+001F`, as in Python.
//!
//! Eight bytes are compared with the space together, by arithmetic on one number; what is no ASCII from
//! the space on is looked at by itself.

use super::blocks::{self, BLOCK};
use super::is_python_space;
use crate::clean::Cleaned;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x80 * ONES;

/// Gives the begin and end of every token to `visit`.
#[inline]
pub fn each_token(cleaned: &Cleaned, visit: impl FnMut(usize, usize)) {
    let (text, padded) = (cleaned.text(), cleaned.padded());
    // Bytes of the next block that are part of a space that began in this one.
    let mut carried = 0;
    let inside = |base: usize| {
        let (spaces, odd) = spaces(blocks::block(padded, base));
        if odd == 0 {
            return !(spaces | std::mem::take(&mut carried));
        }
        let (odd_spaces, beyond) = odd_spaces(text, base);
        !(spaces | odd_spaces | std::mem::replace(&mut carried, beyond))
    };
    blocks::each_token(text.len(), inside, visit);
}

/// The spaces of a block, by byte; and whether it has controls or bytes that are not ASCII.
#[inline]
fn spaces(block: &[u8; BLOCK]) -> (u64, u64) {
    let (mut spaces, mut odd) = (0, 0);
    for (at, bytes) in block.as_chunks::<8>().0.iter().enumerate() {
        let word = u64::from_le_bytes(*bytes);
        // A high bit where the byte is no space; no carry leaves a byte.
        let other = word ^ (u64::from(b' ') * ONES);
        let other = ((other & !HIGH_BITS) + !HIGH_BITS) | other;
        // The low bit of each byte goes to the bit of that byte's number in the highest byte.
        let bits = ((!other & HIGH_BITS) >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        spaces |= bits << (8 * at);
        // Bits 5 and 6 are both 0 in controls.
        odd |= word | !(word << 1 | word << 2);
    }
    (spaces, odd & HIGH_BITS)
}

/// The bytes of a block that belong to white space other than the space, and those of the next block.
#[cold]
fn odd_spaces(text: &str, base: usize) -> (u64, u64) {
    let mut bits: u128 = 0;
    let end = text.len().min(base + BLOCK);
    for at in base..end {
        let byte = text.as_bytes()[at];
        // A character that began in the block before has been seen there.
        if (byte > b' ' && byte.is_ascii()) || !text.is_char_boundary(at) {
            continue;
        }
        let c = text[at..].chars().next();
        if let Some(c) = c.filter(|&c| is_python_space(c)) {
            bits |= ((1 << c.len_utf8()) - 1) << (at - base);
        }
    }
    (bits as u64, (bits >> BLOCK) as u64)
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
