//! The encoder: a text to ids. One function for a whole table and for a single review.
//!
//! Owns the look-up, the cut and the padding, and the way to and from `encoder.json`. Does not own
//! the cleaning and the tokens (`preprocess`), nor the file's format
//! (`cinescore_artifact::encoder`).
//!
//! Ids: 0 padding, 1 start, 2 unknown, tokens from 3. A text is `[start]`, then its tokens; cut to
//! the longest length, in front (the start id then falls away first, as with Keras's
//! `pad_sequences` on its own reviews) or behind; then padded, where that is asked for. A text
//! without tokens is `[start]`, so that no list is empty of all but padding.

use std::collections::HashMap;

use ahash::RandomState;
use cinescore_artifact::encoder::{
    ENCODER_VERSION, EncoderFile, PADDING_ID, RESERVED, START_ID, UNKNOWN_ID,
};
use rayon::prelude::*;
use serde::Deserialize;
use thiserror::Error;

use crate::preprocess::{Pad, Preprocessing, Truncate};

/// Texts that one task of a batch encodes.
const TEXTS_A_TASK: usize = 64;

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
    /// There are more tokens than ids.
    #[error("the encoder has {tokens} tokens, more than there are ids")]
    TooMany {
        /// How many.
        tokens: usize,
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

/// Turns texts into ids.
#[derive(Debug, Clone)]
pub struct Encoder {
    preprocessing: Preprocessing,
    max_length: Option<usize>,
    tokens: Vec<Box<str>>,
    ids: HashMap<Box<str>, i32, RandomState>,
}

/// The buffers in which a text is encoded; kept between texts, they cost no allocation.
#[derive(Debug, Default)]
pub struct Scratch {
    cleaned: String,
    ids: Vec<i32>,
}

/// What encoding did to a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoded {
    /// Tokens, before the cut.
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
        preprocessing: Preprocessing,
        max_length: Option<u32>,
        tokens: Vec<Box<str>>,
    ) -> Result<Self, EncoderError> {
        if max_length == Some(0) {
            return Err(EncoderError::Empty);
        }
        if preprocessing.pad != Pad::None && max_length.is_none() {
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
        let mut ids = HashMap::with_capacity_and_hasher(tokens.len(), RandomState::new());
        // Reserved ids are not looked up: a text that says `<start>` must not get that id.
        for (second, token) in (0..).zip(&tokens).skip(RESERVED.len()) {
            if let Some(first) = ids.insert(token.clone(), second) {
                return Err(EncoderError::Twice {
                    token: token.to_string(),
                    first,
                    second,
                });
            }
        }
        let max_length = max_length.map(|length| length as usize);
        Ok(Self {
            preprocessing,
            max_length,
            tokens,
            ids,
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
        let preprocessing = Preprocessing::deserialize(&file.preprocessing)
            .map_err(|source| EncoderError::Preprocessing { source })?;
        if file.padded != (preprocessing.pad != Pad::None) {
            return Err(EncoderError::Contradiction {
                padded: file.padded,
            });
        }
        let tokens = file
            .tokens
            .into_iter()
            .map(String::into_boxed_str)
            .collect();
        Self::new(preprocessing, file.max_length, tokens)
    }

    /// The encoder as a file.
    pub fn to_file(&self) -> Result<EncoderFile, EncoderError> {
        Ok(EncoderFile {
            version: ENCODER_VERSION,
            preprocessing: serde_json::to_value(&self.preprocessing)
                .map_err(|source| EncoderError::Preprocessing { source })?,
            max_length: self.max_length.map(|length| length as u32),
            padded: self.preprocessing.pad != Pad::None,
            tokens: self.tokens.iter().map(ToString::to_string).collect(),
        })
    }

    /// The ids of a text.
    pub fn encode(&self, text: &str) -> Vec<i32> {
        let mut ids = Vec::new();
        self.encode_into(text, &mut Scratch::default(), &mut ids);
        ids
    }

    /// Appends the ids of a text to `ids`.
    pub fn encode_into(&self, text: &str, scratch: &mut Scratch, ids: &mut Vec<i32>) -> Encoded {
        let Scratch {
            cleaned,
            ids: found,
        } = scratch;
        let mut unknown = 0;
        found.clear();
        found.push(START_ID);
        self.preprocessing.each_token(text, cleaned, |token| {
            found.push(self.ids.get(token).copied().unwrap_or_else(|| {
                unknown += 1;
                UNKNOWN_ID
            }));
        });
        let limit = self.max_length.unwrap_or(found.len());
        let kept = match self.preprocessing.truncate {
            Truncate::Pre => &found[found.len().saturating_sub(limit)..],
            Truncate::Post => &found[..found.len().min(limit)],
        };
        let padding = std::iter::repeat_n(PADDING_ID, limit - kept.len());
        let begin = ids.len();
        match self.preprocessing.pad {
            Pad::Pre => {
                ids.extend(padding);
                ids.extend_from_slice(kept);
            }
            Pad::Post => {
                ids.extend_from_slice(kept);
                ids.extend(padding);
            }
            Pad::None => ids.extend_from_slice(kept),
        }
        Encoded {
            tokens: found.len() as u64 - 1,
            unknown,
            length: kept.len() as u32,
            padded_length: (ids.len() - begin) as u32,
            truncated: kept.len() < found.len(),
        }
    }

    /// The ids of many texts, on all threads of rayon's current pool; the same as one by one.
    pub fn encode_batch(&self, texts: &[&str]) -> EncodedBatch {
        let parts: Vec<EncodedBatch> = texts
            .par_chunks(TEXTS_A_TASK)
            .map_init(Scratch::default, |scratch, texts| {
                let mut ids = Vec::new();
                let texts = texts
                    .iter()
                    .map(|text| self.encode_into(text, scratch, &mut ids))
                    .collect();
                EncodedBatch { ids, texts }
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
