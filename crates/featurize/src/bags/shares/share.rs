//! What one shard leaves of its reviews.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use ahash::RandomState;
use arrow::array::{ArrayRef, ListArray, RecordBatch, UInt32Array, UInt64Array};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field};
use cinescore_artifact::StageError;
use cinescore_artifact::program::TaskContext;
use cinescore_artifact::table::{TableError, TableWriter};
use cinescore_artifact::task::{PART, Shard};

use super::super::encoder::BagEncoder;
use super::super::ngrams::{Ngram, NgramCounter};
use super::super::params::{BagParams, Indices};
use super::super::{begin, counter, encoder_of, sift};
use super::{ROWS, ROWS_FILE, SEEN, SEEN_FILE, SHARD_KEY, WORK_KEY, is_divisible, noted, work_of};
use crate::encode::Known;
use crate::reviews::{BATCH_ROWS, each_batch, texts_of};
use crate::split::Split;
use crate::text::{Throughput, is_train};

/// Does one share of the work.
pub(crate) fn share(
    params: BagParams,
    shard: Shard,
    context: &mut TaskContext,
) -> Result<(), StageError> {
    let begun = begin(&params, context)?;
    if !is_divisible(&begun) {
        context.result().rows_out.insert(PART.into(), 0);
        return Ok(());
    }
    let own: Vec<Option<Split>> = (0..)
        .zip(&begun.splits)
        .map(|(row, split)| split.filter(|_split| shard.takes(row / BATCH_ROWS)))
        .collect();
    let mut seen = Seen::default();
    let mut has = match params.indices {
        Indices::Hashed => Has::Hashed(encoder_of(Vec::new(), &begun, &params)?),
        Indices::Vocabulary => {
            let (counter, counted) = counter(&begun, &params, context)?;
            let mut counter = counter.hashing_alike();
            if params.sifts() {
                sift(&mut counter, &counted, &begun, context)?;
            }
            Has::Counted(counter)
        }
    };
    let path = context.part().join(ROWS_FILE);
    let mut writer = TableWriter::create_quickly(&path, &ROWS)?;
    writer.note(SHARD_KEY, noted(shard));
    writer.note(WORK_KEY, work_of(&params, &begun)?);
    let mut throughput = Throughput::of(&own, |split| split.is_some());
    each_batch(&begun.path, &["text"], &own, |batch, splits| {
        context.check_interrupt()?;
        let texts = texts_of(batch, splits, |split| split.is_some());
        if texts.is_empty() {
            return Ok(());
        }
        let rows = match &mut has {
            Has::Hashed(encoder) => encoder.count_batch(&texts),
            Has::Counted(counter) => {
                let known: Vec<Known<'_>> = texts.iter().copied().map(Known::Text).collect();
                let found = counter.of_texts(&known, params.min_count);
                seen.number(found, splits.iter().flatten().copied())
            }
        };
        throughput.add(&texts, "reviews", "counting n-grams", context);
        Ok(writer.write(&rows_batch(&path, rows)?)?)
    })?;
    let rows = writer.finish()?;
    if let Has::Counted(_) = has {
        seen.write(&context.part().join(SEEN_FILE))?;
    }
    context.result().rows_out.insert(PART.into(), rows);
    Ok(())
}

/// What says which n-grams a text has.
enum Has {
    Hashed(BagEncoder),
    Counted(NgramCounter),
}

/// The n-grams that a shard has seen.
#[derive(Default)]
struct Seen {
    numbers: HashMap<Ngram, u32, RandomState>,
    /// By number.
    ngrams: Vec<(Ngram, u64)>,
}

impl Seen {
    /// The numbers of some texts' n-grams, which are counted where the text is trained on.
    fn number(
        &mut self,
        texts: Vec<Vec<(Ngram, u32)>>,
        splits: impl Iterator<Item = Split>,
    ) -> Vec<Vec<(u32, u32)>> {
        let of_text = |(text, split): (Vec<(Ngram, u32)>, Split)| {
            let counted = u64::from(is_train(Some(split)));
            let of_ngram = |(ngram, count): (Ngram, u32)| {
                let number = *self.numbers.entry(ngram).or_insert_with(|| {
                    self.ngrams.push((ngram, 0));
                    self.ngrams.len() as u32 - 1
                });
                self.ngrams[number as usize].1 += counted * u64::from(count);
                (number, count)
            };
            text.into_iter().map(of_ngram).collect()
        };
        texts.into_iter().zip(splits).map(of_text).collect()
    }

    fn write(&self, path: &Path) -> Result<(), StageError> {
        let mut writer = TableWriter::create_quickly(path, &SEEN)?;
        for ngrams in self.ngrams.chunks(SEEN.row_group_rows) {
            let term = |place: usize| -> ArrayRef {
                let terms = ngrams.iter().map(|(ngram, _count)| ngram[place]);
                Arc::new(UInt32Array::from_iter_values(terms))
            };
            let counts = ngrams.iter().map(|(_ngram, count)| *count);
            let counts = Arc::new(UInt64Array::from_iter_values(counts));
            let batch = SEEN.batch(vec![term(0), term(1), term(2), counts]);
            writer.write(&batch.map_err(broken(path))?)?;
        }
        writer.finish()?;
        Ok(())
    }
}

fn rows_batch(path: &Path, rows: Vec<Vec<(u32, u32)>>) -> Result<RecordBatch, TableError> {
    let item = Arc::new(Field::new_list_field(DataType::UInt32, true));
    let list = |values: UInt32Array| {
        let lengths = OffsetBuffer::from_lengths(rows.iter().map(Vec::len));
        ListArray::try_new(Arc::clone(&item), lengths, Arc::new(values), None)
    };
    let all = || rows.iter().flatten();
    let numbers = UInt32Array::from_iter_values(all().map(|(number, _count)| *number));
    let counts = UInt32Array::from_iter_values(all().map(|(_number, count)| *count));
    let columns = list(numbers).and_then(|numbers| {
        let columns: Vec<ArrayRef> = vec![Arc::new(numbers), Arc::new(list(counts)?)];
        ROWS.batch(columns)
    });
    columns.map_err(broken(path))
}

fn broken(path: &Path) -> impl FnOnce(arrow::error::ArrowError) -> TableError {
    let path = path.to_owned();
    move |source| TableError::Arrow { path, source }
}
