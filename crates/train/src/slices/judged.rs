//! Predictions beside the truth, as the slices need them.

use std::collections::BTreeMap;

use arrow::array::{Array as _, AsArray as _, Float64Array, ListArray, StringArray, UInt64Array};
use arrow::datatypes::Float32Type;
use cinescore_artifact::table::{TableError, TableReader, column};
use cinescore_artifact::tables::PREDICTIONS;
use cinescore_artifact::task::TaskInput;
use cinescore_artifact::{Split, StageError};
use cinescore_model::task::Prediction;
use thiserror::Error;

use crate::compare::name_of;

/// Rows read at a time.
const READ_ROWS: usize = 65_536;

/// Why predictions cannot be measured.
#[derive(Debug, Error)]
pub enum JudgedError {
    /// The table cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A table has a split that nobody knows.
    #[error("the predictions of `{name}` have the unknown split `{split}`")]
    Split {
        /// The network.
        name: String,
        /// The split.
        split: String,
    },
}

impl From<JudgedError> for StageError {
    fn from(error: JudgedError) -> Self {
        match error {
            JudgedError::Table(error) => error.into(),
            other => Self::input(other),
        }
    }
}

/// The predictions of a split, row by row.
#[derive(Debug, Default)]
pub struct Rows {
    /// The examples.
    pub ids: Vec<u64>,
    /// The truth of each.
    pub targets: Vec<f64>,
    /// What was said of each.
    pub predicted: Vec<Prediction>,
}

/// A network's predictions of some splits.
#[derive(Debug)]
pub struct Judged {
    /// What the pipeline calls it.
    pub name: String,
    /// Whether they are probabilities of positive: every truth is 0 or 1, and so are the ends of what was said. A table does
    /// not name its task.
    pub is_binary: bool,
    /// The rows of each split that has any. Those whose prediction is no number are left out.
    pub splits: BTreeMap<Split, Rows>,
    /// Rows of the table.
    pub read: u64,
    /// Rows of the splits whose truth or prediction is no finite number.
    pub not_finite: u64,
}

impl Judged {
    /// Reads the splits of a table.
    ///
    /// # Errors
    /// If the file is no such table, or has a split that nobody knows.
    pub fn read(input: &TaskInput, splits: &[Split]) -> Result<Self, JudgedError> {
        let mut own = Self {
            name: name_of(input),
            is_binary: false,
            splits: BTreeMap::new(),
            read: 0,
            not_finite: 0,
        };
        for batch in TableReader::open(&input.path, &PREDICTIONS)?.batches(READ_ROWS)? {
            let batch = batch?;
            own.read += batch.num_rows() as u64;
            let ids: &UInt64Array = column(&batch, "id");
            let names: &StringArray = column(&batch, "split");
            let [targets, values, lower, upper]: [&Float64Array; 4] =
                ["target", "predicted", "lower", "upper"].map(|name| column(&batch, name));
            let lists: &ListArray = column(&batch, "probabilities");
            for row in 0..batch.num_rows() {
                let Some(split) = Split::of_name(names.value(row)) else {
                    return Err(JudgedError::Split {
                        name: own.name,
                        split: names.value(row).to_owned(),
                    });
                };
                if !splits.contains(&split) {
                    continue;
                }
                if !targets.value(row).is_finite() || !values.value(row).is_finite() {
                    own.not_finite += 1;
                    continue;
                }
                let rows = own.splits.entry(split).or_default();
                rows.ids.push(ids.value(row));
                rows.targets.push(targets.value(row));
                rows.predicted.push(Prediction {
                    value: values.value(row),
                    probabilities: lists.is_valid(row).then(|| {
                        let list = lists.value(row);
                        let list = list.as_primitive::<Float32Type>().values();
                        list.iter().copied().map(f64::from).collect()
                    }),
                    interval: (lower.is_valid(row) && upper.is_valid(row))
                        .then(|| (lower.value(row), upper.value(row))),
                });
            }
        }
        own.is_binary = own.splits.values().all(|rows| {
            let mut pairs = rows.targets.iter().zip(&rows.predicted);
            pairs.all(|(&target, said)| {
                (target == 0.0 || target == 1.0)
                    && said.probabilities.is_none()
                    && (0.0..=1.0).contains(&said.value)
            })
        });
        Ok(own)
    }

    /// What a person should know of them.
    pub fn warning(&self) -> Option<String> {
        (self.not_finite > 0).then(|| {
            format!(
                "{} predictions of `{}` are no numbers: they are in no slice",
                self.not_finite, self.name
            )
        })
    }
}
