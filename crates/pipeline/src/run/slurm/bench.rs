//! The folder of a try, which outlives the runner.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use cinescore_artifact::Digest;

use crate::error::PipelineError;

/// The file beside the tries of a key that names the one that counts.
const CURRENT: &str = "current";
/// The file of a try that names its wave, and which element of it the try is.
const WAVE: &str = "wave";
/// The file of a try that ended: its exit code, and when that was.
pub(super) const EXIT: &str = "exit";
/// The file of a try that has begun: the job's number, the node, and when that was.
pub(super) const CLAIM: &str = "claim";

/// A try's folder.
pub(in crate::run) struct Bench {
    home: PathBuf,
    path: PathBuf,
    has_job: bool,
}

/// The folder of a key's tries.
pub(super) fn home(folder: &Path, fingerprint: Digest) -> PathBuf {
    folder.join("tasks").join(fingerprint.to_hex())
}

impl Bench {
    /// A new try, which is from now on the one that counts. The key's lock must be held.
    pub(super) fn create(home: PathBuf) -> Result<Self, PipelineError> {
        let make = || -> std::io::Result<PathBuf> {
            fs_err::create_dir_all(&home)?;
            // No job may begin with any other try any more.
            forget(&home);
            for entry in fs_err::read_dir(&home)? {
                fs_err::remove_dir_all(entry?.path()).ok();
            }
            let path = tempfile::Builder::new()
                .prefix("try-")
                .tempdir_in(&home)?
                .keep();
            let part = home.join(".current");
            fs_err::write(
                &part,
                path.file_name().unwrap_or_default().as_encoded_bytes(),
            )?;
            fs_err::rename(&part, home.join(CURRENT))?;
            Ok(path)
        };
        let path = make().map_err(PipelineError::io("make a task in", &home))?;
        Ok(Self {
            home,
            path,
            has_job: false,
        })
    }

    /// A try that was handed in.
    pub(super) fn of_job(home: PathBuf, path: PathBuf) -> Self {
        Self {
            home,
            path,
            has_job: true,
        }
    }

    pub(in crate::run) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it was handed in by a former run, and is only to be waited for.
    pub(in crate::run) fn has_job(&self) -> bool {
        self.has_job
    }

    /// Nobody needs it any more. What cannot be removed now is in nobody's way.
    pub(in crate::run) fn remove(&self) {
        forget(&self.home);
        fs_err::remove_dir_all(&self.path).ok();
        fs_err::remove_dir(&self.home).ok();
    }
}

/// From now on no try of a key counts, and none begins.
pub(super) fn forget(home: &Path) {
    fs_err::remove_file(home.join(CURRENT)).ok();
}

/// The try of a key that counts.
pub(super) fn current(home: &Path) -> std::io::Result<Option<PathBuf>> {
    match fs_err::read_to_string(home.join(CURRENT)) {
        Ok(name) => Ok(Some(home.join(name.trim()))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Notes which element of a wave a try is.
pub(super) fn write_place(folder: &Path, wave: &str, index: usize) -> std::io::Result<()> {
    fs_err::write(folder.join(WAVE), format!("{wave} {index}\n"))
}

/// Which element of which wave a try is, if it was handed in.
pub(super) fn read_place(folder: &Path) -> Option<(String, usize)> {
    let text = fs_err::read_to_string(folder.join(WAVE)).ok()?;
    let (wave, index) = text.trim().split_once(' ')?;
    Some((wave.to_owned(), index.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_try_takes_the_place_of_all_others() {
        let folder = tempfile::tempdir().unwrap();
        let home = home(folder.path(), Digest::of_bytes(b"key"));
        assert_eq!(current(&home).unwrap(), None);
        let first = Bench::create(home.clone()).unwrap();
        assert_eq!(current(&home).unwrap().as_deref(), Some(first.path()));
        write_place(first.path(), "wave-a", 7).unwrap();
        assert_eq!(read_place(first.path()), Some(("wave-a".into(), 7)));
        let second = Bench::create(home.clone()).unwrap();
        assert_eq!(current(&home).unwrap().as_deref(), Some(second.path()));
        assert!(!first.path().exists() && read_place(second.path()).is_none());
        second.remove();
        assert!(!home.exists());
    }
}
