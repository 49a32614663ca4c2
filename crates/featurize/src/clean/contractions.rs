//! English contractions.
//!
//! A word is a run of letters with apostrophes (`'` or `’`) between them. Whole words first
//! (`won't`, `let's`, `it's`), then endings (`n't`, `'re`, `'ve`, `'ll`, `'d`, `'m`). `'s` is expanded
//! after pronouns and question words alone, because after a name it is a genitive, and `'d` always to
//! `would`. Negations thus become the word `not`, which the lists of stop words keep.

/// Words that their ending does not explain, and what they stand for.
const WORDS: [(&str, &str); 22] = [
    ("ain't", "is not"),
    ("can't", "can not"),
    ("could've", "could have"),
    ("here's", "here is"),
    ("he's", "he is"),
    ("how's", "how is"),
    ("it's", "it is"),
    ("i'm", "i am"),
    ("let's", "let us"),
    ("ma'am", "madam"),
    ("shan't", "shall not"),
    ("she's", "she is"),
    ("that's", "that is"),
    ("there's", "there is"),
    ("this's", "this is"),
    ("what's", "what is"),
    ("when's", "when is"),
    ("where's", "where is"),
    ("who's", "who is"),
    ("why's", "why is"),
    ("won't", "will not"),
    ("y'all", "you all"),
];

/// Endings, and the words that they stand for.
const ENDINGS: [(&str, &str); 6] = [
    ("n't", " not"),
    ("'re", " are"),
    ("'ve", " have"),
    ("'ll", " will"),
    ("'d", " would"),
    ("'m", " am"),
];

/// A quick look: false where there is no apostrophe.
pub fn may_have(text: &str) -> bool {
    memchr::memchr(b'\'', text.as_bytes()).is_some() || text.contains('’')
}

/// Writes `text`, with its contractions expanded, to the end of `cleaned`.
///
/// What is put in is in lower case, or in capitals where the contraction is.
///
/// ```
/// let mut cleaned = String::new();
/// let text = "Don’t say it's Hitchcock's: they've lied, and I WON'T.";
/// cinescore_featurize::clean::contractions::expand(text, &mut cleaned);
/// assert_eq!(cleaned, "Do not say it is Hitchcock's: they have lied, and I WILL NOT.");
/// ```
pub fn expand(text: &str, cleaned: &mut String) {
    let mut rest = text;
    while let Some(begin) = rest.find(|c: char| c.is_alphabetic()) {
        cleaned.push_str(&rest[..begin]);
        let word = &rest[begin..begin + word_length(&rest[begin..])];
        rest = &rest[begin + word.len()..];
        expand_word(word, cleaned);
    }
    cleaned.push_str(rest);
}

/// The bytes of the word that `text`, which begins with a letter, begins with.
fn word_length(text: &str) -> usize {
    let mut length = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let follows = chars.peek().is_some_and(|(_at, next)| next.is_alphabetic());
        if c.is_alphabetic() || (is_apostrophe(c) && follows) {
            length = at + c.len_utf8();
        } else {
            break;
        }
    }
    length
}

fn expand_word(word: &str, cleaned: &mut String) {
    if !word.contains(is_apostrophe) {
        return cleaned.push_str(word);
    }
    let plain = word.replace('’', "'");
    let first_small = plain.find(|c: char| c.is_alphabetic() && !c.is_uppercase());
    let first_small = first_small.unwrap_or(plain.len());
    // What is put in for the end of so many bytes of the word.
    let push = |cleaned: &mut String, length: usize, expansion: &str| {
        if first_small >= length && length > 3 {
            cleaned.push_str(&expansion.to_uppercase());
        } else {
            cleaned.push_str(expansion);
        }
    };
    // What stands before an ending may be contracted too: `shouldn't've`. A loop, since whoever writes a review decides how often.
    let mut endings = Vec::new();
    let mut length = plain.len();
    let whole = loop {
        let stem = &plain[..length];
        let mut words = WORDS.iter();
        if let Some((_, expansion)) = words.find(|(short, _)| stem.eq_ignore_ascii_case(short)) {
            break Some(expansion);
        }
        let Some((begin, expansion)) = ending_of(stem) else {
            break None;
        };
        endings.push((length, expansion));
        length = begin;
    };
    match whole {
        Some(expansion) => {
            // The first letter keeps its case: `It's` is `It is`.
            let first = plain.chars().next().unwrap_or_default();
            let expanded = expansion.chars().next().unwrap_or_default();
            if first.is_uppercase() && first.eq_ignore_ascii_case(&expanded) {
                cleaned.push(first);
                push(cleaned, length, &expansion[expanded.len_utf8()..]);
            } else {
                push(cleaned, length, expansion);
            }
        }
        None if endings.is_empty() => cleaned.push_str(word),
        None => cleaned.push_str(&plain[..length]),
    }
    for (length, expansion) in endings.into_iter().rev() {
        push(cleaned, length, expansion);
    }
}

/// Where the ending of a word begins, and the words that it stands for.
fn ending_of(word: &str) -> Option<(usize, &'static str)> {
    ENDINGS.into_iter().find_map(|(ending, expansion)| {
        let begin = word.len().saturating_sub(ending.len());
        let has = |end: &str| end.eq_ignore_ascii_case(ending);
        (begin > 0 && word.get(begin..).is_some_and(has)).then_some((begin, expansion))
    })
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> String {
        let mut cleaned = String::new();
        expand(text, &mut cleaned);
        cleaned
    }

    #[test]
    fn contractions_become_words() {
        for (text, wanted) in [
            ("isn't DOESN'T Can't", "is not DOES NOT Can not"),
            ("shouldn't've", "should not have"),
            (
                "It's they're I've we'd I'm i'm",
                "It is they are I have we would I am i am",
            ),
            ("He'll, she’ll", "He will, she will"),
            ("ain't", "is not"),
            ("Let's", "Let us"),
        ] {
            assert_eq!(expanded(text), wanted);
        }
    }

    #[test]
    fn a_word_of_many_endings_is_no_deeper_than_others() {
        let times = 50_000;
        let wanted = "x".to_owned() + &" would".repeat(times);
        assert_eq!(expanded(&("x".to_owned() + &"'d".repeat(times))), wanted);
        assert_eq!(
            expanded("I'd've IT'S'VE won’t've"),
            "I would have IT IS HAVE will not have"
        );
    }

    #[test]
    fn what_is_none_stays() {
        for text in [
            "",
            "'",
            "n't",
            "film's",
            "O'Brien",
            "rock'n'roll",
            "'quoted'",
            "d’été",
            "o'clock",
            "’",
        ] {
            assert_eq!(expanded(text), text);
        }
    }
}
