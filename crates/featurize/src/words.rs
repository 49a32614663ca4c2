//! The words of a text, by Unicode's rules (UAX #29).
//!
//! Owns how a long text is cut so that its ASCII parts take the fast path of
//! `unicode-segmentation`, which otherwise one `é` takes away from the whole text. Does not own the
//! rules themselves. Reads a text, writes nothing.
//!
//! A word is what lies between two word boundaries and has a letter or a digit in it. Apostrophes
//! (`'`, `’`) between letters are kept inside, as are `.` in `e.g`, `,` in `1,000` and `_`.

use unicode_segmentation::UnicodeSegmentation;

/// Gives every word of `text` to `visit`, in order: those of `text.unicode_words()`.
pub fn each_word<'a>(text: &'a str, mut visit: impl FnMut(&'a str)) {
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
        text[begin..odd_begin].unicode_words().for_each(&mut visit);
        text[odd_begin..odd_end]
            .unicode_words()
            .for_each(&mut visit);
        begin = odd_end;
    }
    text[begin..].unicode_words().for_each(visit);
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
        each_word(text, |word| words.push(word));
        words
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
                    " ", "  ", "a", "B", "1", "'", "\"", ".", ",", ":", "_", "\r", "\n", "\u{200d}", "\u{301}", "\u{345}",
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
