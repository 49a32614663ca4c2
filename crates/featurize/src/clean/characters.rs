//! Digits, punctuation and special characters.
//!
//! A digit is a character of Unicode's class Nd; so `٣` is one, and `½` is not. Punctuation and special
//! characters are all that is no letter, mark, number or white space: `!`, `—`, `_`, `€`, `★`, emoji,
//! control characters.

use unicode_general_category::{GeneralCategory, get_general_category};

use super::{Apostrophes, Characters};

/// Writes `text`, with its digits replaced, to the end of `cleaned`.
///
/// ```
/// use cinescore_featurize::clean::{Characters, characters::digits};
///
/// let mut cleaned = String::new();
/// digits("8/10 in 1999, 3D", Characters::Space, &mut cleaned);
/// assert_eq!(cleaned, " /   in     ,  D");
/// cleaned.clear();
/// digits("8/10 in 1999, 3D", Characters::Remove, &mut cleaned);
/// assert_eq!(cleaned, "/ in , D");
/// ```
pub fn digits(text: &str, digits: Characters, cleaned: &mut String) {
    replace(text, digits, cleaned, |_before, c, _rest| is_digit(c));
}

/// Writes `text`, with its punctuation and special characters replaced, to the end of `cleaned`.
///
/// ```
/// use cinescore_featurize::clean::{Apostrophes, Characters, characters::punctuation};
///
/// let text = "Well... it's 'good'! #1_★";
/// let mut cleaned = String::new();
/// punctuation(text, Characters::Space, Apostrophes::Keep, &mut cleaned);
/// assert_eq!(cleaned, "Well    it's  good    1  ");
/// cleaned.clear();
/// punctuation(text, Characters::Remove, Apostrophes::Split, &mut cleaned);
/// assert_eq!(cleaned, "Well its good 1");
/// ```
pub fn punctuation(
    text: &str,
    punctuation: Characters,
    apostrophes: Apostrophes,
    cleaned: &mut String,
) {
    replace(text, punctuation, cleaned, |before, c, rest| {
        let inside = matches!(c, '\'' | '’')
            && apostrophes == Apostrophes::Keep
            && before.is_some_and(char::is_alphabetic)
            && rest.starts_with(char::is_alphabetic);
        !inside && is_special(c)
    });
}

/// Replaces the characters that `chosen` says so of, which is given the character before it and the
/// text behind it.
fn replace(
    text: &str,
    characters: Characters,
    cleaned: &mut String,
    chosen: impl Fn(Option<char>, char, &str) -> bool,
) {
    let mut before = None;
    for (at, c) in text.char_indices() {
        if !chosen(before, c, &text[at + c.len_utf8()..]) {
            cleaned.push(c);
        } else if characters == Characters::Space {
            cleaned.push(' ');
        }
        before = Some(c);
    }
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
        || (!c.is_ascii() && get_general_category(c) == GeneralCategory::DecimalNumber)
}

fn is_special(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_alphanumeric() && !c.is_whitespace();
    }
    use GeneralCategory as Is;
    !c.is_whitespace()
        && !matches!(
            get_general_category(c),
            Is::UppercaseLetter
                | Is::LowercaseLetter
                | Is::TitlecaseLetter
                | Is::ModifierLetter
                | Is::OtherLetter
                | Is::NonspacingMark
                | Is::SpacingMark
                | Is::EnclosingMark
                | Is::DecimalNumber
                | Is::LetterNumber
                | Is::OtherNumber
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_scripts_have_digits_and_punctuation_too() {
        let mut cleaned = String::new();
        digits("٣ of ½ ५", Characters::Remove, &mut cleaned);
        assert_eq!(cleaned, " of ½ ");
        cleaned.clear();
        let text = "«été» — naïve… 映画。cafe\u{301} שלום! 🎬\u{0}\u{200d}";
        punctuation(text, Characters::Space, Apostrophes::Keep, &mut cleaned);
        assert_eq!(cleaned, " été    naïve  映画 cafe\u{301} שלום     ");
    }
}
