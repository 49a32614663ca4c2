//! Reading a table of windows, for networks and for baselines.
//!
//! Owns everything that is refused about it, and what is known of a window beside its inputs ([`Knowledge`]). Does not own
//! how windows are made (`featurize windows`).

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{
    Array as _, AsArray as _, Float64Array, Int32Array, ListArray, StringArray, UInt8Array,
    UInt32Array, UInt64Array,
};
use arrow::datatypes::Float32Type;
use cinescore_artifact::Split;
use cinescore_artifact::table::{TableError, TableReader, column};
use cinescore_artifact::tables::WINDOWS;
use cinescore_model::task::Task;
use thiserror::Error;

/// Rows read at a time.
const READ_ROWS: usize = 8192;
/// The number of the last class of popularity; the first is 0.
pub const LAST_CLASS: u8 = 5;

/// Why a table of windows cannot be used.
#[derive(Debug, Error)]
pub enum WindowsError {
    /// The table cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The task is one for reviews.
    #[error("windows have no labels for task `{task}`")]
    Task {
        /// The task.
        task: Task,
    },
    /// A window has a split that nobody knows.
    #[error("window {window_id} has the unknown split `{split}`")]
    Split {
        /// The window.
        window_id: u64,
        /// Its split.
        split: String,
    },
    /// A label is out of its range.
    #[error("window {window_id} has the label {label}, which is out of range for task `{task}`")]
    Label {
        /// The window.
        window_id: u64,
        /// Its label.
        label: f64,
        /// The task.
        task: Task,
    },
    /// An input is no number.
    #[error("window {window_id} has the input or the past popularity {value}")]
    Input {
        /// The window.
        window_id: u64,
        /// The input.
        value: f32,
    },
    /// A window is longer or shorter than it should be.
    #[error(
        "window {window_id} has {found} inputs and {past} slots, and should have {wanted} inputs and {slots} slots"
    )]
    Length {
        /// The window.
        window_id: u64,
        /// Its inputs.
        found: usize,
        /// Its slots.
        past: usize,
        /// Inputs that the encoder gives, or that the first window has.
        wanted: usize,
        /// Slots that it should have.
        slots: usize,
    },
}

/// A window.
#[derive(Debug)]
pub struct Window<'a> {
    /// Its number.
    pub id: u64,
    /// Its split.
    pub split: Split,
    /// The truth, as the task sees it.
    pub label: f64,
    /// What a network reads, `[S, F]`.
    pub inputs: &'a [f32],
    /// The popularity in each slot, `[S]`.
    pub history: &'a [f32],
    /// What else is known.
    pub known: Known,
}

/// What is known of a window beside what it reads and what is forecast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known {
    /// The slot that is forecast.
    pub slot: u32,
    /// The tenth of the movies that its movie is in, 1 to 10.
    pub decile: u8,
    /// Years since the movie's release.
    pub age: Option<i32>,
    /// The popularity in the last slot before, in the unit of the label; none where the label is a class.
    pub last: Option<f64>,
}

/// What is known of some windows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Knowledge {
    /// Of each.
    pub windows: Vec<Known>,
    /// The greatest label of each class of popularity but the last; empty where labels are classes.
    pub bounds: Vec<f64>,
}

impl Knowledge {
    /// That of some of them.
    pub fn of(&self, rows: &[usize]) -> Self {
        Self {
            windows: rows.iter().map(|&row| self.windows[row]).collect(),
            bounds: self.bounds.clone(),
        }
    }
}

/// Reads a table, and gives the greatest label of each class but the last; none where labels are classes. Of a whole table they
/// are those of the encoder, which are training targets; whoever has the encoder takes its. `wanted`: inputs and slots of a window, where they are known.
pub fn read<E: From<WindowsError>>(
    path: &Path,
    task: Task,
    mut wanted: Option<(usize, usize)>,
    mut each: impl FnMut(Window<'_>) -> Result<(), E>,
) -> Result<Vec<f64>, E> {
    if task == Task::Binary {
        return Err(WindowsError::Task { task }.into());
    }
    let by_class = matches!(task, Task::Classes | Task::Ordinal);
    let mut bounds: BTreeMap<u8, f64> = (0..LAST_CLASS).map(|class| (class, 0.0)).collect();
    let reader = TableReader::open(path, &WINDOWS).map_err(WindowsError::from)?;
    for batch in reader.batches(READ_ROWS).map_err(WindowsError::from)? {
        let batch = batch.map_err(WindowsError::from)?;
        let ids: &UInt64Array = column(&batch, "window_id");
        let splits: &StringArray = column(&batch, "split");
        let slots: &UInt32Array = column(&batch, "slot");
        let targets: &Float64Array = column(&batch, "target");
        let classes: &UInt8Array = column(&batch, "class");
        let deciles: &UInt8Array = column(&batch, "decile");
        let ages: &Int32Array = column(&batch, "age");
        let inputs: &ListArray = column(&batch, "inputs");
        let histories: &ListArray = column(&batch, "history");
        for row in 0..batch.num_rows() {
            let id = ids.value(row);
            let split = splits.value(row);
            let split = Split::of_name(split).ok_or_else(|| WindowsError::Split {
                window_id: id,
                split: split.to_owned(),
            })?;
            let (target, class) = (targets.value(row), classes.value(row));
            let label = if by_class { class.into() } else { target };
            let known = match task {
                Task::Classes | Task::Ordinal => class <= LAST_CLASS,
                Task::Count => target >= 0.0 && target.is_finite() && target.fract() == 0.0,
                Task::Regression | Task::Binary => target >= 0.0 && target.is_finite(),
            };
            if !known {
                return Err(WindowsError::Label {
                    window_id: id,
                    label,
                    task,
                }
                .into());
            }
            let (inputs, history) = (inputs.value(row), histories.value(row));
            let inputs: &[f32] = inputs.as_primitive::<Float32Type>().values();
            let history: &[f32] = history.as_primitive::<Float32Type>().values();
            let (own, past) = (inputs.len(), history.len());
            let (length, slots_wanted) = *wanted.get_or_insert((own, past));
            let fits = own == length && past == slots_wanted && past > 0 && own % past == 0;
            if !fits {
                return Err(WindowsError::Length {
                    window_id: id,
                    found: own,
                    past,
                    wanted: length,
                    slots: slots_wanted,
                }
                .into());
            }
            let mut values = inputs.iter().chain(history);
            if let Some(&value) = values.find(|value| !value.is_finite()) {
                return Err(WindowsError::Input {
                    window_id: id,
                    value,
                }
                .into());
            }
            if let Some(bound) = bounds.get_mut(&class) {
                *bound = bound.max(target);
            }
            each(Window {
                id,
                split,
                label,
                inputs,
                history,
                known: Known {
                    slot: slots.value(row),
                    decile: deciles.value(row),
                    age: ages.is_valid(row).then(|| ages.value(row)),
                    last: history
                        .last()
                        .filter(|_| !by_class)
                        .map(|last| f64::from(*last)),
                },
            })?;
        }
    }
    // A class that no window has ends where the one before it does.
    let mut least = 0.0;
    let rising = bounds.into_values().map(|bound| {
        least = f64::max(least, bound);
        least
    });
    Ok(if by_class {
        Vec::new()
    } else {
        rising.collect()
    })
}
