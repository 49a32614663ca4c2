//! Why a task cannot be learned.

use cinescore_model::task::Task;
use thiserror::Error;

/// Why a task cannot be learned with these examples and this network.
#[derive(Debug, Error)]
pub enum ObjectiveError {
    /// The loss is another task's.
    #[error("this `loss` is for task `regression`, not `{task}`")]
    Loss {
        /// The task.
        task: Task,
    },
    /// Labels are smoothed for another task.
    #[error("`label_smoothing` is for task `classes`, not `{task}`")]
    Smoothing {
        /// The task.
        task: Task,
    },
    /// Weights for another task.
    #[error("`class_weights` are for tasks with classes, not `{task}`")]
    Weights {
        /// The task.
        task: Task,
    },
    /// A weight for a class that there is not, or one that is none.
    #[error(
        "`class_weights` gives `{label}` the weight {weight}: weights are above 0, and the labels are {known}"
    )]
    Weight {
        /// The label.
        label: String,
        /// Its weight.
        weight: f64,
        /// The labels that there are.
        known: String,
    },
    /// The network has outputs for another number of classes.
    #[error(
        "the network has outputs for {found} classes, and the training reviews have {observed} different scores: it needs outputs for these, or for 10"
    )]
    Classes {
        /// Classes of the network.
        found: usize,
        /// Different scores of the training split.
        observed: usize,
    },
    /// The network has outputs for another number of classes of popularity.
    #[error("the network has outputs for {found} classes, and popularity has {wanted}")]
    PopularityClasses {
        /// Classes of the network.
        found: usize,
        /// Classes that there are.
        wanted: usize,
    },
    /// The network has outputs for no distribution of counts.
    #[error(
        "the network has {found} outputs, and task `count` needs 1 (Poisson) or 2 (negative binomial)"
    )]
    CountOutputs {
        /// Outputs of the network.
        found: usize,
    },
    /// A review has a score that has no class.
    #[error("review {review_id} has {score} stars, which no training review has")]
    Score {
        /// The review.
        review_id: u64,
        /// Its stars.
        score: u8,
    },
}
