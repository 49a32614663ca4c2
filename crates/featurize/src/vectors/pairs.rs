//! Which words stand near which, and what that says: positive pointwise mutual information.
//!
//! Owns the counts of pairs and the matrix. Does not own its factors (`factors`).
//!
//! Two words of a review that are `d` apart, at most `window`, are a pair that counts `window - d + 1`
//! times, as in word2vec on average (Mikolov et al. 2013). Counts are sums of integers, so that neither the order of
//! the reviews nor the number of threads changes them.
//!
//! The matrix is that of Levy, Goldberg and Dagan 2015 ("Improving distributional similarity with lessons
//! learned from word embeddings"): with a word's row, a context's column and `n` the count of both,
//! `max(0, ln(n · Σ n_c^0.75 / (n_word · n_context^0.75)))`. It has entries only where a pair was seen.

use rayon::prelude::*;

/// The share of its count, as an exponent, that a context has: rare contexts weigh less.
const SMOOTHING: f64 = 0.75;
/// Pairs of a block of rows, of which each thread sorts one at a time: 32 MiB.
const PAIRS_A_BLOCK: u64 = 1 << 22;
/// Bits of a pair's weight, below its context.
const WEIGHT_BITS: u32 = 8;

/// Reviews as ids, one after another; an id without a vector is [`NONE`], but takes its place.
#[derive(Debug, Default)]
pub(super) struct Corpus {
    pub(super) ids: Vec<u32>,
    /// Where each review ends.
    pub(super) ends: Vec<usize>,
}

/// No word that gets a vector.
pub(super) const NONE: u32 = u32::MAX;

/// The matrix of the words `0..words`, with the columns of each row in order.
#[derive(Debug)]
pub(super) struct Ppmi {
    rows: Vec<Row>,
    /// For a word as a row and as a column, what is taken from the logarithm of a pair's count.
    of_row: Vec<f32>,
    of_column: Vec<f32>,
}

/// Columns, and the logarithms of the pairs' counts, less what all rows and columns have in common.
type Row = Vec<(u32, f32)>;

impl Corpus {
    /// Adds a review.
    pub(super) fn add(&mut self, ids: impl Iterator<Item = u32>) {
        self.ids.extend(ids);
        self.ends.push(self.ids.len());
    }

    fn reviews(&self) -> impl Iterator<Item = &[u32]> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        begins
            .zip(&self.ends)
            .map(|(begin, &end)| &self.ids[begin..end])
    }

    /// How often each word has others near it, by weight.
    fn totals(&self, words: usize, window: usize) -> Vec<u64> {
        let mut totals = vec![0_u64; words];
        each_pair(self.reviews(), window, |word, context, weight| {
            totals[word as usize] += weight;
            totals[context as usize] += weight;
        });
        totals
    }
}

/// Gives the words of every pair, in the order of the text, and its weight.
fn each_pair<'a>(
    reviews: impl Iterator<Item = &'a [u32]>,
    window: usize,
    mut visit: impl FnMut(u32, u32, u64),
) {
    for review in reviews {
        for (at, &word) in review.iter().enumerate() {
            if word == NONE {
                continue;
            }
            for (&context, weight) in review[at + 1..].iter().zip((1..=window as u64).rev()) {
                if context != NONE {
                    visit(word, context, weight);
                }
            }
        }
    }
}

impl Ppmi {
    /// The matrix of a corpus.
    pub(super) fn of(corpus: &Corpus, words: usize, window: u32) -> Self {
        let window = window as usize;
        let totals = corpus.totals(words, window);
        let smoothed = |&total: &u64| libm::pow(total as f64, SMOOTHING);
        let all: f64 = totals.iter().map(smoothed).sum();
        let log = |number: f64| {
            if number > 0.0 {
                libm::log(number) as f32
            } else {
                0.0
            }
        };
        let of_row: Vec<f32> = totals.iter().map(|&total| log(total as f64)).collect();
        let of_column: Vec<f32> = totals.iter().map(|total| log(smoothed(total))).collect();
        let common = log(all);
        let rows: Vec<Vec<Row>> = blocks(&totals)
            .into_par_iter()
            .map(|(begin, end)| {
                let mut rows = count_rows(corpus, window, begin, end);
                for (row, word) in rows.iter_mut().zip(begin..) {
                    for (_column, log_count) in row.iter_mut() {
                        *log_count = log(f64::from(*log_count)) + common;
                    }
                    // What is positive from neither side is nothing in the matrix nor its transpose.
                    row.retain(|&(column, log_count)| {
                        let sides = [(word, column as usize), (column as usize, word)];
                        sides
                            .iter()
                            .any(|&(row, column)| log_count > of_row[row] + of_column[column])
                    });
                    row.shrink_to_fit();
                }
                rows
            })
            .collect();
        Self {
            rows: rows.into_iter().flatten().collect(),
            of_row,
            of_column,
        }
    }

    /// Rows, and columns.
    pub(super) fn words(&self) -> usize {
        self.rows.len()
    }

    /// Whether a word was seen near another.
    pub(super) fn has(&self, word: usize) -> bool {
        !self.rows[word].is_empty()
    }

    /// The product with a matrix of so many columns, given and returned by rows.
    pub(super) fn times(&self, matrix: &[f32], columns: usize) -> Vec<f32> {
        self.product(matrix, columns, |word, other| {
            self.of_row[word] + self.of_column[other]
        })
    }

    /// The product of the transpose.
    pub(super) fn transposed_times(&self, matrix: &[f32], columns: usize) -> Vec<f32> {
        self.product(matrix, columns, |word, other| {
            self.of_column[word] + self.of_row[other]
        })
    }

    fn product(
        &self,
        matrix: &[f32],
        columns: usize,
        taken: impl Fn(usize, usize) -> f32 + Sync,
    ) -> Vec<f32> {
        let mut product = vec![0.0; self.rows.len() * columns];
        // Each row by one thread, its terms in their order: the sums are the same with any number.
        product
            .par_chunks_mut(columns)
            .zip(&self.rows)
            .enumerate()
            .for_each(|(word, (sums, row))| {
                for &(other, log_count) in row {
                    let other = other as usize;
                    let value = log_count - taken(word, other);
                    if value > 0.0 {
                        let factors = &matrix[other * columns..(other + 1) * columns];
                        for (sum, factor) in sums.iter_mut().zip(factors) {
                            *sum += value * factor;
                        }
                    }
                }
            });
        product
    }
}

/// Ranges of rows with so many pairs that they can be sorted at once.
fn blocks(totals: &[u64]) -> Vec<(usize, usize)> {
    let mut blocks = Vec::new();
    let mut begin = 0;
    let mut pairs = 0;
    for (word, total) in totals.iter().enumerate() {
        pairs += total;
        if pairs >= PAIRS_A_BLOCK {
            blocks.push((begin, word + 1));
            begin = word + 1;
            pairs = 0;
        }
    }
    if begin < totals.len() {
        blocks.push((begin, totals.len()));
    }
    blocks
}

/// The counts of the pairs of some words, as numbers.
fn count_rows(corpus: &Corpus, window: usize, begin: usize, end: usize) -> Vec<Row> {
    let words = begin as u32..end as u32;
    // Row, column and weight in one number, so that sorting is quick and takes little room.
    let packed = |row: u32, column: u32, weight: u64| {
        u64::from(row - words.start) << 36 | u64::from(column) << WEIGHT_BITS | weight
    };
    let mut pairs: Vec<u64> = Vec::new();
    each_pair(corpus.reviews(), window, |word, context, weight| {
        if words.contains(&word) {
            pairs.push(packed(word, context, weight));
        }
        if words.contains(&context) {
            pairs.push(packed(context, word, weight));
        }
    });
    pairs.sort_unstable();
    let mut rows = vec![Row::new(); end - begin];
    for run in pairs.chunk_by(|a, b| a >> WEIGHT_BITS == b >> WEIGHT_BITS) {
        let count: u64 = run.iter().map(|pair| pair & ((1 << WEIGHT_BITS) - 1)).sum();
        let column = (run[0] >> WEIGHT_BITS) as u32 & ((1 << 28) - 1);
        rows[(run[0] >> 36) as usize].push((column, count as f32));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_the_formula() {
        let mut corpus = Corpus::default();
        corpus.add([0, 1, NONE, 2].into_iter());
        corpus.add([2, 1].into_iter());
        corpus.add(std::iter::empty());
        let ppmi = Ppmi::of(&corpus, 4, 2);
        // Pairs: 0 1 twice, 1 2 once (two apart) and twice. Totals 2, 5, 3, 0.
        let totals: [f64; 3] = [2.0, 5.0, 3.0];
        let all: f64 = totals.iter().map(|total| total.powf(0.75)).sum();
        let value = |n: f64, word: usize, context: usize| {
            (n * all / (totals[word] * totals[context].powf(0.75)))
                .ln()
                .max(0.0) as f32
        };
        let mut unit = vec![0.0; 16];
        (0..4).for_each(|at| unit[at * 5] = 1.0);
        let matrix = ppmi.times(&unit, 4);
        let transposed = ppmi.transposed_times(&unit, 4);
        for (word, context, n) in [(0, 1, 2.0), (1, 0, 2.0), (1, 2, 3.0), (2, 1, 3.0)] {
            let found = matrix[word * 4 + context];
            assert!((found - value(n, word, context)).abs() < 1e-5, "{matrix:?}");
            assert_eq!(transposed[context * 4 + word], found);
        }
        assert_eq!([matrix[2], matrix[8], matrix[0], matrix[15]], [0.0; 4]);
        assert!(ppmi.has(0) && !ppmi.has(3));
    }

    #[test]
    fn rows_are_divided_by_their_pairs() {
        let many = PAIRS_A_BLOCK;
        assert_eq!(blocks(&[many, 1, 1, many, 0]), [(0, 1), (1, 4), (4, 5)]);
        assert_eq!(blocks(&[]), []);
    }
}
