//! The bags of what the shards left.

use std::collections::HashMap;
use std::path::Path;

use ahash::RandomState;
use arrow::array::{AsArray as _, ListArray, RecordBatch, UInt32Array, UInt64Array};
use arrow::datatypes::UInt32Type;
use cinescore_artifact::StageError;
use cinescore_artifact::program::TaskContext;
use cinescore_artifact::table::{TableError, TableReader, TableSpec, column};
use cinescore_artifact::task::Shard;
use rayon::prelude::*;

use super::super::encoder::{BagEncoder, Bags};
use super::super::ngrams::{Ngram, NgramCounter, is_alone};
use super::super::params::{BagParams, Indices};
use super::super::{BagWriter, Begun, Summed, begin, counter, encoder_of, work, write_encoder};
use super::{ROWS, ROWS_FILE, SEEN, SEEN_FILE, SHARD_KEY, WORK_KEY, is_divisible, noted, work_of};
use crate::reviews::{BATCH_ROWS, each_batch};
use crate::split::Split;
use crate::text::is_train;

/// No number: the n-gram is not in the vocabulary.
const NONE: u32 = u32::MAX;

/// Makes the outputs of what the shards left.
pub(crate) fn merge(params: BagParams, context: &mut TaskContext) -> Result<(), StageError> {
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
