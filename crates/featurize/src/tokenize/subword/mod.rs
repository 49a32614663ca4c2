//! Subwords: byte-level byte-pair encoding (Sennrich, Haddow and Birch 2016; on bytes as in GPT-2,
//! Radford et al. 2019), as Hugging Face's `tokenizers` trains and applies it.
//!
//! Owns the merges and their use. A text is divided into words with the space before them ([`pieces`]),
//! a word into its bytes, and then, as often as possible, the two neighbours whose merge was learnt
//! first become one. Every byte has an id, so that no text is ever unknown. [`train`] learns the merges.
//!
//! It is our own because that crate changes the features of `syn` and `either` under everything else;
//! equality with its ids is a test.

pub mod pieces;
pub mod train;

use std::collections::HashMap;

use ahash::RandomState;
use thiserror::Error;

/// Two neighbours, by id, that become one.
pub type Pair = (i32, i32);

/// Why there is no subword model.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SubwordError {
    /// A byte has no token.
    #[error("no token stands for the byte {byte}")]
    Byte {
        /// The byte.
        byte: u8,
    },
    /// A merge names an id that no token has, or makes a token that is not there.
    #[error("merge {merge} joins the ids {} and {}, which gives no token", pair.0, pair.1)]
    Merge {
        /// The number of the merge, from 0.
        merge: usize,
        /// Its ids.
        pair: Pair,
    },
}

/// The merges, ready to be used.
#[derive(Debug, Clone)]
pub struct Subwords {
    bytes: Vec<i32>,
    /// By pair: the rank, lower first, and the id of what they become.
    merges: HashMap<Pair, (u32, i32), RandomState>,
}

/// The character that stands for a byte in a token's name: itself where it is visible, else one from
/// `U+0100` on, so that names have no spaces and are UTF-8. The space is `Ġ`.
pub fn byte_name(byte: u8) -> char {
    let visible = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    if visible(byte) {
        return char::from(byte);
    }
    let before = (0..byte).filter(|&other| !visible(other)).count() as u32;
    char::from_u32(0x100 + before).unwrap_or(char::REPLACEMENT_CHARACTER)
}

impl Subwords {
    /// From tokens by id, the first `reserved` of which are no subwords, and merges, best first.
    pub fn new<T: AsRef<str>>(
        tokens: &[T],
        reserved: usize,
        pairs: &[Pair],
    ) -> Result<Self, SubwordError> {
        let ids: HashMap<&str, i32, RandomState> = (0..)
            .zip(tokens)
            .skip(reserved)
            .map(|(id, token)| (token.as_ref(), id))
            .collect();
        let mut buffer = [0; 4];
        let bytes = (0..=u8::MAX)
            .map(|byte| {
                let name: &str = byte_name(byte).encode_utf8(&mut buffer);
                ids.get(name).copied().ok_or(SubwordError::Byte { byte })
            })
            .collect::<Result<_, _>>()?;
        let mut merges = HashMap::default();
        for (merge, &pair) in pairs.iter().enumerate() {
            let name = |id: i32| Some(tokens.get(usize::try_from(id).ok()?)?.as_ref());
            let whole = name(pair.0)
                .zip(name(pair.1))
                .and_then(|(left, right)| ids.get([left, right].concat().as_str()));
            let whole = *whole.ok_or(SubwordError::Merge { merge, pair })?;
            merges.insert(pair, (merge as u32, whole));
        }
        Ok(Self { bytes, merges })
    }

    /// Appends the ids of a word to `ids`. A word of n bytes and m merges takes time n·m, which
    /// [`pieces`] keeps small.
    pub fn encode(&self, word: &[u8], ids: &mut Vec<i32>) {
        let begin = ids.len();
        ids.extend(word.iter().map(|&byte| self.bytes[usize::from(byte)]));
        while let Some((rank, whole)) = self.best(&ids[begin..]) {
            self.merge(rank, whole, ids, begin);
        }
    }

    /// The merge of the lowest rank among neighbours.
    fn best(&self, ids: &[i32]) -> Option<(u32, i32)> {
        ids.windows(2)
            .filter_map(|pair| self.merges.get(&(pair[0], pair[1])))
            .min()
            .copied()
    }

    /// Merges every pair of that rank, from the left.
    fn merge(&self, rank: u32, whole: i32, ids: &mut Vec<i32>, begin: usize) {
        let mut to = begin;
        let mut from = begin;
        while from < ids.len() {
            let pair = (from + 1 < ids.len()).then(|| (ids[from], ids[from + 1]));
            let found = pair.and_then(|pair| self.merges.get(&pair));
            if found.is_some_and(|found| found.0 == rank) {
                ids[to] = whole;
                from += 2;
            } else {
                ids[to] = ids[from];
                from += 1;
            }
            to += 1;
        }
        ids.truncate(to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        (0..=u8::MAX)
            .map(|byte| byte_name(byte).to_string())
            .chain(["ab", "abc", "bc"].map(String::from))
            .collect()
    }

    #[test]
    fn names_of_bytes_are_gpt2s() {
        let names: String = [b'!', b' ', b'\n', 0, 0x7f, 0xa0, 0xad, 0xff]
            .map(byte_name)
            .iter()
            .collect();
        assert_eq!(names, "!ĠĊĀġłŃÿ");
        let distinct: std::collections::BTreeSet<char> = (0..=u8::MAX).map(byte_name).collect();
        assert_eq!(distinct.len(), 256);
    }

    #[test]
    fn the_merge_learnt_first_goes_first_from_the_left() {
        let (a, b, c) = (97, 98, 99);
        let encode = |pairs: &[Pair], word: &str| {
            let mut ids = vec![-1];
            Subwords::new(&names(), 0, pairs)
                .unwrap()
                .encode(word.as_bytes(), &mut ids);
            ids[1..].to_vec()
        };
        assert_eq!(encode(&[], "abc"), [a, b, c]);
        assert_eq!(encode(&[(a, b), (256, c)], "abcab"), [257, 256]);
        assert_eq!(encode(&[(b, c), (a, b)], "abc"), [a, 258]);
        assert_eq!(encode(&[(a, b)], &"ab".repeat(2000)), [256; 2000]);
    }

    #[test]
    fn broken_models_are_refused() {
        assert_eq!(
            Subwords::new(&names()[..255], 0, &[]).unwrap_err(),
            SubwordError::Byte { byte: 255 }
        );
        for pair in [(1, 300), (-1, 2), (97, 97)] {
            let error = Subwords::new(&names(), 0, &[pair]).unwrap_err();
            assert_eq!(error, SubwordError::Merge { merge: 0, pair });
        }
    }
}
