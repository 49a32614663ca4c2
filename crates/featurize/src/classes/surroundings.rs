//! What stands around each word.
//!
//! A word is described by how much more often than by chance each other word stands before and behind it, at a
//! distance of at most [`REACH`] terms: the positive pointwise mutual information of both, with the other word's share raised to
//! 0.75, before and behind apart (Levy, Goldberg and Dagan, TACL 2015). The values of a word are divided by their
//! Euclidean length, so that the product of two words' values is the cosine of the angle between them.
//!
//! `vectors` counts pairs too, but those of a corpus that it holds, nearer ones for more, and both sides together.

use rayon::prelude::*;

/// How far away, in terms, a word still is in another one's surroundings.
const REACH: usize = 2;
/// What the share of a word in the surroundings of others is raised to, so that rare ones do not weigh too much.
const SMOOTHING: f64 = 0.75;
/// Pairs that are held one by one before they are counted: 128 MiB.
const PENDING: usize = 1 << 24;
/// Texts that one piece of work has.
const TEXTS_A_TASK: usize = 32;

/// Counts which words stand near each other.
#[derive(Debug)]
pub struct Surroundings {
    words: u32,
    /// Pairs (word, later word) that were seen, not yet counted.
    pending: Vec<u64>,
    /// Pairs, ascending, and how often they were seen.
    counts: Vec<(u64, u64)>,
}

/// The surroundings of each word: a row of values, of which most are 0.
#[derive(Debug)]
pub(super) struct Rows {
    /// Where each word's entries begin, and at last where they end.
    starts: Vec<usize>,
    entries: Vec<(u32, f32)>,
    /// Different surroundings: each word behind, then each word before.
    pub(super) width: usize,
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The surroundings of a word that are not 0, ascending, and their values.
    pub(super) fn of(&self, word: usize) -> &[(u32, f32)] {
        &self.entries[self.starts[word]..self.starts[word + 1]]
    }
}

impl Surroundings {
    /// Counts pairs of the words with the numbers below `words`.
    pub fn new(words: u32) -> Self {
        Self {
            words,
            pending: Vec::new(),
            counts: Vec::new(),
        }
    }

    /// Counts the pairs of some texts, given as the numbers of their terms. Other terms keep their places.
    pub fn add(&mut self, texts: &[Vec<u32>]) {
        let words = self.words;
        let pairs = texts.par_chunks(TEXTS_A_TASK).flat_map_iter(|texts| {
            let mut pairs = Vec::new();
            for text in texts {
                for (at, &first) in text.iter().enumerate().filter(|(_at, term)| **term < words) {
                    let later = text[at + 1..].iter().take(REACH);
                    let later = later.filter(|term| **term < words);
                    pairs.extend(later.map(|&second| pair(first, second)));
                }
            }
            pairs
        });
        self.pending.par_extend(pairs);
        if self.pending.len() >= PENDING {
            self.count();
        }
    }

    /// Counts what is pending.
    fn count(&mut self) {
        self.pending.par_sort_unstable();
        let runs = self.pending.chunk_by(|a, b| a == b);
        let mut new = runs.map(|run| (run[0], run.len() as u64)).peekable();
        let mut merged = Vec::with_capacity(self.counts.len());
        for &(pair, count) in &self.counts {
            while let Some(before) = new.next_if(|(other, _count)| *other < pair) {
                merged.push(before);
            }
            let more = new.next_if(|(other, _count)| *other == pair);
            merged.push((pair, count + more.map_or(0, |(_pair, count)| count)));
        }
        merged.extend(new);
        self.counts = merged;
        self.pending.clear();
    }

    /// The surroundings of all words.
    pub(super) fn finish(mut self) -> Rows {
        self.count();
        let behind = associations(&self.counts, self.words as usize);
        let mut turned: Vec<(u64, u64)> = self
            .counts
            .par_iter()
            .map(|&(both, count)| (pair(both as u32, (both >> 32) as u32), count))
            .collect();
        turned.par_sort_unstable_by_key(|(pair, _count)| *pair);
        let before = associations(&turned, self.words as usize);

        let mut starts = vec![0];
        let mut entries = Vec::new();
        let sides = behind.chunk_by(|a, b| a.0 == b.0);
        let mut behind = sides.peekable();
        let sides = before.chunk_by(|a, b| a.0 == b.0);
        let mut before = sides.peekable();
        for word in 0..self.words {
            let begin = entries.len();
            let own = |side: &&[(u32, u32, f64)]| side[0].0 == word;
            let behind = behind.next_if(own).unwrap_or_default();
            let before = before.next_if(own).unwrap_or_default();
            let squares = behind.iter().chain(before).map(|entry| entry.2 * entry.2);
            let length = libm::sqrt(squares.sum::<f64>());
            entries.extend(
                behind
                    .iter()
                    .map(|entry| (entry.1, (entry.2 / length) as f32)),
            );
            let shifted = before.iter().map(|entry| (entry.1 + self.words, entry.2));
            entries.extend(shifted.map(|(other, value)| (other, (value / length) as f32)));
            debug_assert!(entries[begin..].is_sorted_by_key(|entry| entry.0));
            starts.push(entries.len());
        }
        Rows {
            starts,
            entries,
            width: 2 * self.words as usize,
        }
    }
}

/// A pair as a number; pairs are sorted by the first word, then by the second.
fn pair(first: u32, second: u32) -> u64 {
    u64::from(first) << 32 | u64::from(second)
}

/// The positive associations of sorted pairs: a word, the other one, and the pointwise mutual information in nats.
fn associations(counts: &[(u64, u64)], words: usize) -> Vec<(u32, u32, f64)> {
    let mut own = vec![0.0; words];
    let mut others = vec![0.0; words];
    for &(pair, count) in counts {
        own[(pair >> 32) as usize] += count as f64;
        others[pair as u32 as usize] += count as f64;
    }
    for share in &mut others {
        *share = libm::pow(*share, SMOOTHING);
    }
    let all: f64 = others.iter().sum();
    counts
        .par_iter()
        .filter_map(|&(pair, count)| {
            let (word, other) = ((pair >> 32) as u32, pair as u32);
            let expected = own[word as usize] * others[other as usize] / all;
            let information = libm::log(count as f64 / expected);
            (information > 0.0).then_some((word, other, information))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_counted_over_any_division_of_the_texts() {
        let texts: Vec<Vec<u32>> = (0..200_u32)
            .map(|text| (0..30).map(|at| (text * 7 + at * at) % 12).collect())
            .collect();
        let mut whole = Surroundings::new(10);
        whole.add(&texts);
        whole.count();
        let mut parted = Surroundings::new(10);
        for texts in texts.chunks(7) {
            parted.add(texts);
            parted.count();
        }
        assert_eq!(whole.counts, parted.counts);
        let pairs: u64 = whole.counts.iter().map(|(_pair, count)| count).sum();
        let near = |text: &Vec<u32>| {
            let known = |at: usize| text.get(at).is_some_and(|term| *term < 10);
            let two = |at: usize| u64::from(known(at + 1)) + u64::from(known(at + 2));
            (0..text.len())
                .filter(|&at| known(at))
                .map(two)
                .sum::<u64>()
        };
        assert_eq!(pairs, texts.iter().map(near).sum::<u64>());
    }

    #[test]
    fn values_are_those_of_the_formula() {
        let mut counted = Surroundings::new(3);
        // 0 before 1 twice, 0 before 2 once, 1 before 2 once; 9 is no word, and keeps its place.
        counted.add(&[vec![0, 1], vec![0, 1, 2], vec![0, 9, 9, 2]]);
        let rows = counted.finish();
        assert_eq!((rows.len(), rows.width), (3, 6));
        let all = 2.0_f64.powf(0.75) * 2.0;
        let expected = 3.0 * 2.0_f64.powf(0.75) / all;
        // The word 0 has 1 behind it more often than by chance, 2 less often, and nothing before it.
        assert!((2.0 / expected).ln() > 0.0 && (1.0 / expected).ln() < 0.0);
        assert_eq!(rows.of(0), [(1, 1.0)]);
        let length: f32 = rows.of(1).iter().map(|entry| entry.1 * entry.1).sum();
        assert!((length - 1.0).abs() < 1e-6);
        let places: Vec<u32> = rows.of(1).iter().map(|entry| entry.0).collect();
        assert_eq!(places, [2, 3]);
    }
}
