//! The content store: objects by digest, records by fingerprint.
//!
//! Owns `artifacts/store`:
//!
//! ```text
//! version              the layout's version
//! objects/ab/abcd…     an output's bytes, read-only; a file or a folder
//! records/ab/abcd….json  what a fingerprint gave: [`Record`]; `abcd….1.json` other results of it
//! locks/abcd….lock     one writer per fingerprint; a kernel lock, gone with its process
//! leases/              what living processes use, so that it is not collected
//! stats/               digests of files whose stats have not changed since they were hashed
//! pins/                what people want kept
//! quarantine/          what was found damaged
//! slurm/               what was handed to a cluster (`pipeline::run`)
//! tmp/                 work in progress, on the same file system
//! ```
//!
//! Does not own what a fingerprint is made of (`pipeline::fingerprint`).
//!
//! Everything comes to be by a rename, and a record is written after its objects, so that `kill -9`
//! at any point leaves the old state or the new one. A damaged object is a warning and a miss.

mod garbage;
mod hand_out;
mod lease;
mod listing;
mod lock;
mod object;
mod quarantine;
mod record;
pub mod sealed;
mod shared;
mod stats;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use self::lease::Lease;
use self::shared::Shared;

pub use hand_out::{Manner, hand_out};
pub use lease::{Collecting, NotCollecting, digests_in};
pub use listing::{ListedObject, ListedRecord, Listing};
pub use lock::{Abandoned, KeyLock, LockHolder, abandoned};
pub use object::{Object, ObjectState, size_of};
pub use quarantine::Quarantined;
pub use record::{Kept, RECORD_VERSION, Record, RecordState, is_plain_name};
pub use shared::{Pushed, Through};
pub use stats::{Look, Stat, StatMemo, looks_of};

use crate::digest::DigestError;

/// The layout's version; another one is refused by name.
const LAYOUT: &str = "1\n";

/// A content store in a folder.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    lease: Arc<Lease>,
    shared: Option<Arc<Shared>>,
}

/// Why the store could not do something.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file system refused.
    #[error("the store cannot {action} `{}`", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something has no digest.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// There is no store where one was to be read.
    #[error("there is no store in `{}`", path.display())]
    NoStore {
        /// The folder.
        path: PathBuf,
    },
    /// An object that was to be copied is damaged.
    #[error("`{}` is damaged, run again to make it anew", path.display())]
    NotWhole {
        /// The object.
        path: PathBuf,
    },
    /// The folder is a store of another layout.
    #[error("`{}` is a store of layout {found}; this program knows layout {}", path.display(), LAYOUT.trim())]
    OtherLayout {
        /// The store.
        path: PathBuf,
        /// The layout in its `version` file.
        found: String,
    },
}

/// Whether the machine lacks something for now, so that an error says nothing of the file.
fn is_shortage(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(
        error.kind(),
        io::ErrorKind::OutOfMemory | io::ErrorKind::Interrupted
    ) || [Errno::MFILE, Errno::NFILE]
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// Whether there is no room for more bytes.
fn is_no_room(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

/// The paths of what lies in a folder, sorted; nothing where there is no folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries = match fs_err::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io_error("read", folder)(error)),
    };
    let mut paths = entries
        .map(|entry| Ok(entry.map_err(io_error("read", folder))?.path()))
        .collect::<Result<Vec<_>, StoreError>>()?;
    paths.sort();
    Ok(paths)
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Io {
        action,
        path,
        source,
    }
}

impl StoreError {
    /// The I/O error at the bottom, if there is one.
    pub fn io(&self) -> Option<&io::Error> {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = cause {
            if let Some(io) = error.downcast_ref::<io::Error>() {
                return Some(io);
            }
            cause = error.source();
        }
        None
    }
}

impl Store {
    /// Opens a store, making it where there is none.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let root = std::path::absolute(root).map_err(io_error("find", root))?;
        let version = root.join("version");
        match fs_err::read_to_string(&version) {
            Ok(found) if found == LAYOUT => {}
            Ok(found) => {
                return Err(StoreError::OtherLayout {
                    path: root,
                    found: found.trim().into(),
                });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                for folder in ["objects", "records", "locks", "tmp"] {
                    let folder = root.join(folder);
                    fs_err::create_dir_all(&folder).map_err(io_error("make", &folder))?;
                }
                crate::task::write_atomically(&version, LAYOUT.as_bytes())
                    .map_err(io_error("write", &version))?;
            }
            Err(error) => return Err(io_error("read", &version)(error)),
        }
        Ok(Self {
            root,
            lease: Arc::default(),
            shared: None,
        })
    }

    /// Opens a store that must be there, and writes nothing.
    pub fn open_existing(root: &Path) -> Result<Self, StoreError> {
        if !root.join("version").is_file() {
            return Err(StoreError::NoStore {
                path: root.to_owned(),
            });
        }
        Self::open(root)
    }

    /// The store's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A new folder for work in progress, on the store's file system; removed when dropped.
    ///
    /// A lock file beside it is held as long as its process lives, so that the debris of killed
    /// processes can be told from work in progress; the former is swept away here.
    pub fn work_dir(&self) -> Result<WorkDir, StoreError> {
        let tmp = self.root.join("tmp");
        sweep(&tmp)?;
        loop {
            let lock_file = tempfile::Builder::new()
                .prefix("work-")
                .suffix(".lock")
                // Whoever shares the store finds out by it whether this work goes on.
                .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
                .tempfile_in(&tmp);
            let (lock, lock_path) = lock_file.map_err(io_error("write in", &tmp))?.into_parts();
            lock.lock().map_err(io_error("lock", &lock_path))?;
            // A sweeper may have had the lock for a moment and removed the file: then another one.
            if lock_path.exists() {
                let path = lock_path.with_extension("");
                fs_err::create_dir(&path).map_err(io_error("make", &path))?;
                return Ok(WorkDir {
                    path,
                    lock_path,
                    _lock: lock,
                });
            }
        }
    }

    fn sharded(&self, bucket: &str, name: &str) -> PathBuf {
        self.root.join(bucket).join(&name[..2]).join(name)
    }
}

/// A folder for work in progress.
#[derive(Debug)]
pub struct WorkDir {
    path: PathBuf,
    lock_path: tempfile::TempPath,
    _lock: std::fs::File,
}

impl WorkDir {
    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for WorkDir {
    fn drop(&mut self) {
        // The lock file goes last, by its own drop: what cannot be removed now is swept later.
        remove(&self.path, &self.lock_path);
    }
}

/// Removes what killed processes left: folders whose lock nobody holds.
fn sweep(tmp: &Path) -> Result<(), StoreError> {
    for entry in fs_err::read_dir(tmp).map_err(io_error("read", tmp))? {
        let path = entry.map_err(io_error("read", tmp))?.path();
        let is_lock = path
            .extension()
            .is_some_and(|extension| extension == "lock");
        let lock_path = if is_lock {
            path
        } else {
            path.with_extension("lock")
        };
        // The lock is there before its folder and goes after it. Two processes may sweep at once; what the
        // other one removed is gone either way.
        if let Some(_abandoned) = abandoned(&lock_path) {
            remove(&lock_path.with_extension(""), &lock_path);
        }
    }
    Ok(())
}

fn remove(folder: &Path, lock: &Path) {
    object::set_writable(folder);
    let removed = fs_err::remove_dir_all(folder);
    if removed.is_ok() || !folder.exists() {
        fs_err::remove_file(lock).ok();
    }
}

#[cfg(test)]
mod tests;
