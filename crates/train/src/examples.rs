//! Encoded reviews, or windows, with their labels, in memory.
//!
//! Owns reading a `tokens` or `bags` table and everything that is refused about it before the first batch; a table of
//! windows is read by `windows`. Does not own batches. A review without the label that the task needs is left out and counted.

mod error;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use arrow::array::{
    Array as _, AsArray as _, ListArray, RecordBatch, StringArray, UInt8Array, UInt64Array,
};
use arrow::datatypes::{Float32Type, Int32Type, UInt32Type};
use cinescore_artifact::digest::{Digest, Preimage};
use cinescore_artifact::encoder::{EncoderFile, PADDING_ID, TERMS_KEY, WindowEncoderFile};
use cinescore_artifact::table::{TableReader, column};
use cinescore_artifact::tables::{BAGS, TOKENS, WINDOWS};
use cinescore_model::bundle::Encoder;
use cinescore_model::task::{Quantity, Task};
use cinescore_network::InputSpec;

pub use cinescore_artifact::Split;
pub use error::ExamplesError;

use crate::windows::{self, Knowledge};

/// Rows read at a time.
const READ_ROWS: usize = 8192;

/// How the steps of an example lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// As in the table, all of one length: padding is a token like others.
    Padded,
    /// Without padding, each of its own length: for networks that mask.
    Trimmed,
    /// Without padding, and padded at the end to this length when they are put together: for networks that take
    /// a whole review as one vector.
    Whole(usize),
    /// The n-grams that it has, each with a value; there may be none.
    Bag,
    /// The features of each slot of a window, of so many slots, or as many as the encoder has.
    Window(Option<u32>),
}

impl Layout {
    /// What a network's input needs.
    pub fn of(input: &InputSpec) -> Self {
        match input {
            InputSpec::Bag(_) => Self::Bag,
            InputSpec::Window(input) => Self::Window(input.slots),
            InputSpec::Whole(input) => {
                Self::Whole(usize::try_from(input.length).unwrap_or(usize::MAX))
            }
            InputSpec::Regions(_) => Self::Trimmed,
            InputSpec::Tokens(_) | InputSpec::OneHot(_) if input.masks() => Self::Trimmed,
            InputSpec::Tokens(_) | InputSpec::OneHot(_) => Self::Padded,
        }
    }

    /// The table that it comes from, by name.
    fn table(self) -> &'static str {
        match self {
            Self::Bag => BAGS.name,
            Self::Window(_) => WINDOWS.name,
            Self::Padded | Self::Trimmed | Self::Whole(_) => TOKENS.name,
        }
    }
}

/// Labelled examples.
#[derive(Debug)]
pub struct Examples {
    layout: Layout,
    review_ids: Vec<u64>,
    labels: Vec<f64>,
    /// The ids of all examples, one after the other.
    ids: Vec<i32>,
    /// Of bags the value of each of `ids`; of windows, which have no ids, all inputs; else none.
    values: Vec<f32>,
    /// What a linear model says of each example; none where no network asks for it.
    logits: Vec<f32>,
    /// What is known of windows.
    knowledge: Knowledge,
    /// Slots of a window; else 0.
    slots: usize,
    /// Where each example's ids, or inputs, begin, and at last where they end.
    offsets: Vec<usize>,
    /// The examples of each split, in the table's order.
    splits: BTreeMap<Split, Vec<usize>>,
    /// Rows of each split that had no label.
    unlabelled: BTreeMap<Split, u64>,
}

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
    /// Reads a table and checks it against the encoder that made it, and that it can be trained on.
    pub fn read(
        path: &Path,
        task: Task,
        layout: Layout,
        encoder: &Encoder,
    ) -> Result<Self, ExamplesError> {
        let examples = Self::read_any(path, task, layout, encoder)?;
        examples.check(task)?;
        Ok(examples)
    }

    /// The same, without the reviews of some scores in all splits but `test`. Task `binary` knows no scores.
    pub fn read_without(
        path: &Path,
        task: Task,
        layout: Layout,
        encoder: &Encoder,
        scores: &[u8],
    ) -> Result<Self, ExamplesError> {
        let mut examples = Self::read_any(path, task, layout, encoder)?;
        if !scores.is_empty() {
            let stars = matches!(task, Task::Regression | Task::Classes | Task::Ordinal);
            if !stars || examples.quantity() != Quantity::Stars {
                return Err(ExamplesError::HoldOut { task });
            }
            examples.hold_out(scores);
        }
        examples.check(task)?;
        Ok(examples)
    }

    fn hold_out(&mut self, scores: &[u8]) {
        let labels = &self.labels;
        for (split, rows) in &mut self.splits {
            if *split != Split::Test {
                rows.retain(|&row| !scores.iter().any(|score| f64::from(*score) == labels[row]));
            }
        }
    }

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

    fn check(&self, task: Task) -> Result<(), ExamplesError> {
        for split in [Split::Train, Split::Valid] {
            if self.rows(split).is_empty() {
                return Err(ExamplesError::NoExamples {
                    split: split.name(),
                    task,
                });
            }
        }
        let mut labels = self.rows(Split::Train).iter().map(|&row| self.labels[row]);
        match labels.next() {
            Some(label) if labels.all(|other| other == label) => Err(ExamplesError::OneLabel {
                count: self.rows(Split::Train).len(),
                label,
            }),
            _ => Ok(()),
        }
    }

    /// Adds what a linear model says of each review.
    ///
    /// # Errors
    /// The first review of which it says nothing, or which was in another split there: what is said of training reviews is
    /// another model's.
    pub fn add_logits(&mut self, logits: &HashMap<u64, (Option<Split>, f32)>) -> Result<(), u64> {
        let mut all = vec![0.0; self.review_ids.len()];
        for (split, rows) in &self.splits {
            for &row in rows {
                let review = self.review_ids[row];
                match logits.get(&review) {
                    Some((own, logit)) if *own == Some(*split) => all[row] = *logit,
                    _ => return Err(review),
                }
            }
        }
        self.logits = all;
        Ok(())
    }

    /// What a linear model says of an example; none where no network asks for it.
    pub fn logit(&self, row: usize) -> Option<f32> {
        self.logits.get(row).copied()
    }

    /// The examples of a split, by number, in the table's order.
    pub fn rows(&self, split: Split) -> &[usize] {
        self.splits.get(&split).map_or(&[], Vec::as_slice)
    }

    /// The digest of everything that a training sees of them.
    pub fn digest(&self) -> Digest {
        let mut preimage = Preimage::new("cinescore examples 1");
        for (split, rows) in &self.splits {
            preimage.field("split", split.name().as_bytes());
            for &row in rows {
                preimage.field("review", &self.review_ids[row].to_le_bytes());
                preimage.field("label", &self.labels[row].to_bits().to_le_bytes());
                let ids: Vec<u8> = self
                    .ids(row)
                    .iter()
                    .flat_map(|id| id.to_le_bytes())
                    .collect();
                preimage.field("ids", &ids);
                if let Some(logit) = self.logit(row) {
                    preimage.field("logit", &logit.to_le_bytes());
                }
                if matches!(self.layout, Layout::Bag | Layout::Window(_)) {
                    let values = self
                        .values(row)
                        .iter()
                        .flat_map(|value| value.to_le_bytes());
                    preimage.field("values", &values.collect::<Vec<u8>>());
                }
            }
        }
        preimage.digest()
    }

    /// The rows of a split that were left out because they have no label.
    pub fn unlabelled(&self, split: Split) -> u64 {
        self.unlabelled.get(&split).copied().unwrap_or(0)
    }

    /// The number of all examples.
    pub fn len(&self) -> usize {
        self.review_ids.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.review_ids.is_empty()
    }

    /// Slots of a window; 0 of reviews.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// How the steps lie.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// An example's ids; none of a window.
    pub fn ids(&self, row: usize) -> &[i32] {
        self.ids
            .get(self.offsets[row]..self.offsets[row + 1])
            .unwrap_or_default()
    }

    /// The value of each of an example's ids, or the inputs of a window; none but of these.
    pub fn values(&self, row: usize) -> &[f32] {
        self.values
            .get(self.offsets[row]..self.offsets[row + 1])
            .unwrap_or_default()
    }

    /// What the labels measure.
    pub fn quantity(&self) -> Quantity {
        match self.layout {
            Layout::Window(_) => Quantity::Popularity,
            _ => Quantity::Stars,
        }
    }

    /// What is known of the windows of a split; none of reviews.
    pub fn knowledge(&self, split: Split) -> Option<Knowledge> {
        (self.quantity() == Quantity::Popularity).then(|| self.knowledge.of(self.rows(split)))
    }

    /// An example's review, or window.
    pub fn review_id(&self, row: usize) -> u64 {
        self.review_ids[row]
    }

    /// An example's label: 0 or 1 for task `binary`, stars for the others; of a window its target or its class.
    pub fn label(&self, row: usize) -> f64 {
        self.labels[row]
    }

    /// The labels of a split.
    pub fn labels(&self, split: Split) -> Vec<f64> {
        self.rows(split)
            .iter()
            .map(|&row| self.labels[row])
            .collect()
    }
}
