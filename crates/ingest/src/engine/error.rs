//! Why a cluster's answer was not taken.

use std::io;
use std::path::PathBuf;

use arrow::datatypes::DataType;
use cinescore_artifact::StageError;
use cinescore_artifact::error::{ErrorClass, machine_hint};
use thiserror::Error;

use super::plan::{Reason, Sums, VERSION};
use crate::error::ReadError;

/// Why a cluster's answer was not taken.
#[derive(Debug, Error)]
pub(crate) enum EngineError {
    /// The nodes have another working folder.
    #[error("`{}` is no absolute path", folder.display())]
    NotAbsolute { folder: PathBuf },
    /// The folder for the cluster cannot be written.
    #[error("cannot make a folder in `{}`", folder.display())]
    Folder { folder: PathBuf, source: io::Error },
    /// The program is not installed.
    #[error("the program `cinescore-ballista` is neither beside `{}` nor on PATH", own.display())]
    NoProgram { own: PathBuf },
    /// The program does not run.
    #[error("cannot run `{}`", program.display())]
    Start { program: PathBuf, source: io::Error },
    /// The program said nothing that can be understood.
    #[error("`{}` ended ({status}) without an answer", program.display())]
    NoAnswer { program: PathBuf, status: String },
    /// The program was built from other sources.
    #[error("`{}` answers in version {found}; this program knows version {VERSION}", program.display())]
    Version { program: PathBuf, found: u32 },
    /// The program said why not.
    #[error("{message}")]
    Failed { reason: Reason, message: String },
    /// The rows are not as many as the program said.
    #[error("the cluster's table has {found} rows; {expected} were announced")]
    Rows { found: u64, expected: u64 },
    /// The counts are not those of the ratings.
    #[error(
        "the cluster's table holds {} ratings with checksum {}; {} with checksum {} were given to it",
        found.items, found.checksum, expected.items, expected.checksum
    )]
    Sums { found: Sums, expected: Sums },
    /// A pair was counted in parts.
    #[error("the cluster's table has movie {movie} twice in slot {slot}")]
    Twice { movie: u32, slot: u32 },
    /// The column `total` does not hold the sum.
    #[error(
        "slot {slot} has more than {} ratings, which is the most that a slot can have",
        u32::MAX
    )]
    TooMany { slot: u32 },
    /// A value that no count has.
    #[error("the cluster's table has movie {movie}, slot {slot}, count {count} in one row")]
    Value { movie: i64, slot: i64, count: i64 },
    /// The table cannot be read.
    #[error("cannot read the cluster's table `{}`", path.display())]
    Parquet {
        path: PathBuf,
        source: parquet::errors::ParquetError,
    },
    /// Its columns are others.
    #[error("the cluster's table `{}` has no column `{column}` of {wanted}", path.display())]
    Column {
        path: PathBuf,
        column: &'static str,
        wanted: DataType,
    },
    /// There is no value where there must be one.
    #[error("the cluster's table `{}` has nulls in its column `{column}`", path.display())]
    Nulls { path: PathBuf, column: &'static str },
    /// The joins are not those that the program saw.
    #[error(
        "the cluster's table holds {} reviews with checksum {}; {} with checksum {} were announced",
        found.items, found.checksum, expected.items, expected.checksum
    )]
    Joined { found: Sums, expected: Sums },
    /// A number that no row has.
    #[error("the cluster's table has the number {value} in a row of a review")]
    Number { value: i64 },
    /// There is no such review.
    #[error("the cluster's table has review {row}, which there is not")]
    NoReview { row: u64 },
    /// A review was multiplied.
    #[error("the cluster's table has review {row} twice")]
    ReviewTwice { row: u64 },
    /// A review was lost.
    #[error("the cluster's table does not have review {row}")]
    ReviewLost { row: u64 },
    /// A review has what belongs to others.
    #[error("the cluster's table gives a review of {tconst} another title's {what}")]
    Foreign { tconst: String, what: &'static str },
    /// The sample differs.
    #[error(
        "joined again here, a review of {tconst} has other matches than in the cluster's table"
    )]
    Sample { tconst: String },
    /// A source cannot be read, a table not be written, or the work shall stop.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl EngineError {
    fn class_and_hint(&self) -> (ErrorClass, Option<String>) {
        let wrong = "the cluster's answer is wrong and was thrown away: run it again, look at the logs of scheduler and executors, \
            or leave `engine` out";
        let build = "build it with `make ballista`, and put it beside the other programs or on PATH; or leave `engine` out";
        match self {
            Self::NotAbsolute { .. } => (
                ErrorClass::Usage,
                Some("name a folder that all nodes see under the same path".into()),
            ),
            Self::Folder { source, .. } | Self::Start { source, .. } => {
                (ErrorClass::Machine, machine_hint(source))
            }
            Self::NoProgram { .. } => (ErrorClass::Machine, Some(build.into())),
            Self::NoAnswer { .. } => (
                ErrorClass::Failed,
                Some("what it said stands above, in the stage's log".into()),
            ),
            Self::Version { .. } => (
                ErrorClass::Usage,
                Some("build both from the same sources: `make build ballista`".into()),
            ),
            Self::Failed { reason, .. } => match reason {
                Reason::Plan => (
                    ErrorClass::Usage,
                    Some("docs/cluster.md has the parameters of `engine`; build programs of two versions anew from the same sources".into()),
                ),
                Reason::Input => (
                    ErrorClass::Input,
                    Some("all nodes and this machine must see it under this name, and may read them".into()),
                ),
                Reason::Engine => (
                    ErrorClass::Machine,
                    Some(
                        "is the scheduler running, do its executors live, and do all see `folder` (or the stage's own) under the same path? \
                        docs/cluster.md has the set-up"
                            .into(),
                    ),
                ),
                Reason::Output => (ErrorClass::Machine, None),
                Reason::Mismatch => (ErrorClass::Failed, Some(wrong.into())),
                Reason::Stopped => (ErrorClass::Interrupted, None),
            },
            Self::TooMany { .. } => (ErrorClass::Input, Some("take shorter slots".into())),
            Self::Rows { .. }
            | Self::Sums { .. }
            | Self::Twice { .. }
            | Self::Value { .. }
            | Self::Column { .. }
            | Self::Nulls { .. }
            | Self::Joined { .. }
            | Self::Number { .. }
            | Self::NoReview { .. }
            | Self::ReviewTwice { .. }
            | Self::ReviewLost { .. }
            | Self::Foreign { .. }
            | Self::Sample { .. }
            | Self::Parquet { .. } => (ErrorClass::Failed, Some(wrong.into())),
            Self::Read(_) => (ErrorClass::Failed, None),
        }
    }
}

impl From<EngineError> for StageError {
    fn from(error: EngineError) -> Self {
        if let EngineError::Read(error) = error {
            return error.into();
        }
        let (class, hint) = error.class_and_hint();
        let error = Self::new(class, error);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}
