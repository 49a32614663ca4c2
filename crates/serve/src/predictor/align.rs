//! Which of a text's ids come from which of its words.
//!
//! Cleaning changes a text, so that its tokens have no places in it. Each word of the text, read alone, gives ids too; the
//! ids of the whole text are divided among the words by these.

use std::ops::Range;

/// How far ahead a word's ids are looked for.
const AHEAD: usize = 16;

/// The part of `all` that each of `pieces` became, in order; empty for one that is not found there.
pub(super) fn align(all: &[i32], pieces: &[Vec<i32>]) -> Vec<Range<usize>> {
    let mut at = 0;
    let mut parts = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let ahead = at..all.len().min(at + AHEAD);
        let begin = (!piece.is_empty())
            .then(|| ahead.clone().find(|&begin| all[begin..].starts_with(piece)))
            .flatten();
        match begin {
            Some(begin) => {
                parts.push(begin..begin + piece.len());
                at = begin + piece.len();
            }
            None => parts.push(at..at),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_divided_among_words_and_what_does_not_fit_is_skipped() {
        let all = [5, 6, 9, 7, 8, 5];
        let pieces = [vec![5], vec![6], vec![], vec![7, 8], vec![4], vec![5]];
        assert_eq!(align(&all, &pieces), [0..1, 1..2, 2..2, 3..5, 5..5, 5..6]);
    }
}
