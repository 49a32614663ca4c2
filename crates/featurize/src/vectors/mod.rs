//! The kind `vectors`: word vectors for a vocabulary, published ones or ones that the training split gives.
//!
//! Owns the rule for words without a vector, the table `vectors`, and `vectors.txt`, the same in GloVe's format
//! for other programs. Does not own that format's reading ([`read`]) nor the training (`train`). A file is
//! streamed: only the vectors of the vocabulary are kept.

mod factors;
mod pairs;
pub mod read;
mod train;

use std::io::Write as _;
use std::path::Path;
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
use cinescore_artifact::task::write_atomically;
use cinescore_artifact::{StageError, tables};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::write;
use crate::token::Token;
use crate::token_map::TokenMap;

/// How words get their vectors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VectorParams {
    /// Numbers of a vector, where they are trained; those of a file have the file's. Of a zip with several files,
    /// such as GloVe's, the one with so many is taken.
    #[schemars(range(min = 1, max = 2000), extend("unit" = "numbers"))]
    pub dimensions: u32,
    /// How far apart two words may be to be near each other, where vectors are trained.
    #[schemars(range(min = 1, max = 255), extend("unit" = "words"))]
    pub window: u32,
    /// What stands for a word without a vector, and for start and unknown. Padding is zero.
    pub missing: Missing,
    /// Seed of `random`, and of the training.
    pub seed: u64,
}

/// The vector of a word that has none.
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
            dimensions: 100,
            window: 5,
            missing: Missing::Random,
            seed: 7,
        }
    }
}

/// The kind, for the program.
pub fn kind() -> Kind {
    Kind::new(
        "vectors",
        "Align word vectors (GloVe or word2vec text, plain, gzip or zip) to a vocabulary, or train them",
        run,
    )
    .input(Input::table(
        "vocabulary",
        &tables::VOCABULARY,
        "the words that need vectors",
    ))
    .input(
        Input::file(
            "file",
            "word vectors in the text format of GloVe or word2vec; without it they are trained",
        )
        .optional(),
    )
    .input(
        Input::table(
            "tokens",
            &tables::TOKENS,
            "reviews as ids of that vocabulary, whose training split vectors are trained on; best not cut",
        )
        .optional(),
    )
    .output(Output::table(
        "vectors",
        &tables::VECTORS,
        "a vector for each id",
    ))
    .output(Output::file(
        "text",
        "vectors.txt",
        "the words that have a vector of their own, in GloVe's format",
    ))
}

/// By id, the vector that was found for it.
type Found = Vec<Option<Box<[f32]>>>;

/// The vocabulary's words, and how often the training split has each.
struct Words {
    names: Vec<String>,
    counts: Vec<u64>,
}

/// Does the work of the kind.
pub fn run(params: VectorParams, context: &mut TaskContext) -> Result<(), StageError> {
    let words = read_words(context)?;
    let file = context
        .optional_input("file")
        .map(|input| input.path.clone());
    let tokens = context.optional_input("tokens").is_some();
    let (found, dimensions, source) = match (file, tokens) {
        (Some(path), false) => {
            let (found, dimensions) = align(&path, &words, params.dimensions as usize, context)?;
            (found, dimensions, "file")
        }
        (None, true) => {
            let found = train::train(words.names.len(), &params, context)?;
            (found, params.dimensions as usize, "trained")
        }
        (Some(_), true) => {
            return Err(
                StageError::usage("the inputs `file` and `tokens` exclude each other")
                    .hint("vectors come from a file, or are trained on tokens: give one"),
            );
        }
        (None, false) => {
            return Err(
                StageError::usage("neither the input `file` nor `tokens` is there")
                    .hint("give a file of vectors, or the table `tokens` to train them on"),
            );
        }
    };
    report(&words, &found, dimensions, context);
    write_text(&words, &found, &context.output("text"))?;
    let rows = batch(&words, &found, dimensions, source, &params);
    write("vectors", &tables::VECTORS, rows, context)
}

/// The vectors that a file has for the words, and the numbers of each.
fn align(
    path: &Path,
    words: &Words,
    dimensions: usize,
    context: &mut TaskContext,
) -> Result<(Found, usize), StageError> {
    let mut ids = TokenMap::default();
    for (id, name) in words.names.iter().enumerate().skip(RESERVED.len()) {
        if !name.is_empty() {
            ids.insert(Token::new(name.as_bytes()), id);
        }
    }
    let mut found: Found = vec![None; words.names.len()];
    let mut twice = 0_u64;
    let shape = read::each_vector(path, dimensions, |word, vector| {
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
    .map_err(|error| {
        let hint = match &error {
            read::VectorsError::Members { .. } => "set `dimensions` to those of one of them".into(),
            _ => format!("the file is `{}`", path.display()),
        };
        StageError::input(error).hint(hint)
    })?;
    if twice > 0 {
        context.warn(format!(
            "{twice} lines name a word once more: its first vector was taken"
        ));
    }
    let facts = &mut context.result().facts;
    facts.insert("words".into(), shape.words.into());
    Ok((found, shape.dimensions))
}

/// The words that have vectors of their own, a line each, as GloVe writes them.
fn write_text(words: &Words, found: &Found, path: &Path) -> Result<(), StageError> {
    let mut text = Vec::new();
    for (name, vector) in words.names.iter().zip(found) {
        if let Some(vector) = vector {
            text.extend_from_slice(name.as_bytes());
            for number in vector {
                // The shortest decimal that is read as the same number.
                write!(text, " {number}")?;
            }
            text.push(b'\n');
        }
    }
    Ok(write_atomically(path, &text)?)
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

/// Facts: `words` of the file, and `dimensions`. Metrics: `coverage.words`, the share of the vocabulary's
/// words that have a vector, and `coverage.occurrences`, the same by their counts in training.
fn report(
    words: &Words,
    found: &[Option<Box<[f32]>>],
    dimensions: usize,
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
    result.facts.insert("dimensions".into(), dimensions.into());
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
    source: &str,
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
            (Some(_), _) => source,
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
