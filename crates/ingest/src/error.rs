//! Why a source could not be read as a whole. A single bad row is no such error: it goes to
//! [`crate::rejects`].

use std::io;
use std::path::{Path, PathBuf};

use cinescore_artifact::StageError;
use cinescore_artifact::error::{ErrorClass, machine_hint};
use cinescore_artifact::words::quoted;
use thiserror::Error;

/// Why a source could not be read, or was refused as a whole.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file ends before its content does.
    #[error("`{}` is cut off", path.display())]
    CutOff {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        source: io::Error,
    },
    /// The file's content is broken.
    #[error("`{}` is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        source: io::Error,
    },
    /// The file is something else.
    #[error("`{}` is not {wanted}", path.display())]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// What it should be.
        wanted: &'static str,
    },
    /// The file is larger than any of its kind.
    #[error("`{}` has more than {limit} bytes; no file of its kind is as large", path.display())]
    TooLarge {
        /// The file, or the member of an archive.
        path: PathBuf,
        /// So many bytes are possible.
        limit: u64,
    },
    /// The header line lacks columns.
    #[error("`{}` has the columns {}; expected {}", path.display(), quoted(found), quoted(expected))]
    Header {
        /// The file, or the member of an archive.
        path: PathBuf,
        /// The columns that are needed.
        expected: Vec<String>,
        /// The columns that are there.
        found: Vec<String>,
    },
    /// An archive or folder does not hold a file that is needed, or holds it twice.
    #[error("`{}` holds {} files named `{name}`; expected 1", path.display(), found.len())]
    NotOneFile {
        /// The archive or folder.
        path: PathBuf,
        /// The file's name.
        name: &'static str,
        /// Where it was found.
        found: Vec<String>,
    },
    /// A table of one's own lacks a column.
    #[error("`{}` has no column `{column}`: it has {}", path.display(), quoted(found))]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The parameter that names it.
        param: &'static str,
        /// The columns that are there.
        found: Vec<String>,
    },
    /// A column of a table of one's own is a struct, a map or the like.
    #[error("column `{column}` of `{}` cannot be read as text", path.display())]
    NoText {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The parameter that names it.
        param: &'static str,
    },
    /// There is no review in the archive or folder.
    #[error("`{}` holds no reviews (`aclImdb/train/pos/ID_SCORE.txt` and so on)", path.display())]
    NoReviews {
        /// The archive or folder.
        path: PathBuf,
    },
    /// More rows were refused than allowed.
    #[error("{rejected} input rows were refused, {allowed} are allowed:\n{table}")]
    TooManyRejects {
        /// How many.
        rejected: u64,
        /// The limit.
        allowed: u64,
        /// Source, reason, count and first place, a line each.
        table: String,
    },
    /// The system could not read.
    #[error("cannot read `{}`", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The join broke one of its promises: a mistake in this program or in polars.
    #[error("the join of the sources failed")]
    Join {
        /// What polars said.
        source: polars::error::PolarsError,
    },
    /// The join did not return one row for each review.
    #[error("the join returned {found} rows for {expected} reviews")]
    JoinRows {
        /// Reviews.
        expected: usize,
        /// Rows.
        found: usize,
    },
    /// A table could not be read or written.
    #[error(transparent)]
    Table(#[from] cinescore_artifact::table::TableError),
    /// A batch could not be built.
    #[error("the tables could not be built")]
    Arrow(#[from] arrow::error::ArrowError),
    /// SIGINT or SIGTERM was seen.
    #[error("interrupted")]
    Interrupted,
}

impl ReadError {
    /// The meaning of an I/O error that came up while `path` was read and decoded: decoders report
    /// broken content as I/O errors of certain kinds, and everything else is the system's.
    pub(crate) fn of_reading(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::UnexpectedEof => Self::CutOff { path, source },
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other => {
                Self::Damaged { path, source }
            }
            _ => Self::Io { path, source },
        }
    }
}

impl From<ReadError> for StageError {
    fn from(error: ReadError) -> Self {
        let error = match error {
            ReadError::Table(error) => return error.into(),
            other => other,
        };
        let (class, hint) = match &error {
            ReadError::CutOff { .. } | ReadError::Damaged { .. } => (
                ErrorClass::Input,
                Some("download it again, then compare its size with the original's".to_owned()),
            ),
            ReadError::NoColumn { param, .. } => (
                ErrorClass::Input,
                Some(format!("name the column with `{param}`")),
            ),
            ReadError::NoText { param, .. } => (
                ErrorClass::Input,
                Some(format!("name a column of texts or numbers with `{param}`")),
            ),
            ReadError::TooManyRejects { .. } => (
                ErrorClass::Input,
                Some("repair the sources, or allow more with `max_rejects`".to_owned()),
            ),
            ReadError::Io { source, .. } => (ErrorClass::Machine, machine_hint(source)),
            ReadError::Join { .. } | ReadError::JoinRows { .. } | ReadError::Arrow(_) => {
                (ErrorClass::Failed, None)
            }
            ReadError::Interrupted => return StageError::interrupted(),
            _ => (ErrorClass::Input, None),
        };
        let error = StageError::new(class, error);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}
