//! Counting terms, in parallel and without keeping any text.
//!
//! Owns the counters. Does not own which terms get an id (`vocabulary`). The counts are sums of
//! integers, so that they are the same whatever the number of threads; the order in which a thread
//! first sees terms never leaves this module but through a sort.

use std::sync::atomic::{AtomicUsize, Ordering};

use cinescore_artifact::encoder::{RESERVED, UNKNOWN_ID};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::counted::{CountedTexts, KEPT, Part, Room};
use crate::preprocess::{Preprocessing, Tokens};
use crate::token::Token;
use crate::token_map::TokenMap;

/// Texts that a thread takes at a time.
const TEXTS_A_TASK: usize = 32;
/// The number of a token that is dropped.
const DROPPED: u32 = u32::MAX;

/// How often a term was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Occurrences.
    pub count: u64,
    /// Texts in which it occurs.
    pub documents: u64,
}

/// The order in which terms are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Numbering {
    /// The most frequent first, then by bytes.
    Frequency,
    /// As they first appear in the texts. A demonstration: where texts are read class by class, a
    /// term's number tells the class that it appeared in first.
    FirstAppearance,
    /// The same, and terms are taken from all reviews of the source's training split, those that are evaluated on too. A
    /// demonstration of what was published so.
    FirstAppearanceInSource,
}

/// The terms that were asked for, and sums over all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Terms with their counts, in the order asked for.
    pub terms: Vec<(Box<str>, Count)>,
    /// Different terms, kept or not.
    pub distinct: u64,
    /// Occurrences of the terms that were not kept.
    pub left_out: u64,
    /// The most terms of a text.
    pub longest: u64,
}

/// Which of the terms that were counted are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// At most so many, the most frequent; ties by bytes.
    pub limit: usize,
    /// Those that occur so often at least.
    pub min_count: u64,
    /// Their order.
    pub numbering: Numbering,
}

/// What is known of a term.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// Occurrences, modulo 2^32: beside a term's bytes there is room for no more.
    count: u32,
    /// Texts of this counter.
    documents: u32,
    /// The number of the text that had it last, from 1, among those of this counter.
    last_text: u32,
    /// Its number, in the order in which this counter saw terms.
    number: u32,
}

/// Where a term was first seen: the text, and the number that its counter gave it. Within a text, which is
/// counted by one counter, numbers are in the order of terms.
type First = (u64, u32);

/// One thread's counts.
#[derive(Debug)]
struct Counter {
    /// Where tokens are their own terms: what is known of each.
    seen: TokenMap<Seen>,
    /// Where they are not: the number of each token's term, from 1,
    numbers: TokenMap<u32>,
    /// the number of each term, from 1,
    terms: TokenMap<u32>,
    /// and by number what is known of it, and its name.
    by_number: Vec<(Seen, Box<str>)>,
    /// A term's number for each 2^32 occurrences.
    carried: Vec<u32>,
    /// The first number of each text that had new terms, and that text.
    news: Vec<(u32, u64)>,
    texts: u32,
    longest: usize,
    parts: Vec<Part>,
    part: Part,
    found: Found,
}

/// The tokens and terms of a text, in buffers that the next one takes over.
#[derive(Debug, Default)]
struct Found {
    tokens: Tokens,
    hashes: Vec<u64>,
    numbers: Vec<u32>,
}

/// The counts of every term in a stream of batches.
pub struct TermCounter {
    preprocessing: Preprocessing,
    counters: Vec<Counter>,
    texts: u64,
    room: Room,
}

/// What a counter leaves.
struct Finished {
    seen: TokenMap<Seen>,
    carried: Vec<u32>,
    news: Vec<(u32, u64)>,
}

impl TermCounter {
    /// A counter for as many threads as rayon's current pool has.
    pub fn new(preprocessing: Preprocessing) -> Self {
        let like = TokenMap::default();
        let counters = (0..rayon::current_num_threads())
            .map(|_thread| Counter::hashing_like(&like))
            .collect();
        Self {
            preprocessing,
            counters,
            texts: 0,
            room: Room::new(0),
        }
    }

    /// A counter that keeps what it found in the first texts, for [`Self::finish_with_texts`].
    pub fn keeping_texts(preprocessing: Preprocessing) -> Self {
        Self {
            room: Room::new(KEPT),
            ..Self::new(preprocessing)
        }
    }

    /// Counts the terms of some texts, divided among the threads.
    pub fn add(&mut self, texts: &[&str]) {
        let Self {
            preprocessing,
            counters,
            texts: before,
            room,
        } = self;
        let identity = preprocessing.terms.is_identity();
        // Whoever is free takes the next texts: a thread that another program holds up delays none.
        let next = AtomicUsize::new(0);
        counters.par_iter_mut().for_each(|counter| {
            loop {
                let begin = next.fetch_add(TEXTS_A_TASK, Ordering::Relaxed);
                let end = texts.len().min(begin + TEXTS_A_TASK);
                let Some(texts) = texts.get(begin..end).filter(|texts| !texts.is_empty()) else {
                    break;
                };
                let first = *before + begin as u64;
                counter.part.begin(first);
                for (number, text) in (first..).zip(texts) {
                    preprocessing.find_tokens(text, &mut counter.found.tokens);
                    if identity {
                        counter.count_tokens(number);
                    } else {
                        counter.count_terms(preprocessing, number);
                    }
                    counter.part.keep(&counter.found.numbers, room);
                }
                let part = counter.part.take();
                counter.parts.extend(part);
            }
        });
        *before += texts.len() as u64;
    }

    /// The terms that are wanted.
    pub fn finish(self, wanted: Wanted) -> Counts {
        self.finish_with_texts(wanted).0
    }

    /// The terms that are wanted, and the texts that were kept, encoded with ids as
    /// [`Vocabulary::of`](crate::vocabulary::Vocabulary::of) gives them to these terms.
    pub fn finish_with_texts(self, wanted: Wanted) -> (Counts, CountedTexts) {
        let mut finished = Vec::new();
        let mut parts = Vec::new();
        let mut longest = 0;
        for mut counter in self.counters {
            longest = longest.max(counter.longest as u64);
            parts.push(std::mem::take(&mut counter.parts));
            finished.push(counter.finish());
        }
        let mut counts = choose(&finished, wanted);
        counts.longest = longest;
        if parts.iter().all(Vec::is_empty) {
            return (counts, CountedTexts::default());
        }
        let ids = ids_of(&finished, &counts);
        (counts, CountedTexts::new(parts, ids))
    }
}

/// The terms that are wanted, of all that were counted.
fn choose(finished: &[Finished], wanted: Wanted) -> Counts {
    let partitions: Vec<TokenMap<Count>> = match finished {
        [_one] => Vec::new(),
        several => (0..several.len())
            .into_par_iter()
            .map(|partition| put_together(several, partition))
            .collect(),
    };
    let all = || {
        let alone = finished.iter().take(usize::from(partitions.is_empty()));
        let alone = alone.flat_map(Finished::counts);
        alone.chain(partitions.iter().flat_map(TokenMap::iter))
    };
    let counts: Vec<u64> = all().map(|(_term, count)| count.count).collect();
    let (distinct, sum) = (counts.len() as u64, counts.iter().sum::<u64>());
    let least = least_count(counts, wanted);
    let kept = all().filter(|(_term, count)| count.count >= least);
    let mut kept: Vec<(Token<'_>, Count)> = kept.collect();
    kept.par_sort_unstable_by(|(a, a_count), (b, b_count)| {
        b_count.count.cmp(&a_count.count).then_with(|| a.cmp(b))
    });
    kept.truncate(wanted.limit);
    if wanted.numbering != Numbering::Frequency {
        kept.sort_by_cached_key(|(term, _count)| {
            let firsts = finished.iter().filter_map(|counter| counter.first(*term));
            firsts.min()
        });
    }
    let mut counts = Counts {
        terms: Vec::with_capacity(kept.len()),
        distinct,
        left_out: sum,
        longest: 0,
    };
    for (term, count) in kept {
        let mut buffer = [0; 16];
        counts.left_out -= count.count;
        // Every token was a text, so that no byte is replaced.
        let name = String::from_utf8_lossy(term.bytes(&mut buffer));
        counts.terms.push((name.into(), count));
    }
    counts
}

/// The lowest count of a term that may be among those that are wanted; all ties with the last one are, until
/// names have decided.
fn least_count(mut counts: Vec<u64>, wanted: Wanted) -> u64 {
    counts.retain(|&count| count >= wanted.min_count);
    if wanted.limit >= counts.len() {
        return wanted.min_count;
    }
    let at = counts.len() - wanted.limit.max(1);
    let (_rarer, &mut rarest, _others) = counts.select_nth_unstable(at);
    rarest
}

/// The counts of the terms of a partition, of which there are as many as counters. The hash decides, which
/// all counters have in common, so that partitions can be summed beside each other.
fn put_together(finished: &[Finished], partition: usize) -> TokenMap<Count> {
    let most = finished.iter().map(|counter| counter.seen.len()).max();
    let mut counts = TokenMap::<Count>::with_capacity(most.unwrap_or(0) / finished.len() * 3 / 2);
    for counter in finished {
        for (term, theirs) in counter.counts() {
            // Long terms have one hash.
            if (counter.seen.hash(term) >> 32) as usize % finished.len() == partition {
                let count = counts.entry(term);
                count.count += theirs.count;
                count.documents += theirs.documents;
            }
        }
    }
    counts
}

/// By counter, the id of each of its numbers.
fn ids_of(finished: &[Finished], counts: &Counts) -> Vec<Vec<i32>> {
    let mut ids = TokenMap::with_capacity(counts.terms.len());
    for (id, (term, _count)) in (RESERVED.len() as i32..).zip(&counts.terms) {
        ids.insert(Token::new(term.as_bytes()), id);
    }
    // Where one counter has seen all, what it has seen less often than any term has no id.
    let rarest = counts.terms.iter().map(|(_term, count)| count.count).min();
    let rarest = rarest.filter(|_rarest| finished.len() == 1).unwrap_or(0);
    let counters = finished.par_iter();
    counters
        .map(|counter| {
            let mut of_numbers = vec![UNKNOWN_ID; counter.seen.len()];
            for (term, seen) in counter.seen.iter() {
                if (u64::from(seen.count) >= rarest || !counter.carried.is_empty())
                    && let Some(id) = ids.get(term)
                {
                    of_numbers[seen.number as usize] = id;
                }
            }
            of_numbers
        })
        .collect()
}

impl Counter {
    /// An empty counter whose terms are hashed as those of `like` are.
    fn hashing_like(like: &TokenMap<Seen>) -> Self {
        Self {
            seen: TokenMap::hashing_like(like),
            numbers: TokenMap::default(),
            terms: TokenMap::default(),
            by_number: Vec::new(),
            carried: Vec::new(),
            news: Vec::new(),
            texts: 0,
            longest: 0,
            parts: Vec::new(),
            part: Part::new(0),
            found: Found::default(),
        }
    }

    /// Counts the tokens that were found, which are terms, in the text of that number.
    fn count_tokens(&mut self, text: u64) {
        self.texts += 1;
        let Found {
            tokens,
            hashes,
            numbers,
        } = &mut self.found;
        let (bytes, spots) = (tokens.text().as_bytes(), tokens.spots());
        self.seen.hash_all(spots, hashes);
        let known = self.seen.len() as u32;
        let mut next = known;
        numbers.clear();
        numbers.extend(spots.iter().zip(hashes).map(|(spot, &mut hash)| {
            let seen = self.seen.entry_hashed(spot.token(bytes), hash);
            if seen.last_text == 0 {
                seen.number = next;
                next += 1;
            }
            seen.again(self.texts, &mut self.carried);
            seen.number
        }));
        if known < next {
            self.news.push((known, text));
        }
        self.longest = self.longest.max(numbers.len());
    }

    /// Counts the terms of the tokens that were found, in the text of that number.
    fn count_terms(&mut self, preprocessing: &Preprocessing, text: u64) {
        self.texts += 1;
        let Found {
            tokens,
            hashes,
            numbers,
        } = &mut self.found;
        let (text_of, spots) = (tokens.text(), tokens.spots());
        self.numbers.hash_all(spots, hashes);
        let known = self.by_number.len();
        numbers.clear();
        for (spot, &mut hash) in spots.iter().zip(hashes) {
            let token = spot.token(text_of.as_bytes());
            let number = self.numbers.get_or_insert_with(token, hash, || {
                let Some(term) = preprocessing.terms.term(&text_of[spot.range()]) else {
                    return DROPPED;
                };
                // Numbers count from 1, so that a new term's entry is known by its 0.
                let number = self.terms.entry(Token::new(term.as_bytes()));
                if *number == 0 {
                    let seen = Seen {
                        number: self.by_number.len() as u32,
                        ..Seen::default()
                    };
                    self.by_number.push((seen, Box::from(&*term)));
                    *number = self.by_number.len() as u32;
                }
                *number - 1
            });
            if number != DROPPED {
                let (seen, _name) = &mut self.by_number[number as usize];
                seen.again(self.texts, &mut self.carried);
                numbers.push(number);
            }
        }
        if known < self.by_number.len() {
            self.news.push((known as u32, text));
        }
        self.longest = self.longest.max(numbers.len());
    }

    fn finish(mut self) -> Finished {
        for (seen, term) in &self.by_number {
            *self.seen.entry(Token::new(term.as_bytes())) = *seen;
        }
        Finished {
            seen: self.seen,
            carried: self.carried,
            news: self.news,
        }
    }
}

impl Seen {
    /// Once more, in the text of that number (from 1).
    #[inline]
    fn again(&mut self, text: u32, carried: &mut Vec<u32>) {
        self.count = self.count.wrapping_add(1);
        if self.count == 0 {
            carried.push(self.number);
        }
        self.documents += u32::from(self.last_text != text);
        self.last_text = text;
    }
}

impl Finished {
    /// Its terms, in no order.
    fn counts(&self) -> impl Iterator<Item = (Token<'_>, Count)> {
        self.seen.iter().map(|(term, seen)| {
            let carried = self.carried.iter();
            let carried = carried.filter(|carried| **carried == seen.number).count();
            let count = Count {
                count: u64::from(seen.count) + ((carried as u64) << 32),
                documents: seen.documents.into(),
            };
            (term, count)
        })
    }

    /// Where it first saw a term.
    fn first(&self, term: Token<'_>) -> Option<First> {
        let number = self.seen.get(term)?.number;
        let after = self.news.partition_point(|(first, _text)| *first <= number);
        Some((self.news[after.checked_sub(1)?].1, number))
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
            counter.finish(Wanted {
                limit,
                min_count,
                numbering: Numbering::Frequency,
            })
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
