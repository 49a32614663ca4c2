//! A map from tokens to small values, made for words.
//!
//! Owns the look-up that everything else's speed rests on. Does not own the tokens' order: nothing
//! here is ever listed in the order of the table.
//!
//! Most words have at most 15 bytes. Such a token, with its length, is two 64-bit numbers, so that it
//! lies in its slot, and comparing it takes no second access to memory. Longer ones are kept in an
//! ordinary map.
//!
//! The hash is keyed at random, so that no text can be written that makes it slow.
//!
//! A table of a large vocabulary does not fit into the caches that are near, so the slots of all tokens
//! of a text are asked for first ([`TokenMap::hash_all`]): the processor fetches them together, while one
//! look-up after the other would wait for each.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hint::black_box;
use std::ops::Range;

use ahash::RandomState;

/// The longest token that lies in its slot.
const LONGEST_INLINE: usize = 15;
/// Bytes behind a token that [`Spot::new`] reads at once.
pub const PADDING: usize = 16;
/// Slots of an empty map.
const FIRST_SLOTS: usize = 1 << 8;

/// A token, ready to be looked up.
#[derive(Debug, Clone, Copy)]
pub struct Token<'a> {
    bytes: &'a [u8],
    key: Key,
}

/// Where a token stands in a buffer, ready to be looked up there.
#[derive(Debug, Clone, Copy)]
pub struct Spot {
    key: Key,
    begin: u32,
    end: u32,
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

impl Spot {
    /// The token that stands at `begin..end` of a buffer with at least [`PADDING`] bytes behind it.
    /// It is not empty. Buffers have less than 4 GB, as the columns of a table do.
    #[inline]
    pub fn new(buffer: &[u8], begin: usize, end: usize) -> Self {
        let length = end - begin;
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
        Self {
            key,
            begin: begin as u32,
            end: end as u32,
        }
    }

    /// Where it stands.
    #[inline]
    pub fn range(&self) -> Range<usize> {
        self.begin as usize..self.end as usize
    }

    /// The token, of the same buffer.
    #[inline]
    pub fn token<'a>(&self, buffer: &'a [u8]) -> Token<'a> {
        let bytes = if self.key == LONG {
            &buffer[self.range()]
        } else {
            &[]
        };
        Token {
            bytes,
            key: self.key,
        }
    }
}

impl<'a> Token<'a> {
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

    /// The token's bytes, of which the short ones are written to `buffer`.
    pub fn bytes<'b>(&'b self, buffer: &'b mut [u8; 16]) -> &'b [u8] {
        if self.is_long() {
            return self.bytes;
        }
        buffer[..8].copy_from_slice(&self.key[0].to_le_bytes());
        buffer[8..].copy_from_slice(&self.key[1].to_le_bytes());
        let length = usize::from(buffer[15]);
        &buffer[..length.min(LONGEST_INLINE)]
    }
}

/// By bytes.
impl Ord for Token<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let (mut own, mut others) = ([0; 16], [0; 16]);
        self.bytes(&mut own).cmp(other.bytes(&mut others))
    }
}

impl PartialOrd for Token<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Token<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Token<'_> {}

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

    /// The hash of every token, in order; their slots are on their way when it returns.
    #[inline]
    pub fn hash_all(&self, tokens: &[Spot], hashes: &mut Vec<u32>) {
        let mask = self.slots.len() - 1;
        let mut touched = 0;
        hashes.clear();
        hashes.extend(tokens.iter().map(|token| {
            let hash = self.hash(token.key);
            touched ^= self.slots[hash as usize & mask].key[0];
            hash
        }));
        black_box(touched);
    }

    /// The value of a token.
    #[inline]
    pub fn get(&self, token: Token<'_>) -> Option<V> {
        self.get_hashed(token, self.hash(token.key))
    }

    /// The value of a token whose hash is known.
    #[inline]
    pub fn get_hashed(&self, token: Token<'_>, hash: u32) -> Option<V> {
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
        hash: u32,
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
        self.entry_hashed(token, self.hash(token.key))
    }

    /// The value of a token whose hash is known, to be changed; the default where it has none.
    #[inline]
    pub fn entry_hashed(&mut self, token: Token<'_>, hash: u32) -> &mut V {
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
        let place = self.place(token.key, self.hash(token.key));
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
    fn place(&self, key: Key, hash: u32) -> usize {
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
    fn hash(&self, key: Key) -> u32 {
        let product = u128::from(key[0] ^ self.secrets[0]) * u128::from(key[1] ^ self.secrets[1]);
        ((product >> 64) as u64 ^ product as u64) as u32
    }

    #[cold]
    fn fill(&mut self, place: usize, key: Key, value: V) {
        self.slots[place] = Slot { key, value };
        self.used += 1;
        if self.used * 2 > self.slots.len() {
            let larger = vec![Slot::default(); self.slots.len() * 2];
            let before = std::mem::replace(&mut self.slots, larger);
            for slot in before.into_iter().filter(|slot| slot.key != [0; 2]) {
                let place = self.place(slot.key, self.hash(slot.key));
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
            let mut times = TokenMap::<u32>::default();
            for (value, token) in tokens.iter().enumerate() {
                *times.entry(Token::new(token)) += 1;
                // Whatever stands behind a token in its buffer does not count.
                let buffer: Vec<u8> = token.iter().copied().chain([7; PADDING]).collect();
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
