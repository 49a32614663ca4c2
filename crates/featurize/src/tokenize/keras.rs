//! The tokens of Keras' `Tokenizer` (`text_to_word_sequence`) with its default filters.
//!
//! Every filtered character becomes a space, and the text is divided at spaces, and at nothing else:
//! a no-break space stays inside a word, as it does there. Apostrophes are no filter. Keras takes the
//! lower case before; here that is a step of its own (`lower_case`).

/// The filters: ``!"#$%&()*+,-./:;<=>?@[\]^_`{|}~``, tab and newline; and the space.
const DIVIDES: [bool; 256] = {
    let mut divides = [false; 256];
    let filters = b" !\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n";
    let mut at = 0;
    while at < filters.len() {
        divides[filters[at] as usize] = true;
        at += 1;
    }
    divides
};

/// Gives the begin and end of every token to `visit`.
#[inline]
pub fn each_token(text: &str, mut visit: impl FnMut(usize, usize)) {
    let mut begin = 0;
    for (at, &byte) in text.as_bytes().iter().enumerate() {
        if DIVIDES[usize::from(byte)] {
            if begin < at {
                visit(begin, at);
            }
            begin = at + 1;
        }
    }
    if begin < text.len() {
        visit(begin, text.len());
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Tokenizer, tokens};
    use crate::clean::Apostrophes;

    #[test]
    fn filters_divide_and_nothing_else_does() {
        assert_eq!(
            tokens(
                Tokenizer::Keras,
                Apostrophes::Keep,
                "it's_a (1990's) film—é\u{a0}à\tx\ny\rz...'"
            ),
            ["it's", "a", "1990's", "film—é\u{a0}à", "x", "y\rz", "'"]
        );
    }
}
