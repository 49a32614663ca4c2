//! Learning the merges from counted words, as Hugging Face's `BpeTrainer` does with
//! `initial_alphabet` set to all bytes.
//!
//! Again and again the most frequent pair of neighbours becomes one; of equally frequent ones that
//! with the lower ids. Everything follows from the counts, whatever their order.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

use ahash::RandomState;

use super::{Pair, byte_name};
use crate::count::Count;

/// What was learnt: tokens by id, and the merges in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learnt {
    /// Tokens, the reserved ones first, then the bytes in the order of their names, then merged ones.
    pub tokens: Vec<Box<str>>,
    /// The merges.
    pub pairs: Vec<Pair>,
}

/// A pair that may be merged next.
struct Candidate {
    pair: Pair,
    count: i64,
    /// Words in which it was seen.
    words: BTreeSet<usize>,
}

/// Learns until there are `ids` tokens, or no pair occurs `min_count` times.
pub fn train(words: &[(Box<str>, Count)], reserved: &[&str], ids: usize, min_count: u64) -> Learnt {
    let mut tokens: Vec<Box<str>> = reserved.iter().map(|&name| name.into()).collect();
    let mut names: Vec<(char, u8)> = (0..=u8::MAX).map(|byte| (byte_name(byte), byte)).collect();
    names.sort_unstable();
    let mut bytes = [0; 256];
    for (name, byte) in names {
        bytes[usize::from(byte)] = tokens.len() as i32;
        tokens.push(name.to_string().into());
    }
    let mut known: HashMap<Box<str>, i32, RandomState> = (0..)
        .zip(&tokens)
        .map(|(id, token)| (token.clone(), id))
        .collect();

    let mut pieces: Vec<Vec<i32>> = words
        .iter()
        .map(|(word, _count)| word.bytes().map(|byte| bytes[usize::from(byte)]).collect())
        .collect();
    let mut counts: HashMap<Pair, i64, RandomState> = HashMap::default();
    let mut places: HashMap<Pair, BTreeSet<usize>, RandomState> = HashMap::default();
    for (word, piece) in pieces.iter().enumerate() {
        for pair in piece.windows(2).map(|pair| (pair[0], pair[1])) {
            *counts.entry(pair).or_default() += words[word].1.count as i64;
            places.entry(pair).or_default().insert(word);
        }
    }
    let mut queue: BinaryHeap<Candidate> = places
        .into_iter()
        .map(|(pair, words)| Candidate {
            pair,
            count: counts[&pair],
            words,
        })
        .collect();

    let mut pairs = Vec::new();
    while tokens.len() < ids {
        let Some(mut best) = queue.pop() else { break };
        // Counts fall as neighbours are merged away; the queue learns of it here.
        let count = counts.get(&best.pair).copied().unwrap_or(0);
        if best.count != count {
            best.count = count;
            queue.push(best);
            continue;
        }
        if best.count < 1 || (best.count as u64) < min_count {
            break;
        }
        let (left, right) = best.pair;
        let name: Box<str> = [&*tokens[left as usize], &*tokens[right as usize]]
            .concat()
            .into();
        let whole = *known.entry(name.clone()).or_insert_with(|| {
            tokens.push(name);
            tokens.len() as i32 - 1
        });
        pairs.push(best.pair);
        let mut grown: BTreeMap<Pair, BTreeSet<usize>> = BTreeMap::new();
        for &word in &best.words {
            for (pair, change) in merge(&mut pieces[word], best.pair, whole) {
                *counts.entry(pair).or_default() += change * words[word].1.count as i64;
                if change > 0 {
                    grown.entry(pair).or_default().insert(word);
                }
            }
        }
        counts.remove(&best.pair);
        queue.extend(grown.into_iter().filter_map(|(pair, words)| {
            let count = counts.get(&pair).copied().filter(|&count| count > 0)?;
            Some(Candidate { pair, count, words })
        }));
    }
    Learnt { tokens, pairs }
}

/// Merges a pair wherever it stands; how much less or more often other pairs do.
fn merge(piece: &mut Vec<i32>, (left, right): Pair, whole: i32) -> Vec<(Pair, i64)> {
    let mut changes = Vec::new();
    let mut at = 0;
    while at + 1 < piece.len() {
        if piece[at] == left && piece[at + 1] == right {
            if at > 0 {
                changes.push(((piece[at - 1], left), -1));
                changes.push(((piece[at - 1], whole), 1));
            }
            piece[at] = whole;
            piece.remove(at + 1);
            if at + 1 < piece.len() {
                changes.push(((right, piece[at + 1]), -1));
                changes.push(((whole, piece[at + 1]), 1));
            }
        }
        at += 1;
    }
    changes
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.count
            .cmp(&other.count)
            .then_with(|| other.pair.cmp(&self.pair))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Vec<(Box<str>, Count)> {
        let counted = |count| Count {
            count,
            documents: 1,
        };
        [("low", 5), (" lower", 2), (" newest", 6), (" widest", 3)]
            .map(|(word, count)| (word.into(), counted(count)))
            .into()
    }

    #[test]
    fn frequent_pairs_come_first_and_ties_go_to_lower_ids() {
        let learnt = train(&words(), &["<padding>"], 257 + 6, 2);
        // By hand: `es` and `st` 9 times, of which `e` has the lower id; then `est`; then `lo` and
        // `ow` 7 times; then `low`; then the pairs that 6 or more words leave.
        let merged: Vec<&str> = learnt.tokens[257..].iter().map(AsRef::as_ref).collect();
        assert_eq!(merged[..4], ["es", "est", "lo", "low"]);
        assert_eq!(learnt.pairs.len(), 6);
        let mut reversed = words();
        reversed.reverse();
        assert_eq!(train(&reversed, &["<padding>"], 257 + 6, 2), learnt);
    }

    #[test]
    fn rare_pairs_are_not_merged() {
        let learnt = train(&words(), &[], 100_000, 9);
        assert_eq!(learnt.tokens.len(), 256 + 2);
        assert!(train(&[], &[], 100_000, 1).pairs.is_empty());
    }
}
