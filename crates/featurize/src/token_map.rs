//! A map from tokens to small values, made for words.
//!
//! Owns the look-up that everything else's speed rests on. Does not own the tokens' order: nothing
//! here is ever listed in the order of the table.
//!
//! A token of at most 15 bytes lies in its slot, beside its value, and a slot lies in one line of the
//! processor's cache: whatever is done with a token takes one access to memory, and in a table of hundreds of
//! thousands of words these accesses are what takes the time. Longer tokens are kept in an ordinary map.
//!
//! The slots of all tokens of a text are asked for first ([`TokenMap::hash_all`]): the processor fetches
//! them together, while one look-up after the other would wait for each.
//!
//! The hash is keyed at random, so that no text can be written that makes it slow.

use std::collections::HashMap;
use std::hint::black_box;

use ahash::RandomState;

use crate::token::{Key, LONG, Spot, Token};

/// Slots of an empty map.
const FIRST_SLOTS: usize = 1 << 8;

/// A map from tokens to `V`, which has at most 16 bytes if it is to be quick.
#[derive(Debug, Clone)]
pub struct TokenMap<V> {
    slots: Vec<Slot<V>>,
    /// Slots in use.
    used: usize,
    long: HashMap<Box<[u8]>, V, RandomState>,
    secrets: [u64; 2],
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
        let state = RandomState::new();
        Self::with_secrets(tokens, [state.hash_one(1), state.hash_one(2)])
    }

    /// An empty map that hashes tokens as `other` does.
    pub fn hashing_like<W>(other: &TokenMap<W>) -> Self {
        Self::with_secrets(0, other.secrets)
    }

    fn with_secrets(tokens: usize, secrets: [u64; 2]) -> Self {
        let slots = (tokens * 4 / 3 + 1).next_power_of_two().max(FIRST_SLOTS);
        Self {
            slots: vec![Slot::default(); slots],
            used: 0,
            long: HashMap::default(),
            secrets,
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

    /// The hash of every token, in order; their slots are on their way when it returns.
    #[inline]
    pub fn hash_all(&self, tokens: &[Spot], hashes: &mut Vec<u64>) {
        let mask = self.slots.len() - 1;
        hashes.clear();
        hashes.extend(tokens.iter().map(|token| self.hash_key(token.key)));
        let slots = hashes.iter().map(|&hash| &self.slots[hash as usize & mask]);
        black_box(slots.fold(0, |touched, slot| touched ^ slot.key[0]));
    }

    /// A token's hash.
    #[inline]
    pub fn hash(&self, token: Token<'_>) -> u64 {
        self.hash_key(token.key)
    }

    /// The value of a token.
    #[inline]
    pub fn get(&self, token: Token<'_>) -> Option<V> {
        self.get_hashed(token, self.hash(token))
    }

    /// The value of a token whose hash is known.
    #[inline]
    pub fn get_hashed(&self, token: Token<'_>, hash: u64) -> Option<V> {
        if token.is_long() {
            return self.long.get(token.bytes).copied();
        }
        let slot = &self.slots[self.place(token.key, hash)];
        (slot.key == token.key).then_some(slot.value)
    }

    /// The value of a token whose hash is known; where it has none, the one that `make` gives.
    #[inline]
    pub fn get_or_insert_with(
        &mut self,
        token: Token<'_>,
        hash: u64,
        make: impl FnOnce() -> V,
    ) -> V {
        match self.get_hashed(token, hash) {
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
        self.entry_hashed(token, self.hash(token))
    }

    /// The value of a token whose hash is known, to be changed; the default where it has none.
    #[inline]
    pub fn entry_hashed(&mut self, token: Token<'_>, hash: u64) -> &mut V {
        if token.is_long() {
            return self.long_entry(token.bytes);
        }
        let mut place = self.place(token.key, hash);
        if self.slots[place].key != token.key {
            self.fill(place, token.key, V::default());
            place = self.place(token.key, hash);
        }
        &mut self.slots[place].value
    }

    /// Every token with its value, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (Token<'_>, V)> {
        let short = self.slots.iter().filter(|slot| slot.key != [0; 2]);
        let short = short.map(|slot| {
            let bytes: &[u8] = &[];
            (
                Token {
                    bytes,
                    key: slot.key,
                },
                slot.value,
            )
        });
        let long = self
            .long
            .iter()
            .map(|(bytes, value)| (Token { bytes, key: LONG }, *value));
        short.chain(long)
    }

    /// Gives a token a value; the one that it had before.
    pub fn insert(&mut self, token: Token<'_>, value: V) -> Option<V> {
        if token.is_long() {
            return self.long.insert(token.bytes.into(), value);
        }
        let place = self.place(token.key, self.hash(token));
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

    /// The slot of a key, or the free one where it belongs.
    #[inline]
    fn place(&self, key: Key, hash: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            let found = self.slots[place].key;
            if found == key || found == [0; 2] {
                return place;
            }
            place = (place + 1) & mask;
        }
    }

    #[inline]
    fn hash_key(&self, key: Key) -> u64 {
        let product = u128::from(key[0] ^ self.secrets[0]) * u128::from(key[1] ^ self.secrets[1]);
        (product >> 64) as u64 ^ product as u64
    }

    #[cold]
    fn fill(&mut self, place: usize, key: Key, value: V) {
        self.slots[place] = Slot { key, value };
        self.used += 1;
        if self.used * 4 > self.slots.len() * 3 {
            let larger = vec![Slot::default(); self.slots.len() * 2];
            let before = std::mem::replace(&mut self.slots, larger);
            for slot in before.into_iter().filter(|slot| slot.key != [0; 2]) {
                let place = self.place(slot.key, self.hash_key(slot.key));
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
        fn it_is_a_map(tokens in prop::collection::vec(prop::collection::vec(0_u8..4, 1..20), 0..3000)) {
            let mut map = TokenMap::default();
            let mut wanted = BTreeMap::new();
            let mut times = TokenMap::<u32>::default();
            for (value, token) in tokens.iter().enumerate() {
                *times.entry(Token::new(token)) += 1;
                // Whatever stands behind a token in its buffer does not count.
                let buffer: Vec<u8> = token.iter().copied().chain([7; SPOT_PADDING]).collect();
                let spot = Spot::new(&buffer, 0, token.len());
                let mut hashes = Vec::new();
                map.hash_all(&[spot], &mut hashes);
                let first = map.get_or_insert_with(spot.token(&buffer), hashes[0], || value);
                prop_assert_eq!(first, *wanted.entry(token).or_insert(value));
            }
            prop_assert_eq!(map.len(), wanted.len());
            let mut listed: Vec<_> = times.iter().collect();
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
