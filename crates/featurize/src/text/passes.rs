//! The passes over the table `reviews`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    ArrayRef, BooleanArray, Int32Array, ListArray, RecordBatch, StringArray, UInt32Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::filter;
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;
use cinescore_artifact::encoder::TERMS_KEY;
use cinescore_artifact::program::TaskContext;
use cinescore_artifact::table::{TableError, TableWriter, column};
use cinescore_artifact::{StageError, tables};

use crate::buckets::Histogram;
use crate::count::{Count, Counts, Numbering, TermCounter, Wanted};
use crate::counted::CountedTexts;
use crate::encode::{Encoded, EncodedBatch, Encoder, Known};
use crate::preprocess::Preprocessing;
use crate::reviews::{class_of, each_batch, texts_of};
use crate::split::Split;

/// Sums over the texts of a split.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) reviews: u64,
    pub(super) tokens: u64,
    pub(super) unknown: u64,
    pub(super) truncated: u64,
    pub(super) longest: u64,
}

/// What encoding did to each split, and how long its lists are.
type BySplit = (BTreeMap<Split, Totals>, BTreeMap<Split, Histogram>);

/// How often each id occurs in the training split.
pub(super) struct Recounted {
    pub(super) counts: Vec<Count>,
    /// The most terms of a review.
    pub(super) longest: u64,
}

/// The terms of the training split that are wanted.
pub(super) fn count(
    path: &Path,
    splits: &[Option<Split>],
    preprocessing: &Preprocessing,
    wanted: Wanted,
    context: &mut TaskContext,
) -> Result<Counts, StageError> {
    let mut counter = TermCounter::new(preprocessing.clone());
    match wanted.numbering {
        Numbering::Frequency => add_all(path, splits, &mut counter, context)?,
        Numbering::FirstAppearance => {
            add_by_class(
                path,
                splits,
                &mut counter,
                |split, _source| is_train(split),
                context,
            )?;
        }
        Numbering::FirstAppearanceInSource => {
            let of_folder = |split: Option<Split>, source: &str| {
                split.is_some() && source == Split::Train.name()
            };
            add_by_class(path, splits, &mut counter, of_folder, context)?;
            context.warn(
                "the vocabulary is of reviews that are evaluated on too: their figures will be too good",
            );
        }
    }
    Ok(counter.finish(wanted))
}

/// The same, and what counting left of the texts, in the order in which they stand in the table.
pub(crate) fn count_texts(
    path: &Path,
    splits: &[Option<Split>],
    preprocessing: &Preprocessing,
    wanted: Wanted,
    context: &mut TaskContext,
) -> Result<(Counts, CountedTexts), StageError> {
    if wanted.numbering != Numbering::Frequency {
        let counts = count(path, splits, preprocessing, wanted, context)?;
        return Ok((counts, CountedTexts::default()));
    }
    let mut counter = TermCounter::keeping_texts(preprocessing.clone());
    add_all(path, splits, &mut counter, context)?;
    Ok(counter.finish_with_texts(wanted))
}

/// Counts the training split.
fn add_all(
    path: &Path,
    splits: &[Option<Split>],
    counter: &mut TermCounter,
    context: &mut TaskContext,
) -> Result<(), StageError> {
    let mut throughput = Throughput::of(splits, is_train);
    each_batch(path, &["text"], splits, |batch, splits| {
        context.check_interrupt()?;
        let texts = texts_of(batch, splits, is_train);
        counter.add(&texts);
        throughput.add(&texts, "training reviews", "counting terms", context);
        Ok(())
    })?;
    throughput.end("count_mb_per_sec", context);
    Ok(())
}

/// Counts the reviews that are wanted by their split and that of the source, negative ones first, then positive ones, then
/// those without a class: the order in which the folders `neg` and `pos` are read by name.
fn add_by_class(
    path: &Path,
    splits: &[Option<Split>],
    counter: &mut TermCounter,
    counted: impl Fn(Option<Split>, &str) -> bool + Sync,
    context: &mut TaskContext,
) -> Result<(), StageError> {
    let mut throughput = Throughput::of(splits, |split| split.is_some());
    for wanted in [Some(0), Some(1), None] {
        each_batch(
            path,
            &["split", "text", "score", "polarity"],
            splits,
            |batch, splits| {
                context.check_interrupt()?;
                let texts: &StringArray = column(batch, "text");
                let sources: &StringArray = column(batch, "split");
                let rows = splits.iter().enumerate().filter(|(row, split)| {
                    counted(**split, sources.value(*row)) && class_of(batch, *row) == wanted
                });
                let texts: Vec<&str> = rows.map(|(row, _split)| texts.value(row)).collect();
                counter.add(&texts);
                throughput.add(&texts, "training reviews", "counting terms", context);
                Ok(())
            },
        )?;
    }
    throughput.end("count_mb_per_sec", context);
    Ok(())
}

/// The ids of the training split, counted.
pub(super) fn recount(
    path: &Path,
    splits: &[Option<Split>],
    encoder: &Encoder,
    context: &mut TaskContext,
) -> Result<Recounted, StageError> {
    let mut counts = vec![Count::default(); encoder.ids()];
    let mut last_text = vec![0_u64; encoder.ids()];
    let mut longest = 0;
    let mut number = 0;
    let mut throughput = Throughput::of(splits, is_train);
    each_batch(path, &["text"], splits, |batch, splits| {
        context.check_interrupt()?;
        let texts = texts_of(batch, splits, is_train);
        let EncodedBatch {
            ids,
            texts: encoded,
        } = encoder.encode_batch(&texts);
        let mut ids = ids.as_slice();
        for text in &encoded {
            let (own, rest) = ids.split_at(text.padded_length as usize);
            ids = rest;
            number += 1;
            longest = longest.max(text.tokens);
            for &id in own {
                let id = id as usize;
                counts[id].count += 1;
                counts[id].documents += u64::from(last_text[id] != number);
                last_text[id] = number;
            }
        }
        throughput.add(&texts, "training reviews", "counting subwords", context);
        Ok(())
    })?;
    Ok(Recounted { counts, longest })
}

/// The ids of all reviews that have a split, written as the table `tokens`.
pub(super) fn encode(
    path: &Path,
    splits: &[Option<Split>],
    encoder: &Encoder,
    counted: &CountedTexts,
    context: &mut TaskContext,
) -> Result<BySplit, StageError> {
    let out = context.output("tokens");
    let mut writer = TableWriter::create(&out, &tables::TOKENS)?;
    writer.note(TERMS_KEY, encoder.terms().to_string());
    let mut totals: BTreeMap<Split, Totals> = BTreeMap::new();
    let mut histograms: BTreeMap<Split, Histogram> = BTreeMap::new();
    let mut throughput = Throughput::of(splits, |split| split.is_some());
    let mut training = 0;
    let columns = ["review_id", "text", "score", "polarity"];
    each_batch(path, &columns, splits, |batch, splits| {
        context.check_interrupt()?;
        let texts = texts_of(batch, splits, |split| split.is_some());
        let known = known_texts(
            &texts,
            splits,
            |split| split.is_some(),
            counted,
            &mut training,
        );
        let encoded = encoder.encode_known_batch(&known);
        for (split, text) in splits.iter().flatten().zip(&encoded.texts) {
            totals.entry(*split).or_default().add(text);
            *histograms
                .entry(*split)
                .or_default()
                .entry(text.length)
                .or_default() += 1;
        }
        throughput.add(&texts, "reviews", "encoding", context);
        let rows = tokens_batch(batch, splits, encoded).map_err(|source| TableError::Arrow {
            path: out.clone(),
            source,
        })?;
        Ok(writer.write(&rows)?)
    })?;
    let rows = writer.finish()?;
    context.result().rows_out.insert("tokens".into(), rows);
    throughput.end("encode_mb_per_sec", context);
    Ok((totals, histograms))
}

/// The texts of a batch whose split is wanted, with what counting left of those that are trained on.
/// `training` is how many of these there were in the batches before.
pub(crate) fn known_texts<'a>(
    texts: &[&'a str],
    splits: &[Option<Split>],
    wanted: impl Fn(Option<Split>) -> bool,
    counted: &'a CountedTexts,
    training: &mut u64,
) -> Vec<Known<'a>> {
    let splits = splits.iter().filter(|split| wanted(**split));
    let known = |(text, split): (&&'a str, &Option<Split>)| {
        if !is_train(*split) {
            return Known::Text(text);
        }
        *training += 1;
        let counted = counted.get(*training - 1);
        counted.map_or(Known::Text(text), Known::Counted)
    };
    texts.iter().zip(splits).map(known).collect()
}

/// Whether a review is trained on.
pub(crate) fn is_train(split: Option<Split>) -> bool {
    split == Some(Split::Train)
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

pub(crate) fn missing(name: &str) -> ArrowError {
    ArrowError::SchemaError(format!("column `{name}` is missing"))
}

impl Totals {
    fn add(&mut self, text: &Encoded) {
        self.reviews += 1;
        self.tokens += text.tokens;
        self.unknown += text.unknown;
        self.truncated += u64::from(text.truncated);
        self.longest = self.longest.max(text.tokens);
    }
}

/// How far and how fast a pass is, for people; never part of an output.
pub(crate) struct Throughput {
    since: Instant,
    total: u64,
    reviews: u64,
    bytes: u64,
}

impl Throughput {
    pub(crate) fn of(splits: &[Option<Split>], wanted: impl Fn(Option<Split>) -> bool) -> Self {
        Self {
            since: Instant::now(),
            total: splits.iter().filter(|split| wanted(**split)).count() as u64,
            reviews: 0,
            bytes: 0,
        }
    }

    pub(crate) fn add(&mut self, texts: &[&str], unit: &str, what: &str, context: &TaskContext) {
        self.reviews += texts.len() as u64;
        self.bytes += texts.iter().map(|text| text.len() as u64).sum::<u64>();
        let progress = context.progress();
        progress.update(self.reviews, Some(self.total), unit, what);
    }

    pub(crate) fn end(&self, name: &str, context: &mut TaskContext) {
        let speed = self.bytes as f64 / 1e6 / self.since.elapsed().as_secs_f64().max(1e-9);
        context.result().performance.insert(name.into(), speed);
    }
}
