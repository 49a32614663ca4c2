//! Texts to what the network reads, with what the flags need to know of them.
//!
//! Owns the choice among the two encoders of `cinescore-featurize` and what is counted beside them. The ids and values of a
//! text are those that a training would have had.

use cinescore_artifact::encoder::{BagEncoderFile, EncoderFile, PADDING_ID};
use cinescore_featurize::bags::{BagEncoder, BagFile, BagScratch};
use cinescore_featurize::encode::{Encoder, Scratch, Settings};
use cinescore_featurize::lengths::{Pad, Truncate};
use cinescore_featurize::preprocess::{Preprocessing, Tokens};
use cinescore_model::bundle;
use cinescore_train::examples::Layout;
use rayon::prelude::*;
use serde::Deserialize as _;

use super::PredictError;
use crate::language;

/// Texts that one task reads.
const TEXTS_A_TASK: usize = 16;
/// Texts that are read sooner than other threads would come to help.
const TEXTS_ALONE: usize = 64;

/// What the network reads of one text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Numbers {
    /// Ids of tokens or of n-grams.
    pub(super) ids: Vec<i32>,
    /// The value of each n-gram; empty for tokens.
    pub(super) values: Vec<f32>,
}

impl Numbers {
    /// How many ids.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }
}

/// A text as the network reads it, and what the flags look at.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    pub(super) numbers: Numbers,
    /// What each linear model beside the network reads.
    pub(super) wide: Vec<Numbers>,
    /// Terms of the text.
    pub terms: u64,
    /// Those of them that are not in the vocabulary.
    pub unknown: u64,
    /// Whether the network reads a part of the text only.
    pub truncated: bool,
    /// Whether the text is in another language than English, as far as can be told.
    pub foreign: bool,
}

impl Example {
    /// How many ids the network reads: the work that it makes.
    pub fn length(&self) -> usize {
        self.numbers.len()
    }
}

/// Turns texts into examples.
#[derive(Debug)]
pub struct Reader {
    encoder: TextEncoder,
    /// The encoders of the linear models beside the network.
    wide: Vec<BagEncoder>,
    layout: Layout,
}

/// The buffers in which texts are read, one after the other.
#[derive(Debug, Default)]
struct Buffers {
    ids: Scratch,
    bags: BagScratch,
    terms: Tokens,
}

#[derive(Debug)]
pub(super) enum TextEncoder {
    Tokens {
        encoder: Box<Encoder>,
        /// As kept in the bundle, for what is asked rarely.
        file: Box<EncoderFile>,
    },
    Bags {
        encoder: Box<BagEncoder>,
        text: Box<Preprocessing>,
        /// Whether single terms are among its n-grams; where they are not, no term is called unknown.
        terms: bool,
    },
}

impl Reader {
    pub(super) fn new(
        encoder: bundle::Encoder,
        wide: Vec<bundle::Encoder>,
        layout: Layout,
    ) -> Result<Self, PredictError> {
        // Tables of millions of n-grams are much of the time from a program's start to its first rating, so each is made on a
        // thread of its own.
        let wide = wide.into_par_iter().filter_map(|encoder| match encoder {
            bundle::Encoder::Bags(file) => Some(bags(file).map(|(encoder, ..)| encoder)),
            _ => None,
        });
        let wide = wide.collect::<Result<_, _>>()?;
        let encoder = match encoder {
            bundle::Encoder::Tokens(file) => {
                if layout == Layout::Padded && !file.padded {
                    return Err(PredictError::Ragged);
                }
                TextEncoder::Tokens {
                    encoder: Box::new(Encoder::from_file(file.clone())?),
                    file: Box::new(file),
                }
            }
            bundle::Encoder::Bags(file) => of_bags(file)?,
            bundle::Encoder::Windows(_) => return Err(PredictError::NoReviews),
        };
        Ok(Self {
            encoder,
            wide,
            layout,
        })
    }

    /// The examples of many texts, on all threads of rayon's current pool, in their order.
    pub fn read_all(&self, texts: &[&str]) -> Vec<Example> {
        let each = |texts: &[&str]| {
            let mut scratch = Buffers::default();
            let read = |text: &&str| self.read_with(text, &mut scratch);
            texts.iter().map(read).collect::<Vec<_>>()
        };
        if texts.len() <= TEXTS_ALONE {
            return each(texts);
        }
        texts.par_chunks(TEXTS_A_TASK).flat_map_iter(each).collect()
    }

    /// The example of a text.
    pub fn read(&self, text: &str) -> Example {
        self.read_with(text, &mut Buffers::default())
    }

    fn read_with(&self, text: &str, buffers: &mut Buffers) -> Example {
        let foreign = language::is_foreign(text);
        let Buffers { ids, bags, terms } = buffers;
        let wide = self.wide.iter();
        let wide = wide.map(|encoder| bag(encoder, text, bags)).collect();
        match &self.encoder {
            TextEncoder::Tokens { encoder, .. } => {
                let scratch = ids;
                let mut ids = Vec::new();
                let encoded = encoder.encode_into(text, scratch, &mut ids);
                let too_long = self.fit(&mut ids);
                Example {
                    numbers: Numbers {
                        ids,
                        values: Vec::new(),
                    },
                    wide,
                    terms: encoded.tokens,
                    unknown: encoded.unknown,
                    truncated: encoded.truncated || too_long,
                    foreign,
                }
            }
            TextEncoder::Bags {
                encoder,
                text: preprocessing,
                terms: known,
            } => {
                let (mut count, mut unknown) = (0, 0);
                preprocessing.each_term(text, terms, |term| {
                    count += 1;
                    unknown += u64::from(*known && encoder.knows(term) == Some(false));
                });
                Example {
                    numbers: bag(encoder, text, bags),
                    wide,
                    terms: count,
                    unknown,
                    truncated: false,
                    foreign,
                }
            }
        }
    }

    /// Leaves padding out where the network does not read it, and what does not fit into the network's length; says
    /// whether anything did not.
    fn fit(&self, ids: &mut Vec<i32>) -> bool {
        if self.layout == Layout::Padded {
            return false;
        }
        let is_id = |id: &i32| *id != PADDING_ID;
        let end = ids.iter().rposition(is_id).map_or(0, |last| last + 1);
        ids.truncate(end);
        let begin = ids.iter().position(is_id).unwrap_or(0);
        ids.drain(..begin);
        match self.layout {
            Layout::Whole(most) if ids.len() > most => {
                ids.truncate(most);
                true
            }
            _ => false,
        }
    }

    pub(super) fn encoder(&self) -> &TextEncoder {
        &self.encoder
    }
}

/// The n-grams of a text and their values.
fn bag(encoder: &BagEncoder, text: &str, scratch: &mut BagScratch) -> Numbers {
    let (ids, values) = encoder
        .encode_with(text, scratch)
        .into_iter()
        // An encoder has at most as many numbers as a vector has places for them.
        .map(|(id, value)| (id as i32, value))
        .unzip();
    Numbers { ids, values }
}

/// An encoder of token ids that neither begins nor cuts nor pads a list: each id is a term's.
pub(super) fn bare(file: &EncoderFile) -> Result<(Encoder, Settings), PredictError> {
    let settings = Settings::deserialize(&file.preprocessing)?;
    let mut bare = settings.clone();
    bare.list.start = false;
    bare.list.pad = Pad::None;
    bare.list.truncate = Truncate::Post;
    let tokens = file
        .tokens
        .iter()
        .map(|token| token.as_str().into())
        .collect();
    Ok((Encoder::new(bare, None, tokens)?, settings))
}

fn of_bags(file: BagEncoderFile) -> Result<TextEncoder, PredictError> {
    let terms = file.ngrams.iter().any(|name| !name.contains(' '));
    let (encoder, text) = bags(file)?;
    Ok(TextEncoder::Bags {
        encoder: Box::new(encoder),
        text: Box::new(text),
        terms,
    })
}

/// An encoder of bags, and from a text to its terms.
fn bags(file: BagEncoderFile) -> Result<(BagEncoder, Preprocessing), PredictError> {
    let text = Preprocessing::deserialize(&file.text)?;
    let file = BagFile {
        version: file.version,
        text: text.clone(),
        bag: serde_json::from_value(file.bag)?,
        ngrams: file.ngrams,
        weights: file.weights,
    };
    if !(1..=3).contains(&file.bag.ngrams) {
        return Err(PredictError::Ngrams {
            found: file.bag.ngrams,
        });
    }
    Ok((BagEncoder::from_file(file)?, text))
}
