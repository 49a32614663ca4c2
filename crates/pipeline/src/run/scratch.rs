//! A stage's folder for temporary files.
//!
//! Usually a part of its work folder, gone with it. With `persist` it is `scratch/<fingerprint>` in the
//! store: kept when the stage fails or is killed, so that the next try of the same key finds the
//! checkpoints of the last one, and removed when there is a result. The key's lock guards it.

use std::path::{Path, PathBuf};

use cinescore_artifact::store::Store;

use crate::error::PipelineError;
use crate::graph::Stage;
use crate::plan::Key;

pub(super) struct Scratch {
    path: PathBuf,
    persists: bool,
}

impl Scratch {
    pub(super) fn open(
        store: &Store,
        stage: &Stage,
        key: &Key,
        work: &Path,
    ) -> Result<Self, PipelineError> {
        let persists = stage.policy.persist;
        let path = if persists {
            store.root().join("scratch").join(key.fingerprint.to_hex())
        } else {
            work.join("scratch")
        };
        fs_err::create_dir_all(&path).map_err(PipelineError::io("make", &path))?;
        Ok(Self { path, persists })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// There is a result: nobody needs the checkpoints any more. What cannot be removed now is in
    /// nobody's way.
    pub(super) fn remove(self) {
        if self.persists {
            fs_err::remove_dir_all(&self.path).ok();
        }
    }
}
