//! Counting terms, in parallel and without keeping any text.
//!
//! Owns the counters. Does not own which terms get an id (`vocabulary`). The counts are sums of
//! integers, so that they are the same whatever the number of threads; the map's order never leaves
//! this module but through a sort.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::preprocess::{Preprocessing, Tokens};
use crate::token_map::{Token, TokenMap};

/// Texts that a thread takes at a time.
const TEXTS_A_TASK: usize = 32;
/// The place of a token that is dropped.
const DROPPED: u32 = u32::MAX;

/// How often a term was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Occurrences.
    pub count: u64,
    /// Texts in which it occurs.
    pub documents: u64,
}

/// The terms that were asked for, and sums over all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Terms with their counts; most frequent first, then by bytes.
    pub terms: Vec<(Box<str>, Count)>,
    /// Different terms, kept or not.
    pub distinct: u64,
    /// Occurrences of the terms that were not kept.
    pub left_out: u64,
    /// The most terms of a text.
    pub longest: u64,
}

/// What is known of a term.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    count: u64,
    documents: u32,
    /// The number of the text that had it last, from 1.
    last_text: u32,
}

/// One thread's counts.
#[derive(Debug, Default)]
struct Counter {
    /// Where tokens are their own terms: what is known of each.
    seen: TokenMap<Seen>,
    /// Where they are not: the number of each token's term,
    numbers: TokenMap<u32>,
    /// the number of each term, from 1,
    terms: TokenMap<u32>,
    /// and by number what is known of it, and its name.
    by_number: Vec<(Seen, Box<str>)>,
    texts: u32,
    longest: u64,
    tokens: Tokens,
    hashes: Vec<u32>,
}

/// The counts of every term in a stream of batches.
pub struct TermCounter {
    preprocessing: Preprocessing,
    counters: Vec<Counter>,
}

impl TermCounter {
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

    /// Counts the terms of some texts, divided among the threads.
    pub fn add(&mut self, texts: &[&str]) {
        let preprocessing = &self.preprocessing;
        let identity = preprocessing.terms.is_identity();
        // Whoever is free takes the next texts: a thread that another program holds up delays none.
        let next = AtomicUsize::new(0);
        self.counters.par_iter_mut().for_each(|counter| {
            loop {
                let begin = next.fetch_add(TEXTS_A_TASK, Ordering::Relaxed);
                let end = texts.len().min(begin + TEXTS_A_TASK);
                let Some(texts) = texts.get(begin..end).filter(|texts| !texts.is_empty()) else {
                    break;
                };
                for text in texts {
                    if identity {
                        counter.add_tokens(preprocessing, text);
                    } else {
                        counter.add_terms(preprocessing, text);
                    }
                }
            }
        });
    }

    /// At most `limit` terms, of those that occur `min_count` times or more.
    pub fn finish(self, limit: usize, min_count: u64) -> Counts {
        let mut counters = self.counters.into_iter().map(Counter::finish);
        let (mut all, mut longest) = counters.next().unwrap_or_default();
        for (other, other_longest) in counters {
            longest = longest.max(other_longest);
            for (term, theirs) in other.iter() {
                let sum = all.entry(term);
                sum.count += theirs.count;
                sum.documents += theirs.documents;
            }
        }
        let left_out: u64 = all.iter().map(|(_term, count)| count.count).sum();
        let mut counts = Counts {
            terms: Vec::new(),
            distinct: all.len() as u64,
            left_out,
            longest,
        };
        let mut kept: Vec<(Token<'_>, Seen)> = all
            .iter()
            .filter(|(_term, count)| count.count >= min_count)
            .collect();
        if limit < kept.len() {
            // The rarest of those that are kept; all ties with it stay until names have decided.
            let mut numbers: Vec<u64> = kept.iter().map(|(_term, count)| count.count).collect();
            let at = numbers.len() - limit.max(1);
            let (_rarer, &mut rarest, _others) = numbers.select_nth_unstable(at);
            kept.retain(|(_term, count)| count.count >= rarest);
        }
        kept.par_sort_unstable_by(|(a, a_count), (b, b_count)| {
            b_count.count.cmp(&a_count.count).then_with(|| a.cmp(b))
        });
        kept.truncate(limit);
        for (term, count) in kept {
            let mut buffer = [0; 16];
            counts.left_out -= count.count;
            // Every token was a text, so that no byte is replaced.
            let name = String::from_utf8_lossy(term.bytes(&mut buffer));
            counts.terms.push((name.into(), count.counts()));
        }
        counts
    }
}

impl Counter {
    /// Counts a text whose tokens are its terms.
    fn add_tokens(&mut self, preprocessing: &Preprocessing, text: &str) {
        self.texts += 1;
        preprocessing.find_tokens(text, &mut self.tokens);
        let (bytes, spots) = (self.tokens.text().as_bytes(), self.tokens.spots());
        self.seen.hash_all(spots, &mut self.hashes);
        for (spot, &hash) in spots.iter().zip(&self.hashes) {
            let seen = self.seen.entry_hashed(spot.token(bytes), hash);
            seen.again(self.texts);
        }
        self.longest = self.longest.max(spots.len() as u64);
    }

    /// Counts a text whose tokens become other terms, or none.
    fn add_terms(&mut self, preprocessing: &Preprocessing, text: &str) {
        self.texts += 1;
        preprocessing.find_tokens(text, &mut self.tokens);
        let (text, spots) = (self.tokens.text(), self.tokens.spots());
        self.numbers.hash_all(spots, &mut self.hashes);
        let mut length = 0;
        for (spot, &hash) in spots.iter().zip(&self.hashes) {
            let number = self
                .numbers
                .get_or_insert_with(spot.token(text.as_bytes()), hash, || {
                    let Some(term) = preprocessing.terms.term(&text[spot.range()]) else {
                        return DROPPED;
                    };
                    // Numbers count from 1, so that a new term's entry is known by its 0.
                    let number = self.terms.entry(Token::new(term.as_bytes()));
                    if *number == 0 {
                        self.by_number.push((Seen::default(), Box::from(&*term)));
                        *number = self.by_number.len() as u32;
                    }
                    *number - 1
                });
            if number != DROPPED {
                self.by_number[number as usize].0.again(self.texts);
                length += 1;
            }
        }
        self.longest = self.longest.max(length);
    }

    /// The counts of each term, and the most terms of a text.
    fn finish(mut self) -> (TokenMap<Seen>, u64) {
        for (seen, term) in &self.by_number {
            *self.seen.entry(Token::new(term.as_bytes())) = *seen;
        }
        (self.seen, self.longest)
    }
}

impl Seen {
    /// Once more, in the text of that number (from 1).
    #[inline]
    fn again(&mut self, text: u32) {
        self.count += 1;
        self.documents += u32::from(self.last_text != text);
        self.last_text = text;
    }

    fn counts(self) -> Count {
        Count {
            count: self.count,
            documents: self.documents.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::TermParams;
    use crate::terms::Terms;

    fn counts(
        threads: usize,
        terms: &Terms,
        batches: &[&[&str]],
        limit: usize,
        min_count: u64,
    ) -> Counts {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let mut counter = TermCounter::new(TermParams::default().with(terms.clone()));
            batches.iter().for_each(|texts| counter.add(texts));
            counter.finish(limit, min_count)
        })
    }

    fn named<const N: usize>(terms: [(&str, u64, u64); N]) -> Vec<(Box<str>, Count)> {
        terms
            .map(|(term, count, documents)| (Box::from(term), Count { count, documents }))
            .into()
    }

    #[test]
    fn counts_are_of_terms_and_texts_in_a_fixed_order() {
        let texts = ["b a b", "", "A c", "c"];
        let wanted = named([("a", 2, 2), ("b", 2, 1), ("c", 2, 2)]);
        for threads in [1, 2, 4] {
            for batches in [&[&texts[..]][..], &[&texts[..1], &[], &texts[1..]]] {
                let all = counts(threads, &Terms::default(), batches, 10, 1);
                assert_eq!(
                    (all.terms, all.distinct, all.left_out),
                    (wanted.clone(), 3, 0)
                );
                let two = counts(threads, &Terms::default(), batches, 2, 1);
                assert_eq!(
                    (two.terms, two.distinct, two.left_out),
                    (wanted[..2].to_vec(), 3, 2)
                );
                assert_eq!(
                    counts(threads, &Terms::default(), batches, 0, 1).left_out,
                    6
                );
            }
        }
    }

    #[test]
    fn rare_terms_can_be_left_out() {
        let counts = counts(2, &Terms::default(), &[&["a a b", "b c"]], 10, 2);
        assert_eq!(counts.terms, named([("a", 2, 1), ("b", 2, 2)]));
        assert_eq!((counts.distinct, counts.left_out), (3, 1));
    }

    #[test]
    fn forms_of_a_term_are_counted_together() {
        let terms = Terms {
            stop_words: ["the".to_owned()].into(),
            lemmas: [("films", "film"), ("mice", "mouse")]
                .map(|(form, lemma)| (form.to_owned(), lemma.to_owned()))
                .into(),
            ..Terms::default()
        };
        let texts = ["the film, the films", "mice", "The mouse FILMS the", "the"];
        let wanted = named([("film", 3, 2), ("mouse", 2, 2)]);
        for threads in [1, 2, 3] {
            assert_eq!(
                counts(threads, &terms, &[&texts[..2], &texts[2..]], 10, 1).terms,
                wanted
            );
        }
    }

    #[test]
    fn many_texts_are_counted_alike_by_any_number_of_threads() {
        let texts: Vec<String> = (0..1000)
            .map(|n| {
                format!(
                    "w{} w{} a_word_that_is_longer_than_a_slot{} é",
                    n % 7,
                    n % 11,
                    n % 13
                )
            })
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let one = counts(1, &Terms::default(), &[&texts], 1000, 1);
        assert_eq!(
            one.terms.iter().map(|(_, count)| count.count).sum::<u64>(),
            1000 * 4
        );
        for threads in [2, 5] {
            assert_eq!(
                counts(
                    threads,
                    &Terms::default(),
                    &[&texts[..100], &texts[100..]],
                    1000,
                    1
                ),
                one
            );
        }
    }
}
