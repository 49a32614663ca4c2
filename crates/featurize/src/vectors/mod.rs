//! The kind `vectors`: published word vectors, aligned to a vocabulary.
//!
//! Owns the rule for words without a vector and the table `vectors`. Does not own the files' format
//! ([`read`]). The file is streamed: only the vectors of the vocabulary are kept.

pub mod read;

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float32Array, Int32Array, ListArray, RecordBatch, StringArray, UInt64Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;
use cinescore_artifact::describe::{Input, Output};
use cinescore_artifact::digest::Preimage;
use cinescore_artifact::encoder::{PADDING_ID, RESERVED};
use cinescore_artifact::program::{Kind, TaskContext};
use cinescore_artifact::table::{TableReader, column};
use cinescore_artifact::{StageError, tables};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::write;
use crate::token_map::{Token, TokenMap};

/// How words get their vectors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VectorParams {
    /// What stands for a word that the file does not have, and for start and unknown. Padding is zero.
    pub missing: Missing,
    /// Seed of `random`.
    pub seed: u64,
}

/// The vector of a word that the file does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// Zeros.
    Zero,
    /// The mean of those that were found.
    Mean,
    /// Numbers between -0.25 and 0.25 (Kim 2014), which follow from the word and the seed.
    Random,
}

impl Default for VectorParams {
    fn default() -> Self {
        Self {
            missing: Missing::Random,
            seed: 7,
        }
    }
}

/// The kind, for the program.
pub fn kind() -> Kind {
    Kind::new(
        "vectors",
        "Align word vectors (GloVe or word2vec text, plain, gzip or zip) to a vocabulary",
        run,
    )
    .input(Input::table(
        "vocabulary",
        &tables::VOCABULARY,
        "the words that need vectors",
    ))
    .input(Input::file(
        "file",
        "word vectors in the text format of GloVe or word2vec",
    ))
    .output(Output::table(
        "vectors",
        &tables::VECTORS,
        "a vector for each id",
    ))
}

/// The vocabulary's words, and how often the training split has each.
struct Words {
    names: Vec<String>,
    counts: Vec<u64>,
}

/// Does the work of the kind.
pub fn run(params: VectorParams, context: &mut TaskContext) -> Result<(), StageError> {
    let words = read_words(context)?;
    let mut ids = TokenMap::default();
    for (id, name) in words.names.iter().enumerate().skip(RESERVED.len()) {
        if !name.is_empty() {
            ids.insert(Token::new(name.as_bytes()), id);
        }
    }
    let mut found: Vec<Option<Box<[f32]>>> = vec![None; words.names.len()];
    let mut twice = 0_u64;
    let path = context.input("file")?.path.clone();
    let shape = read::each_vector(&path, |word, vector| {
        let id = (!word.is_empty())
            .then(|| ids.get(Token::new(word)))
            .flatten();
        if let Some(id) = id {
            // The first counts: files are sorted by frequency.
            match &mut found[id] {
                Some(_first) => twice += 1,
                place => *place = Some(vector.into()),
            }
        }
    })
    .map_err(|error| StageError::input(error).hint(format!("the file is `{}`", path.display())))?;
    if twice > 0 {
        context.warn(format!(
            "{twice} lines name a word once more: its first vector was taken"
        ));
    }
    report(&words, &found, shape, context);
    write(
        "vectors",
        &tables::VECTORS,
        batch(&words, &found, shape.dimensions, &params),
        context,
    )
}

fn read_words(context: &TaskContext) -> Result<Words, StageError> {
    let path = &context.input("vocabulary")?.path;
    let mut words = Words {
        names: Vec::new(),
        counts: Vec::new(),
    };
    for batch in TableReader::open(path, &tables::VOCABULARY)?.batches(65_536)? {
        let batch = batch?;
        let names: &StringArray = column(&batch, "token");
        let counts: &UInt64Array = column(&batch, "count");
        words.names.extend(names.iter().flatten().map(String::from));
        words.counts.extend(counts.values());
    }
    Ok(words)
}

/// Facts: `words` and `dimensions` of the file. Metrics: `coverage.words`, the share of the vocabulary's
/// words that have a vector, and `coverage.occurrences`, the same by their counts in training.
fn report(
    words: &Words,
    found: &[Option<Box<[f32]>>],
    shape: read::Shape,
    context: &mut TaskContext,
) {
    let known = |of: &dyn Fn(usize) -> u64| {
        let ids = RESERVED.len()..found.len();
        let all: u64 = ids.clone().map(of).sum();
        let have: u64 = ids.filter(|&id| found[id].is_some()).map(of).sum();
        have as f64 / all.max(1) as f64
    };
    let shares = [
        ("words", known(&|_id| 1)),
        ("occurrences", known(&|id| words.counts[id])),
    ];
    let result = context.result();
    result.facts.insert("words".into(), shape.words.into());
    result
        .facts
        .insert("dimensions".into(), shape.dimensions.into());
    for (name, share) in shares {
        result.metrics.insert(format!("coverage.{name}"), share);
    }
    if shares[0].1 == 0.0 {
        context
            .warn("no word of the vocabulary has a vector: is it in lower case, as the file is?");
    }
}

/// The rows of the table `vectors`.
fn batch(
    words: &Words,
    found: &[Option<Box<[f32]>>],
    dimensions: usize,
    params: &VectorParams,
) -> Result<RecordBatch, ArrowError> {
    let mean = mean(found, dimensions);
    let mut numbers: Vec<f32> = Vec::with_capacity(found.len() * dimensions);
    let mut sources = Vec::with_capacity(found.len());
    for (id, (name, vector)) in words.names.iter().zip(found).enumerate() {
        match (vector, params.missing) {
            (Some(vector), _) => numbers.extend(vector.iter()),
            (None, Missing::Mean) if id != PADDING_ID as usize => numbers.extend(&mean),
            (None, Missing::Random) if id != PADDING_ID as usize => {
                numbers.extend(random(name, params.seed, dimensions));
            }
            (None, _) => numbers.extend(std::iter::repeat_n(0.0, dimensions)),
        }
        sources.push(match (vector, params.missing) {
            (Some(_), _) => "file",
            (None, _) if id == PADDING_ID as usize => "zero",
            (None, Missing::Zero) => "zero",
            (None, Missing::Mean) => "mean",
            (None, Missing::Random) => "random",
        });
    }
    let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(dimensions, found.len()));
    let field = Arc::new(Field::new_list_field(DataType::Float32, true));
    let vectors = ListArray::try_new(field, offsets, Arc::new(Float32Array::from(numbers)), None)?;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from_iter_values((0..).take(found.len()))),
        Arc::new(vectors),
        Arc::new(StringArray::from_iter_values(sources)),
    ];
    tables::VECTORS.batch(columns)
}

fn mean(found: &[Option<Box<[f32]>>], dimensions: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f64; dimensions];
    let mut count = 0_u64;
    for vector in found.iter().flatten() {
        count += 1;
        for (sum, number) in sums.iter_mut().zip(vector) {
            *sum += f64::from(*number);
        }
    }
    sums.into_iter()
        .map(|sum| (sum / count.max(1) as f64) as f32)
        .collect()
}

/// Numbers from -0.25 to 0.25, from digests of seed, word and block of eight: the same for a word in
/// every vocabulary.
fn random(word: &str, seed: u64, dimensions: usize) -> Vec<f32> {
    let block = |number: u64| {
        let mut preimage = Preimage::new("cinescore featurize: vector of a word");
        preimage.field("seed", &seed.to_le_bytes());
        preimage.field("word", word.as_bytes());
        preimage.field("block", &number.to_le_bytes());
        let hex = preimage.digest().to_hex();
        let parts: Vec<u32> = (0..8)
            .filter_map(|part| u32::from_str_radix(hex.get(8 * part..8 * part + 8)?, 16).ok())
            .collect();
        parts
    };
    // 24 bits are what a number has.
    let share = |bits: u32| (bits >> 8) as f32 / (1 << 24) as f32;
    let numbers = (0..).flat_map(block).map(|bits| (share(bits) - 0.5) / 2.0);
    numbers.take(dimensions).collect()
}
