//! Counting n-grams, in parallel, by the numbers of their terms.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use ahash::RandomState;
use rayon::prelude::*;

use crate::count::Counts;
use crate::preprocess::{Preprocessing, Tokens};
use crate::token_map::{Token, TokenMap};

/// Texts that a thread takes at a time.
const TEXTS_A_TASK: usize = 32;
/// No term: behind the last one of a shorter n-gram, and for terms that are too rare.
const NONE: u32 = u32::MAX;

/// The numbers of an n-gram's terms.
pub type Ngram = [u32; 3];

/// The counts of n-grams in a stream of batches.
pub struct NgramCounter {
    preprocessing: Preprocessing,
    names: Vec<Box<str>>,
    numbers: TokenMap<u32>,
    longest: usize,
    counters: Vec<Counter>,
}

#[derive(Default)]
struct Counter {
    counts: HashMap<Ngram, u64, RandomState>,
    tokens: Tokens,
    terms: Vec<u32>,
}

impl NgramCounter {
    /// A counter of n-grams of those terms, with `longest` of them at most.
    pub fn new(preprocessing: Preprocessing, terms: Counts, longest: u32) -> Self {
        let names: Vec<Box<str>> = terms.terms.into_iter().map(|(name, _count)| name).collect();
        let mut numbers = TokenMap::default();
        for (number, name) in (0..).zip(&names) {
            numbers.insert(Token::new(name.as_bytes()), number);
        }
        let counters = (0..rayon::current_num_threads()).map(|_thread| Counter::default());
        Self {
            preprocessing,
            names,
            numbers,
            longest: longest as usize,
            counters: counters.collect(),
        }
    }

    /// Counts the n-grams of some texts, divided among the threads.
    pub fn add(&mut self, texts: &[&str]) {
        let Self {
            preprocessing,
            numbers,
            longest,
            counters,
            ..
        } = self;
        let next = AtomicUsize::new(0);
        counters.par_iter_mut().for_each(|counter| {
            loop {
                let begin = next.fetch_add(TEXTS_A_TASK, Ordering::Relaxed);
                let end = texts.len().min(begin + TEXTS_A_TASK);
                let Some(texts) = texts.get(begin..end).filter(|texts| !texts.is_empty()) else {
                    break;
                };
                for text in texts {
                    counter.add(preprocessing, numbers, *longest, text);
                }
            }
        });
    }

    /// At most `limit` n-grams, of those that occur `min_count` times: their terms with spaces between
    /// them; most frequent first, then by bytes.
    pub fn finish(self, limit: usize, min_count: u64) -> Vec<Box<str>> {
        let mut counters = self.counters.into_iter().map(|counter| counter.counts);
        let mut all = counters.next().unwrap_or_default();
        for other in counters {
            other.into_iter().for_each(|(ngram, count)| {
                *all.entry(ngram).or_default() += count;
            });
        }
        let mut kept: Vec<(Ngram, u64)> = all
            .into_iter()
            .filter(|(_ngram, count)| *count >= min_count)
            .collect();
        if limit < kept.len() {
            let mut counts: Vec<u64> = kept.iter().map(|(_ngram, count)| *count).collect();
            let at = counts.len() - limit.max(1);
            let (_rarer, &mut rarest, _others) = counts.select_nth_unstable(at);
            kept.retain(|(_ngram, count)| *count >= rarest);
        }
        let names = &self.names;
        let mut named: Vec<(u64, Box<str>)> = kept
            .into_par_iter()
            .map(|(ngram, count)| {
                let terms = ngram.iter().take_while(|term| **term != NONE);
                let terms: Vec<&str> = terms.map(|&term| &*names[term as usize]).collect();
                (count, terms.join(" ").into())
            })
            .collect();
        named.par_sort_unstable_by(|(a_count, a), (b_count, b)| {
            b_count.cmp(a_count).then_with(|| a.cmp(b))
        });
        named.dedup_by(|(_a_count, a), (_b_count, b)| a == b);
        named.truncate(limit);
        named.into_iter().map(|(_count, name)| name).collect()
    }
}

impl Counter {
    fn add(
        &mut self,
        preprocessing: &Preprocessing,
        numbers: &TokenMap<u32>,
        longest: usize,
        text: &str,
    ) {
        let terms = &mut self.terms;
        terms.clear();
        preprocessing.each_term(text, &mut self.tokens, |term| {
            terms.push(numbers.get(Token::new(term.as_bytes())).unwrap_or(NONE));
        });
        for begin in 0..terms.len() {
            let mut ngram = [NONE; 3];
            for (place, &term) in ngram.iter_mut().zip(terms[begin..].iter().take(longest)) {
                // What holds a rare term is rare itself.
                if term == NONE {
                    break;
                }
                *place = term;
            }
            for length in 1..=longest {
                if ngram[length - 1] == NONE {
                    break;
                }
                let mut shorter = [NONE; 3];
                shorter[..length].copy_from_slice(&ngram[..length]);
                *self.counts.entry(shorter).or_default() += 1;
            }
        }
    }
}
