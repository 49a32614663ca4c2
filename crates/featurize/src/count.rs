//! Counting terms, in parallel and without keeping any text.
//!
//! Owns the counters. Does not own which terms get an id (`vocabulary`). The counts are sums of
//! integers, so that they are the same whatever the number of threads; the order in which a thread
//! first sees terms never leaves this module but through a sort.

mod choice;

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::counted::{CountedTexts, KEPT, Kept, Room};
use crate::preprocess::{Preprocessing, Tokens};
use crate::token::Token;
use crate::token_map::TokenMap;
use choice::{choose, ids_of};

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

/// One thread's counts. It begins a line of the cache, so that no thread writes to a line that another one reads.
#[derive(Debug, Default)]
#[repr(align(128))]
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
    kept: Kept,
    found: Found,
}

/// The tokens and terms of a text, in buffers that the next one takes over.
#[derive(Debug, Default)]
struct Found {
    tokens: Tokens,
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
        let counters = (0..rayon::current_num_threads())
            .map(|_thread| Counter::default())
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
                for (number, text) in (first..).zip(texts) {
                    preprocessing.find_tokens(text, &mut counter.found.tokens);
                    if identity {
                        counter.count_tokens(number);
                    } else {
                        counter.count_terms(preprocessing, number);
                    }
                    counter.kept.keep(number, &counter.found.numbers, room);
                }
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
        let mut kept = Vec::new();
        let mut longest = 0;
        for mut counter in self.counters {
            longest = longest.max(counter.longest as u64);
            kept.push(std::mem::take(&mut counter.kept));
            finished.push(counter.finish());
        }
        let mut counts = choose(&finished, wanted);
        counts.longest = longest;
        if kept.iter().all(Kept::is_empty) {
            return (counts, CountedTexts::default());
        }
        let ids = ids_of(&finished, &counts);
        // Large tables take the system a while to take back.
        finished.into_par_iter().for_each(drop);
        (counts, CountedTexts::new(kept, ids))
    }
}

impl Counter {
    /// Counts the tokens that were found, which are terms, in the text of that number.
    fn count_tokens(&mut self, text: u64) {
        self.texts += 1;
        let Found { tokens, numbers } = &mut self.found;
        let (bytes, spots) = (tokens.text().as_bytes(), tokens.spots());
        self.seen.fetch(spots);
        let known = self.seen.len() as u32;
        let mut next = known;
        numbers.clear();
        numbers.extend(spots.iter().map(|spot| {
            let seen = self.seen.entry(spot.token(bytes));
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
        let Found { tokens, numbers } = &mut self.found;
        let (text_of, spots) = (tokens.text(), tokens.spots());
        self.numbers.fetch(spots);
        let known = self.by_number.len();
        numbers.clear();
        for spot in spots {
            let token = spot.token(text_of.as_bytes());
            let number = self.numbers.get_or_insert_with(token, || {
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
    /// Where it first saw a term.
    fn first(&self, term: Token<'_>) -> Option<First> {
        let number = self.seen.get(term)?.number;
        let after = self.news.partition_point(|(first, _text)| *first <= number);
        Some((self.news[after.checked_sub(1)?].1, number))
    }
}

#[cfg(test)]
mod tests;
