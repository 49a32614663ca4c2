//! Reading a table of encoded reviews, with all that is refused about it before the first batch.

use std::path::Path;

use arrow::array::{
    Array as _, AsArray as _, ListArray, RecordBatch, StringArray, UInt8Array, UInt64Array,
};
use arrow::datatypes::{Float32Type, Int32Type, UInt32Type};
use cinescore_artifact::Split;
use cinescore_artifact::digest::Digest;
use cinescore_artifact::encoder::{EncoderFile, PADDING_ID, TERMS_KEY, WindowEncoderFile};
use cinescore_artifact::table::{TableReader, column};
use cinescore_artifact::tables::{BAGS, TOKENS};
use cinescore_model::bundle::Encoder;
use cinescore_model::task::Task;

use super::{Examples, ExamplesError, Layout};
use crate::windows::{self, Knowledge};

/// Rows read at a time.
const READ_ROWS: usize = 8192;

/// Checks that the ids of a table stand for these terms. One that others made need not say which they stand for.
pub(crate) fn check_terms(
    table: &TableReader,
    path: &Path,
    terms: &Digest,
) -> Result<(), ExamplesError> {
    match table.note(TERMS_KEY) {
        Some(own) if own != terms.to_string() => Err(ExamplesError::Terms { path: path.into() }),
        _ => Ok(()),
    }
}

impl Examples {
    /// Reads a table and checks it against the encoder that made it; any split may be empty.
    pub fn read_any(
        path: &Path,
        task: Task,
        layout: Layout,
        encoder: &Encoder,
    ) -> Result<Self, ExamplesError> {
        if layout.table() != encoder.table() {
            return Err(ExamplesError::Encoder {
                wanted: layout.table(),
                found: encoder.table(),
            });
        }
        let mut examples = Self {
            layout,
            review_ids: Vec::new(),
            labels: Vec::new(),
            ids: Vec::new(),
            values: Vec::new(),
            logits: Vec::new(),
            knowledge: Knowledge::default(),
            slots: 0,
            offsets: vec![0],
            splits: Split::ALL.map(|split| (split, Vec::new())).into(),
            unlabelled: Split::ALL.map(|split| (split, 0)).into(),
        };
        let (table, terms) = match encoder {
            Encoder::Tokens(encoder) => (&TOKENS, encoder.terms()),
            Encoder::Bags(encoder) => (&BAGS, encoder.terms()),
            Encoder::Windows(encoder) => {
                examples.add_windows(path, task, encoder)?;
                return Ok(examples);
            }
        };
        let table = TableReader::open(path, table)?;
        check_terms(&table, path, &terms)?;
        for batch in table.batches(READ_ROWS)? {
            examples.add(&batch?, task, encoder)?;
        }
        Ok(examples)
    }

    fn add_windows(
        &mut self,
        path: &Path,
        task: Task,
        encoder: &WindowEncoderFile,
    ) -> Result<(), ExamplesError> {
        if let Layout::Window(Some(wanted)) = self.layout
            && wanted != encoder.slots
        {
            return Err(ExamplesError::Slots {
                wanted,
                found: encoder.slots,
            });
        }
        let slots = usize::try_from(encoder.slots).unwrap_or(usize::MAX);
        self.slots = slots;
        let wanted = (slots.saturating_mul(encoder.ids()), slots);
        let each = |window: windows::Window<'_>| -> Result<(), ExamplesError> {
            self.values.extend_from_slice(window.inputs);
            self.offsets.push(self.values.len());
            let rows = self.splits.entry(window.split).or_default();
            rows.push(self.review_ids.len());
            self.review_ids.push(window.id);
            self.labels.push(window.label);
            self.knowledge.windows.push(window.known);
            Ok(())
        };
        let bounds = windows::read(path, task, Some(wanted), each)?;
        // A table that someone took windows out of may lack those that a class ends with; the encoder knows where it ends.
        self.knowledge.bounds = match bounds.is_empty() {
            true => bounds,
            false => encoder.classes.clone(),
        };
        Ok(())
    }

    fn add(
        &mut self,
        batch: &RecordBatch,
        task: Task,
        encoder: &Encoder,
    ) -> Result<(), ExamplesError> {
        let review_ids: &UInt64Array = column(batch, "review_id");
        let splits: &StringArray = column(batch, "split");
        let labels: &UInt8Array = match task {
            Task::Binary => column(batch, "polarity"),
            Task::Regression | Task::Classes | Task::Ordinal => column(batch, "score"),
            Task::Count => return Err(ExamplesError::Task { task }),
        };
        for row in 0..batch.num_rows() {
            // Unlabelled reviews are in the table where they were asked for, and nothing is asked of them here.
            let Some(split) = Split::of_name(splits.value(row)) else {
                continue;
            };
            if labels.is_null(row) {
                *self.unlabelled.entry(split).or_default() += 1;
                continue;
            }
            let (review_id, label) = (review_ids.value(row), labels.value(row));
            let known = match task {
                Task::Binary => 0..=1,
                Task::Regression | Task::Classes | Task::Ordinal | Task::Count => 1..=10,
            };
            if !known.contains(&label) {
                return Err(ExamplesError::Label {
                    review_id,
                    label,
                    task,
                });
            }
            match encoder {
                Encoder::Tokens(encoder) => {
                    let list = column::<ListArray>(batch, "ids").value(row);
                    let ids = list.as_primitive::<Int32Type>().values();
                    let ids = self.checked(review_id, ids, encoder)?;
                    self.ids.extend_from_slice(ids);
                }
                Encoder::Bags(_) | Encoder::Windows(_) => {
                    self.add_bag(review_id, batch, row, encoder.ids())?;
                }
            }
            self.offsets.push(self.ids.len());
            self.splits
                .entry(split)
                .or_default()
                .push(self.review_ids.len());
            self.review_ids.push(review_id);
            self.labels.push(f64::from(label));
        }
        Ok(())
    }

    /// Adds the n-grams of a review and their values.
    fn add_bag(
        &mut self,
        review_id: u64,
        batch: &RecordBatch,
        row: usize,
        known: usize,
    ) -> Result<(), ExamplesError> {
        let indices = column::<ListArray>(batch, "indices").value(row);
        let indices = indices.as_primitive::<UInt32Type>().values();
        let values = column::<ListArray>(batch, "values").value(row);
        let values = values.as_primitive::<Float32Type>().values();
        for (&id, &value) in indices.iter().zip(values) {
            let number = i32::try_from(id).ok();
            let Some(number) = number.filter(|_| (id as usize) < known) else {
                return Err(ExamplesError::Ngram {
                    review_id,
                    id,
                    last: known.saturating_sub(1),
                });
            };
            if !value.is_finite() {
                return Err(ExamplesError::Value {
                    review_id,
                    id,
                    value,
                });
            }
            self.ids.push(number);
            self.values.push(value);
        }
        Ok(())
    }

    /// The ids of a review as the layout keeps them.
    fn checked<'a>(
        &self,
        review_id: u64,
        ids: &'a [i32],
        encoder: &EncoderFile,
    ) -> Result<&'a [i32], ExamplesError> {
        let unknown = |id: &&i32| usize::try_from(**id).map_or(true, |id| id >= encoder.ids());
        if let Some(&id) = ids.iter().find(unknown) {
            return Err(ExamplesError::Id {
                review_id,
                id,
                last: encoder.ids().saturating_sub(1),
            });
        }
        if encoder.padded
            && let Some(wanted) = encoder
                .max_length
                .and_then(|length| usize::try_from(length).ok())
            && ids.len() != wanted
        {
            return Err(ExamplesError::Length {
                review_id,
                found: ids.len(),
                wanted,
            });
        }
        let kept = match self.layout {
            Layout::Padded | Layout::Bag | Layout::Window(_) => ids,
            Layout::Trimmed | Layout::Whole(_) => {
                let begin = ids
                    .iter()
                    .position(|&id| id != PADDING_ID)
                    .unwrap_or(ids.len());
                let end = ids
                    .iter()
                    .rposition(|&id| id != PADDING_ID)
                    .map_or(begin, |last| last + 1);
                &ids[begin..end]
            }
        };
        if kept.is_empty() {
            return Err(ExamplesError::Empty { review_id });
        }
        if let Layout::Whole(most) = self.layout
            && kept.len() > most
        {
            return Err(ExamplesError::Long {
                review_id,
                found: kept.len(),
                most,
            });
        }
        if let (Layout::Padded, Some(&wanted)) = (self.layout, self.offsets.get(1))
            && kept.len() != wanted
        {
            return Err(ExamplesError::Ragged {
                review_id,
                found: kept.len(),
                wanted,
            });
        }
        Ok(kept)
    }
}
