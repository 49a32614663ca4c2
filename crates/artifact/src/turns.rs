//! Words that turn what a review says: negations and contrasts.
//!
//! Owns the lists, so that errors by slice (`train`) and hard reviews (`report`) are about the same words. Does not own what a
//! word is: one counts the tokens that a network reads, the other the words of the text as written.

/// Words that negate.
const NEGATIONS: [&str; 9] = [
    "not", "no", "never", "nothing", "nobody", "neither", "nor", "cannot", "without",
];
/// The ends of contracted ones, as the tokenizers leave them.
const CONTRACTED: [&str; 2] = ["n't", "n’t"];
/// Words after which a review may say the opposite.
const CONTRASTS: [&str; 8] = [
    "but",
    "however",
    "although",
    "though",
    "yet",
    "despite",
    "nevertheless",
    "unfortunately",
];

/// Whether a word, in lower case, turns what follows.
pub fn negates(word: &str) -> bool {
    NEGATIONS.contains(&word) || CONTRACTED.iter().any(|end| word.ends_with(end))
}

/// Whether a word, in lower case, is one after which a review may say the opposite.
pub fn contrasts(word: &str) -> bool {
    CONTRASTS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_whole_and_contractions_are_ends() {
        let negating = ["not", "nothing", "isn't", "didn’t", "n't", "cannot"];
        assert!(negating.into_iter().all(negates));
        let others = ["note", "know", "Not", "t", "", "but"];
        assert!(!others.into_iter().any(negates));
        assert!(["but", "yet", "though"].into_iter().all(contrasts));
        assert!(!["butter", "not", "thought"].into_iter().any(contrasts));
    }
}
