//! Which of the terms that were counted are wanted, and their ids.
//!
//! Each thread has counted into a table of its own. The tables are in the order of the same hashes, so that they are
//! gone through side by side, in parts, one for each thread; nothing is copied but what is wanted.

use cinescore_artifact::encoder::{RESERVED, UNKNOWN_ID};
use rayon::prelude::*;

use super::{Count, Counts, Finished, Numbering, Seen, Wanted};
use crate::token::Token;

/// Terms that are looked up together.
const FETCHED: usize = 64;
/// Terms that one task gives names to, at least.
const NAMED: usize = 1 << 10;
/// Terms in a list from which none has been thrown out yet.
const FIRST_FULL: usize = 1 << 14;
/// Counts that are told apart when the most frequent terms are looked for.
const LEVELS: usize = 1 << 12;

/// The most frequent terms of those that it was given, and perhaps others.
struct Frequent<'a> {
    limit: usize,
    /// Those that are rarer are not wanted: they are rarer than what was asked for, or than `limit` others.
    least: u64,
    terms: Vec<(Token<'a>, Count)>,
    /// When there are so many terms, those that are not wanted any more are thrown out.
    full: usize,
    /// By count, the last one being for all from there on: how many terms have it. Complete from `least` on.
    levels: Vec<usize>,
    /// How many terms occur at least `least` times.
    wanted: usize,
    distinct: u64,
    sum: u64,
}

impl<'a> Frequent<'a> {
    fn new(wanted: Wanted) -> Self {
        Self {
            limit: wanted.limit,
            least: wanted.min_count,
            terms: Vec::new(),
            full: FIRST_FULL,
            levels: vec![0; LEVELS],
            wanted: 0,
            distinct: 0,
            sum: 0,
        }
    }

    fn add(&mut self, term: Token<'a>, total: Count) {
        self.distinct += 1;
        self.sum += total.count;
        if total.count < self.least {
            return;
        }
        if self.terms.len() == self.full {
            self.throw_out(self.least);
            self.full = (2 * self.terms.len()).max(FIRST_FULL);
        }
        self.terms.push((term, total));
        self.levels[(total.count as usize).min(LEVELS - 1)] += 1;
        self.wanted += 1;
        while let Some(rarest) = self.levels[..LEVELS - 1].get(self.least as usize)
            && self.wanted - rarest >= self.limit.max(1)
        {
            self.wanted -= rarest;
            self.least += 1;
        }
    }

    fn throw_out(&mut self, least: u64) {
        self.terms.retain(|(_term, total)| total.count >= least);
    }
}

/// The terms that are wanted, of all that were counted.
pub(super) fn choose(finished: &[Finished], wanted: Wanted) -> Counts {
    let mut parts: Vec<Frequent<'_>> = (0..finished.len())
        .into_par_iter()
        .map(|part| {
            let mut frequent = Frequent::new(wanted);
            each_total(finished, part, |term, total| frequent.add(term, total));
            frequent
        })
        .collect();
    let distinct = parts.iter().map(|part| part.distinct).sum();
    let sum: u64 = parts.iter().map(|part| part.sum).sum();
    let least = least_count(&parts, wanted);
    parts.par_iter_mut().for_each(|part| part.throw_out(least));
    let mut kept: Vec<(Token<'_>, Count)> = parts.into_iter().flat_map(|part| part.terms).collect();
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
    let named = kept.par_iter().with_min_len(NAMED).map(|(term, count)| {
        let mut buffer = [0; 16];
        // Every token was a text, so that no byte is replaced.
        let name = String::from_utf8_lossy(term.bytes(&mut buffer));
        (name.into(), *count)
    });
    Counts {
        terms: named.collect(),
        distinct,
        left_out: sum - kept.iter().map(|(_term, count)| count.count).sum::<u64>(),
        longest: 0,
    }
}

/// Gives each term of a part to `visit`, with its counts by all counters together.
fn each_total<'a>(finished: &'a [Finished], part: usize, mut visit: impl FnMut(Token<'a>, Count)) {
    for (at, counter) in finished.iter().enumerate() {
        let (before, after) = (&finished[..at], &finished[at + 1..]);
        counter
            .seen
            .each_of_part(part, finished.len(), |term, seen| {
                let mut total = counter.count(seen);
                if finished.len() > 1 {
                    // The first counter that has a term gives its total.
                    let has = |other: &Finished| other.seen.get(term).is_some();
                    if before.iter().any(has) {
                        return;
                    }
                    for other in after {
                        if let Some(seen) = other.seen.get(term) {
                            let theirs = other.count(seen);
                            total.count += theirs.count;
                            total.documents += theirs.documents;
                        }
                    }
                }
                visit(term, total);
            });
    }
}

/// The lowest count of a term that may be among those that are wanted; all ties with the last one are, until
/// names have decided.
fn least_count(parts: &[Frequent<'_>], wanted: Wanted) -> u64 {
    // Below it some part has thrown out terms, for others that are more frequent.
    let complete = parts.iter().map(|part| part.least).max();
    let complete = complete.unwrap_or(0).max(wanted.min_count);
    let mut more = 0;
    let from_above = (complete..LEVELS as u64).rev().find(|level| {
        let terms = parts.iter().map(|part| part.levels[*level as usize]);
        more += terms.sum::<usize>();
        more >= wanted.limit
    });
    from_above.unwrap_or(complete)
}

/// By counter, the id of each of its numbers.
pub(super) fn ids_of(finished: &[Finished], counts: &Counts) -> Vec<Vec<i32>> {
    let counters = finished.par_iter();
    counters
        .map(|counter| {
            let mut of_numbers = vec![UNKNOWN_ID; counter.seen.len()];
            let ids = RESERVED.len() as i32..;
            for (first, terms) in ids.step_by(FETCHED).zip(counts.terms.chunks(FETCHED)) {
                let tokens = terms
                    .iter()
                    .map(|(term, _count)| Token::new(term.as_bytes()));
                let mut fetched = [None; FETCHED];
                for (place, token) in fetched.iter_mut().zip(tokens) {
                    counter.seen.fetch_one(token);
                    *place = Some(token);
                }
                for (id, token) in (first..).zip(fetched.into_iter().flatten()) {
                    if let Some(seen) = counter.seen.get(token) {
                        of_numbers[seen.number as usize] = id;
                    }
                }
            }
            of_numbers
        })
        .collect()
}

impl Finished {
    /// What is known of one of its terms, as a count.
    fn count(&self, seen: Seen) -> Count {
        let carried = self.carried.iter();
        let carried = carried.filter(|carried| **carried == seen.number).count();
        Count {
            count: u64::from(seen.count) + ((carried as u64) << 32),
            documents: seen.documents.into(),
        }
    }
}
