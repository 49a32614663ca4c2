//! Why nothing was counted, and what kind of failure that is for whoever asked.

use std::path::PathBuf;

use datafusion::error::DataFusionError;
use datafusion::parquet::errors::ParquetError;

use crate::plan::{Reason, Sums, VERSION};

/// Why there is no output.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot read the plan `{}`", path.display())]
    PlanFile {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("the plan `{}` is not one", path.display())]
    PlanJson {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error("the plan is of version {found}; this program knows version {VERSION}")]
    Version { found: u32 },
    #[error("`{slot}` is no slot of time")]
    Slot { slot: String },
    #[error("`{url}` is no address of a scheduler; expected `df://HOST:PORT`")]
    Url { url: String },
    #[error("cannot read `{address}`")]
    Ratings {
        address: String,
        source: DataFusionError,
    },
    /// Ballista's scheduler takes a path that it does not see for a folder without files.
    #[error("the cluster sees nothing at `{address}`")]
    Unseen { address: String },
    #[error("`{address}` has no column `{column}`: it has {}", found.join(", "))]
    NoColumn {
        address: String,
        column: &'static str,
        found: Vec<String>,
    },
    #[error("the column `{column}` of `{address}` is {found}; expected whole numbers")]
    ColumnType {
        address: String,
        column: String,
        found: String,
    },
    #[error(
        "{bad} of the {ratings} rows of `{address}` have no movie from 0 to 2147483647, or no time from 1970 to 2099"
    )]
    BadRows {
        address: String,
        bad: u64,
        ratings: u64,
    },
    #[error("no scheduler answers at `{url}`")]
    Unreachable {
        url: String,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("no scheduler answered at `{url}` within {seconds} s")]
    Silent { url: String, seconds: u64 },
    #[error("the job failed")]
    Job { source: DataFusionError },
    #[error(
        "the cluster counted {} ratings with checksum {}; there are {} with checksum {}",
        found.items, found.checksum, expected.items, expected.checksum
    )]
    Sums { found: Sums, expected: Sums },
    #[error("the cluster read {found} ratings; the files' footers say {expected}")]
    Footers { found: u64, expected: u64 },
    #[error("the cluster joined {found} rows; there are {expected} reviews")]
    Rows { found: u64, expected: u64 },
    #[error("the cluster answered with {what}, which no answer can have")]
    Nonsense { what: String },
    #[error(
        "counted again here, {what} (movies with a rank below {limit}, {here} rows here and {there} of the cluster)"
    )]
    Sample {
        what: String,
        limit: u64,
        here: usize,
        there: usize,
    },
    #[error("cannot write `{}`", path.display())]
    Output { path: PathBuf, source: ParquetError },
    #[error("cannot write `{}`", path.display())]
    OutputFile {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("stopped, and the job is cancelled")]
    Stopped,
    #[error("this process cannot compute")]
    Here { source: std::io::Error },
}

impl Error {
    /// What kind of failure it is.
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::PlanFile { .. }
            | Self::PlanJson { .. }
            | Self::Version { .. }
            | Self::Slot { .. }
            | Self::Url { .. } => Reason::Plan,
            Self::Ratings { .. }
            | Self::Unseen { .. }
            | Self::NoColumn { .. }
            | Self::ColumnType { .. }
            | Self::BadRows { .. } => Reason::Input,
            Self::Unreachable { .. }
            | Self::Silent { .. }
            | Self::Job { .. }
            | Self::Here { .. } => Reason::Engine,
            Self::Sums { .. }
            | Self::Footers { .. }
            | Self::Rows { .. }
            | Self::Nonsense { .. }
            | Self::Sample { .. } => Reason::Mismatch,
            Self::Output { .. } | Self::OutputFile { .. } => Reason::Output,
            Self::Stopped => Reason::Stopped,
        }
    }

    /// Itself and its causes on one line.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let next = error.to_string();
            // Some errors repeat their cause.
            if !text.contains(&next) {
                text.push_str(": ");
                text.push_str(&next);
            }
            cause = error.source();
        }
        text.replace('\n', " ")
    }
}
