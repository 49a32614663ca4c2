//! A map from tokens to small values, made for words.
//!
//! Owns the look-up that everything else's speed rests on. Does not own the tokens' order: nothing
//! here is ever listed in the order of the table.
//!
//! A token of at most 15 bytes lies in its slot, beside its value, and a slot lies in one line of the
//! processor's cache: whatever is done with a token takes one access to memory, and in a table of hundreds of
//! thousands of words these accesses are what takes the time. Longer tokens are kept in an ordinary map.
//!
//! The slots of all tokens of a text are asked for first ([`TokenMap::fetch`]): the processor fetches
//! them together, while one look-up after the other would wait for each.
//!
//! Slots are in the order of their tokens' hashes, but for those that found theirs taken. A table that grows is
//! so gone through from one end to the other, as are two tables that are compared ([`TokenMap::each_of_part`]).

use std::collections::HashMap;

use ahash::RandomState;

use crate::prefetch::prefetch;
use crate::token::{Key, LONG, Secrets, Spot, Token};
use cinescore_artifact::large_pages;

/// Slots of an empty map.
const FIRST_SLOTS: usize = 1 << 8;

/// A map from tokens to `V`, which has at most 16 bytes if it is to be quick.
#[derive(Debug, Clone)]
pub struct TokenMap<V> {
    /// A power of two of them.
    slots: Vec<Slot<V>>,
    /// How far a hash is shifted to be a slot's place.
    shift: u32,
    /// Slots in use.
    used: usize,
    long: HashMap<Box<[u8]>, V, RandomState>,
    secrets: Secrets,
}

/// Half a line of the cache.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(32))]
struct Slot<V> {
    /// A length of 0 marks a free slot: no token is empty.
    key: Key,
    value: V,
}

impl<V: Copy + Default> Default for TokenMap<V> {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl<V: Copy + Default> TokenMap<V> {
    /// An empty map with room for so many tokens.
    pub fn with_capacity(tokens: usize) -> Self {
        let slots = (tokens * 4 / 3 + 1).next_power_of_two().max(FIRST_SLOTS);
        Self {
            slots: large_pages::filled(Slot::default(), slots),
            shift: u64::BITS - slots.trailing_zeros(),
            used: 0,
            long: HashMap::default(),
            secrets: Secrets::of_process(),
        }
    }

    /// How many tokens it holds.
    pub fn len(&self) -> usize {
        self.used + self.long.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Has the slots of some tokens fetched, since they will be looked up.
    #[inline]
    pub fn fetch(&self, tokens: &[Spot]) {
        for token in tokens {
            self.fetch_hash(token.hash);
        }
    }

    /// Has the slot of a token fetched.
    #[inline]
    pub fn fetch_one(&self, token: Token<'_>) {
        self.fetch_hash(token.hash);
    }

    /// Has the slots fetched where a token of that hash is, nearly always: its home and the one behind, which may be
    /// in the next line.
    #[inline]
    fn fetch_hash(&self, hash: u64) {
        let home = self.home(hash);
        prefetch(&self.slots[home]);
        prefetch(&self.slots[(home + 1) & (self.slots.len() - 1)]);
    }

    /// The value of a token.
    #[inline]
    pub fn get(&self, token: Token<'_>) -> Option<V> {
        if token.is_long() {
            return self.long.get(token.bytes).copied();
        }
        let slot = &self.slots[self.place(token.key, token.hash)];
        (slot.key == token.key).then_some(slot.value)
    }

    /// The value of a token; where it has none, the one that `make` gives.
    #[inline]
    pub fn get_or_insert_with(&mut self, token: Token<'_>, make: impl FnOnce() -> V) -> V {
        match self.get(token) {
            Some(value) => value,
            None => {
                let value = make();
                self.insert(token, value);
                value
            }
        }
    }

    /// The value of a token, to be changed; the default where it has none.
    #[inline]
    pub fn entry(&mut self, token: Token<'_>) -> &mut V {
        if token.is_long() {
            return self.long_entry(token.bytes);
        }
        let mut place = self.place(token.key, token.hash);
        if self.slots[place].key != token.key {
            self.fill(place, token.key, V::default());
            place = self.place(token.key, token.hash);
        }
        &mut self.slots[place].value
    }

    /// Gives the tokens of a part of all possible ones to `visit`, with their values: the same part of all maps
    /// that hash alike, and nearly in the same order.
    #[inline]
    pub fn each_of_part<'a>(
        &'a self,
        part: usize,
        parts: usize,
        mut visit: impl FnMut(Token<'a>, V),
    ) {
        let begin_of =
            |part: usize| (self.slots.len() as u128 * part as u128 / parts as u128) as usize;
        let (begin, end) = (begin_of(part), begin_of(part + 1));
        let mut of_slot = |slot: &Slot<V>| {
            if slot.key == [0; 2] {
                return;
            }
            let hash = self.secrets.hash(slot.key);
            if parts == 1 || ((u128::from(hash) * parts as u128) >> 64) as usize == part {
                visit(Token::of_key(slot.key, hash), slot.value);
            }
        };
        self.slots[begin..end].iter().for_each(&mut of_slot);
        // A token whose home was taken is further on, with no free slot between, and may be at the very beginning.
        let beyond = self.slots[end..].iter().chain(&self.slots[..begin]);
        let beyond = beyond.take_while(|slot| slot.key != [0; 2]);
        beyond.for_each(&mut of_slot);
        let long = self.long.iter();
        let long = long.filter(|(bytes, _value)| bytes.len() % parts == part);
        let (key, hash) = (LONG, self.secrets.hash(LONG));
        long.for_each(|(bytes, value)| visit(Token { bytes, key, hash }, *value));
    }

    /// Gives a token a value; the one that it had before.
    pub fn insert(&mut self, token: Token<'_>, value: V) -> Option<V> {
        if token.is_long() {
            return self.long.insert(token.bytes.into(), value);
        }
        let place = self.place(token.key, token.hash);
        let slot = &mut self.slots[place];
        if slot.key == token.key {
            return Some(std::mem::replace(&mut slot.value, value));
        }
        self.fill(place, token.key, value);
        None
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.slots.fill(Slot::default());
        self.used = 0;
        self.long.clear();
    }

    #[cold]
    fn long_entry(&mut self, bytes: &[u8]) -> &mut V {
        self.long.entry(bytes.into()).or_default()
    }

    /// The first place that a token of that hash may have.
    #[inline]
    fn home(&self, hash: u64) -> usize {
        (hash >> self.shift) as usize
    }

    /// The slot of a key, or the free one where it belongs.
    #[inline]
    fn place(&self, key: Key, hash: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut place = self.home(hash);
        loop {
            let found = self.slots[place].key;
            if found == key || found == [0; 2] {
                return place;
            }
            place = (place + 1) & mask;
        }
    }

    #[cold]
    fn fill(&mut self, place: usize, key: Key, value: V) {
        self.slots[place] = Slot { key, value };
        self.used += 1;
        if self.used * 4 > self.slots.len() * 3 {
            let larger = large_pages::filled(Slot::default(), self.slots.len() * 2);
            let before = std::mem::replace(&mut self.slots, larger);
            self.shift -= 1;
            for slot in before.into_iter().filter(|slot| slot.key != [0; 2]) {
                let place = self.place(slot.key, self.secrets.hash(slot.key));
                self.slots[place] = slot;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::token::SPOT_PADDING;

    #[test]
    fn tokens_that_differ_in_zeros_and_lengths_are_told_apart() {
        let mut map = TokenMap::default();
        let tokens: Vec<Vec<u8>> = (1..40)
            .flat_map(|length| [vec![0; length], vec![b'a'; length], vec![0xff; length]])
            .collect();
        for (value, token) in tokens.iter().enumerate() {
            assert_eq!(map.insert(Token::new(token), value), None);
        }
        for (value, token) in tokens.iter().enumerate() {
            assert_eq!(map.get(Token::new(token)), Some(value));
        }
        assert_eq!(map.len(), tokens.len());
        map.clear();
        assert!(map.is_empty());
        assert_eq!(map.get(Token::new(b"a")), None);
    }

    proptest! {
        #[test]
        fn it_is_a_map(tokens in prop::collection::vec(prop::collection::vec(0_u8..4, 1..20), 0..3000), parts in 1_usize..6) {
            let mut map = TokenMap::default();
            let mut wanted = BTreeMap::new();
            let mut times = TokenMap::<u32>::default();
            for (value, token) in tokens.iter().enumerate() {
                *times.entry(Token::new(token)) += 1;
                // Whatever stands behind a token in its buffer does not count.
                let buffer: Vec<u8> = token.iter().copied().chain([7; SPOT_PADDING]).collect();
                let spot = Spot::new(&buffer, 0, token.len(), Secrets::of_process());
                map.fetch(&[spot]);
                let first = map.get_or_insert_with(spot.token(&buffer), || value);
                prop_assert_eq!(first, *wanted.entry(token).or_insert(value));
            }
            prop_assert_eq!(map.len(), wanted.len());
            let mut listed = Vec::new();
            // Parts are disjoint, and all of them together are everything.
            for part in 0..parts {
                times.each_of_part(part, parts, |token, times| listed.push((token, times)));
            }
            listed.sort_by_key(|(token, _times)| *token);
            prop_assert_eq!(listed.len(), wanted.len());
            for ((token, times), name) in listed.iter().zip(wanted.keys()) {
                let mut buffer = [0; 16];
                prop_assert_eq!(token.bytes(&mut buffer), name.as_slice());
                prop_assert_eq!(*times, tokens.iter().filter(|other| other == name).count() as u32);
            }
            for (token, value) in wanted {
                prop_assert_eq!(map.get(Token::new(token)), Some(value));
            }
        }
    }
}
