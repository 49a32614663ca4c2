//! A map from tokens to small values, made for words.
//!
//! Owns the look-up that everything else's speed rests on. Does not own the tokens' order: nothing
//! here is ever listed in the order of the table.
//!
//! Most words have at most 15 bytes. Such a token, with its length, is two 64-bit numbers, so that it
//! lies in its slot, and comparing it takes no second access to memory. Longer ones are kept in an
//! ordinary map. The hash is keyed at random, so that no text can be written that makes it slow.

use std::collections::HashMap;

use ahash::RandomState;

/// The longest token that lies in its slot.
const LONGEST_INLINE: usize = 15;
/// Bytes behind a token that [`Token::padded`] reads at once.
pub const PADDING: usize = 16;
/// Slots of an empty map.
const FIRST_SLOTS: usize = 1 << 10;

/// A token, ready to be looked up.
#[derive(Debug, Clone, Copy)]
pub struct Token<'a> {
    bytes: &'a [u8],
    key: Key,
}

/// The bytes of a short token, zeros behind them, and its length in the last byte. A long token's
/// length is none that a short one has.
type Key = [u64; 2];

/// A map from tokens to `V`.
#[derive(Debug, Clone)]
pub struct TokenMap<V> {
    slots: Vec<Slot<V>>,
    /// Slots in use.
    used: usize,
    long: HashMap<Box<[u8]>, V, RandomState>,
    secrets: [u64; 2],
}

#[derive(Debug, Clone, Copy)]
struct Slot<V> {
    /// A length of 0 marks a free slot: no token is empty.
    key: Key,
    value: V,
}

impl<'a> Token<'a> {
    /// The token that stands at `begin..end` of a buffer with at least [`PADDING`] bytes behind it.
    /// It is not empty.
    #[inline]
    pub fn padded(buffer: &'a [u8], begin: usize, end: usize) -> Self {
        let length = end - begin;
        let bytes = &buffer[begin..end];
        let key = if length <= LONGEST_INLINE {
            let (low, high) = (word(buffer, begin), word(buffer, begin + 8));
            let low_bits = 8 * length.min(8) as u32;
            let high_bits = 8 * length.saturating_sub(8) as u32;
            [
                low & (u64::MAX >> (64 - low_bits)),
                high & !(u64::MAX << high_bits) | (length as u64) << 56,
            ]
        } else {
            LONG
        };
        Self { bytes, key }
    }

    /// Any token that is not empty.
    pub fn new(bytes: &'a [u8]) -> Self {
        let length = bytes.len();
        let key = if length <= LONGEST_INLINE {
            let mut padded = [0; 16];
            padded[..length].copy_from_slice(bytes);
            [word(&padded, 0), word(&padded, 8) | (length as u64) << 56]
        } else {
            LONG
        };
        Self { bytes, key }
    }

    fn is_long(&self) -> bool {
        self.key == LONG
    }
}

/// The key of every token that does not fit.
const LONG: Key = [u64::MAX; 2];

#[inline]
fn word(buffer: &[u8], at: usize) -> u64 {
    buffer[at..]
        .first_chunk()
        .map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

impl<V: Copy + Default> Default for TokenMap<V> {
    fn default() -> Self {
        let state = RandomState::new();
        Self {
            slots: vec![Slot::default(); FIRST_SLOTS],
            used: 0,
            long: HashMap::default(),
            secrets: [state.hash_one(1), state.hash_one(2)],
        }
    }
}

impl<V: Copy + Default> Default for Slot<V> {
    fn default() -> Self {
        Self {
            key: [0; 2],
            value: V::default(),
        }
    }
}

impl<V: Copy + Default> TokenMap<V> {
    /// How many tokens it holds.
    pub fn len(&self) -> usize {
        self.used + self.long.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a token.
    #[inline]
    pub fn get(&self, token: Token<'_>) -> Option<V> {
        if token.is_long() {
            return self.long.get(token.bytes).copied();
        }
        let slot = &self.slots[self.place(token.key)];
        (slot.key == token.key).then_some(slot.value)
    }

    /// The value of a token; where it has none, the one that `make` gives.
    #[inline]
    pub fn get_or_insert_with(&mut self, token: Token<'_>, make: impl FnOnce() -> V) -> V {
        if token.is_long() {
            if let Some(value) = self.long.get(token.bytes) {
                return *value;
            }
            let value = make();
            self.long.insert(token.bytes.into(), value);
            return value;
        }
        let place = self.place(token.key);
        let slot = &self.slots[place];
        if slot.key == token.key {
            return slot.value;
        }
        let value = make();
        self.fill(place, token.key, value);
        value
    }

    /// Gives a token a value; the one that it had before.
    pub fn insert(&mut self, token: Token<'_>, value: V) -> Option<V> {
        if token.is_long() {
            return self.long.insert(token.bytes.into(), value);
        }
        let place = self.place(token.key);
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

    /// The slot of a key, or the free one where it belongs.
    #[inline]
    fn place(&self, key: Key) -> usize {
        let mask = self.slots.len() - 1;
        let product = u128::from(key[0] ^ self.secrets[0]) * u128::from(key[1] ^ self.secrets[1]);
        let mut place = ((product >> 64) as u64 ^ product as u64) as usize & mask;
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
        if self.used * 2 > self.slots.len() {
            let larger = vec![Slot::default(); self.slots.len() * 2];
            let before = std::mem::replace(&mut self.slots, larger);
            for slot in before.into_iter().filter(|slot| slot.key != [0; 2]) {
                let place = self.place(slot.key);
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
            for (value, token) in tokens.iter().enumerate() {
                // Whatever stands behind a token in its buffer does not count.
                let buffer: Vec<u8> = token.iter().copied().chain([7; PADDING]).collect();
                let first = map.get_or_insert_with(Token::padded(&buffer, 0, token.len()), || value);
                prop_assert_eq!(first, *wanted.entry(token).or_insert(value));
            }
            prop_assert_eq!(map.len(), wanted.len());
            for (token, value) in wanted {
                prop_assert_eq!(map.get(Token::new(token)), Some(value));
            }
        }
    }
}
