//! The tokens of scikit-learn's `CountVectorizer` with its default pattern, `(?u)\b\w\w+\b`.
//!
//! Two or more word characters, where a word character is what Python's `\w` is: Unicode's letters
//! and numbers and `_`, but no mark. So `café` written with a combining accent is `cafe`, and one
//! letter is no token. scikit-learn takes the lower case before; here that is a step of its own.

use unicode_general_category::{GeneralCategory, get_general_category};

/// Gives the begin and end of every token to `visit`.
#[inline]
pub fn each_token(text: &str, mut visit: impl FnMut(usize, usize)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let begin = at;
        let mut characters = 0;
        while at < bytes.len() {
            let byte = bytes[at];
            if byte.is_ascii() {
                if !(byte.is_ascii_alphanumeric() || byte == b'_') {
                    break;
                }
                at += 1;
            } else {
                match text[at..].chars().next().filter(|&c| is_word(c)) {
                    Some(c) => at += c.len_utf8(),
                    None => break,
                }
            }
            characters += 1;
        }
        if characters > 1 {
            visit(begin, at);
        }
        at += text[at..].chars().next().map_or(0, char::len_utf8);
    }
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
