//! Counting tokens, in parallel and without keeping any text.
//!
//! Owns the counters. Does not own which tokens get an id (`vocabulary`). The counts are sums of
//! integers, so that they are the same whatever the number of threads; the map's order never leaves
//! this module but through a sort.

use std::collections::HashMap;

use ahash::RandomState;
use rayon::prelude::*;

use crate::preprocess::Preprocessing;

/// How often a token was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Occurrences.
    pub count: u64,
    /// Texts in which it occurs.
    pub documents: u64,
}

/// A count with the number of the text that saw it last.
#[derive(Default)]
struct Seen {
    count: Count,
    last_text: u64,
}

/// One thread's counts.
#[derive(Default)]
struct Counter {
    tokens: HashMap<Box<str>, Seen, RandomState>,
    texts: u64,
    cleaned: String,
}

/// The counts of every token in a stream of batches.
pub struct TokenCounter {
    preprocessing: Preprocessing,
    counters: Vec<Counter>,
}

impl TokenCounter {
    /// A counter for as many threads as rayon's current pool has.
    pub fn new(preprocessing: Preprocessing) -> Self {
        let counters = (0..rayon::current_num_threads())
            .map(|_thread| Counter::default())
            .collect();
        Self {
            preprocessing,
            counters,
        }
    }

    /// Counts the tokens of some texts, divided among the threads.
    pub fn add(&mut self, texts: &[&str]) {
        let share = texts.len().div_ceil(self.counters.len()).max(1);
        let preprocessing = &self.preprocessing;
        self.counters
            .par_iter_mut()
            .zip(texts.par_chunks(share))
            .for_each(|(counter, texts)| {
                for text in texts {
                    counter.add(preprocessing, text);
                }
            });
    }

    /// Every token with its count; most frequent first, then by bytes.
    pub fn finish(self) -> Vec<(Box<str>, Count)> {
        let mut counters = self.counters.into_iter().map(|counter| counter.tokens);
        let mut all = counters.next().unwrap_or_default();
        for other in counters {
            other.into_iter().for_each(|(token, seen)| {
                let sum = &mut all.entry(token).or_default().count;
                sum.count += seen.count.count;
                sum.documents += seen.count.documents;
            });
        }
        let mut counts: Vec<_> = all
            .into_iter()
            .map(|(token, seen)| (token, seen.count))
            .collect();
        counts.par_sort_unstable_by(|(a, a_count), (b, b_count)| {
            b_count.count.cmp(&a_count.count).then_with(|| a.cmp(b))
        });
        counts
    }
}

impl Counter {
    fn add(&mut self, preprocessing: &Preprocessing, text: &str) {
        self.texts += 1;
        let Self {
            tokens,
            texts,
            cleaned,
        } = self;
        preprocessing.each_token(text, cleaned, |token| {
            // `entry` would allocate the token each time; most are known.
            match tokens.get_mut(token) {
                Some(seen) => seen.again(*texts),
                None => {
                    let mut seen = Seen::default();
                    seen.again(*texts);
                    tokens.insert(token.into(), seen);
                }
            }
        });
    }
}

impl Seen {
    /// Once more, in the text of that number (from 1).
    fn again(&mut self, text: u64) {
        self.count.count += 1;
        if self.last_text != text {
            self.last_text = text;
            self.count.documents += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::TextParams;

    fn counts(threads: usize, batches: &[&[&str]]) -> Vec<(Box<str>, Count)> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let mut counter = TokenCounter::new(TextParams::default().preprocessing());
            batches.iter().for_each(|texts| counter.add(texts));
            counter.finish()
        })
    }

    #[test]
    fn counts_are_of_tokens_and_texts_in_a_fixed_order() {
        let texts = ["b a b", "", "A c", "c"];
        let wanted = [("a", 2, 2), ("b", 2, 1), ("c", 2, 2)]
            .map(|(token, count, documents)| (Box::from(token), Count { count, documents }));
        for threads in [1, 2, 4] {
            assert_eq!(counts(threads, &[&texts]), wanted);
            assert_eq!(counts(threads, &[&texts[..1], &[], &texts[1..]]), wanted);
        }
    }
}
