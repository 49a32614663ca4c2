//! What a collection of garbage removes beside records and objects: leftovers of killed processes, locks
//! that nobody holds, memories of folders that are gone.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::object::set_writable;
use super::{Collecting, Store, StoreError, WorkDir, abandoned, io_error, sweep};

/// A temporary file that is older than this is nobody's any more.
const LEFT_BEHIND_AFTER: Duration = Duration::from_secs(3600);

impl Store {
    /// Moves something out of the store, into a folder that is removed later: a rename, however large
    /// it is.
    pub fn discard(
        &self,
        path: &Path,
        into: &WorkDir,
        _collecting: &Collecting,
    ) -> Result<(), StoreError> {
        set_writable_top(path);
        let name = path.file_name().unwrap_or_default();
        match fs_err::rename(path, into.path().join(name)) {
            Err(error) if error.kind() == std::io::ErrorKind::CrossesDevices => self.remove(path),
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(io_error("remove", path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Removes locks that nobody holds and what killed processes left. Says how many files went.
    pub fn clear_leftovers(&self, _collecting: &Collecting) -> Result<usize, StoreError> {
        let tmp = self.root.join("tmp");
        let before = super::entries(&tmp)?.len();
        sweep(&tmp)?;
        let mut removed = before.saturating_sub(super::entries(&tmp)?.len());
        for path in super::entries(&self.root.join("locks"))? {
            // The collection holds this one itself.
            if path.file_name().is_some_and(|name| name == "gc.lock") {
                continue;
            }
            // Whoever opened it before and waits for it sees that it is gone, and opens a new one.
            if let Ok(lock) = File::open(&path)
                && lock.try_lock().is_ok()
                && fs_err::remove_file(&path).is_ok()
            {
                removed += 1;
            }
        }
        for folder in ["stats", "programs"] {
            for path in super::entries(&self.root.join(folder))? {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if name.starts_with(".tmp-")
                    && is_older(&path, LEFT_BEHIND_AFTER)
                    && fs_err::remove_file(&path).is_ok()
                {
                    removed += 1;
                }
            }
        }
        Ok(removed + self.prune_stats()?)
    }
}

impl Store {
    /// Removes the checkpoints of stages that failed and were not tried again for so long, and what was handed to a
    /// cluster so long ago. Gives the
    /// number of folders and of bytes.
    pub fn clear_scratch(
        &self,
        max_age: Duration,
        dry_run: bool,
        _collecting: &Collecting,
    ) -> Result<(usize, u64), StoreError> {
        let mut cleared = (0, 0);
        let mut paths = super::entries(&self.root.join("scratch"))?;
        paths.extend(super::entries(&self.root.join("slurm/tasks"))?);
        for path in paths {
            let Some(fingerprint) = path.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            // A stage that is trying again holds its key's lock.
            let lock = self.root.join("locks").join(format!("{fingerprint}.lock"));
            if let Some(_abandoned) = abandoned(&lock)
                && is_old_throughout(&path, max_age)
            {
                cleared.0 += 1;
                cleared.1 += super::size_of(&path);
                if !dry_run {
                    self.remove(&path)?;
                }
            }
        }
        Ok(cleared)
    }
}

/// Whether nothing in a folder was written for so long.
fn is_old_throughout(folder: &Path, age: Duration) -> bool {
    walkdir::WalkDir::new(folder)
        .into_iter()
        .all(|entry| entry.is_ok_and(|entry| is_older(entry.path(), age)))
}

fn is_older(path: &Path, age: Duration) -> bool {
    let modified = std::fs::symlink_metadata(path).and_then(|meta| meta.modified());
    modified.is_ok_and(|modified| {
        SystemTime::now()
            .duration_since(modified)
            .is_ok_and(|since| since > age)
    })
}

/// A folder that is read-only itself cannot be moved.
fn set_writable_top(path: &Path) {
    if path.is_dir() {
        set_writable(path);
    }
}
