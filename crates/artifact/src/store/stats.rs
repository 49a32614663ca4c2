//! Digests of files whose stat has not changed since they were hashed.
//!
//! A file counts as unchanged while device, inode, size, mtime and ctime are as remembered: ctime
//! cannot be set by a program, so an edit that restores the mtime is still seen. A file changed within
//! the clock's resolution of being hashed is not remembered.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{Store, StoreError, io_error};
use crate::digest::{Digest, DigestError, files_below};
use crate::task::write_atomically;

/// Younger changes than this are not remembered, nanoseconds: kernels stamp files by a coarse clock.
const SETTLED_NANOS: i128 = 20_000_000;

/// The remembered digests of a store.
#[derive(Debug)]
pub struct StatMemo {
    path: PathBuf,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    by_path: BTreeMap<String, Remembered>,
    changed: bool,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Remembered {
    stat: Stat,
    digest: Digest,
}

/// What tells an unchanged file, short of reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stat {
    device: u64,
    inode: u64,
    bytes: u64,
    mtime_nanos: i128,
    ctime_nanos: i128,
}

impl Stat {
    /// The stat of a file, links followed.
    pub fn of(path: &Path) -> std::io::Result<Self> {
        let meta = std::fs::metadata(path)?;
        let nanos = |secs: i64, nanos: i64| i128::from(secs) * 1_000_000_000 + i128::from(nanos);
        Ok(Self {
            device: meta.dev(),
            inode: meta.ino(),
            bytes: meta.len(),
            mtime_nanos: nanos(meta.mtime(), meta.mtime_nsec()),
            ctime_nanos: nanos(meta.ctime(), meta.ctime_nsec()),
        })
    }

    fn is_settled(&self) -> bool {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        now.is_ok_and(|now| {
            now.as_nanos() as i128 - self.ctime_nanos.max(self.mtime_nanos) > SETTLED_NANOS
        })
    }
}

impl Store {
    /// The remembered digests; an unreadable memory is an empty one, for it only saves time.
    pub fn stat_memo(&self) -> StatMemo {
        let path = self.root.join("stats.json");
        let by_path = fs_err::read(&path)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let entries = Entries {
            by_path: by_path.unwrap_or_default(),
            changed: false,
        };
        StatMemo {
            path,
            entries: Mutex::new(entries),
        }
    }

    /// Keeps what was remembered. Two runs may keep at once; the last one's is kept, and what the
    /// other knew is hashed again some time.
    pub fn keep_stats(&self, memo: &StatMemo) -> Result<(), StoreError> {
        let Ok(mut entries) = memo.entries.lock() else {
            return Ok(());
        };
        if !entries.changed {
            return Ok(());
        }
        entries.by_path.retain(|path, _| Path::new(path).exists());
        let bytes = serde_json::to_vec(&entries.by_path).map_err(std::io::Error::other);
        bytes
            .and_then(|bytes| write_atomically(&memo.path, &bytes))
            .map_err(io_error("write", &memo.path))?;
        entries.changed = false;
        Ok(())
    }
}

impl StatMemo {
    /// The digest of a file or folder, from memory where its stat is as remembered.
    pub fn digest_of(&self, path: &Path) -> Result<Digest, DigestError> {
        let read = |source| DigestError::Read {
            path: path.to_owned(),
            source,
        };
        let meta = std::fs::metadata(path).map_err(read)?;
        if meta.is_file() {
            return self.digest_of_file(path);
        }
        let mut digests = Vec::new();
        for name in files_below(path)? {
            let digest = self.digest_of_file(&path.join(&name))?;
            digests.push((name, digest));
        }
        Ok(Digest::of_folder(
            digests
                .iter()
                .map(|(name, digest)| (name.as_str(), *digest)),
        ))
    }

    fn digest_of_file(&self, path: &Path) -> Result<Digest, DigestError> {
        let read = |source| DigestError::Read {
            path: path.to_owned(),
            source,
        };
        let stat = Stat::of(path).map_err(read)?;
        let key = path.to_string_lossy().into_owned();
        if let Ok(entries) = self.entries.lock()
            && let Some(known) = entries.by_path.get(&key)
            && known.stat == stat
        {
            return Ok(known.digest);
        }
        let digest = Digest::of_file(path)?;
        // Remembered only if nobody wrote while it was hashed.
        if Stat::of(path).map_err(read)? == stat && stat.is_settled() {
            self.remember(key, Remembered { stat, digest });
        }
        Ok(digest)
    }

    /// Remembers an object that was hashed just before it was moved to its place. A rename stamps
    /// the ctime, so these are not asked to be settled: objects are read-only from then on.
    pub(super) fn remember_path(&self, path: &Path, digest: Digest) {
        if path.is_file()
            && let Ok(stat) = Stat::of(path)
        {
            self.remember(
                path.to_string_lossy().into_owned(),
                Remembered { stat, digest },
            );
        }
    }

    fn remember(&self, key: String, remembered: Remembered) {
        if let Ok(mut entries) = self.entries.lock() {
            entries.by_path.insert(key, remembered);
            entries.changed = true;
        }
    }
}
