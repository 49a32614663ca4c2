//! The encoder: a text to ids. One function for a whole table and for a single review.
//!
//! Owns the look-up and the way to and from `encoder.json`. Does not own the terms (`preprocess`), the
//! lists' lengths (`lengths`), nor the file's format (`cinescore_artifact::encoder`).
//!
//! Ids: 0 padding, 1 start, 2 unknown, terms from 3. A text is `[start]`, then its terms; cut to
//! the longest length, in front (the start id then falls away first, as with Keras's
//! `pad_sequences` on its own reviews) or behind; then padded, where that is asked for. A text
//! without terms is `[start]`, or `[unknown]` where lists do not begin with the start, so that no list
//! is empty of all but padding.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use cinescore_artifact::digest::Digest;
use cinescore_artifact::encoder::{
    ENCODER_VERSION, EncoderFile, PADDING_ID, RESERVED, START_ID, UNKNOWN_ID, digest_of_terms,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::counted::Counted;
use crate::lengths::{Lengths, Pad};
use crate::preprocess::{Memory, Preprocessing, Tokens};
use crate::terms::Terms;
use crate::token::Token;
use crate::token_map::TokenMap;
use crate::tokenize::Tokenizer;
use crate::tokenize::subword::{Pair, SubwordError, Subwords};

/// Texts that one task of a batch encodes.
const TEXTS_A_TASK: usize = 32;
/// Zeros that one task writes at least.
const ZEROS_A_TASK: usize = 1 << 16;

/// Why there is no encoder.
#[derive(Debug, Error)]
pub enum EncoderError {
    /// It is no JSON, or not that of an encoder.
    #[error("the encoder is not the JSON that this program writes")]
    Malformed {
        /// Where and how.
        source: serde_json::Error,
    },
    /// It was written by another version.
    #[error("the encoder has version {found}; this program reads version {ENCODER_VERSION}")]
    Version {
        /// The version in the file.
        found: u32,
    },
    /// Its settings are not those of this program's encoders.
    #[error("the encoder's `preprocessing` is not understood")]
    Preprocessing {
        /// Where and how.
        source: serde_json::Error,
    },
    /// The first tokens are not the reserved ones.
    #[error("the encoder's first tokens are not the reserved `{}`", RESERVED.join("`, `"))]
    Reserved,
    /// A token has two ids.
    #[error("the encoder's token `{token}` has two ids, {first} and {second}")]
    Twice {
        /// The token.
        token: String,
        /// Its lower id.
        first: i32,
        /// Its higher id.
        second: i32,
    },
    /// The merges do not fit the tokens.
    #[error("the encoder's subwords are broken")]
    Subwords(#[from] SubwordError),
    /// Merges are given for whole words, or missing for subwords.
    #[error("the encoder's `merges` and its tokenizer contradict each other")]
    Merges,
    /// There are more tokens than ids.
    #[error("the encoder has {tokens} tokens, more than there are ids")]
    TooMany {
        /// How many.
        tokens: usize,
    },
    /// A token has no name.
    #[error("the encoder's token {id} is empty")]
    Nameless {
        /// Its id.
        id: i32,
    },
    /// No list can have that length.
    #[error("the encoder's `max_length` is 0")]
    Empty,
    /// Lists cannot be padded to no length.
    #[error("the encoder pads, but has no `max_length` to pad to")]
    PadsWithoutLength,
    /// The file contradicts itself.
    #[error("the encoder's `padded` is {padded}, which contradicts its `preprocessing`")]
    Contradiction {
        /// What the file says.
        padded: bool,
    },
}

/// The settings of an encoder, as `encoder.json` keeps them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// From a text to its terms.
    pub text: Preprocessing,
    /// From ids to a list.
    pub list: Lengths,
    /// The pairs of ids that become one, best first; for subwords only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merges: Option<Vec<Pair>>,
}

/// Turns texts into ids.
#[derive(Debug)]
pub struct Encoder {
    settings: Settings,
    max_length: Option<usize>,
    tokens: Arc<[Box<str>]>,
    ids: TokenMap<i32>,
    subwords: Option<Subwords>,
    /// Tells this encoder from others, for what a [`Scratch`] remembers.
    number: u64,
    /// Buffers that batches leave for the next one.
    idle: Mutex<Vec<Scratch>>,
}

/// The buffers in which a text is encoded; kept between texts, they cost no allocation.
#[derive(Debug, Default)]
pub struct Scratch {
    tokens: Tokens,
    found: Vec<i32>,
    /// The encoder whose tokens are remembered.
    encoder: u64,
    /// The id of a token's term, or [`DROPPED`].
    terms: Memory<i32>,
    /// Where in `pieces` a word's ids are.
    words: Memory<(u32, u32)>,
    pieces: Vec<i32>,
}

/// What is remembered of a token that has no term.
const DROPPED: i32 = -1;
/// Ids of subwords that are remembered at most.
const PIECES_REMEMBERED: usize = 1 << 20;

/// What encoding did to a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoded {
    /// Terms, before the cut.
    pub tokens: u64,
    /// Those of them without an id, before the cut.
    pub unknown: u64,
    /// Ids in the list that are not padding.
    pub length: u32,
    /// Ids in the list, padding included.
    pub padded_length: u32,
    /// Whether something was cut off.
    pub truncated: bool,
}

/// A text, or what counting left of it.
#[derive(Debug, Clone, Copy)]
pub enum Known<'a> {
    /// The text.
    Text(&'a str),
    /// Its terms, counted in the same way for this encoder's tokens.
    Counted(Counted<'a>),
}

/// The ids of a batch of texts, one after another.
#[derive(Debug, Default)]
pub struct EncodedBatch {
    /// The ids of all texts.
    pub ids: Vec<i32>,
    /// Each text's.
    pub texts: Vec<Encoded>,
}

impl Encoder {
    /// An encoder whose tokens, by id, begin with the reserved ones.
    pub fn new(
        settings: Settings,
        max_length: Option<u32>,
        tokens: Arc<[Box<str>]>,
    ) -> Result<Self, EncoderError> {
        if max_length == Some(0) {
            return Err(EncoderError::Empty);
        }
        if settings.list.pad != Pad::None && max_length.is_none() {
            return Err(EncoderError::PadsWithoutLength);
        }
        if i32::try_from(tokens.len()).is_err() {
            return Err(EncoderError::TooMany {
                tokens: tokens.len(),
            });
        }
        if !tokens
            .iter()
            .take(RESERVED.len())
            .map(AsRef::as_ref)
            .eq(RESERVED)
        {
            return Err(EncoderError::Reserved);
        }
        let mut ids = TokenMap::with_capacity(tokens.len());
        // Reserved ids are not looked up: a text that says `<start>` must not get that id.
        for (second, token) in (0..).zip(&*tokens).skip(RESERVED.len()) {
            if token.is_empty() {
                return Err(EncoderError::Nameless { id: second });
            }
            if let Some(first) = ids.insert(Token::new(token.as_bytes()), second) {
                return Err(EncoderError::Twice {
                    token: token.to_string(),
                    first,
                    second,
                });
            }
        }
        if settings.merges.is_some() != (settings.text.tokenizer == Tokenizer::Subword) {
            return Err(EncoderError::Merges);
        }
        let subwords = settings
            .merges
            .as_ref()
            .map(|pairs| Subwords::new(&tokens, RESERVED.len(), pairs))
            .transpose()?;
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        Ok(Self {
            settings,
            max_length: max_length.map(|length| length as usize),
            tokens,
            ids,
            subwords,
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            idle: Mutex::default(),
        })
    }

    /// The encoder of the bytes of an `encoder.json`.
    pub fn from_json(bytes: &[u8]) -> Result<Self, EncoderError> {
        /// Read first, because another version may have other fields.
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let malformed = |source| EncoderError::Malformed { source };
        let Versioned { version } = serde_json::from_slice(bytes).map_err(malformed)?;
        check_version(version)?;
        Self::from_file(serde_json::from_slice(bytes).map_err(malformed)?)
    }

    /// The encoder that a file describes.
    pub fn from_file(file: EncoderFile) -> Result<Self, EncoderError> {
        check_version(file.version)?;
        let settings = Settings::deserialize(&file.preprocessing)
            .map_err(|source| EncoderError::Preprocessing { source })?;
        if file.padded != (settings.list.pad != Pad::None) {
            return Err(EncoderError::Contradiction {
                padded: file.padded,
            });
        }
        let tokens = file
            .tokens
            .into_iter()
            .map(String::into_boxed_str)
            .collect();
        Self::new(settings, file.max_length, tokens)
    }

    /// The encoder as a file.
    pub fn to_file(&self) -> Result<EncoderFile, EncoderError> {
        Ok(EncoderFile {
            version: ENCODER_VERSION,
            preprocessing: serde_json::to_value(&self.settings)
                .map_err(|source| EncoderError::Preprocessing { source })?,
            max_length: self.max_length.map(|length| length as u32),
            padded: self.settings.list.pad != Pad::None,
            tokens: self.tokens.iter().map(ToString::to_string).collect(),
        })
    }

    /// The digest of its tokens by id.
    pub fn terms(&self) -> Digest {
        digest_of_terms(self.tokens.iter().map(AsRef::as_ref))
    }

    /// How many ids there are, reserved ones included.
    pub fn ids(&self) -> usize {
        self.tokens.len()
    }

    /// The ids of a text.
    pub fn encode(&self, text: &str) -> Vec<i32> {
        let mut ids = Vec::new();
        self.encode_into(text, &mut Scratch::default(), &mut ids);
        ids
    }

    /// Appends the ids of a text to `ids`.
    pub fn encode_into(&self, text: &str, scratch: &mut Scratch, ids: &mut Vec<i32>) -> Encoded {
        self.encode_known_into(Known::Text(text), scratch, ids)
    }

    fn encode_known_into(
        &self,
        text: Known<'_>,
        scratch: &mut Scratch,
        ids: &mut Vec<i32>,
    ) -> Encoded {
        self.find(text, scratch);
        let begin = ids.len();
        let length = self
            .settings
            .list
            .length(scratch.found.len(), self.max_length);
        ids.resize(begin + length, PADDING_ID);
        self.settle(scratch, &mut ids[begin..])
    }

    /// Finds the ids of a text, and leaves them in `scratch`.
    fn find(&self, text: Known<'_>, scratch: &mut Scratch) {
        if scratch.encoder != self.number {
            *scratch = Scratch {
                encoder: self.number,
                ..Scratch::default()
            };
        }
        scratch.found.clear();
        if self.settings.list.start {
            scratch.found.push(START_ID);
        }
        let text = match text {
            Known::Text(text) => text,
            Known::Counted(terms) => {
                terms.ids_into(&mut scratch.found);
                return;
            }
        };
        self.settings.text.find_tokens(text, &mut scratch.tokens);
        if let Some(subwords) = &self.subwords {
            scratch.find_pieces(subwords);
        } else if self.settings.text.terms.is_identity() {
            scratch.find_tokens(&self.ids);
        } else {
            scratch.find_terms(&self.settings.text.terms, &self.ids);
        }
    }

    /// Writes the ids that were found to a list of zeros, which has its length.
    fn settle(&self, scratch: &Scratch, list: &mut [i32]) -> Encoded {
        let found = &scratch.found;
        let begin = usize::from(self.settings.list.start);
        // No text has 2^32 terms; in 32 bits the processor adds up several at a time.
        let unknown = found[begin..].iter().map(|id| u32::from(*id == UNKNOWN_ID));
        let unknown = u64::from(unknown.sum::<u32>());
        let length = self.settings.list.fit(found, list);
        Encoded {
            tokens: (found.len() - begin) as u64,
            unknown,
            length: length as u32,
            padded_length: list.len() as u32,
            truncated: length < found.len(),
        }
    }

    /// The ids of many texts, on all threads of rayon's current pool; the same as one by one.
    pub fn encode_batch(&self, texts: &[&str]) -> EncodedBatch {
        let texts: Vec<Known<'_>> = texts.iter().copied().map(Known::Text).collect();
        self.encode_known_batch(&texts)
    }

    /// The ids of many texts, of which some were counted before; the same as without that.
    pub fn encode_known_batch(&self, texts: &[Known<'_>]) -> EncodedBatch {
        match self
            .max_length
            .filter(|_length| self.settings.list.pad != Pad::None)
        {
            Some(length) => self.encode_padded(texts, length),
            None => self.encode_ragged(texts),
        }
    }

    /// Lists of one length: each is written where it belongs.
    fn encode_padded(&self, texts: &[Known<'_>], length: usize) -> EncodedBatch {
        // By all threads: one alone would keep the others waiting.
        let zeros = rayon::iter::repeat_n(PADDING_ID, texts.len() * length);
        let mut ids: Vec<i32> = zeros.with_min_len(ZEROS_A_TASK).collect();
        let texts = texts
            .par_chunks(TEXTS_A_TASK)
            .zip(ids.par_chunks_mut(TEXTS_A_TASK * length))
            .flat_map_iter(|(texts, ids)| {
                self.with_scratch(|scratch| {
                    let lists = texts.iter().zip(ids.chunks_mut(length));
                    let encode = |(text, list): (&Known<'_>, &mut [i32])| {
                        self.find(*text, scratch);
                        self.settle(scratch, list)
                    };
                    lists.map(encode).collect::<Vec<_>>()
                })
            })
            .collect();
        EncodedBatch { ids, texts }
    }

    /// Lists of their own lengths: parts, put together.
    fn encode_ragged(&self, texts: &[Known<'_>]) -> EncodedBatch {
        let parts: Vec<EncodedBatch> = texts
            .par_chunks(TEXTS_A_TASK)
            .map(|texts| {
                self.with_scratch(|scratch| {
                    let mut part = EncodedBatch::default();
                    for text in texts {
                        let encoded = self.encode_known_into(*text, scratch, &mut part.ids);
                        part.texts.push(encoded);
                    }
                    part
                })
            })
            .collect();
        let mut batch = EncodedBatch::default();
        batch
            .ids
            .reserve(parts.iter().map(|part| part.ids.len()).sum());
        for part in parts {
            batch.ids.extend_from_slice(&part.ids);
            batch.texts.extend(part.texts);
        }
        batch
    }

    /// Works with buffers that earlier batches left, and leaves them to later ones.
    fn with_scratch<R>(&self, work: impl FnOnce(&mut Scratch) -> R) -> R {
        let idle = || self.idle.lock().ok()?.pop();
        let mut scratch = idle().unwrap_or_default();
        let result = work(&mut scratch);
        if let Ok(mut idle) = self.idle.lock() {
            idle.push(scratch);
        }
        result
    }
}

impl Scratch {
    /// Finds the ids of tokens that are their own terms.
    fn find_tokens(&mut self, ids: &TokenMap<i32>) {
        let (bytes, spots) = (self.tokens.text().as_bytes(), self.tokens.spots());
        ids.fetch(spots);
        self.found.extend(spots.iter().map(|spot| {
            let id = ids.get(spot.token(bytes));
            id.unwrap_or(UNKNOWN_ID)
        }));
    }

    /// Finds the ids of tokens that become other terms.
    fn find_terms(&mut self, terms: &Terms, ids: &TokenMap<i32>) {
        let (text, spots) = (self.tokens.text(), self.tokens.spots());
        self.terms.fetch(spots);
        for spot in spots {
            let token = spot.token(text.as_bytes());
            let id = self.terms.get(token, || {
                terms.term(&text[spot.range()]).map_or(DROPPED, |term| {
                    let id = ids.get(Token::new(term.as_bytes()));
                    id.unwrap_or(UNKNOWN_ID)
                })
            });
            if id != DROPPED {
                self.found.push(id);
            }
        }
    }

    /// Finds the ids of the pieces of words.
    fn find_pieces(&mut self, subwords: &Subwords) {
        if self.pieces.len() > PIECES_REMEMBERED {
            self.pieces.clear();
            self.words = Memory::default();
        }
        let (bytes, spots) = (self.tokens.text().as_bytes(), self.tokens.spots());
        self.words.fetch(spots);
        let pieces = &mut self.pieces;
        for spot in spots {
            let (begin, end) = self.words.get(spot.token(bytes), || {
                let begin = pieces.len() as u32;
                subwords.encode(&bytes[spot.range()], pieces);
                (begin, pieces.len() as u32)
            });
            self.found
                .extend_from_slice(&pieces[begin as usize..end as usize]);
        }
    }
}

fn check_version(found: u32) -> Result<(), EncoderError> {
    if found == ENCODER_VERSION {
        Ok(())
    } else {
        Err(EncoderError::Version { found })
    }
}

#[cfg(test)]
mod tests;
