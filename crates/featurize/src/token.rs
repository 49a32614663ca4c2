//! A token as it is looked up: its bytes as two numbers, where they fit.
//!
//! Owns the form and the hash. Does not own the look-up (`token_map`). Most words have at most 15 bytes. Such a
//! token, with its length, is two 64-bit numbers, which are compared at once.
//!
//! The hash is keyed at random in each process, so that no text can be written that makes look-ups slow.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::LazyLock;

use ahash::RandomState;

/// The longest token that is two numbers.
const LONGEST_INLINE: usize = 15;
/// Bytes behind a token that [`Spot::new`] reads at once.
pub const SPOT_PADDING: usize = 16;

/// A token, ready to be looked up.
#[derive(Debug, Clone, Copy)]
pub struct Token<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) key: Key,
    pub(crate) hash: u64,
}

/// Where a token stands in a buffer, ready to be looked up there.
#[derive(Debug, Clone, Copy)]
pub struct Spot {
    key: Key,
    pub(crate) hash: u64,
    begin: u32,
    end: u32,
}

/// The bytes of a short token, zeros behind them, and its length in the last byte. A long token's
/// length is none that a short one has.
pub(crate) type Key = [u64; 2];

/// The key of every token that does not fit.
pub(crate) const LONG: Key = [u64::MAX; 2];

/// What a key is hashed with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Secrets([u64; 2]);

impl Secrets {
    /// This process's.
    pub(crate) fn of_process() -> Self {
        static SECRETS: LazyLock<Secrets> = LazyLock::new(|| {
            let state = RandomState::new();
            Secrets([state.hash_one(1), state.hash_one(2)])
        });
        *SECRETS
    }

    /// The hash of a key.
    #[inline]
    pub(crate) fn hash(self, key: Key) -> u64 {
        let product = u128::from(key[0] ^ self.0[0]) * u128::from(key[1] ^ self.0[1]);
        (product >> 64) as u64 ^ product as u64
    }
}

/// By length, the bits of a key that are the token's.
const KEPT: [Key; LONGEST_INLINE + 1] = {
    let mut kept = [[0; 2]; LONGEST_INLINE + 1];
    let mut length = 1;
    while length <= LONGEST_INLINE {
        let bits = u128::MAX >> (128 - 8 * length);
        kept[length] = [bits as u64, (bits >> 64) as u64];
        length += 1;
    }
    kept
};

impl Spot {
    /// The token that stands at `begin..end` of a buffer with at least [`SPOT_PADDING`] bytes behind it.
    /// It is not empty. Buffers have less than 4 GB, as the columns of a table do.
    #[inline(always)]
    pub(crate) fn new(buffer: &[u8], begin: usize, end: usize, secrets: Secrets) -> Self {
        let length = end - begin;
        let key = if length <= LONGEST_INLINE {
            let (low, high) = words(buffer, begin);
            let kept = KEPT[length];
            [low & kept[0], high & kept[1] | (length as u64) << 56]
        } else {
            LONG
        };
        Self {
            key,
            hash: secrets.hash(key),
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
        let mut token = Token::of_key(self.key, self.hash);
        if token.is_long() {
            token.bytes = &buffer[self.range()];
        }
        token
    }
}

impl<'a> Token<'a> {
    /// Any token that is not empty.
    pub fn new(bytes: &'a [u8]) -> Self {
        let length = bytes.len();
        let key = if length <= LONGEST_INLINE {
            let mut padded = [0; 16];
            padded[..length].copy_from_slice(bytes);
            let (low, high) = words(&padded, 0);
            [low, high | (length as u64) << 56]
        } else {
            LONG
        };
        let hash = Secrets::of_process().hash(key);
        Self { bytes, key, hash }
    }

    /// The token of a key, if it is short.
    #[inline]
    pub(crate) fn of_key(key: Key, hash: u64) -> Self {
        let bytes = &[];
        Self { bytes, key, hash }
    }

    #[inline]
    pub(crate) fn is_long(&self) -> bool {
        // No short one has that length.
        self.key[1] == LONG[1]
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
        if !self.is_long() && !other.is_long() {
            // The length comes last, and decides between tokens that differ in zeros behind.
            return self
                .key
                .map(u64::swap_bytes)
                .cmp(&other.key.map(u64::swap_bytes));
        }
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

/// The sixteen bytes from `at` on, as two numbers.
#[inline]
fn words(buffer: &[u8], at: usize) -> (u64, u64) {
    let bytes: &[u8; 16] = buffer[at..].first_chunk().unwrap_or(&[0; 16]);
    let both = u128::from_le_bytes(*bytes);
    (both as u64, (both >> 64) as u64)
}
