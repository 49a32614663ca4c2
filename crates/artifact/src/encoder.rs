//! The format of an encoder file: all that is needed to turn a text into ids, or ratings into windows.
//!
//! Owns the formats in which `featurize` hands its encoders on and a bundle keeps them. Does not own
//! the encoding itself: that is `featurize::encode`, one function for a batch and for one review,
//! `featurize::bags` for bags of n-grams, and `featurize::windows` for windows.

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Preimage};
use crate::strings::Strings;

/// The version of the format; a reader refuses others.
pub const ENCODER_VERSION: u32 = 2;
/// The id of padding.
pub const PADDING_ID: i32 = 0;
/// The id that begins every review.
pub const START_ID: i32 = 1;
/// The id of tokens that are not in the vocabulary.
pub const UNKNOWN_ID: i32 = 2;
/// The names of the reserved ids, in order.
pub const RESERVED: [&str; 3] = ["<padding>", "<start>", "<unknown>"];

/// An encoder, as kept in `encoder.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderFile {
    /// The version of the format.
    pub version: u32,
    /// How a text is cleaned and cut, as the parameters of the kind that fitted it gave it.
    pub preprocessing: serde_json::Value,
    /// The longest list of ids that the encoder gives, `<start>` included; null for no limit.
    pub max_length: Option<u32>,
    /// Whether every list is padded to `max_length`.
    pub padded: bool,
    /// Tokens by id; the first are [`RESERVED`].
    pub tokens: Vec<String>,
}

/// The metadata key under which a table of ids says which terms they stand for ([`EncoderFile::terms`]).
pub const TERMS_KEY: &str = "cinescore.terms";

/// The digest of terms by id: two encoders whose ids stand for the same have the same.
pub fn digest_of_terms<'a>(terms: impl IntoIterator<Item = &'a str>) -> Digest {
    let mut preimage = Preimage::new("cinescore terms 1");
    for term in terms {
        preimage.field("term", term.as_bytes());
    }
    preimage.digest()
}

impl EncoderFile {
    /// The digest of its tokens by id.
    pub fn terms(&self) -> Digest {
        digest_of_terms(self.tokens.iter().map(String::as_str))
    }

    /// How many ids there are, reserved ones included: the rows of an embedding.
    pub fn ids(&self) -> usize {
        self.tokens.len()
    }
}

/// An encoder of bags, as kept in `bags.json`: as much of it as others than `featurize` need to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BagEncoderFile {
    /// The version of the format, [`ENCODER_VERSION`].
    pub version: u32,
    /// From a text to its terms, as `featurize` keeps it.
    pub text: serde_json::Value,
    /// From terms to values, as `featurize` keeps it.
    pub bag: serde_json::Value,
    /// The n-grams by number; none where they are hashed.
    pub ngrams: Strings,
    /// What each n-gram's value is multiplied by, by number.
    pub weights: Vec<f32>,
}

impl BagEncoderFile {
    /// The digest of its n-grams by number; of hashed ones that of no term.
    pub fn terms(&self) -> Digest {
        digest_of_terms(self.ngrams.iter())
    }

    /// How many n-grams have numbers: the rows of an embedding.
    pub fn ids(&self) -> usize {
        self.weights.len()
    }
}

/// An encoder of windows, as kept in `windows.json`: as much of it as others than `featurize` need to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowEncoderFile {
    /// The version of the format, [`ENCODER_VERSION`].
    pub version: u32,
    /// The parameters of the kind `windows`.
    pub window: serde_json::Value,
    /// Slots of a window.
    pub slots: u32,
    /// What a network reads of each slot, in order.
    pub features: Vec<WindowFeature>,
    /// The greatest popularity of each class but the last; class 0 ends at 0.
    pub classes: Vec<f64>,
    /// The last slot of each split but `test`, by name, where splits are divided by time.
    pub last_slots: std::collections::BTreeMap<String, u32>,
}

/// A feature of a slot: `(raw - offset) / factor`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowFeature {
    /// `share`, `log1p_total`, `genre:Drama`, ..
    pub name: String,
    /// The raw value that is 0: its mean over the training windows.
    pub offset: f64,
    /// What one unit spans: its standard deviation over the training windows.
    pub factor: f64,
}

impl WindowEncoderFile {
    /// How many features a slot has: what stands for the rows of an embedding.
    pub fn ids(&self) -> usize {
        self.features.len()
    }
}
