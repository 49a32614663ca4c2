//! Counting and joining on a cluster: what may be said of one, and the program that talks to it.
//!
//! Owns the parameters, the plan file, and how `cinescore-ballista` is found, started and stopped. Does not own what is asked for: a kind
//! writes its rows as Parquet, hands over a plan, and checks the Parquet that comes back. Nothing here links Ballista or DataFusion: they
//! take half an hour to build, and one stage of a thousand uses them.

mod answer;
mod error;
pub mod plan;
mod program;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

pub(crate) use answer::{batches, column, full_column};
pub(crate) use error::EngineError;
pub(crate) use program::{Done, run};

use self::plan::{Plan, VERSION, Work};

/// Where to count and join, instead of in this process.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Engine {
    /// A Ballista cluster.
    Ballista(Ballista),
}

/// A Ballista cluster, and what it and this machine both see.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ballista {
    /// The scheduler, `df://HOST:PORT`; `in-process` asks DataFusion in one process on this machine, without a cluster.
    pub url: String,
    /// The folder, absolute, into which ratings, or keys of reviews, are written as Parquet for the cluster: all nodes must see it under the same path.
    /// They are removed afterwards. Where it is not said, it is the stage's scratch folder, beside its output.
    #[serde(default)]
    pub folder: Option<PathBuf>,
    /// Ratings that lie as Parquet where all nodes see them, a file, folder or `s3://` address with the columns `movie_id` (or `movieId`) and
    /// `timestamp` (UTC seconds): they are counted instead of `ratings.csv`. What lies there is not part of the stage's key: new ratings need
    /// a new address. For `popularity` alone.
    #[serde(default)]
    pub ratings: Option<String>,
    /// Parts into which the rows are dealt; Ballista's own number (16) where it is not said.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    pub partitions: Option<u32>,
}

/// A stage that asks a cluster.
pub(crate) struct Far<'a> {
    pub(crate) ballista: &'a Ballista,
    /// The share of what the cluster answers that is computed again on this machine: of movies, or of titles.
    pub(crate) verify_sample: f64,
    /// A folder of this stage's.
    pub(crate) scratch: &'a Path,
}

impl Far<'_> {
    /// What the cluster shall do, and where it shall leave the answer.
    pub(crate) fn plan(&self, work: Work, output: &Path) -> Plan {
        Plan {
            version: VERSION,
            url: self.ballista.url.clone(),
            partitions: self.ballista.partitions,
            verify_sample: self.verify_sample,
            work,
            output: output.to_owned(),
        }
    }
}

impl Ballista {
    /// A new folder for what the cluster shall read, gone when it is dropped.
    pub(crate) fn shared_folder(&self, scratch: &Path) -> Result<TempDir, EngineError> {
        let folder = self.folder.as_deref().unwrap_or(scratch);
        if !folder.is_absolute() {
            return Err(EngineError::NotAbsolute {
                folder: folder.to_owned(),
            });
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix("cinescore-");
        // Executors may be another user's, and only read.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755));
        builder
            .tempdir_in(folder)
            .map_err(|source| EngineError::Folder {
                folder: folder.to_owned(),
                source,
            })
    }
}
