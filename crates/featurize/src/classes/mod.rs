//! Word classes: words that stand in the same surroundings share one.
//!
//! Owns how classes are learned from texts, and which class a term has. A text says the same with
//! other words more often than with the same ones, so an n-gram in which a class stands in for a word is seen in more reviews
//! than any n-gram of words alone. Nothing but texts decides on classes: no score and no label is read.
//!
//! Does not own the n-grams in which they stand (`bags`).

mod means;
mod surroundings;

use std::collections::HashSet;

pub use surroundings::Surroundings;

use crate::token::Token;
use crate::token_map::TokenMap;

/// Words that have a class: at most so many, the most frequent.
pub const WORDS: usize = 30_000;
/// Occurrences that a word must have to have a class. Of a rarer one, the surroundings say too little.
pub const MIN_COUNT: u64 = 5;

/// Which class each term has. Terms without one share the class [`Classes::unknown`].
#[derive(Debug, Clone, Default)]
pub struct Classes {
    words: Vec<Vec<Box<str>>>,
    numbers: TokenMap<u32>,
    names: Vec<Box<str>>,
}

impl Classes {
    /// The classes of those words, by class: the most frequent word of a class first, after which it is called. None where a
    /// class is empty, a word is empty, or stands there twice.
    pub fn new(words: Vec<Vec<Box<str>>>) -> Option<Self> {
        let mut numbers = TokenMap::with_capacity(words.iter().map(Vec::len).sum());
        let mut names = Vec::with_capacity(words.len() + 1);
        for (class, words) in (0..).zip(&words) {
            names.push(format!("{{{}}}", words.first()?).into());
            for word in words {
                if word.is_empty() || numbers.insert(Token::new(word.as_bytes()), class).is_some() {
                    return None;
                }
            }
        }
        names.push("{}".into());
        let different: HashSet<&str> = names.iter().map(AsRef::as_ref).collect();
        (different.len() == names.len()).then_some(Self {
            words,
            numbers,
            names,
        })
    }

    /// The words by class.
    pub fn words(&self) -> &[Vec<Box<str>>] {
        &self.words
    }

    /// The class of all terms that have none of their own.
    pub fn unknown(&self) -> u32 {
        self.words.len() as u32
    }

    /// The class of a term.
    pub fn of(&self, term: &[u8]) -> u32 {
        let known = self.numbers.get(Token::new(term));
        known.unwrap_or(self.unknown())
    }

    /// How classes stand in n-grams, that of the terms without one last.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(AsRef::as_ref)
    }

    /// How a class stands in an n-gram: `{film}` is the class whose most frequent word is `film`.
    pub fn name(&self, class: u32) -> &str {
        &self.names[class as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(classes: &[&[&str]]) -> Vec<Vec<Box<str>>> {
        let boxed = |words: &&[&str]| words.iter().map(|&word| word.into()).collect();
        classes.iter().map(boxed).collect()
    }

    #[test]
    fn a_term_has_the_class_of_its_word_or_that_of_the_unknown() {
        let classes = Classes::new(words(&[&["film", "movie"], &["good"]])).unwrap();
        let names = ["movie", "good", "xyz"].map(|term| classes.name(classes.of(term.as_bytes())));
        assert_eq!(names, ["{film}", "{good}", "{}"]);
    }

    #[test]
    fn classes_that_are_empty_or_share_a_word_are_none() {
        for wrong in [
            words(&[&[]]),
            words(&[&["a", ""]]),
            words(&[&["a"], &["b", "a"]]),
        ] {
            assert!(Classes::new(wrong).is_none());
        }
    }
}
