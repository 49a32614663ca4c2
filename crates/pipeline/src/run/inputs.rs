//! What a stage is about to read: whole in the store, and unchanged while it runs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

use cinescore_artifact::Digest;
use cinescore_artifact::store::{ObjectState, Stat, looks_of};

use crate::error::PipelineError;
use crate::graph::Stage;
use crate::plan::Key;
use crate::project::Project;

/// Objects whose bytes were hashed in this run, by their stat: a thousand cells that read the same table
/// hash it once. One stage at a time hashes: five hundred that are handed to a cluster at once would each
/// read the same table.
#[derive(Debug, Default)]
pub(super) struct Verified(Mutex<BTreeMap<Digest, Stat>>, Mutex<()>);

impl Verified {
    /// Hashes what the stage is about to read, whatever is remembered of its stat.
    pub(super) fn check(
        &self,
        project: &Project,
        stage: &Stage,
        key: &Key,
    ) -> Result<(), PipelineError> {
        let objects = project.store.root().join("objects");
        for artifact in key.inputs.values().flatten().chain(&key.parts) {
            let Some(digest) = artifact
                .digest
                .filter(|_| artifact.path.starts_with(&objects))
            else {
                continue;
            };
            let stat = Stat::of(&artifact.path)
                .ok()
                .filter(|_| artifact.path.is_file());
            let known = self
                .0
                .lock()
                .ok()
                .and_then(|known| known.get(&digest).copied());
            if known.is_some() && known == stat {
                continue;
            }
            let _turn = self.1.lock();
            let known = self
                .0
                .lock()
                .ok()
                .and_then(|known| known.get(&digest).copied());
            if known.is_some() && known == stat {
                continue;
            }
            if project.store.verify_object(digest)? != ObjectState::Present {
                return Err(PipelineError::Protocol {
                    stage: stage.name.clone(),
                    how: format!(
                        "its input `{}` was damaged in the store and set aside; run again to make it anew",
                        artifact.label
                    ),
                });
            }
            if let (Some(stat), Ok(mut known)) = (stat, self.0.lock()) {
                known.insert(digest, stat);
            }
        }
        Ok(())
    }
}

/// The user's own files that a stage reads, as they were when it began.
#[derive(Debug)]
pub(super) struct Watched {
    stage: String,
    files: Vec<(String, PathBuf, Digest)>,
}

impl Watched {
    /// Looks at them, and whether they are still what the key says.
    pub(super) fn begin(
        project: &Project,
        stage: &Stage,
        key: &Key,
    ) -> Result<Self, PipelineError> {
        let store = project.store.root();
        let mut watched = Self {
            stage: stage.name.clone(),
            files: Vec::new(),
        };
        for artifact in key.inputs.values().flatten() {
            if artifact.path.starts_with(store) {
                continue;
            }
            // Looked at first and hashed after: a change in between is seen by one or the other.
            let look = project.memo.look_at(&artifact.path)?;
            if artifact.digest.is_some_and(|digest| digest != look.digest) {
                return Err(watched.changed(&artifact.label));
            }
            let path = artifact.path.clone();
            watched
                .files
                .push((artifact.label.clone(), path, look.looks));
        }
        Ok(watched)
    }

    /// An error if one of them changed: nobody knows what the stage has read.
    pub(super) fn end(self) -> Result<(), PipelineError> {
        for (label, path, before) in &self.files {
            if looks_of(path).ok() != Some(*before) {
                return Err(self.changed(label));
            }
        }
        Ok(())
    }

    fn changed(&self, input: &str) -> PipelineError {
        PipelineError::InputChanged {
            stage: self.stage.clone(),
            input: input.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_a_new_file_and_a_removed_one_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir(folder.path().join("in")).unwrap();
        fs_err::write(folder.path().join("in/a"), "1").unwrap();
        let first = looks_of(folder.path()).unwrap();
        assert_eq!(first, looks_of(folder.path()).unwrap());
        fs_err::write(folder.path().join("in/b"), "2").unwrap();
        let second = looks_of(folder.path()).unwrap();
        assert_ne!(first, second);
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs_err::write(folder.path().join("in/b"), "3").unwrap();
        assert_ne!(second, looks_of(folder.path()).unwrap());
        fs_err::remove_file(folder.path().join("in/b")).unwrap();
        assert_eq!(first, looks_of(folder.path()).unwrap());
    }
}
