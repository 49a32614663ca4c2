//! Encoded reviews, or windows, with their labels, in memory.
//!
//! Owns reading a `tokens` or `bags` table and everything that is refused about it before the first batch; a table of
//! windows is read by `windows`. Does not own batches. A review without the label that the task needs is left out and counted.

mod error;
mod read;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use cinescore_artifact::digest::{Digest, Preimage};
use cinescore_artifact::tables::{BAGS, TOKENS, WINDOWS};
use cinescore_model::bundle::Encoder;
use cinescore_model::task::{Quantity, Task};
use cinescore_network::InputSpec;

pub use cinescore_artifact::Split;
pub use error::ExamplesError;
pub(crate) use read::check_terms;

use crate::windows::Knowledge;

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
    /// What each linear model says of the examples, one model after the other; none where no network asks for it.
    logits: Vec<Vec<f32>>,
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

impl Examples {
    /// Reads a table and checks it against the encoder that made it, and that it can be trained on; without the reviews of some
    /// scores in all splits but `test`. Task `binary` knows no scores.
    pub fn read(
        path: &Path,
        task: Task,
        layout: Layout,
        encoder: &Encoder,
        held_out: &[u8],
    ) -> Result<Self, ExamplesError> {
        let mut examples = Self::read_any(path, task, layout, encoder)?;
        if !held_out.is_empty() {
            let stars = matches!(task, Task::Regression | Task::Classes | Task::Ordinal);
            if !stars || examples.quantity() != Quantity::Stars {
                return Err(ExamplesError::HoldOut { task });
            }
            examples.hold_out(held_out);
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

    /// Makes a fold of the training examples the split `calib`, in place of its own. `folds`: the fold of each training example.
    pub fn hold_fold(&mut self, folds: &[u32], fold: u32, task: Task) -> Result<(), ExamplesError> {
        let rows = self.splits.entry(Split::Train).or_default();
        let (held, kept) = rows
            .iter()
            .zip(folds)
            .partition::<Vec<_>, _>(|(_row, own)| **own == fold);
        let only_rows =
            |pairs: Vec<(&usize, &u32)>| pairs.into_iter().map(|(&row, _)| row).collect();
        let (held, kept) = (only_rows(held), only_rows(kept));
        self.splits.insert(Split::Calib, held);
        self.splits.insert(Split::Train, kept);
        self.check(task)
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

    /// Adds what one more linear model says of each review.
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
        self.logits.push(all);
        Ok(())
    }

    /// How many linear models say something of each example.
    pub fn models(&self) -> usize {
        self.logits.len()
    }

    /// What the linear models say of an example; nothing where no network asks for it.
    pub fn logits(&self, row: usize) -> impl Iterator<Item = &f32> {
        self.logits.iter().map(move |model| &model[row])
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
                for logit in self.logits(row) {
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
