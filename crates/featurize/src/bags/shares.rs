//! The kind `bags` in shares.
//!
//! Owns what a shard leaves of its reviews, and how the bags are made of that. What is cheap and needs all texts, every shard does
//! for itself: splits, word classes, the counts of terms and the sieve. So all of them number terms alike. What is dear is divided: a
//! shard writes which n-grams each of its reviews has. The merge adds up the counts, chooses the n-grams, weighs them, and
//! turns the shards' numbers into those of the vocabulary; no text is divided into words again but for the terms and classes.
//!
//! The pieces are batches of the table of reviews, dealt out in turn. A part has `rows.parquet`, the n-grams of each review in
//! the order of the table, and, where n-grams are not hashed, `seen.parquet`, what their numbers mean.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use ahash::RandomState;
use arrow::array::{ArrayRef, AsArray as _, ListArray, RecordBatch, UInt32Array, UInt64Array};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, UInt32Type};
use cinescore_artifact::StageError;
use cinescore_artifact::digest::Preimage;
use cinescore_artifact::encoder::ENCODER_VERSION;
use cinescore_artifact::program::TaskContext;
use cinescore_artifact::table::{
    ColumnSpec, ColumnType, TableError, TableReader, TableSpec, TableWriter, column,
};
use cinescore_artifact::task::{PART, Shard};
use rayon::prelude::*;

use super::encoder::{BagEncoder, Bags};
use super::ngrams::{Ngram, NgramCounter, is_alone};
use super::params::{BagParams, Indices};
use super::{BagWriter, Begun, Summed, begin, counter, encoder_of, sift, work, write_encoder};
use crate::classes::Classes;
use crate::encode::Known;
use crate::reviews::{BATCH_ROWS, each_batch, texts_of};
use crate::split::Split;
use crate::text::{Throughput, is_train};
use crate::tokenize::Tokenizer;

const ROWS_FILE: &str = "rows.parquet";
const SEEN_FILE: &str = "seen.parquet";
/// What the rows' metadata say: which shard's they are, and of what work.
const SHARD_KEY: &str = "cinescore.shard";
const WORK_KEY: &str = "cinescore.work";
/// No number: the n-gram is not in the vocabulary.
const NONE: u32 = u32::MAX;

/// What each review of a share has.
static ROWS: TableSpec = TableSpec {
    name: "bags of a share",
    version: ENCODER_VERSION,
    row: "a review with a split, of the pieces that are the shard's",
    order: "review_id",
    row_group_rows: 8192,
    columns: &[
        ColumnSpec::new(
            "ngrams",
            ColumnType::ListUInt32,
            "numbers of the shard, or what n-grams are hashed to",
        ),
        ColumnSpec::new(
            "counts",
            ColumnType::ListUInt32,
            "how often the review has each",
        ),
    ],
};

/// What the numbers of a share mean.
static SEEN: TableSpec = TableSpec {
    name: "n-grams of a share",
    version: ENCODER_VERSION,
    row: "an n-gram, whose number is the row's",
    order: "as they first appear",
    row_group_rows: 65_536,
    columns: &[
        ColumnSpec::new("first", ColumnType::UInt32, "its first term or class"),
        ColumnSpec::new(
            "second",
            ColumnType::UInt32,
            "its second; 2^32 - 1 where it has none",
        ),
        ColumnSpec::new(
            "third",
            ColumnType::UInt32,
            "its third; 2^32 - 1 where it has none",
        ),
        ColumnSpec::new(
            "count",
            ColumnType::UInt64,
            "occurrences in the share's training reviews",
        ),
    ],
};

/// Whether n-grams that are told apart by the numbers of their terms are told apart by their names too. Encoding goes by names; a
/// lemma may have a space in it, and a term may be written as a class is. Then nothing is left to the shards.
fn is_divisible(begun: &Begun) -> bool {
    let lemmas = || begun.text.terms.lemmas.values();
    let has_classes = begun.classes.is_some();
    !(lemmas().any(|lemma| lemma.contains(' ') || has_classes && lemma.contains('{'))
        || has_classes && begun.text.tokenizer == Tokenizer::Whitespace)
}

/// Does one share of the work.
pub(super) fn share(
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

fn broken(path: &Path) -> impl FnOnce(arrow::error::ArrowError) -> TableError {
    let path = path.to_owned();
    move |source| TableError::Arrow { path, source }
}

/// How a shard is written, counted from 1.
fn noted(Shard { index, count }: Shard) -> String {
    format!("{}/{count}", u64::from(index) + 1)
}

/// What tells one work from others: its parameters and reviews. The numbers of n-grams mean nothing in another one.
fn work_of(params: &BagParams, begun: &Begun) -> Result<String, StageError> {
    let settings = serde_json::to_vec(&(params, &begun.text)).map_err(StageError::failed)?;
    let splits = begun
        .splits
        .iter()
        .map(|split| split.map_or("", Split::name));
    let classes = begun.classes.iter().flat_map(Classes::words).flatten();
    let mut work = Preimage::new("cinescore bags of a share 1");
    work.field("settings", &settings);
    work.field("splits", splits.collect::<Vec<_>>().join(" ").as_bytes());
    for word in classes {
        work.field("word of a class", word.as_bytes());
    }
    Ok(work.digest().to_string())
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

/// Makes the outputs of what the shards left.
pub(super) fn merge(params: BagParams, context: &mut TaskContext) -> Result<(), StageError> {
    let begun = begin(&params, context)?;
    if !is_divisible(&begun) {
        return work(&begun, &params, context);
    }
    let parts: Vec<_> = context.parts().into_iter().map(Path::to_owned).collect();
    let (mut encoder, numbers) = match params.indices {
        Indices::Hashed => (encoder_of(Vec::new(), &begun, &params)?, Numbers::Hashed),
        Indices::Vocabulary => {
            let (counter, _counted) = counter(&begun, &params, context)?;
            let mut union = Union::default();
            for part in &parts {
                context.check_interrupt()?;
                union.add(&part.join(SEEN_FILE), &counter)?;
            }
            union.choose(&counter, &begun, &params)?
        }
    };
    let parts = Parts {
        begun: &begun,
        folders: parts.iter().map(AsRef::as_ref).collect(),
        work: work_of(&params, &begun)?,
        numbers,
    };
    let mut summed = Summed::of(&encoder);
    parts.each_batch(&["score", "polarity"], &encoder, |batch, splits, rows| {
        context.check_interrupt()?;
        let rows = rows.into_iter().zip(splits.iter().flatten());
        let training = rows.filter(|(_row, split)| is_train(Some(**split)));
        summed.add(batch, splits, training.map(|(row, _split)| row));
        Ok(())
    })?;
    let sums = summed.weigh(&mut encoder, &params, begun.training)?;
    write_encoder(&encoder, &sums, context)?;

    let mut writer = BagWriter::create(&encoder, context)?;
    let columns = ["review_id", "score", "polarity"];
    parts.each_batch(&columns, &encoder, |batch, splits, rows| {
        context.check_interrupt()?;
        let valued: Vec<_> = rows
            .into_par_iter()
            .map(|row| encoder.valued(row))
            .collect();
        let mut bags = Bags::default();
        valued.iter().for_each(|bag| bags.push(bag));
        writer.write(batch, splits, bags)
    })?;
    writer.finish(context)
}

/// The n-grams that any shard has seen.
#[derive(Default)]
struct Union {
    places: HashMap<Ngram, u32, RandomState>,
    ngrams: Vec<(Ngram, u64)>,
    /// By part and by its number: the place in `ngrams`.
    of_parts: Vec<Vec<u32>>,
}

impl Union {
    /// Adds what a part says of its numbers.
    fn add(&mut self, path: &Path, counter: &NgramCounter) -> Result<(), StageError> {
        let mut own = Vec::new();
        for batch in opened(path, &SEEN)?.batches(SEEN.row_group_rows)? {
            let batch = batch?;
            let [first, second, third] =
                ["first", "second", "third"].map(|name| column::<UInt32Array>(&batch, name));
            let counts: &UInt64Array = column(&batch, "count");
            for (row, count) in counts.values().iter().enumerate() {
                let ngram = [first.value(row), second.value(row), third.value(row)];
                if !counter.knows(ngram) {
                    return Err(foreign());
                }
                let place = *self.places.entry(ngram).or_insert_with(|| {
                    self.ngrams.push((ngram, 0));
                    self.ngrams.len() as u32 - 1
                });
                self.ngrams[place as usize].1 += count;
                own.push(place);
            }
        }
        self.of_parts.push(own);
        Ok(())
    }

    /// Chooses the n-grams that have numbers; the encoder of them, and what the parts' numbers are in it.
    fn choose(
        self,
        counter: &NgramCounter,
        begun: &Begun,
        params: &BagParams,
    ) -> Result<(BagEncoder, Numbers), StageError> {
        let Self {
            places,
            ngrams,
            of_parts,
        } = self;
        drop(places);
        let counted = ngrams.iter().filter(|(ngram, _count)| !is_alone(*ngram));
        let counted: Vec<(Ngram, u64)> = counted.copied().collect();
        let chosen = counter.choose(counted, params.size as usize, params.min_count);
        let encoder = encoder_of(chosen, begun, params)?;
        let number = |(ngram, _count): &(Ngram, u64)| encoder.number(&counter.name(*ngram));
        let numbers: Vec<Option<u32>> = ngrams.par_iter().map(number).collect();
        let of_part = |places: Vec<u32>| {
            let number = |place: u32| numbers[place as usize].unwrap_or(NONE);
            places.into_iter().map(number).collect()
        };
        let by_part = of_parts.into_iter().map(of_part).collect();
        Ok((encoder, Numbers::ByPart(by_part)))
    }
}

/// What the numbers of the parts are in the encoder.
enum Numbers {
    /// The same.
    Hashed,
    /// By part and by its number.
    ByPart(Vec<Vec<u32>>),
}

/// The shards' parts, beside the table that they are of.
struct Parts<'a> {
    begun: &'a Begun,
    folders: Vec<&'a Path>,
    /// What tells this work from others.
    work: String,
    numbers: Numbers,
}

impl Parts<'_> {
    /// Gives each batch of the reviews to `work`, with the n-grams of those that have a split, by the encoder's numbers and ascending.
    fn each_batch(
        &self,
        columns: &[&str],
        encoder: &BagEncoder,
        mut work: impl FnMut(
            &RecordBatch,
            &[Option<Split>],
            Vec<Vec<(u32, u32)>>,
        ) -> Result<(), StageError>
        + Send,
    ) -> Result<(), StageError> {
        let count = self.folders.len().max(1);
        let open = |(index, folder): (u32, &&Path)| {
            let count = count as u32;
            PartRows::open(&folder.join(ROWS_FILE), Shard { index, count }, &self.work)
        };
        let parts = (0..).zip(&self.folders).map(open);
        let mut parts: Vec<PartRows> = parts.collect::<Result<_, _>>()?;
        let mut piece = 0;
        each_batch(
            &self.begun.path,
            columns,
            &self.begun.splits,
            |batch, splits| {
                let own = piece % count;
                piece += 1;
                let rows = splits.iter().flatten().count();
                let rows = parts.get_mut(own).ok_or_else(foreign)?.take(rows)?;
                let renumbered: Option<Vec<_>> = rows
                    .into_par_iter()
                    .map(|row| self.renumbered(own, row, encoder.width()))
                    .collect();
                work(batch, splits, renumbered.ok_or_else(foreign)?)
            },
        )?;
        for part in &mut parts {
            if !part.is_over()? {
                return Err(foreign());
            }
        }
        Ok(())
    }

    /// A row of a part by the encoder's numbers; none where the part does not know a number.
    fn renumbered(
        &self,
        part: usize,
        mut row: Vec<(u32, u32)>,
        width: usize,
    ) -> Option<Vec<(u32, u32)>> {
        match &self.numbers {
            Numbers::Hashed => row
                .iter()
                .all(|(number, _count)| (*number as usize) < width)
                .then_some(row),
            Numbers::ByPart(numbers) => {
                let numbers = numbers.get(part)?;
                for (number, _count) in &mut row {
                    *number = *numbers.get(*number as usize)?;
                }
                row.retain(|(number, _count)| *number != NONE);
                row.sort_unstable();
                Some(row)
            }
        }
    }
}

/// The rows of a part, one after another.
struct PartRows {
    batches: Box<dyn Iterator<Item = Result<RecordBatch, TableError>> + Send>,
    current: Option<RecordBatch>,
    /// Rows of the current batch that were given.
    given: usize,
}

impl PartRows {
    fn open(path: &Path, shard: Shard, work: &str) -> Result<Self, StageError> {
        let reader = opened(path, &ROWS)?;
        let is_own = reader.note(SHARD_KEY) == Some(noted(shard));
        if !is_own || reader.note(WORK_KEY).as_deref() != Some(work) {
            return Err(foreign());
        }
        Ok(Self {
            batches: Box::new(reader.batches(BATCH_ROWS)?),
            current: None,
            given: 0,
        })
    }

    /// The next so many rows.
    fn take(&mut self, rows: usize) -> Result<Vec<Vec<(u32, u32)>>, StageError> {
        let mut taken = Vec::with_capacity(rows);
        while taken.len() < rows {
            if self.is_over()? {
                return Err(foreign());
            }
            let Some(batch) = &self.current else {
                continue;
            };
            let [ngrams, counts] =
                ["ngrams", "counts"].map(|name| column::<ListArray>(batch, name));
            let end = batch.num_rows().min(self.given + rows - taken.len());
            for row in self.given..end {
                let (ngrams, counts) = (ngrams.value(row), counts.value(row));
                let (ngrams, counts) = (
                    ngrams.as_primitive::<UInt32Type>().values(),
                    counts.as_primitive::<UInt32Type>().values(),
                );
                if ngrams.len() != counts.len() {
                    return Err(foreign());
                }
                taken.push(ngrams.iter().copied().zip(counts.iter().copied()).collect());
            }
            self.given = end;
        }
        Ok(taken)
    }

    /// Whether there is no further row; reads the next batch where the current one is used up.
    fn is_over(&mut self) -> Result<bool, StageError> {
        while self
            .current
            .as_ref()
            .is_none_or(|batch| self.given == batch.num_rows())
        {
            let Some(next) = self.batches.next() else {
                return Ok(true);
            };
            self.current = Some(next?);
            self.given = 0;
        }
        Ok(false)
    }
}

/// Opens a table of a part, which a part of another work may lack.
fn opened(path: &Path, spec: &'static TableSpec) -> Result<TableReader, StageError> {
    match path.exists() {
        true => Ok(TableReader::open(path, spec)?),
        false => Err(foreign()),
    }
}

fn foreign() -> StageError {
    StageError::input(
        "what the shards left is not of these reviews: they are not all shards of this work, in order",
    )
}
