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

use super::ending;
use super::shapes::SHAPES;
use crate::classes::Classes;
use crate::count::{Count, Counts};
use crate::encode::Known;
use crate::prefetch::prefetch;
use crate::preprocess::{Preprocessing, Tokens};
use crate::token::Token;
use crate::token_map::TokenMap;
use cinescore_artifact::encoder::RESERVED;
use cinescore_artifact::large_pages;

/// Texts that a thread takes at a time.
const TEXTS_A_TASK: usize = 32;
/// No term: behind the last one of a shorter n-gram, and for terms that are too rare.
const NONE: u32 = u32::MAX;
/// The bit that the numbers of word classes have; terms have smaller ones.
const CLASS: u32 = 1 << 31;
/// The number that begins an n-gram of a text's ending. No text has so many terms.
const END: u32 = CLASS - 1;
/// Hashes that are told apart: 64 MiB.
const HASHES: usize = 1 << 26;
/// Parts of the table of counts. They grow one by one, so that hardly more than one is there twice.
const SHARDS: usize = 64;
/// N-grams that a thread brings to a shard at once.
const BROUGHT: usize = 256;
/// N-grams whose counts are fetched together.
const TOGETHER: usize = 32;
/// Where counting by hash ends. Far below what a byte holds, since several threads may pass it at once.
const ENOUGH: u8 = 64;

/// The numbers of an n-gram's terms.
pub type Ngram = [u32; 3];

/// The counts of n-grams in a stream of batches.
pub struct NgramCounter {
    terms: Vec<(Box<str>, Count)>,
    source: Source,
    state: RandomState,
    sieve: Option<Sieve>,
    shards: Vec<Mutex<Shard>>,
    counters: Vec<Counter>,
}

/// What decides on a text's n-grams.
struct Source {
    preprocessing: Preprocessing,
    /// The numbers of terms.
    numbers: TokenMap<u32>,
    longest: usize,
    /// The last terms of a text whose n-grams are counted besides.
    ending: usize,
    /// The word classes, where n-grams have them.
    classes: Option<ClassNumbers>,
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
    /// A text's n-grams of two terms or more.
    ngrams: Vec<Ngram>,
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
            ngrams: Vec::new(),
            brought: vec![Vec::new(); SHARDS],
        });
        Self {
            terms,
            source: Source {
                preprocessing,
                numbers,
                longest: longest as usize,
                ending: 0,
                classes: None,
            },
            state: RandomState::new(),
            sieve: None,
            shards: (0..SHARDS).map(|_shard| Mutex::default()).collect(),
            counters: counters.collect(),
        }
    }

    /// Hashes alike in every process of this program, so that the sieve lets the same n-grams through.
    pub(super) fn hashing_alike(mut self) -> Self {
        self.state = RandomState::with_seeds(1, 2, 3, 4);
        self
    }

    /// Has n-grams in which word classes stand for words counted too.
    pub fn with_classes(&mut self, classes: &Classes) {
        let of_terms = self.terms.iter();
        self.source.classes = Some(ClassNumbers {
            of_terms: of_terms
                .map(|(name, _count)| CLASS | classes.of(name.as_bytes()))
                .collect(),
            classes: classes.clone(),
        });
    }

    /// Has n-grams of the last terms of a text counted besides.
    pub fn with_ending(&mut self, terms: u32) {
        self.source.ending = terms as usize;
    }

    /// Whether n-grams with word classes are counted. Then texts are wanted, and not what counting left of them: a term that is too rare
    /// to have a number has a class all the same.
    pub fn has_classes(&self) -> bool {
        self.source.classes.is_some()
    }

    /// The numbers of the terms of some texts, [`u32::MAX`] for those that are too rare; of a counter without word classes.
    pub fn numbers(&mut self, texts: &[Known<'_>]) -> Vec<Vec<u32>> {
        let Self {
            source, counters, ..
        } = self;
        let part = texts.len().div_ceil(counters.len()).max(1);
        let parts = counters.par_iter_mut().zip(texts.par_chunks(part));
        parts
            .flat_map_iter(|(counter, texts)| {
                let found = texts.iter().map(|text| {
                    counter.find_terms(source, *text);
                    counter.terms.clone()
                });
                found.collect::<Vec<_>>()
            })
            .collect()
    }

    /// The n-grams of each of some texts that may occur `min_count` times, single terms too: in the order of their numbers, with how often
    /// the text has them.
    pub(super) fn of_texts(
        &mut self,
        texts: &[Known<'_>],
        min_count: u64,
    ) -> Vec<Vec<(Ngram, u32)>> {
        let Self {
            source,
            state,
            sieve,
            counters,
            ..
        } = self;
        let passes = |ngram: &Ngram| {
            let sieve = sieve.as_ref();
            sieve.is_none_or(|sieve| sieve.passes(state.hash_one(ngram), min_count))
        };
        let part = texts.len().div_ceil(counters.len()).max(1);
        let parts = counters.par_iter_mut().zip(texts.par_chunks(part));
        let of_text = |counter: &mut Counter, text: Known<'_>| {
            counter.find_ngrams(source, text);
            let alone = counter.terms.iter().filter(|term| **term < CLASS);
            let mut found: Vec<Ngram> = alone.map(|&term| [term, NONE, NONE]).collect();
            found.extend(counter.ngrams.iter().filter(|ngram| passes(ngram)));
            found.sort_unstable();
            let runs = found.chunk_by(|a, b| a == b);
            runs.map(|run| (run[0], run.len() as u32)).collect()
        };
        parts
            .flat_map_iter(|(counter, texts)| {
                let found = texts.iter().map(|text| of_text(counter, *text));
                found.collect::<Vec<_>>()
            })
            .collect()
    }

    /// Counts the n-grams of some texts by their hashes. All texts are given, or none.
    pub fn sift(&mut self, texts: &[Known<'_>]) {
        let sieve = self.sieve.take().unwrap_or_else(Sieve::new);
        self.each_ngram(texts, Some(&sieve), |_brought, _ngram, hash| {
            sieve.add(hash);
        });
        self.sieve = Some(sieve);
    }

    /// Counts the n-grams of some texts that may occur `min_count` times, the same for all texts.
    pub fn add(&mut self, texts: &[Known<'_>], min_count: u64) {
        let sieve = self.sieve.take();
        let shards = std::mem::take(&mut self.shards);
        self.each_ngram(texts, sieve.as_ref(), |brought, ngram, hash| {
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

    /// Gives every n-gram of two terms or more of some texts to `visit`, with its hash, divided among the threads. What the sieve has
    /// of them has been fetched.
    fn each_ngram(
        &mut self,
        texts: &[Known<'_>],
        sieve: Option<&Sieve>,
        visit: impl Fn(&mut [Vec<Ngram>], Ngram, u64) + Sync,
    ) {
        let Self {
            source,
            state,
            counters,
            ..
        } = self;
        let next = AtomicUsize::new(0);
        counters.par_iter_mut().for_each(|counter| {
            let mut hashes = [0; TOGETHER];
            loop {
                let begin = next.fetch_add(TEXTS_A_TASK, Ordering::Relaxed);
                let end = texts.len().min(begin + TEXTS_A_TASK);
                let Some(texts) = texts.get(begin..end).filter(|texts| !texts.is_empty()) else {
                    break;
                };
                for text in texts {
                    counter.find_ngrams(source, *text);
                    for ngrams in counter.ngrams.chunks(TOGETHER) {
                        for (hash, ngram) in hashes.iter_mut().zip(ngrams) {
                            *hash = state.hash_one(ngram);
                            if let Some(sieve) = sieve {
                                prefetch(sieve.seen(*hash));
                            }
                        }
                        for (hash, ngram) in hashes.into_iter().zip(ngrams) {
                            visit(&mut counter.brought, *ngram, hash);
                        }
                    }
                }
            }
        });
    }

    /// At most `limit` n-grams, of those that occur `min_count` times: their terms with spaces between
    /// them; most frequent first, then by bytes.
    pub fn finish(mut self, limit: usize, min_count: u64) -> Vec<Box<str>> {
        self.sieve = None;
        let mut counted = Vec::new();
        for shard in std::mem::take(&mut self.shards) {
            let shard = shard.into_inner();
            let shard = shard.unwrap_or_else(PoisonError::into_inner);
            counted.extend(shard.frequent(min_count));
        }
        self.choose(counted, limit, min_count)
    }

    /// The same, of n-grams of two terms or more that were counted elsewhere.
    pub(super) fn choose(
        &self,
        counted: Vec<(Ngram, u64)>,
        limit: usize,
        min_count: u64,
    ) -> Vec<Box<str>> {
        let alone = (0..).zip(&self.terms);
        let alone = alone.map(|(number, (_name, count))| ([number, NONE, NONE], count.count));
        let mut kept = counted;
        kept.extend(alone);
        kept.retain(|(_ngram, count)| *count >= min_count);
        if limit < kept.len() {
            let mut counts: Vec<u64> = kept.iter().map(|(_ngram, count)| *count).collect();
            let at = counts.len() - limit.max(1);
            let (_rarer, &mut rarest, _others) = counts.select_nth_unstable(at);
            kept.retain(|(_ngram, count)| *count >= rarest);
        }
        let mut named: Vec<(u64, Box<str>)> = kept
            .into_par_iter()
            .map(|(ngram, count)| (count, self.name(ngram).into()))
            .collect();
        named.par_sort_unstable_by(|(a_count, a), (b_count, b)| {
            b_count.cmp(a_count).then_with(|| a.cmp(b))
        });
        // A term may be written as a class is, and a lemma may have a space in it. Then two n-grams have one name, and the more frequent
        // one keeps its place.
        let mut class_names = self
            .source
            .classes
            .iter()
            .flat_map(|own| own.classes.names());
        if class_names.any(|name| {
            self.source
                .numbers
                .get(Token::new(name.as_bytes()))
                .is_some()
        }) || self.terms.iter().any(|(name, _count)| name.contains(' '))
        {
            let mut seen: HashSet<Box<str>, RandomState> = HashSet::default();
            named.retain(|(_count, name)| seen.insert(name.clone()));
        }
        named.truncate(limit);
        named.into_iter().map(|(_count, name)| name).collect()
    }

    /// How an n-gram of these terms and classes is written.
    pub(super) fn name(&self, ngram: Ngram) -> String {
        let numbers = ngram.iter().take_while(|term| **term != NONE);
        let name = |number: u32| match &self.source.classes {
            Some(own) if number >= CLASS => own.classes.name(number ^ CLASS),
            _ => &*self.terms[number as usize].0,
        };
        let (mut at_end, mut names) = (false, Vec::new());
        for &number in numbers {
            match number {
                END => at_end = true,
                _ => names.push(name(number)),
            }
        }
        let named = names.join(" ");
        match at_end {
            true => ending::name(&named),
            false => named,
        }
    }

    /// Whether an n-gram's numbers are those of terms and classes that there are.
    pub(super) fn knows(&self, ngram: Ngram) -> bool {
        let classes = self.source.classes.as_ref();
        let classes = classes.map_or(0, |own| own.classes.unknown() + 1);
        let known = |number: u32| match number.checked_sub(CLASS) {
            None => (number as usize) < self.terms.len(),
            Some(class) => class < classes,
        };
        let terms = &ngram[usize::from(ngram[0] == END)..];
        let mut rest = terms.iter().skip_while(|number| known(**number));
        terms[0] != NONE && rest.all(|number| *number == NONE)
    }
}

/// Whether an n-gram is one term.
pub(super) fn is_alone(ngram: Ngram) -> bool {
    ngram[1] == NONE
}

impl Sieve {
    fn new() -> Self {
        let mut seen = large_pages::with_capacity(HASHES);
        seen.resize_with(HASHES, || AtomicU8::new(0));
        Self(seen)
    }

    /// How often n-grams of that hash were seen.
    fn seen(&self, hash: u64) -> &AtomicU8 {
        &self.0[hash as usize % HASHES]
    }

    fn add(&self, hash: u64) {
        let seen = self.seen(hash);
        if seen.load(Ordering::Relaxed) < ENOUGH {
            seen.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn passes(&self, hash: u64, min_count: u64) -> bool {
        let seen = self.seen(hash).load(Ordering::Relaxed);
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
    fn find_terms(&mut self, source: &Source, text: Known<'_>) {
        let Self {
            tokens, ids, terms, ..
        } = self;
        let Source {
            preprocessing,
            numbers,
            classes,
            ..
        } = source;
        terms.clear();
        match text {
            Known::Text(text) => preprocessing.each_term(text, tokens, |term| {
                let class = || {
                    let classes = classes.as_ref();
                    classes.map_or(NONE, |own| CLASS | own.classes.of(term.as_bytes()))
                };
                let number = numbers.get(Token::new(term.as_bytes()));
                terms.push(number.unwrap_or_else(class));
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

    /// Finds a text's n-grams of two terms or more, and its terms.
    fn find_ngrams(&mut self, source: &Source, text: Known<'_>) {
        self.find_terms(source, text);
        let Self { terms, ngrams, .. } = self;
        ngrams.clear();
        for begin in 0..terms.len() {
            let mut ngram = [NONE; 3];
            // What holds a rare term is rare itself.
            let terms = terms[begin..].iter().take(source.longest);
            for (length, &term) in terms.take_while(|term| **term < CLASS).enumerate() {
                ngram[length] = term;
                if length > 0 {
                    ngrams.push(ngram);
                }
            }
        }
        for begin in terms.len().saturating_sub(source.ending)..terms.len() {
            let mut ngram = [END, NONE, NONE];
            let terms = terms[begin..].iter().take(ending::LONGEST);
            for (place, &term) in (1..).zip(terms.take_while(|term| **term < CLASS)) {
                ngram[place] = term;
                ngrams.push(ngram);
            }
        }
        if let Some(classes) = &source.classes {
            for begin in 0..terms.len() {
                let shaped = |shape| classes.shaped(terms.get(begin..)?, shape);
                ngrams.extend(SHAPES.iter().filter_map(|shape| shaped(shape)));
            }
        }
    }
}

impl ClassNumbers {
    /// The n-gram of that shape at the beginning of some terms.
    fn shaped(&self, terms: &[u32], shape: &[bool]) -> Option<Ngram> {
        let terms = terms.get(..shape.len())?;
        let mut ngram = [NONE; 3];
        for ((place, &term), is_class) in ngram.iter_mut().zip(terms).zip(shape) {
            *place = match is_class {
                true => *self.of_terms.get(term as usize).unwrap_or(&term),
                // What holds a rare term as a word is rare itself.
                false if term < CLASS => term,
                false => return None,
            };
        }
        Some(ngram)
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
