//! The encoder of a bundle: how it is written, and how it is read again.
//!
//! Encoders of ids and of windows are JSON, byte for byte as they were given. Of one of bags, the JSON has its settings alone,
//! and its n-grams and their weights are in a file of tensors beside it: a million n-grams are read from JSON in three tenths of a
//! second, and from tensors in a few hundredths.
//!
//! | tensor | |
//! |---|---|
//! | `text` | U8 `[bytes]`: the n-grams one behind the other, UTF-8 |
//! | `ends` | U32 `[n-grams]`: where in `text` each ends; none where n-grams are hashed |
//! | `weights` | F32 `[ids]`: what each n-gram's value is multiplied by |

use std::collections::BTreeMap;
use std::path::Path;

use cinescore_artifact::digest::Digest;
use cinescore_artifact::encoder::{BagEncoderFile, ENCODER_VERSION};
use cinescore_artifact::strings::{Strings, StringsError};
use safetensors::tensor::{SafeTensorError, SafeTensors, TensorView};
use safetensors::{Dtype, serialize};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{BundleError, ENCODER, Encoder, check, io, versioned};

/// The file of the n-grams.
pub(super) const NGRAMS: &str = "ngrams.safetensors";

const TEXT: &str = "text";
const ENDS: &str = "ends";
const WEIGHTS: &str = "weights";
/// Bytes in front of a file's header, which say how long it is.
const LENGTH: usize = 8;

/// Why n-grams cannot be read or written.
#[derive(Debug, Error)]
pub enum NgramsError {
    /// It is no file of tensors.
    #[error("it is not a readable safetensors file")]
    Format(#[from] SafeTensorError),
    /// A tensor is missing or another one.
    #[error("it lacks the tensor `{name}` of one axis, {kind:?}, or holds others")]
    Tensor {
        /// Its name.
        name: &'static str,
        /// Its type.
        kind: Dtype,
    },
    /// The names are none.
    #[error("it has no names of n-grams")]
    Strings(#[from] StringsError),
}

/// What the JSON of an encoder of bags has in a bundle.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    version: u32,
    text: serde_json::Value,
    bag: serde_json::Value,
}

/// Reads the encoder file that `featurize` made, of ids, of bags or of windows, and checks its version. Also gives its bytes.
pub fn read_encoder(path: &Path) -> Result<(Encoder, Vec<u8>), BundleError> {
    let bytes = fs_err::read(path).map_err(io(path))?;
    let encoder = match kind_of(path, &bytes)? {
        Kind::Tokens => Encoder::Tokens(versioned(path, &bytes, ENCODER_VERSION)?),
        Kind::Bags => Encoder::Bags(versioned(path, &bytes, ENCODER_VERSION)?),
        Kind::Windows => Encoder::Windows(versioned(path, &bytes, ENCODER_VERSION)?),
    };
    Ok((encoder, bytes))
}

enum Kind {
    Tokens,
    Bags,
    Windows,
}

/// Which encoder the JSON is one of: by what only one of bags, or of windows, has.
fn kind_of(path: &Path, bytes: &[u8]) -> Result<Kind, BundleError> {
    #[derive(Deserialize)]
    struct Own {
        bag: Option<serde::de::IgnoredAny>,
        window: Option<serde::de::IgnoredAny>,
    }
    let own: Own = serde_json::from_slice(bytes).map_err(json(path))?;
    Ok(match (own.bag, own.window) {
        (None, None) => Kind::Tokens,
        (Some(_), _) => Kind::Bags,
        (None, Some(_)) => Kind::Windows,
    })
}

/// The files of a bundle's encoder, by name, from the bytes of the file that `featurize` made.
pub(super) fn files(
    folder: &Path,
    given: &[u8],
) -> Result<Vec<(&'static str, Vec<u8>)>, BundleError> {
    let path = folder.join(ENCODER);
    if !matches!(kind_of(&path, given)?, Kind::Bags) {
        return Ok(vec![(ENCODER, given.to_vec())]);
    }
    let file: BagEncoderFile = versioned(&path, given, ENCODER_VERSION)?;
    let settings = Settings {
        version: file.version,
        text: file.text,
        bag: file.bag,
    };
    let mut head = serde_json::to_vec(&settings).map_err(json(&path))?;
    head.push(b'\n');
    let ngrams = to_bytes(&file.ngrams, &file.weights).map_err(ngrams(&folder.join(NGRAMS)))?;
    Ok(vec![(ENCODER, head), (NGRAMS, ngrams)])
}

/// Reads the encoder of a bundle, whose files have these digests.
pub(super) fn load(
    folder: &Path,
    digests: &BTreeMap<String, Digest>,
) -> Result<Encoder, BundleError> {
    let path = folder.join(ENCODER);
    let bytes = check::read_text(&path, digests)?;
    Ok(match kind_of(&path, &bytes)? {
        Kind::Tokens => Encoder::Tokens(versioned(&path, &bytes, ENCODER_VERSION)?),
        Kind::Windows => Encoder::Windows(versioned(&path, &bytes, ENCODER_VERSION)?),
        Kind::Bags => {
            let settings: Settings = versioned(&path, &bytes, ENCODER_VERSION)?;
            let path = folder.join(NGRAMS);
            let bytes = check::read_text(&path, digests)?;
            let (names, weights) = of_bytes(bytes).map_err(ngrams(&path))?;
            Encoder::Bags(BagEncoderFile {
                version: settings.version,
                text: settings.text,
                bag: settings.bag,
                ngrams: names,
                weights,
            })
        }
    })
}

/// Names of n-grams and their weights as a file of tensors.
fn to_bytes(names: &Strings, weights: &[f32]) -> Result<Vec<u8>, NgramsError> {
    let ends: Vec<u8> = names
        .ends()
        .iter()
        .flat_map(|end| end.to_le_bytes())
        .collect();
    let values: Vec<u8> = weights.iter().flat_map(|own| own.to_le_bytes()).collect();
    let text = names.text().as_bytes();
    let tensors = [
        (TEXT, TensorView::new(Dtype::U8, vec![text.len()], text)?),
        (ENDS, TensorView::new(Dtype::U32, vec![names.len()], &ends)?),
        (
            WEIGHTS,
            TensorView::new(Dtype::F32, vec![weights.len()], &values)?,
        ),
    ];
    Ok(serialize(tensors, None)?)
}

/// The other way. The names stay in the memory that the file was read to, most of which is theirs where n-grams have names.
fn of_bytes(mut bytes: Vec<u8>) -> Result<(Strings, Vec<f32>), NgramsError> {
    let (header, metadata) = SafeTensors::read_metadata(&bytes)?;
    let numbers = LENGTH + header;
    let place = |name: &'static str, kind: Dtype| match metadata.info(name) {
        Some(own) if own.dtype == kind && own.shape.len() == 1 && metadata.tensors().len() == 3 => {
            let (begin, end) = own.data_offsets;
            Ok(numbers + begin..numbers + end)
        }
        _ => Err(NgramsError::Tensor { name, kind }),
    };
    let text = place(TEXT, Dtype::U8)?;
    let (ends, _none) = bytes[place(ENDS, Dtype::U32)?].as_chunks::<4>();
    let (weights, _none) = bytes[place(WEIGHTS, Dtype::F32)?].as_chunks::<4>();
    let ends = ends.iter().map(|end| u32::from_le_bytes(*end)).collect();
    let weights = weights.iter().map(|own| f32::from_le_bytes(*own)).collect();
    bytes.truncate(text.end);
    bytes.drain(..text.start);
    if bytes.len() < bytes.capacity() / 2 {
        bytes.shrink_to_fit();
    }
    Ok((Strings::from_parts(bytes, ends)?, weights))
}

fn json(path: &Path) -> impl Fn(serde_json::Error) -> BundleError {
    |source| BundleError::Json {
        path: path.to_owned(),
        source,
    }
}

fn ngrams(path: &Path) -> impl Fn(NgramsError) -> BundleError {
    |source| BundleError::Ngrams {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;
