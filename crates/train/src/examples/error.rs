//! What is refused about a table of examples.

use std::path::PathBuf;

use cinescore_artifact::table::TableError;
use cinescore_model::task::Task;
use thiserror::Error;

use crate::windows::WindowsError;

/// Why a table of examples cannot be trained on.
#[derive(Debug, Error)]
pub enum ExamplesError {
    /// The table cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// An id is none of the encoder's.
    #[error(
        "review {review_id} has the id {id}, and the encoder's ids end at {last}: they do not belong together"
    )]
    Id {
        /// The review.
        review_id: u64,
        /// Its id.
        id: i32,
        /// The encoder's last id.
        last: usize,
    },
    /// The encoder, and with it the table, is of the other kind.
    #[error("the network reads the table `{wanted}`, and the encoder is that of `{found}`")]
    Encoder {
        /// The table that the network reads.
        wanted: &'static str,
        /// The table that the encoder makes.
        found: &'static str,
    },
    /// The table was made by an encoder whose ids stand for other terms.
    #[error("the ids of `{}` stand for other terms than the encoder's: they do not belong together", path.display())]
    Terms {
        /// The table.
        path: PathBuf,
    },
    /// A value of an n-gram is no number.
    #[error("review {review_id} has the value {value} for its n-gram {id}")]
    Value {
        /// The review.
        review_id: u64,
        /// The n-gram.
        id: u32,
        /// Its value.
        value: f32,
    },
    /// An n-gram is none of the encoder's.
    #[error(
        "review {review_id} has the n-gram {id}, and the encoder's end at {last}: they do not belong together"
    )]
    Ngram {
        /// The review.
        review_id: u64,
        /// The n-gram.
        id: u32,
        /// The encoder's last.
        last: usize,
    },
    /// The encoder pads to another length.
    #[error(
        "review {review_id} has {found} ids, and the encoder pads to {wanted}: they do not belong together"
    )]
    Length {
        /// The review.
        review_id: u64,
        /// Its number of ids.
        found: usize,
        /// The encoder's length.
        wanted: usize,
    },
    /// A network without a mask needs one length.
    #[error(
        "review {review_id} has {found} ids and the first one {wanted}: a network that does not mask needs padded examples"
    )]
    Ragged {
        /// The review.
        review_id: u64,
        /// Its number of ids.
        found: usize,
        /// That of the first review.
        wanted: usize,
    },
    /// A review is longer than the vector that it should become.
    #[error(
        "review {review_id} has {found} ids, and the network takes whole reviews of at most {most}"
    )]
    Long {
        /// The review.
        review_id: u64,
        /// Its number of ids.
        found: usize,
        /// The network's length.
        most: usize,
    },
    /// A review has nothing but padding.
    #[error("review {review_id} has no ids but padding")]
    Empty {
        /// The review.
        review_id: u64,
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
    /// A table of windows cannot be used.
    #[error(transparent)]
    Windows(#[from] WindowsError),
    /// The task is one for windows.
    #[error("reviews have no labels for task `{task}`")]
    Task {
        /// The task.
        task: Task,
    },
    /// The network is for windows of another length.
    #[error(
        "the network reads windows of {wanted} slots, and the encoder makes windows of {found}"
    )]
    Slots {
        /// Slots of the network.
        wanted: u32,
        /// Slots of the encoder.
        found: u32,
    },
    /// Scores are to be held out where there are none.
    #[error("`hold_out` names scores, and task `{task}` of these examples has none")]
    HoldOut {
        /// The task.
        task: Task,
    },
    /// A split that training needs is empty.
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
