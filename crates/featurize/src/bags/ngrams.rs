//! Counting n-grams, in parallel, by the numbers of their terms.
//!
//! Most n-grams of a text occur once, and a table of all of them would be ten times as large as the text. So the texts
//! are gone through twice: first every n-gram is counted by its hash alone, a byte for each of 2^26 hashes
//! ([`NgramCounter::sift`]), then those are counted exactly whose hash was seen often enough. An n-gram that
//! occurs often enough is never lost; one that only shares its hash with others is counted, and then falls away.
//!
//! The counts are in shards, which all threads share, each behind a lock: a table for each thread would hold nearly
//! all n-grams once more. A thread brings n-grams by the hundreds, so that it takes a lock seldom. Terms
//! alone have been counted before.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use ahash::RandomState;
use rayon::prelude::*;

use super::shapes::SHAPES;
use crate::classes::Classes;
use crate::count::{Count, Counts};
use crate::encode::Known;
use crate::preprocess::{Preprocessing, Tokens};
use crate::token::Token;
use crate::token_map::TokenMap;
use cinescore_artifact::encoder::RESERVED;

/// Texts that a thread takes at a time.
const TEXTS_A_TASK: usize = 32;
/// No term: behind the last one of a shorter n-gram, and for terms that are too rare.
const NONE: u32 = u32::MAX;
/// The bit that the numbers of word classes have; terms have smaller ones.
const CLASS: u32 = 1 << 31;
/// Hashes that are told apart: 64 MiB.
const HASHES: usize = 1 << 26;
/// Parts of the table of counts. They grow one by one, so that hardly more than one is there twice.
const SHARDS: usize = 64;
/// N-grams that a thread brings to a shard at once.
const BROUGHT: usize = 256;
/// Where counting by hash ends. Far below what a byte holds, since several threads may pass it at once.
const ENOUGH: u8 = 64;

/// The numbers of an n-gram's terms.
pub type Ngram = [u32; 3];

/// The counts of n-grams in a stream of batches.
pub struct NgramCounter {
    preprocessing: Preprocessing,
    terms: Vec<(Box<str>, Count)>,
    numbers: TokenMap<u32>,
    longest: usize,
    /// The word classes, where n-grams have them.
    classes: Option<ClassNumbers>,
    state: RandomState,
    sieve: Option<Sieve>,
    shards: Vec<Mutex<Shard>>,
    counters: Vec<Counter>,
}

/// How often the n-grams of each hash were seen, up to [`ENOUGH`].
struct Sieve(Vec<AtomicU8>);

/// The counts of some n-grams.
#[derive(Default)]
struct Shard {
    /// Modulo 2^32.
    counts: HashMap<Ngram, u32, RandomState>,
    /// An n-gram for each 2^32 occurrences.
    carried: Vec<Ngram>,
}

/// The numbers of word classes in n-grams.
struct ClassNumbers {
    /// By the number of a term.
    of_terms: Vec<u32>,
    classes: Classes,
}

/// What a thread needs. No two of them share a line of the cache.
#[repr(align(128))]
struct Counter {
    tokens: Tokens,
    ids: Vec<i32>,
    terms: Vec<u32>,
    /// N-grams on their way to their shards.
    brought: Vec<Vec<Ngram>>,
}

impl NgramCounter {
    /// A counter of n-grams of those terms, with `longest` of them at most.
    pub fn new(preprocessing: Preprocessing, terms: Counts, longest: u32) -> Self {
        let terms = terms.terms;
        let mut numbers = TokenMap::with_capacity(terms.len());
        for (number, (name, _count)) in (0..).zip(&terms) {
            numbers.insert(Token::new(name.as_bytes()), number);
        }
        let counters = (0..rayon::current_num_threads()).map(|_thread| Counter {
            tokens: Tokens::default(),
            ids: Vec::new(),
            terms: Vec::new(),
            brought: vec![Vec::new(); SHARDS],
        });
        Self {
            preprocessing,
            terms,
            numbers,
            longest: longest as usize,
            classes: None,
            state: RandomState::new(),
            sieve: None,
            shards: (0..SHARDS).map(|_shard| Mutex::default()).collect(),
            counters: counters.collect(),
        }
    }

    /// Has n-grams in which word classes stand for words counted too.
    pub fn with_classes(&mut self, classes: &Classes) {
        let of_terms = self.terms.iter();
        self.classes = Some(ClassNumbers {
            of_terms: of_terms
                .map(|(name, _count)| CLASS | classes.of(name.as_bytes()))
                .collect(),
            classes: classes.clone(),
        });
    }

    /// Whether n-grams with word classes are counted. Then texts are wanted, and not what counting left of them: a term that is too rare
    /// to have a number has a class all the same.
    pub fn has_classes(&self) -> bool {
        self.classes.is_some()
    }

    /// The numbers of the terms of some texts, [`u32::MAX`] for those that are too rare.
    pub fn numbers(&mut self, texts: &[Known<'_>]) -> Vec<Vec<u32>> {
        let Self {
            preprocessing,
            numbers,
            counters,
            ..
        } = self;
        let part = texts.len().div_ceil(counters.len()).max(1);
        let parts = counters.par_iter_mut().zip(texts.par_chunks(part));
        parts
            .flat_map_iter(|(counter, texts)| {
                let found = texts.iter().map(|text| {
                    counter.find_terms(preprocessing, numbers, None, *text);
                    counter.terms.clone()
                });
                found.collect::<Vec<_>>()
            })
            .collect()
    }

    /// Counts the n-grams of some texts by their hashes. All texts are given, or none.
    pub fn sift(&mut self, texts: &[Known<'_>]) {
        let sieve = self.sieve.take();
        let sieve =
            sieve.unwrap_or_else(|| Sieve((0..HASHES).map(|_hash| AtomicU8::new(0)).collect()));
        self.each_ngram(texts, |_brought, _ngram, hash| sieve.add(hash));
        self.sieve = Some(sieve);
    }

    /// Counts the n-grams of some texts that may occur `min_count` times, the same for all texts.
    pub fn add(&mut self, texts: &[Known<'_>], min_count: u64) {
        let sieve = self.sieve.take();
        let shards = std::mem::take(&mut self.shards);
        self.each_ngram(texts, |brought, ngram, hash| {
            let sieve = sieve.as_ref();
            if sieve.is_none_or(|sieve| sieve.passes(hash, min_count)) {
                // By other bits than the place in the sieve.
                let shard = (hash >> 32) as usize % SHARDS;
                brought[shard].push(ngram);
                if brought[shard].len() == BROUGHT {
                    Shard::add(&shards[shard], &mut brought[shard]);
                }
            }
        });
        for counter in &mut self.counters {
            let brought = shards.iter().zip(&mut counter.brought);
            brought.for_each(|(shard, ngrams)| Shard::add(shard, ngrams));
        }
        self.sieve = sieve;
        self.shards = shards;
    }

    /// Gives every n-gram of two terms or more of some texts to `visit`, with its hash, divided among the threads.
    fn each_ngram(
        &mut self,
        texts: &[Known<'_>],
        visit: impl Fn(&mut [Vec<Ngram>], Ngram, u64) + Sync,
    ) {
        let Self {
            preprocessing,
            numbers,
            longest,
            classes,
            state,
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
                    counter.find_terms(preprocessing, numbers, classes.as_ref(), *text);
                    counter.each_ngram(*longest, |brought, ngram| {
                        visit(brought, ngram, state.hash_one(ngram));
                    });
                    if let Some(classes) = &*classes {
                        counter.each_shaped(classes, |brought, ngram| {
                            visit(brought, ngram, state.hash_one(ngram));
                        });
                    }
                }
            }
        });
    }

    /// At most `limit` n-grams, of those that occur `min_count` times: their terms with spaces between
    /// them; most frequent first, then by bytes.
    pub fn finish(self, limit: usize, min_count: u64) -> Vec<Box<str>> {
        let Self {
            terms,
            numbers,
            classes,
            sieve,
            shards,
            ..
        } = self;
        drop(sieve);
        let alone = (0..).zip(&terms);
        let alone = alone.map(|(number, (_name, count))| ([number, NONE, NONE], count.count));
        let mut kept: Vec<(Ngram, u64)> = alone
            .filter(|(_ngram, count)| *count >= min_count)
            .collect();
        for shard in shards {
            let shard = shard.into_inner();
            let shard = shard.unwrap_or_else(PoisonError::into_inner);
            kept.extend(shard.frequent(min_count));
        }
        if limit < kept.len() {
            let mut counts: Vec<u64> = kept.iter().map(|(_ngram, count)| *count).collect();
            let at = counts.len() - limit.max(1);
            let (_rarer, &mut rarest, _others) = counts.select_nth_unstable(at);
            kept.retain(|(_ngram, count)| *count >= rarest);
        }
        let mut named: Vec<(u64, Box<str>)> = kept
            .into_par_iter()
            .map(|(ngram, count)| {
                let numbers = ngram.iter().take_while(|term| **term != NONE);
                let name = |number: u32| match &classes {
                    Some(own) if number >= CLASS => own.classes.name(number ^ CLASS),
                    _ => &*terms[number as usize].0,
                };
                let names: Vec<&str> = numbers.map(|&number| name(number)).collect();
                (count, names.join(" ").into())
            })
            .collect();
        named.par_sort_unstable_by(|(a_count, a), (b_count, b)| {
            b_count.cmp(a_count).then_with(|| a.cmp(b))
        });
        // A term may be written as a class is. Then two n-grams have one name, and the more frequent one keeps its place.
        let class_names = classes.iter().flat_map(|own| own.classes.names());
        if class_names
            .into_iter()
            .any(|name| numbers.get(Token::new(name.as_bytes())).is_some())
        {
            let mut seen: HashSet<Box<str>, RandomState> = HashSet::default();
            named.retain(|(_count, name)| seen.insert(name.clone()));
        }
        named.dedup_by(|(_a_count, a), (_b_count, b)| a == b);
        named.truncate(limit);
        named.into_iter().map(|(_count, name)| name).collect()
    }
}

impl Sieve {
    fn add(&self, hash: u64) {
        let seen = &self.0[hash as usize % HASHES];
        if seen.load(Ordering::Relaxed) < ENOUGH {
            seen.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn passes(&self, hash: u64, min_count: u64) -> bool {
        let seen = self.0[hash as usize % HASHES].load(Ordering::Relaxed);
        u64::from(seen) >= min_count.min(ENOUGH.into())
    }
}

impl Shard {
    /// Counts n-grams of a shard, which are then gone.
    fn add(shard: &Mutex<Self>, ngrams: &mut Vec<Ngram>) {
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let Self { counts, carried } = &mut *shard;
        for ngram in ngrams.drain(..) {
            let count = counts.entry(ngram).or_default();
            *count = count.wrapping_add(1);
            if *count == 0 {
                carried.push(ngram);
            }
        }
    }

    /// The n-grams that occur `min_count` times, with their counts, in no order.
    fn frequent(self, min_count: u64) -> impl Iterator<Item = (Ngram, u64)> {
        let Self { counts, carried } = self;
        let counts = counts.into_iter().map(move |(ngram, count)| {
            let carried = carried.iter().filter(|carried| **carried == ngram).count();
            (ngram, u64::from(count) + ((carried as u64) << 32))
        });
        counts.filter(move |(_ngram, count)| *count >= min_count)
    }
}

impl Counter {
    /// Finds the numbers of a text's terms; of those without one the numbers of their classes.
    fn find_terms(
        &mut self,
        preprocessing: &Preprocessing,
        numbers: &TokenMap<u32>,
        classes: Option<&ClassNumbers>,
        text: Known<'_>,
    ) {
        let Self {
            tokens, ids, terms, ..
        } = self;
        terms.clear();
        match text {
            Known::Text(text) => preprocessing.each_term(text, tokens, |term| {
                let class = || classes.map_or(NONE, |own| CLASS | own.classes.of(term.as_bytes()));
                terms.push(
                    numbers
                        .get(Token::new(term.as_bytes()))
                        .unwrap_or_else(class),
                );
            }),
            Known::Counted(counted) => {
                ids.clear();
                counted.ids_into(ids);
                // Ids of terms follow the reserved ones, in the order of the counts.
                let number = |id: &i32| u32::checked_sub(*id as u32, RESERVED.len() as u32);
                terms.extend(ids.iter().map(|id| number(id).unwrap_or(NONE)));
            }
        }
    }

    /// Gives every n-gram of two terms or more to `visit`.
    fn each_ngram(&mut self, longest: usize, visit: impl Fn(&mut [Vec<Ngram>], Ngram)) {
        for begin in 0..self.terms.len() {
            let mut ngram = [NONE; 3];
            // What holds a rare term is rare itself.
            let terms = self.terms[begin..].iter().take(longest);
            for (length, &term) in terms.take_while(|term| **term < CLASS).enumerate() {
                ngram[length] = term;
                if length > 0 {
                    visit(&mut self.brought, ngram);
                }
            }
        }
    }

    /// Gives every n-gram with word classes in it to `visit`.
    fn each_shaped(&mut self, classes: &ClassNumbers, visit: impl Fn(&mut [Vec<Ngram>], Ngram)) {
        for begin in 0..self.terms.len() {
            for shape in SHAPES {
                let Some(terms) = self.terms.get(begin..begin + shape.len()) else {
                    continue;
                };
                let mut ngram = [NONE; 3];
                for ((place, &term), is_class) in ngram.iter_mut().zip(terms).zip(*shape) {
                    *place = match is_class {
                        true => *classes.of_terms.get(term as usize).unwrap_or(&term),
                        false => term,
                    };
                }
                // What holds a rare term as a word is rare itself.
                let mut places = terms.iter().zip(*shape);
                if places.all(|(term, is_class)| *is_class || *term < CLASS) {
                    visit(&mut self.brought, ngram);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count::{Numbering, TermCounter, Wanted};
    use crate::params::TermParams;
    use crate::terms::Terms;

    /// The n-grams of some texts, with or without the sieve and what counting left.
    fn ngrams(texts: &[&str], min_count: u64, sifted: bool, threads: usize) -> Vec<Box<str>> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap().install(|| {
            let preprocessing = TermParams::default().with(Terms::default());
            let mut terms = TermCounter::keeping_texts(preprocessing.clone());
            terms.add(texts);
            let (terms, counted) = terms.finish_with_texts(Wanted {
                limit: usize::MAX,
                min_count,
                numbering: Numbering::Frequency,
            });
            let known: Vec<Known<'_>> = (0..)
                .zip(texts)
                .map(
                    |(at, text)| match counted.get(at).filter(|_counted| sifted) {
                        Some(counted) => Known::Counted(counted),
                        None => Known::Text(text),
                    },
                )
                .collect();
            let mut counter = NgramCounter::new(preprocessing, terms, 3);
            if sifted {
                counter.sift(&known);
            }
            counter.add(&known, min_count);
            counter.finish(100, min_count)
        })
    }

    #[test]
    fn the_sieve_loses_nothing_that_is_frequent() {
        let texts = ["a b c a b c", "a b", "c a x", "", "x y a b c"];
        let all = ngrams(&texts, 2, false, 1);
        let names: Vec<&str> = all.iter().map(AsRef::as_ref).collect();
        assert_eq!(names, ["a", "a b", "b", "c", "a b c", "b c", "c a", "x"]);
        for threads in [1, 2] {
            assert_eq!(ngrams(&texts, 2, true, threads), all);
        }
        let once = ngrams(&texts, 1, false, 1);
        assert_eq!(ngrams(&texts, 1, true, 2), once);
        // More often than the sieve counts, and than a thread brings at once.
        let many = vec!["p q"; 3 * BROUGHT];
        let times = many.len() as u64;
        assert_eq!(ngrams(&many, times, true, 2).len(), 3);
        assert!(ngrams(&many, times + 1, true, 2).is_empty());
    }
}
