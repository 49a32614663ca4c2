//! Whether a text is in another language than English.
//!
//! A text with enough of English's most common words is English, at the cost of a look at its first words. Only of the
//! others whatlang is asked, which compares the text's letters and triples of letters with those of 69 languages. What it
//! calls reliable counts; what it does not, where the text has none of the common words at all. A few words are no
//! language.

use whatlang::Lang;

/// Words that are looked at; the rest of a text is in the same language.
const WORDS: usize = 100;
/// Bytes that whatlang is given at most.
const BYTES: usize = 1000;
/// Words that a text needs for a guess to count.
const FEWEST: usize = 8;
/// The share of [`COMMON`] words from which a text is English.
const ENGLISH: f64 = 0.15;

/// The most common words of English that are not common in its neighbours.
const COMMON: [&str; 32] = [
    "the", "and", "of", "to", "is", "it", "this", "that", "was", "with", "for", "but", "not",
    "are", "have", "be", "you", "on", "as", "his", "they", "by", "an", "who", "from", "at", "had",
    "were", "there", "which", "what", "my",
];

/// Whether a text is probably in another language than English.
pub fn is_foreign(text: &str) -> bool {
    let (mut words, mut common) = (0_usize, 0_usize);
    let letters = |c: char| !c.is_alphabetic() && c != '\'';
    for word in text
        .split(letters)
        .filter(|word| !word.is_empty())
        .take(WORDS)
    {
        words += 1;
        common += usize::from(COMMON.iter().any(|known| word.eq_ignore_ascii_case(known)));
    }
    if words == 0 || common as f64 >= ENGLISH * words as f64 {
        return false;
    }
    let mut end = text.len().min(BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let told = whatlang::detect(&text[..end]);
    told.is_some_and(|told| {
        let counts = told.is_reliable() || common == 0 && words >= FEWEST;
        counts && told.lang() != Lang::Eng
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_languages_are_told_and_english_is_not() {
        for text in [
            "Un film magnifique, les acteurs sont excellents et l'histoire m'a beaucoup touché du début à la fin.",
            "Der Film war leider sehr langweilig, und ich würde ihn niemandem empfehlen, der etwas Besseres zu tun hat.",
            "Una película maravillosa con unos actores estupendos que no me cansaría de volver a ver nunca.",
            "Это очень хороший фильм, я смотрел его три раза и буду смотреть ещё.",
            "これは本当に素晴らしい映画でした。もう一度見たいです。",
        ] {
            assert!(is_foreign(text), "{text}");
        }
        for text in [
            "This is one of the best films that I have seen in years, and the acting is superb.",
            "Brilliant acting, wonderful scenery, great story, superb music. Highly recommended!",
            "Great!",
            "10/10",
            "",
        ] {
            assert!(!is_foreign(text), "{text}");
        }
    }
}
