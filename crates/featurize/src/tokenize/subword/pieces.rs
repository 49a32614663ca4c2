//! The words that subwords never cross, by GPT-2's pattern:
//! `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
//!
//! So a space belongs to the word behind it, and nothing of a text is lost. A piece of more than
//! 1,024 bytes is no word and would take long to merge: it is cut.

use unicode_general_category::{GeneralCategory, get_general_category};

/// Bytes of a piece at most.
const LONGEST: usize = 1024;

const ENDINGS: [&str; 7] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Number,
    Space,
    Other,
}

/// Gives the begin and end of every piece to `visit`; they cover the text.
pub fn each_word(text: &str, mut visit: impl FnMut(usize, usize)) {
    let mut begin = 0;
    while begin < text.len() {
        // What is cut is not looked at, so that a huge word takes no longer than many small ones.
        let window = text.floor_char_boundary(begin + LONGEST);
        let end = begin + length(&text[begin..window]);
        visit(begin, end);
        begin = end;
    }
}

/// The bytes of the first piece.
fn length(text: &str) -> usize {
    if let Some(ending) = ENDINGS.iter().find(|ending| text.starts_with(**ending)) {
        return ending.len();
    }
    let space = usize::from(text.starts_with(' '));
    match text[space..].chars().next().map(class) {
        Some(kind) if kind != Class::Space => {
            return space + run(&text[space..], kind);
        }
        _ => {}
    }
    let run = run(text, Class::Space);
    let last = text[..run].chars().next_back().map_or(0, char::len_utf8);
    // The last space of several is left to the word behind it.
    if run < text.len() && last < run {
        run - last
    } else {
        run
    }
}

/// The bytes of the characters of a class that `text` begins with.
fn run(text: &str, kind: Class) -> usize {
    text.find(|c| class(c) != kind).unwrap_or(text.len())
}

fn class(c: char) -> Class {
    use GeneralCategory as Is;
    if c.is_ascii() {
        return match c {
            'a'..='z' | 'A'..='Z' => Class::Letter,
            '0'..='9' => Class::Number,
            _ if c.is_whitespace() => Class::Space,
            _ => Class::Other,
        };
    }
    match get_general_category(c) {
        Is::UppercaseLetter
        | Is::LowercaseLetter
        | Is::TitlecaseLetter
        | Is::ModifierLetter
        | Is::OtherLetter => Class::Letter,
        Is::DecimalNumber | Is::LetterNumber | Is::OtherNumber => Class::Number,
        _ if c.is_whitespace() => Class::Space,
        _ => Class::Other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces(text: &str) -> Vec<&str> {
        let mut pieces = Vec::new();
        each_word(text, |begin, end| pieces.push(&text[begin..end]));
        pieces
    }

    #[test]
    fn pieces_are_those_of_the_pattern() {
        // Made with `tokenizers` 0.22: `ByteLevel(add_prefix_space=False).pre_tokenize_str`.
        for (text, wanted) in [
            ("I don't  know", vec!["I", " don", "'t", " ", " know"]),
            (
                "we'll've it's'x",
                vec!["we", "'ll", "'ve", " it", "'s", "'", "x"],
            ),
            ("8/10!!  \n a", vec!["8", "/", "10", "!!", "  \n", " a"]),
            ("a \n", vec!["a", " \n"]),
            ("a\n\nb \tc", vec!["a", "\n", "\n", "b", " ", "\t", "c"]),
            (" 'tis ½é\u{301}", vec![" '", "tis", " ½", "é", "\u{301}"]),
            ("x\u{a0}y 映画。", vec!["x", "\u{a0}", "y", " 映画", "。"]),
        ] {
            assert_eq!(pieces(text), wanted, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost(text in any::<String>()) {
            prop_assert_eq!(pieces(&text).concat(), text);
        }
    }
}
