//! Counting: many pairs of movie and slot to sorted pairs with their numbers.
//!
//! A pair is packed into one whole number, 64 bits while the ranges are not known and then 32 bits where that
//! is enough (a day of MovieLens' 26 million ratings needs 31). The keys are dealt out by their highest bits
//! into buckets, which are small enough for the processor's cache, and each bucket is sorted by radix
//! (least significant digit first), many at a time. Memory: 8 bytes a rating while they come in, then 4 or 8
//! and what is left of the former.

use rayon::prelude::*;

/// Bits of the bucket's number.
const BUCKET_BITS: u32 = 11;
/// Bits of a digit of the radix sort.
const DIGIT_BITS: u32 = 8;
/// Below so many keys the library's sort is as fast.
const SMALL: usize = 512;

/// Pairs as they come: many vectors, so that none is ever moved to grow.
#[derive(Default)]
pub(super) struct Pairs {
    chunks: Vec<Vec<u64>>,
}

/// One vector of pairs, filled on some thread.
#[derive(Default)]
pub(super) struct Chunk {
    keys: Vec<u64>,
}

impl Chunk {
    pub(super) fn push(&mut self, movie: u32, slot: u32) {
        self.keys.push(u64::from(movie) << 32 | u64::from(slot));
    }
}

/// The pairs in order, equal ones side by side.
pub(super) struct Sorted {
    keys: Keys,
    movie_from: u32,
    slot_from: u32,
    slot_bits: u32,
    /// Ratings per slot, from `slot_from` on.
    totals: Vec<u32>,
}

enum Keys {
    Narrow(Vec<u32>),
    Wide(Vec<u64>),
}

/// A movie in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) movie: u32,
    pub(super) slot: u32,
    /// Ratings of the movie in the slot.
    pub(super) count: u32,
    /// All ratings in the slot.
    pub(super) total: u32,
}

impl Pairs {
    pub(super) fn add(&mut self, chunk: Chunk) {
        if !chunk.keys.is_empty() {
            self.chunks.push(chunk.keys);
        }
    }

    /// Sorts on rayon's threads.
    pub(super) fn sort(self) -> Sorted {
        let extents = self.chunks.par_iter().map(|chunk| Extents::of(chunk));
        let Extents { movies, slots } = extents.reduce(Extents::default, Extents::and);
        let (movie_bits, slot_bits) = (movies.bits(), slots.bits());
        let mut sorted = Sorted {
            keys: Keys::Narrow(Vec::new()),
            movie_from: movies.least,
            slot_from: slots.least,
            slot_bits,
            totals: Vec::new(),
        };
        if self.chunks.is_empty() {
            return sorted;
        }
        sorted.totals = vec![0; (slots.most - slots.least) as usize + 1];
        let all_bits = movie_bits + slot_bits;
        let pack = |key: u64| {
            let (movie, slot) = ((key >> 32) as u32, key as u32);
            let packed =
                u64::from(movie - movies.least) << slot_bits | u64::from(slot - slots.least);
            (packed, (slot - slots.least) as usize)
        };
        sorted.keys = if all_bits <= u32::BITS {
            Keys::Narrow(deal_and_sort(
                self.chunks,
                all_bits,
                pack,
                &mut sorted.totals,
            ))
        } else {
            Keys::Wide(deal_and_sort(
                self.chunks,
                all_bits,
                pack,
                &mut sorted.totals,
            ))
        };
        sorted
    }
}

/// Smallest and largest value; of no values, the first is the larger.
#[derive(Clone, Copy)]
struct Extent {
    least: u32,
    most: u32,
}

impl Default for Extent {
    fn default() -> Self {
        Self {
            least: u32::MAX,
            most: 0,
        }
    }
}

impl Extent {
    fn and(self, other: Self) -> Self {
        Self {
            least: self.least.min(other.least),
            most: self.most.max(other.most),
        }
    }

    fn add(&mut self, value: u32) {
        *self = self.and(Self {
            least: value,
            most: value,
        });
    }

    /// Bits that tell its values apart.
    fn bits(self) -> u32 {
        u32::BITS - self.most.saturating_sub(self.least).leading_zeros()
    }
}

/// Extents of both parts of keys.
#[derive(Clone, Copy, Default)]
struct Extents {
    movies: Extent,
    slots: Extent,
}

impl Extents {
    fn of(chunk: &[u64]) -> Self {
        let mut extents = Self::default();
        for key in chunk {
            extents.movies.add((key >> 32) as u32);
            extents.slots.add(*key as u32);
        }
        extents
    }

    fn and(self, other: Self) -> Self {
        Self {
            movies: self.movies.and(other.movies),
            slots: self.slots.and(other.slots),
        }
    }
}

/// A packed key.
trait Key: Copy + Ord + Default + Send + Sync {
    fn of(packed: u64) -> Self;
    fn get(self) -> u64;
}

impl Key for u32 {
    fn of(packed: u64) -> Self {
        packed as Self
    }
    fn get(self) -> u64 {
        self.into()
    }
}

impl Key for u64 {
    fn of(packed: u64) -> Self {
        packed
    }
    fn get(self) -> u64 {
        self
    }
}

/// Deals the keys into buckets, giving each chunk back as soon as it is dealt, and sorts the buckets.
fn deal_and_sort<K: Key>(
    chunks: Vec<Vec<u64>>,
    bits: u32,
    pack: impl Fn(u64) -> (u64, usize) + Sync,
    totals: &mut [u32],
) -> Vec<K> {
    let low_bits = bits.saturating_sub(BUCKET_BITS);
    let bucket_of = |packed: u64| (packed >> low_bits) as usize;
    let sizes = chunks
        .par_iter()
        .fold(
            || vec![0_usize; 1 << BUCKET_BITS],
            |mut sizes, chunk| {
                for key in chunk {
                    sizes[bucket_of(pack(*key).0)] += 1;
                }
                sizes
            },
        )
        .reduce(
            || vec![0; 1 << BUCKET_BITS],
            |a, b| a.iter().zip(&b).map(|(a, b)| a + b).collect(),
        );
    let mut places: Vec<usize> = sizes
        .iter()
        .scan(0, |sum, size| {
            *sum += size;
            Some(*sum - size)
        })
        .collect();
    let mut keys = vec![K::default(); sizes.iter().sum()];
    for chunk in chunks {
        for key in chunk {
            let (packed, slot) = pack(key);
            totals[slot] += 1;
            let place = &mut places[bucket_of(packed)];
            keys[*place] = K::of(packed);
            *place += 1;
        }
    }
    let mut buckets = Vec::with_capacity(sizes.len());
    let mut rest = keys.as_mut_slice();
    for size in sizes {
        let (bucket, behind) = rest.split_at_mut(size);
        buckets.push(bucket);
        rest = behind;
    }
    buckets
        .into_par_iter()
        .for_each_init(Vec::new, |scratch, bucket| {
            radix_sort(bucket, low_bits, scratch)
        });
    keys
}

/// Sorts keys that differ in their lowest `bits` bits only.
fn radix_sort<K: Key>(keys: &mut [K], bits: u32, scratch: &mut Vec<K>) {
    if keys.len() <= SMALL {
        keys.sort_unstable();
        return;
    }
    scratch.clear();
    scratch.resize(keys.len(), K::default());
    let mut shift = 0;
    while shift < bits {
        let digit = |key: K| (key.get() >> shift) as usize & ((1 << DIGIT_BITS) - 1);
        let mut places = [0_usize; 1 << DIGIT_BITS];
        for key in keys.iter() {
            places[digit(*key)] += 1;
        }
        let mut sum = 0;
        for place in &mut places {
            sum += std::mem::replace(place, sum);
        }
        for key in keys.iter() {
            let place = &mut places[digit(*key)];
            scratch[*place] = *key;
            *place += 1;
        }
        keys.copy_from_slice(scratch);
        shift += DIGIT_BITS;
    }
}

impl Sorted {
    /// Ratings.
    pub(super) fn len(&self) -> usize {
        match &self.keys {
            Keys::Narrow(keys) => keys.len(),
            Keys::Wide(keys) => keys.len(),
        }
    }

    /// Counts from the rating at `*at` on, at most `most` pairs, and moves `at` behind them.
    pub(super) fn counts(&self, at: &mut usize, most: usize) -> Vec<Counted> {
        match &self.keys {
            Keys::Narrow(keys) => self.counts_of(keys, at, most),
            Keys::Wide(keys) => self.counts_of(keys, at, most),
        }
    }

    fn counts_of<K: Key>(&self, keys: &[K], at: &mut usize, most: usize) -> Vec<Counted> {
        let mut counts = Vec::with_capacity(most.min(keys.len() - *at));
        while *at < keys.len() && counts.len() < most {
            let key = keys[*at];
            let mut end = *at + 1;
            while end < keys.len() && keys[end] == key {
                end += 1;
            }
            let slot = (key.get() & ((1 << self.slot_bits) - 1)) as u32;
            counts.push(Counted {
                movie: self.movie_from + (key.get() >> self.slot_bits) as u32,
                slot: self.slot_from + slot,
                count: (end - *at) as u32,
                total: self.totals[slot as usize],
            });
            *at = end;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn naive(pairs: &[(u32, u32)]) -> Vec<Counted> {
        let mut counts: BTreeMap<(u32, u32), u32> = BTreeMap::new();
        let mut totals: BTreeMap<u32, u32> = BTreeMap::new();
        for &(movie, slot) in pairs {
            *counts.entry((movie, slot)).or_default() += 1;
            *totals.entry(slot).or_default() += 1;
        }
        let counted = |((movie, slot), count)| Counted {
            movie,
            slot,
            count,
            total: totals[&slot],
        };
        counts.into_iter().map(counted).collect()
    }

    fn packed(pairs: &[(u32, u32)], chunk: usize, step: usize) -> Vec<Counted> {
        let mut all = Pairs::default();
        for pairs in pairs.chunks(chunk) {
            let mut chunk = Chunk::default();
            for &(movie, slot) in pairs {
                chunk.push(movie, slot);
            }
            all.add(chunk);
        }
        let sorted = all.sort();
        assert_eq!(sorted.len(), pairs.len());
        let (mut at, mut found) = (0, Vec::new());
        while at < sorted.len() {
            found.extend(sorted.counts(&mut at, step));
        }
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn packed_counting_is_naive_counting(
            pairs in prop_oneof![
                // Few values, so that pairs repeat; all values, so that keys are wide; one value.
                prop::collection::vec((0..40_u32, 9000..9030_u32), 0..3000),
                prop::collection::vec((0..1_u32 << 31, 0..1_200_000_u32), 0..3000),
                prop::collection::vec((Just(7_u32), 0..100_000_u32), 0..3000),
            ],
            chunk in 1..900_usize,
            step in 1..50_usize,
        ) {
            prop_assert_eq!(packed(&pairs, chunk, step), naive(&pairs));
        }
    }

    #[test]
    fn buckets_that_are_sorted_by_radix_are_sorted() {
        // One movie, so that one bucket has all keys of a slot's highest bits.
        let pairs: Vec<(u32, u32)> = (0..60_000_u32)
            .map(|index| (5 + index % 2, index.wrapping_mul(2_654_435_761) >> 12))
            .collect();
        assert_eq!(packed(&pairs, 1000, 700), naive(&pairs));
    }
}
