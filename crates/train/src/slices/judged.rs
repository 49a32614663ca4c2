//! Predictions beside the truth, as the slices need them.

use std::collections::BTreeMap;

use cinescore_artifact::table::TableError;
use cinescore_artifact::task::TaskInput;
use cinescore_artifact::{Split, StageError};
use cinescore_model::task::Prediction;
use thiserror::Error;

use crate::compare::name_of;
use crate::predictions;

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
        predictions::each(&input.path, |row| {
            own.read += 1;
            let unknown = |split| JudgedError::Split {
                name: own.name.clone(),
                split,
            };
            let split = row.split().map_err(unknown)?;
            if !splits.contains(&split) {
                return Ok(());
            }
            if !row.target.is_finite() || !row.value.is_finite() {
                own.not_finite += 1;
                return Ok(());
            }
            let rows = own.splits.entry(split).or_default();
            rows.ids.push(row.id);
            rows.targets.push(row.target);
            rows.predicted.push(row.said());
            Ok::<_, JudgedError>(())
        })?;
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
