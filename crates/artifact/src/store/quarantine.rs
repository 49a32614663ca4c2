//! `quarantine/`: damaged objects and records, kept for people to look at.
//!
//! Moving something here is what makes it a miss. `cinescore verify` lists what lies here, and
//! `cinescore gc` removes it after a while; nothing reads it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;

use super::object::{set_writable, size_of};
use super::{Store, StoreError, io_error};

/// Something damaged that was set aside.
#[derive(Debug, Clone, Serialize)]
pub struct Quarantined {
    /// Where it lies now.
    pub path: PathBuf,
    /// Its size, bytes.
    pub bytes: u64,
    /// When it was set aside.
    #[serde(skip)]
    pub since: SystemTime,
}

impl Store {
    pub(super) fn quarantine_folder(&self) -> PathBuf {
        self.root.join("quarantine")
    }

    /// Sets something damaged aside, unless it is whole after all (another process may have found the
    /// damage first, and made it anew). Says whether it is gone from its place.
    pub(super) fn set_aside(
        &self,
        place: &Path,
        is_whole: impl FnOnce() -> bool,
    ) -> Result<bool, StoreError> {
        let _lock = self.lock_named("quarantine")?;
        if is_whole() {
            return Ok(false);
        }
        let quarantine = self.quarantine_folder();
        fs_err::create_dir_all(&quarantine).map_err(io_error("make", &quarantine))?;
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let grave = tempfile::Builder::new()
            .prefix(&format!("{name}-"))
            .tempdir_in(&quarantine)
            .map_err(io_error("write in", &quarantine))?
            .keep();
        set_writable(place);
        match fs_err::rename(place, grave.join(&*name)) {
            Ok(()) => Ok(true),
            Err(error) => {
                fs_err::remove_dir(&grave).ok();
                match error.kind() {
                    io::ErrorKind::NotFound => Ok(true),
                    _ => Err(io_error("move aside", place)(error)),
                }
            }
        }
    }

    /// What was set aside, oldest first.
    pub fn quarantined(&self) -> Result<Vec<Quarantined>, StoreError> {
        let folder = self.quarantine_folder();
        let mut found = Vec::new();
        for path in super::entries(&folder)? {
            let meta = fs_err::symlink_metadata(&path).map_err(io_error("read", &path))?;
            found.push(Quarantined {
                bytes: size_of(&path),
                since: meta.modified().map_err(io_error("read", &path))?,
                path,
            });
        }
        found.sort_by(|a, b| (a.since, &a.path).cmp(&(b.since, &b.path)));
        Ok(found)
    }
}
