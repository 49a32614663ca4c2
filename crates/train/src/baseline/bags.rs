//! The bags of n-grams, or the windows, that baselines learn from, in memory. A window is a bag of all its inputs.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{
    Array as _, AsArray as _, ListArray, RecordBatch, StringArray, UInt8Array, UInt64Array,
};
use arrow::datatypes::{Float32Type, UInt32Type};
use cinescore_artifact::Split;
use cinescore_artifact::table::{TableError, TableFooter, TableReader, column};
use cinescore_artifact::tables::{BAGS, WINDOWS};
use cinescore_model::task::{Quantity, Task};
use thiserror::Error;

use super::sparse::Matrix;
use crate::windows::{self, Knowledge, Window, WindowsError};

/// Rows read at a time.
const READ_ROWS: usize = 8192;
/// More n-grams than any table of bags has: a number beyond is damage, and would ask for as many weights.
const MOST_FEATURES: u32 = 1 << 28;

/// Why a table of bags cannot be learned from.
#[derive(Debug, Error)]
pub(super) enum BagsError {
    /// The table cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A table of windows cannot be used.
    #[error(transparent)]
    Windows(#[from] WindowsError),
    /// The task is one for windows.
    #[error("reviews have no labels for task `{task}`")]
    Task {
        /// The task.
        task: Task,
    },
    /// A label is out of its range.
    #[error("review {review_id} has the label {label}, which is out of range for task `{task}`")]
    Label {
        /// The review.
        review_id: u64,
        /// Its label.
        label: u8,
        /// The task.
        task: Task,
    },
    /// A value is no number, or its n-gram has none.
    #[error("review {review_id} has the value {value} for the n-gram {index}")]
    Value {
        /// The review.
        review_id: u64,
        /// The n-gram.
        index: u32,
        /// Its value.
        value: f32,
    },
    /// A split that is needed is empty.
    #[error("the split `{split}` has no examples with a label for task `{task}`")]
    NoExamples {
        /// The split.
        split: &'static str,
        /// The task.
        task: Task,
    },
    /// There is nothing to tell apart.
    #[error("all {count} training examples have the label {label}: there is nothing to learn")]
    OneLabel {
        /// Training examples.
        count: usize,
        /// Their label.
        label: f64,
    },
}

/// Labelled bags of a split.
#[derive(Debug, Default)]
pub(super) struct Bags {
    /// The reviews.
    pub(super) ids: Vec<u64>,
    /// Their labels: 0 or 1 for task `binary`, else stars.
    pub(super) labels: Vec<f64>,
    rows: Vec<(Vec<u32>, Vec<f32>)>,
    /// The past popularity of each window; none of bags.
    pub(super) histories: Vec<Vec<f32>>,
    /// What is known of windows.
    pub(super) knowledge: Knowledge,
}

/// A table's bags by split.
#[derive(Debug, Default)]
pub(super) struct Splits {
    splits: BTreeMap<Split, Bags>,
    /// Rows that had no label.
    pub(super) unlabelled: u64,
    /// Of bags these rows, without labels: a review of 5 stars is neither positive nor negative, and has its n-grams.
    others: BTreeMap<Split, Bags>,
    /// Slots of a window; none of bags.
    pub(super) slots: Option<usize>,
}

impl Bags {
    /// As a matrix with this many columns: an n-gram beyond was not met in training and has no weight.
    pub(super) fn matrix(&self, columns: usize) -> Matrix {
        let rows = self.rows.iter();
        Matrix::new(rows.map(|(i, v)| (i.as_slice(), v.as_slice())), columns)
    }

    /// The n-grams of a row.
    pub(super) fn indices(&self, row: usize) -> &[u32] {
        self.rows.get(row).map_or(&[], |(indices, _values)| indices)
    }

    /// One more than the greatest number of an n-gram.
    pub(super) fn features(&self) -> usize {
        let greatest = self
            .rows
            .iter()
            .filter_map(|(indices, _)| indices.iter().max());
        greatest.max().map_or(0, |index| *index as usize + 1)
    }
}

impl Splits {
    /// Reads a table and checks what can be checked before any work.
    pub(super) fn read(path: &Path, task: Task) -> Result<Self, BagsError> {
        let mut all = Self::default();
        for split in Split::ALL {
            all.splits.insert(split, Bags::default());
        }
        let table = TableFooter::read(path)?.name;
        if table.as_deref() == Some(WINDOWS.name) {
            all.add_windows(path, task)?;
        } else if task == Task::Count {
            return Err(BagsError::Task { task });
        } else {
            for batch in TableReader::open(path, &BAGS)?.batches(READ_ROWS)? {
                all.add(&batch?, task)?;
            }
        }
        for split in [Split::Train, Split::Valid] {
            if all.of(split).is_none_or(|own| own.ids.is_empty()) {
                let split = split.name();
                return Err(BagsError::NoExamples { split, task });
            }
        }
        let labels = all.of(Split::Train).map_or(&[][..], |own| &own.labels);
        match labels.first() {
            Some(&label) if labels.iter().all(|other| *other == label) => {
                let count = labels.len();
                Err(BagsError::OneLabel { count, label })
            }
            _ => Ok(all),
        }
    }

    fn add_windows(&mut self, path: &Path, task: Task) -> Result<(), BagsError> {
        let each = |window: Window<'_>| -> Result<(), BagsError> {
            self.slots = Some(window.history.len());
            let own = self.splits.entry(window.split).or_default();
            own.ids.push(window.id);
            own.labels.push(window.label);
            let inputs = u32::try_from(window.inputs.len()).unwrap_or(u32::MAX);
            own.rows
                .push(((0..inputs).collect(), window.inputs.to_vec()));
            own.histories.push(window.history.to_vec());
            own.knowledge.windows.push(window.known);
            Ok(())
        };
        let bounds = windows::read(path, task, None, each)?;
        for own in self.splits.values_mut() {
            own.knowledge.bounds.clone_from(&bounds);
        }
        Ok(())
    }

    fn add(&mut self, batch: &RecordBatch, task: Task) -> Result<(), BagsError> {
        let ids: &UInt64Array = column(batch, "review_id");
        let splits: &StringArray = column(batch, "split");
        let indices: &ListArray = column(batch, "indices");
        let values: &ListArray = column(batch, "values");
        let (name, known) = match task {
            Task::Binary => ("polarity", 0..=1),
            Task::Regression | Task::Classes | Task::Ordinal | Task::Count => ("score", 1..=10),
        };
        let labels: &UInt8Array = column(batch, name);
        for row in 0..batch.num_rows() {
            let Some(split) = Split::of_name(splits.value(row)) else {
                continue;
            };
            let Some(own) = self.splits.get_mut(&split) else {
                continue;
            };
            let review_id = ids.value(row);
            let label = Some(labels.value(row)).filter(|_label| labels.is_valid(row));
            if let Some(label) = label.filter(|label| !known.contains(label)) {
                return Err(BagsError::Label {
                    review_id,
                    label,
                    task,
                });
            }
            let (indices, values) = (indices.value(row), values.value(row));
            let indices = indices.as_primitive::<UInt32Type>().values().to_vec();
            let values = values.as_primitive::<Float32Type>().values().to_vec();
            let wrong =
                |(index, value): &(&u32, &f32)| **index >= MOST_FEATURES || !value.is_finite();
            if let Some((&index, &value)) = indices.iter().zip(&values).find(wrong) {
                return Err(BagsError::Value {
                    review_id,
                    index,
                    value,
                });
            }
            let own = match label {
                Some(label) => {
                    own.labels.push(f64::from(label));
                    own
                }
                None => {
                    self.unlabelled += 1;
                    self.others.entry(split).or_default()
                }
            };
            own.ids.push(review_id);
            own.rows.push((indices, values));
        }
        Ok(())
    }

    /// What the labels measure.
    pub(super) fn quantity(&self) -> Quantity {
        match self.slots {
            Some(_) => Quantity::Popularity,
            None => Quantity::Stars,
        }
    }

    /// A split.
    pub(super) fn of(&self, split: Split) -> Option<&Bags> {
        self.splits.get(&split)
    }

    /// The bags of a split that have no label; there are no windows among them.
    pub(super) fn others(&self, split: Split) -> Option<&Bags> {
        self.others.get(&split)
    }

    /// All labelled rows.
    pub(super) fn rows(&self) -> u64 {
        self.splits.values().map(|own| own.ids.len() as u64).sum()
    }
}
