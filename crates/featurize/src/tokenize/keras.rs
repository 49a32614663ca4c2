//! The tokens of Keras' `Tokenizer` (`text_to_word_sequence`) with its default filters.
//!
//! Every filtered character becomes a space, and the text is divided at spaces, and at nothing else:
//! a no-break space stays inside a word, as it does there. Apostrophes are no filter. Keras takes the
//! lower case before; here that is a step of its own (`lower_case`).

use super::blocks::{self, BLOCK};
use crate::clean::Cleaned;

/// 0 for the filters, ``!"#$%&()*+,-./:;<=>?@[\]^_`{|}~``, tab and newline, and the space; 1 for every
/// other byte.
const INSIDE: [u8; 256] = {
    let mut inside = [1; 256];
    let filters = b" !\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n";
    let mut at = 0;
    while at < filters.len() {
        inside[filters[at] as usize] = 0;
        at += 1;
    }
    inside
};

/// Gives the begin and end of every token to `visit`.
#[inline]
pub fn each_token(cleaned: &Cleaned, visit: impl FnMut(usize, usize)) {
    let padded = cleaned.padded();
    let inside = |base: usize| {
        let block: &[u8; BLOCK] = blocks::block(padded, base);
        let bytes = block.iter().enumerate();
        bytes.fold(0, |bits, (at, &byte)| {
            bits | u64::from(INSIDE[usize::from(byte)]) << at
        })
    };
    blocks::each_token(cleaned.text().len(), inside, visit);
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
