//! The tokens of scikit-learn's `CountVectorizer` with its default pattern, `(?u)\b\w\w+\b`.
//!
//! Two or more word characters, where a word character is what Python's `\w` is: Unicode's letters
//! and numbers and `_`, but no mark. So `café` written with a combining accent is `cafe`, and one
//! letter is no token. scikit-learn takes the lower case before; here that is a step of its own.

use super::blocks::{self, BLOCK};
use crate::clean::Cleaned;
use unicode_general_category::{GeneralCategory, get_general_category};

/// 1 for the word characters of ASCII, 2 for bytes of longer characters.
const CLASSES: [u8; 256] = {
    let mut classes = [2; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        classes[byte as usize] = (byte.is_ascii_alphanumeric() || byte == b'_') as u8;
        byte += 1;
    }
    classes
};

/// Gives the begin and end of every token to `visit`.
#[inline]
pub fn each_token(cleaned: &Cleaned, mut visit: impl FnMut(usize, usize)) {
    let (text, padded) = (cleaned.text(), cleaned.padded());
    // Bytes of the next block that are part of a character that began in this one.
    let mut carried = 0;
    let inside = |base: usize| {
        let (mut words, mut others) = (0, 0);
        for (at, &byte) in blocks::block(padded, base).iter().enumerate() {
            let class = CLASSES[usize::from(byte)];
            words |= u64::from(class & 1) << at;
            others |= class;
        }
        if others < 2 {
            return words | std::mem::take(&mut carried);
        }
        let (longer, beyond) = longer_characters(text, base);
        words | longer | std::mem::replace(&mut carried, beyond)
    };
    blocks::each_token(text.len(), inside, |begin, end| {
        let one = match end - begin {
            1 => true,
            2..=4 => text[begin..end].chars().nth(1).is_none(),
            _ => false,
        };
        if !one {
            visit(begin, end);
        }
    });
}

/// The bytes of a block that belong to word characters other than ASCII's, and those of the next block.
#[cold]
fn longer_characters(text: &str, base: usize) -> (u64, u64) {
    let mut bits: u128 = 0;
    for at in base..text.len().min(base + BLOCK) {
        // A character that began in the block before has been seen there.
        if text.as_bytes()[at].is_ascii() || !text.is_char_boundary(at) {
            continue;
        }
        if let Some(c) = text[at..].chars().next().filter(|&c| is_word(c)) {
            bits |= ((1 << c.len_utf8()) - 1) << (at - base);
        }
    }
    (bits as u64, (bits >> BLOCK) as u64)
}

/// Whether Python's `\w` matches a character that is not ASCII.
fn is_word(c: char) -> bool {
    use GeneralCategory as Is;
    matches!(
        get_general_category(c),
        Is::UppercaseLetter
            | Is::LowercaseLetter
            | Is::TitlecaseLetter
            | Is::ModifierLetter
            | Is::OtherLetter
            | Is::DecimalNumber
            | Is::LetterNumber
            | Is::OtherNumber
    )
}

#[cfg(test)]
mod tests {
    use super::super::{Tokenizer, tokens};
    use crate::clean::Apostrophes;

    #[test]
    fn words_have_two_characters_or_more() {
        assert_eq!(
            tokens(
                Tokenizer::Sklearn,
                Apostrophes::Keep,
                "I don't like a_b, 7 or 10/10; é ça x² cafe\u{301} ab‿c 映画 ⓐⓑ"
            ),
            [
                "don", "like", "a_b", "or", "10", "10", "ça", "x²", "cafe", "ab", "映画"
            ]
        );
    }
}
