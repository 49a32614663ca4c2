//! The passes over the table `reviews`: one batch in memory at a time, its texts divided among the
//! threads.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Int32Array, ListArray, RecordBatch, StringArray, UInt32Array,
    UInt64Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::filter;
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;
use cinescore_artifact::program::TaskContext;
use cinescore_artifact::table::{TableError, TableReader, TableWriter, column};
use cinescore_artifact::{StageError, tables};

use super::TextError;
use crate::count::{Count, TokenCounter};
use crate::encode::{Encoded, EncodedBatch, Encoder};
use crate::preprocess::Preprocessing;
use crate::split::{Movie, Review, Source, Split};

/// Reviews in a batch: some megabytes of text.
const BATCH_ROWS: usize = 2048;

/// Sums over the texts of a split.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) reviews: u64,
    pub(super) tokens: u64,
    pub(super) unknown: u64,
    pub(super) truncated: u64,
}

/// The first pass: what decides on the split of each review, in the table's order.
pub(super) fn read_keys(path: &Path, context: &mut TaskContext) -> Result<Vec<Review>, StageError> {
    let reader = TableReader::open(path, &tables::REVIEWS)?;
    let mut reviews: Vec<Review> = Vec::new();
    for batch in reader.batches_of(BATCH_ROWS, &["review_id", "split", "tconst"])? {
        context.check_interrupt()?;
        let batch = batch?;
        let ids: &UInt64Array = column(&batch, "review_id");
        let splits: &StringArray = column(&batch, "split");
        let titles: &StringArray = column(&batch, "tconst");
        for (row, &review_id) in ids.values().iter().enumerate() {
            if let Some(before) = reviews
                .last()
                .map(|review| review.review_id)
                .filter(|before| *before >= review_id)
            {
                return Err(StageError::input(TextError::Order { review_id, before }));
            }
            let source = Source::of_name(splits.value(row)).ok_or_else(|| {
                StageError::input(TextError::Split {
                    review_id,
                    split: splits.value(row).to_owned(),
                })
            })?;
            let movie = if titles.is_null(row) {
                Movie::Own(review_id)
            } else {
                Movie::Title(titles.value(row).into())
            };
            reviews.push(Review {
                review_id,
                source,
                movie,
            });
        }
    }
    context
        .result()
        .rows_in
        .insert("reviews".into(), reviews.len() as u64);
    Ok(reviews)
}

/// The second pass: the tokens of the training split.
pub(super) fn count(
    path: &Path,
    splits: &[Option<Split>],
    preprocessing: Preprocessing,
    context: &mut TaskContext,
) -> Result<Vec<(Box<str>, Count)>, StageError> {
    let total = splits
        .iter()
        .filter(|split| **split == Some(Split::Train))
        .count() as u64;
    let mut counter = TokenCounter::new(preprocessing);
    let mut throughput = Throughput::start();
    let reader = TableReader::open(path, &tables::REVIEWS)?;
    for (batch, splits) in reader
        .batches_of(BATCH_ROWS, &["text"])?
        .zip(splits.chunks(BATCH_ROWS))
    {
        context.check_interrupt()?;
        let batch = batch?;
        let texts = texts_of(&batch, splits, |split| split == Some(Split::Train));
        counter.add(&texts);
        throughput.add(&texts);
        let progress = context.progress();
        progress.update(
            throughput.reviews,
            Some(total),
            "training reviews",
            "counting tokens",
        );
    }
    let counts = counter.finish();
    context
        .result()
        .performance
        .insert("count_mb_per_sec".into(), throughput.megabytes_per_sec());
    Ok(counts)
}

/// The third pass: the ids of all reviews that have a split, written as the table `tokens`.
pub(super) fn encode(
    path: &Path,
    splits: &[Option<Split>],
    encoder: &Encoder,
    context: &mut TaskContext,
) -> Result<BTreeMap<Split, Totals>, StageError> {
    let out = context.output("tokens");
    let total = splits.iter().flatten().count() as u64;
    let mut writer = TableWriter::create(&out, &tables::TOKENS)?;
    let mut totals: BTreeMap<Split, Totals> = BTreeMap::new();
    let mut throughput = Throughput::start();
    let reader = TableReader::open(path, &tables::REVIEWS)?;
    let columns = ["review_id", "text", "score", "polarity"];
    for (batch, splits) in reader
        .batches_of(BATCH_ROWS, &columns)?
        .zip(splits.chunks(BATCH_ROWS))
    {
        context.check_interrupt()?;
        let batch = batch?;
        let texts = texts_of(&batch, splits, |split| split.is_some());
        let encoded = encoder.encode_batch(&texts);
        for (split, text) in splits.iter().flatten().zip(&encoded.texts) {
            totals.entry(*split).or_default().add(text);
        }
        throughput.add(&texts);
        let rows = tokens_batch(&batch, splits, encoded).map_err(|source| TableError::Arrow {
            path: out.clone(),
            source,
        })?;
        writer.write(&rows)?;
        context
            .progress()
            .update(throughput.reviews, Some(total), "reviews", "encoding");
    }
    let rows = writer.finish()?;
    context.result().rows_out.insert("tokens".into(), rows);
    context
        .result()
        .performance
        .insert("encode_mb_per_sec".into(), throughput.megabytes_per_sec());
    Ok(totals)
}

/// The texts of a batch whose split is wanted.
fn texts_of<'a>(
    batch: &'a RecordBatch,
    splits: &[Option<Split>],
    wanted: impl Fn(Option<Split>) -> bool,
) -> Vec<&'a str> {
    let texts: &StringArray = column(batch, "text");
    let rows = splits
        .iter()
        .enumerate()
        .filter(|(_row, split)| wanted(**split));
    rows.map(|(row, _split)| texts.value(row)).collect()
}

/// Rows of the table `tokens`, of the reviews that have a split.
fn tokens_batch(
    batch: &RecordBatch,
    splits: &[Option<Split>],
    encoded: EncodedBatch,
) -> Result<RecordBatch, ArrowError> {
    let wanted = BooleanArray::from_iter(splits.iter().map(|split| Some(split.is_some())));
    let kept = |name: &str| {
        filter(
            batch.column_by_name(name).ok_or_else(|| missing(name))?,
            &wanted,
        )
    };
    let EncodedBatch { ids, texts } = encoded;
    let lengths = OffsetBuffer::from_lengths(texts.iter().map(|text| text.padded_length as usize));
    let item = Arc::new(Field::new_list_field(DataType::Int32, true));
    let columns: Vec<ArrayRef> = vec![
        kept("review_id")?,
        Arc::new(StringArray::from_iter_values(
            splits.iter().flatten().map(|split| split.name()),
        )),
        Arc::new(ListArray::try_new(
            item,
            lengths,
            Arc::new(Int32Array::from(ids)),
            None,
        )?),
        Arc::new(UInt32Array::from_iter_values(
            texts.iter().map(|text| text.length),
        )),
        kept("score")?,
        kept("polarity")?,
    ];
    tables::TOKENS.batch(columns)
}

fn missing(name: &str) -> ArrowError {
    ArrowError::SchemaError(format!("column `{name}` is missing"))
}

impl Totals {
    fn add(&mut self, text: &Encoded) {
        self.reviews += 1;
        self.tokens += text.tokens;
        self.unknown += text.unknown;
        self.truncated += u64::from(text.truncated);
    }
}

/// How fast a pass is, for people; never part of an output.
struct Throughput {
    since: Instant,
    reviews: u64,
    bytes: u64,
}

impl Throughput {
    fn start() -> Self {
        Self {
            since: Instant::now(),
            reviews: 0,
            bytes: 0,
        }
    }

    fn add(&mut self, texts: &[&str]) {
        self.reviews += texts.len() as u64;
        self.bytes += texts.iter().map(|text| text.len() as u64).sum::<u64>();
    }

    fn megabytes_per_sec(&self) -> f64 {
        self.bytes as f64 / 1e6 / self.since.elapsed().as_secs_f64().max(1e-9)
    }
}
