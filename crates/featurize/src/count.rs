//! Counting terms, in parallel and without keeping any text.
//!
//! Owns the counters. Does not own which terms get an id (`vocabulary`). The counts are sums of
//! integers, so that they are the same whatever the number of threads; the map's order never leaves
//! this module but through a sort.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::clean::Cleaned;
use crate::preprocess::Preprocessing;
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

/// A term's counts.
#[derive(Debug, Clone, Copy)]
struct Seen {
    count: Count,
    /// The number of the text that had it last.
    last_text: u64,
    /// Where its name begins among the names.
    name: usize,
}

/// One thread's counts.
#[derive(Debug, Default)]
struct Counter {
    /// The place of each token's term.
    tokens: TokenMap<u32>,
    /// The place of each term, where tokens and terms differ.
    terms: TokenMap<u32>,
    seen: Vec<Seen>,
    /// The terms' names, one after another.
    names: String,
    texts: u64,
    longest: u64,
    cleaned: Cleaned,
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
        let mut counters = self.counters.into_iter();
        let mut all = counters.next().unwrap_or_default();
        counters.for_each(|other| all.merge(&other));
        let total: u64 = all.seen.iter().map(|seen| seen.count.count).sum();
        let distinct = all.seen.len() as u64;
        let longest = all.longest;
        let name = |place: usize| {
            let end = all
                .seen
                .get(place + 1)
                .map_or(all.names.len(), |next| next.name);
            &all.names[all.seen[place].name..end]
        };
        let mut kept: Vec<usize> = (0..all.seen.len())
            .filter(|&place| all.seen[place].count.count >= min_count)
            .collect();
        let order = |&a: &usize, &b: &usize| {
            let [a_count, b_count] = [a, b].map(|place| all.seen[place].count.count);
            b_count.cmp(&a_count).then_with(|| name(a).cmp(name(b)))
        };
        if limit < kept.len() {
            if limit > 0 {
                kept.select_nth_unstable_by(limit - 1, order);
            }
            kept.truncate(limit);
        }
        kept.par_sort_unstable_by(order);
        let terms: Vec<(Box<str>, Count)> = kept
            .into_iter()
            .map(|place| (name(place).into(), all.seen[place].count))
            .collect();
        let counted: u64 = terms.iter().map(|(_term, count)| count.count).sum();
        Counts {
            terms,
            distinct,
            left_out: total - counted,
            longest,
        }
    }
}

impl Counter {
    /// Counts a text whose tokens are its terms.
    fn add_tokens(&mut self, preprocessing: &Preprocessing, text: &str) {
        self.texts += 1;
        let Self {
            tokens,
            seen,
            names,
            texts,
            longest,
            cleaned,
            ..
        } = self;
        let mut length = 0;
        preprocessing.each_token(text, cleaned, |token, key| {
            let place = tokens.get_or_insert_with(key, || push(seen, names, token));
            seen[place as usize].again(*texts);
            length += 1;
        });
        *longest = length.max(*longest);
    }

    /// Counts a text whose tokens become other terms, or none.
    fn add_terms(&mut self, preprocessing: &Preprocessing, text: &str) {
        self.texts += 1;
        let Self {
            tokens,
            terms,
            seen,
            names,
            texts,
            longest,
            cleaned,
        } = self;
        let mut length = 0;
        preprocessing.each_token(text, cleaned, |token, key| {
            let place = tokens.get_or_insert_with(key, || {
                preprocessing.terms.term(token).map_or(DROPPED, |term| {
                    terms.get_or_insert_with(Token::new(term.as_bytes()), || {
                        push(seen, names, &term)
                    })
                })
            });
            if place != DROPPED {
                seen[place as usize].again(*texts);
                length += 1;
            }
        });
        *longest = length.max(*longest);
    }

    /// Adds another thread's counts.
    fn merge(&mut self, other: &Self) {
        self.longest = self.longest.max(other.longest);
        // Where tokens are their own terms, `terms` is empty and `tokens` names the places.
        let Self {
            tokens,
            terms,
            seen,
            names,
            ..
        } = self;
        let places = if terms.is_empty() { tokens } else { terms };
        for (at, theirs) in other.seen.iter().enumerate() {
            let end = other
                .seen
                .get(at + 1)
                .map_or(other.names.len(), |next| next.name);
            let name = &other.names[theirs.name..end];
            let place =
                places.get_or_insert_with(Token::new(name.as_bytes()), || push(seen, names, name));
            let sum = &mut seen[place as usize].count;
            sum.count += theirs.count.count;
            sum.documents += theirs.count.documents;
        }
    }
}

/// A place for a new term.
fn push(seen: &mut Vec<Seen>, names: &mut String, term: &str) -> u32 {
    seen.push(Seen {
        count: Count::default(),
        last_text: 0,
        name: names.len(),
    });
    names.push_str(term);
    seen.len() as u32 - 1
}

impl Seen {
    /// Once more, in the text of that number (from 1).
    #[inline]
    fn again(&mut self, text: u64) {
        self.count.count += 1;
        self.count.documents += u64::from(self.last_text != text);
        self.last_text = text;
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
