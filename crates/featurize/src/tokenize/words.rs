//! The words of a text, by Unicode's rules (UAX #29).
//!
//! Owns the rules for ASCII, which are few, and how a long text is cut so that most of it takes them.
//! Where other characters are near, `unicode-segmentation` applies all rules; tests compare the two on
//! any text.
//!
//! A word is what lies between two word boundaries and has a letter or a digit in it. Apostrophes
//! (`'`, `’`) between letters are kept inside, as are `.` in `e.g`, `,` in `1,000` and `_`.

use unicode_segmentation::UnicodeSegmentation;

use crate::clean::Apostrophes;

/// Gives the begin and end of every word of `text` to `visit`, in order: those of
/// `text.unicode_words()`, further divided at apostrophes where these split.
#[inline]
pub fn each_word(text: &str, apostrophes: Apostrophes, mut visit: impl FnMut(usize, usize)) {
    match apostrophes {
        Apostrophes::Keep => each_whole_word(text, visit),
        Apostrophes::Split => each_whole_word(text, |begin, end| {
            let mut part_begin = begin;
            for part in text[begin..end].split(['\'', '’']) {
                let part_end = part_begin + part.len();
                if part.contains(char::is_alphanumeric) {
                    visit(part_begin, part_end);
                }
                let apostrophe = text[part_end..].chars().next();
                part_begin = part_end + apostrophe.map_or(0, char::len_utf8);
            }
        }),
    }
}

fn each_whole_word(text: &str, mut visit: impl FnMut(usize, usize)) {
    let bytes = text.as_bytes();
    let mut begin = 0;
    while let Some(odd) = bytes[begin..]
        .iter()
        .position(|byte| !byte.is_ascii())
        .map(|at| begin + at)
    {
        let odd_begin = (begin + 1..odd)
            .rev()
            .find(|&at| may_cut(bytes, at))
            .unwrap_or(begin);
        let odd_end = (odd + 1..bytes.len())
            .find(|&at| may_cut(bytes, at))
            .unwrap_or(bytes.len());
        each_ascii_word(bytes, begin, odd_begin, &mut visit);
        for (at, word) in text[odd_begin..odd_end].unicode_word_indices() {
            visit(odd_begin + at, odd_begin + at + word.len());
        }
        begin = odd_end;
    }
    each_ascii_word(bytes, begin, bytes.len(), &mut visit);
}

/// What an ASCII character is to the rules (their names are those of UAX #29).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Other,
    /// ALetter.
    Letter,
    /// Numeric.
    Digit,
    /// ExtendNumLet: `_`.
    Joiner,
    /// MidLetter: joins letters.
    MidLetter,
    /// MidNum: joins digits.
    MidNumber,
    /// MidNumLet and Single_Quote: joins both.
    MidBoth,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Other; 256];
    let mut byte = 0;
    while byte < 128 {
        classes[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' => Class::Letter,
            b'0'..=b'9' => Class::Digit,
            b'_' => Class::Joiner,
            b':' => Class::MidLetter,
            b',' | b';' => Class::MidNumber,
            b'.' | b'\'' => Class::MidBoth,
            _ => Class::Other,
        };
        byte += 1;
    }
    classes
};

/// The words of a part that is ASCII: rules WB5 to WB13b, without those for marks and emoji.
#[inline]
fn each_ascii_word(bytes: &[u8], from: usize, to: usize, visit: &mut impl FnMut(usize, usize)) {
    let class = |at: usize| {
        if at < to {
            CLASSES[usize::from(bytes[at])]
        } else {
            Class::Other
        }
    };
    let mut at = from;
    while at < to {
        let begin = at;
        let mut has_word = false;
        loop {
            match class(at) {
                Class::Letter | Class::Digit => has_word = true,
                Class::Joiner => {}
                Class::Other => break,
                middle => {
                    let joined = match (begin < at).then(|| class(at - 1)) {
                        Some(Class::Letter) => {
                            middle != Class::MidNumber && class(at + 1) == Class::Letter
                        }
                        Some(Class::Digit) => {
                            middle != Class::MidLetter && class(at + 1) == Class::Digit
                        }
                        _ => false,
                    };
                    if !joined {
                        break;
                    }
                }
            }
            at += 1;
        }
        if has_word {
            visit(begin, at);
        }
        at += 1;
    }
}

/// Whether what stands before and after `at` can be segmented apart: between a space and an ASCII
/// character that is no space there is always a boundary, and no rule looks across one. What is not
/// ASCII may join the space before it (marks and format characters do), so it is no place to cut.
fn may_cut(bytes: &[u8], at: usize) -> bool {
    bytes[at - 1] == b' ' && bytes[at] != b' ' && bytes[at].is_ascii()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Vec<&str> {
        let mut words = Vec::new();
        each_word(text, Apostrophes::Keep, |begin, end| {
            words.push(&text[begin..end]);
        });
        words
    }

    #[test]
    fn apostrophes_can_divide() {
        let text = "don't rock'n'roll Hitchcock’s a'_'b e.g.";
        let mut words = Vec::new();
        each_word(text, Apostrophes::Split, |begin, end| {
            words.push(&text[begin..end])
        });
        assert_eq!(
            words,
            [
                "don",
                "t",
                "rock",
                "n",
                "roll",
                "Hitchcock",
                "s",
                "a",
                "b",
                "e.g"
            ]
        );
    }

    #[test]
    fn apostrophes_and_points_inside_words_are_kept() {
        assert_eq!(
            words("don't 'quoted' Hitchcock's e.g. 1,000.50 a_b rock'n'roll don’t 9/10 sci-fi"),
            [
                "don't",
                "quoted",
                "Hitchcock's",
                "e.g",
                "1,000.50",
                "a_b",
                "rock'n'roll",
                "don’t",
                "9",
                "10",
                "sci",
                "fi"
            ]
        );
    }

    #[test]
    fn punctuation_and_emptiness_have_no_words() {
        for text in [
            "",
            " ",
            "...!?",
            "\u{0}\u{1}\t\r\n",
            "___",
            "🎬🍿",
            "…—",
            "\u{85}\u{96}",
        ] {
            assert!(words(text).is_empty(), "{text:?}");
        }
    }

    #[test]
    fn other_scripts_and_control_characters_work() {
        assert_eq!(words("שלום עולם"), ["שלום", "עולם"]);
        assert_eq!(words("فيلم رائع 10"), ["فيلم", "رائع", "10"]);
        assert_eq!(words("good\u{96}bad a\u{0}b"), ["good", "bad", "a", "b"]);
        assert_eq!(words("the 👨‍👩‍👧 film"), ["the", "film"]);
    }

    #[test]
    fn one_huge_word_is_one_word() {
        let huge = "x".repeat(10_000_000);
        assert_eq!(words(&huge), [huge.as_str()]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn cutting_changes_nothing_anywhere(text in any::<String>()) {
            prop_assert_eq!(words(&text), text.unicode_words().collect::<Vec<_>>());
        }

        /// Text dense in what the rules look at: marks, joiners, quotes, flags, emoji, Hebrew.
        #[test]
        fn cutting_changes_nothing_where_rules_meet(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    " ", "  ", "a", "B", "1", "'", "\"", ".", ",", ":", ";", "_", "-", "\r", "\n", "\u{200d}", "\u{301}", "\u{345}",
                    "\u{ad}", "é", "א", "ア", "🇩", "👨", "’", "\u{a0}", "\u{3000}", "\u{85}", "\u{70f}", "\u{2028}",
                ]),
                0..60,
            )
        ) {
            let text = parts.concat();
            prop_assert_eq!(words(&text), text.unicode_words().collect::<Vec<_>>());
        }
    }
}
