//! One writer per fingerprint: kernel locks, which die with their process.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Store, StoreError, io_error};
use crate::digest::Digest;

/// The right to do what a lock guards; given back when dropped.
#[derive(Debug)]
pub struct KeyLock {
    _file: File,
}

/// Who holds a lock, as written by the holder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockHolder {
    /// Process id.
    pub pid: u32,
    /// The machine on which it runs: a store may be shared.
    #[serde(default)]
    pub host: String,
    /// The command.
    pub command: String,
    /// Since when, RFC 3339.
    pub since: String,
}

impl Store {
    /// Takes the lock of a fingerprint. Where another process holds it, `waiting` is called once with
    /// what is known of the holder, and the call waits.
    pub fn lock(
        &self,
        fingerprint: Digest,
        holder: &LockHolder,
        waiting: impl FnOnce(Option<LockHolder>),
    ) -> Result<KeyLock, StoreError> {
        let path = self.root.join("locks").join(format!("{fingerprint}.lock"));
        let mut waiting = Some(waiting);
        let mut file = loop {
            let mut file = open(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let mut text = String::new();
                    file.read_to_string(&mut text)
                        .map_err(io_error("read", &path))?;
                    if let Some(waiting) = waiting.take() {
                        waiting(serde_json::from_str(&text).ok());
                    }
                    file.lock().map_err(io_error("lock", &path))?;
                }
                Err(TryLockError::Error(error)) => return Err(io_error("lock", &path)(error)),
            }
            if is_still_there(&file, &path) {
                break file;
            }
        };
        let say_who = |file: &mut File| -> io::Result<()> {
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(&serde_json::to_vec(holder)?)
        };
        say_who(&mut file).map_err(io_error("write", &path))?;
        Ok(KeyLock { _file: file })
    }
}

impl Store {
    /// Waits for the lock of something else that only one process may change at a time.
    pub fn lock_named(&self, name: &str) -> Result<KeyLock, StoreError> {
        let path = self.root.join("locks").join(format!("{name}.lock"));
        loop {
            let file = open(&path)?;
            file.lock().map_err(io_error("lock", &path))?;
            if is_still_there(&file, &path) {
                return Ok(KeyLock { _file: file });
            }
        }
    }
}

/// The right to clear away what a lock's holder left; nobody else gets the lock until it is dropped.
#[derive(Debug)]
pub struct Abandoned {
    _file: Option<File>,
}

/// Whether nobody holds a lock: its holder is dead, or its file is gone. A lock that cannot be looked at (another
/// user's, or for want of file handles) may be held by somebody who works.
pub fn abandoned(path: &Path) -> Option<Abandoned> {
    match File::open(path) {
        Ok(file) if file.try_lock().is_ok() => Some(Abandoned { _file: Some(file) }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(Abandoned { _file: None }),
        Ok(_) | Err(_) => None,
    }
}

/// Whether a lock is still the one that others will open: a collection of garbage removes locks that
/// nobody holds, perhaps between our opening and our locking.
fn is_still_there(file: &File, path: &Path) -> bool {
    let identity = |meta: std::fs::Metadata| (meta.dev(), meta.ino());
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(ours), Ok(theirs)) => identity(ours) == identity(theirs),
        _ => false,
    }
}

fn open(path: &Path) -> Result<File, StoreError> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path).map_err(io_error("open", path))
}
