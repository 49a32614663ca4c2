//! Digests of files and folders whose stats have not changed since they were hashed.
//!
//! A file counts as unchanged while device, inode, size, mtime and ctime are as remembered: ctime
//! cannot be set by a program, so an edit that restores the mtime is still seen. A file changed within
//! the clock's resolution of being looked at is not remembered.
//!
//! `stats/files` has an entry for each file and folder that was asked for: small, and read by every
//! run. A folder is known by one digest over the stats of all files below it, so 50,000 files cost one
//! entry there. What each of a large folder's files gave lies in a file of its own (`folder`), which is
//! read only when something in the folder has changed. All of it saves time only: what cannot be read
//! counts as empty, and every file of it ends with the digest of its bytes.

mod bytes;
mod folder;

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use self::bytes::{Reader, Writer};
use super::{Store, StoreError, io_error};
use crate::digest::{Digest, DigestError, Preimage, walk};

/// Younger changes than this are not remembered, nanoseconds: kernels stamp files by a coarse clock.
const SETTLED_NANOS: i128 = 20_000_000;

/// What the main file begins with; another layout counts as empty.
const FILES: &[u8] = b"cinescore stats 2\n";

/// The remembered digests of a store.
#[derive(Debug)]
pub struct StatMemo {
    root: PathBuf,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    by_path: BTreeMap<PathBuf, Known>,
    /// Large folders that were hashed, to be kept.
    folders: BTreeMap<PathBuf, Vec<folder::File>>,
    changed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    File { stat: Stat, digest: Digest },
    Folder { stats: Digest, digest: Digest },
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
        Ok(Self::of_metadata(&std::fs::metadata(path)?))
    }

    pub(crate) fn of_metadata(meta: &std::fs::Metadata) -> Self {
        let nanos = |secs: i64, nanos: i64| i128::from(secs) * 1_000_000_000 + i128::from(nanos);
        Self {
            device: meta.dev(),
            inode: meta.ino(),
            bytes: meta.len(),
            mtime_nanos: nanos(meta.mtime(), meta.mtime_nsec()),
            ctime_nanos: nanos(meta.ctime(), meta.ctime_nsec()),
        }
    }

    /// Whether a write after `now`, when the stat was taken, would give another stat.
    fn was_settled(&self, now: i128) -> bool {
        now - self.ctime_nanos.max(self.mtime_nanos) > SETTLED_NANOS
    }
}

/// Nanoseconds since 1970.
fn now() -> i128 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |now| now.as_nanos() as i128)
}

impl Store {
    /// The remembered digests; an unreadable memory is an empty one, for it only saves time.
    pub fn stat_memo(&self) -> StatMemo {
        let root = self.root.join("stats");
        let by_path = read_files(&root);
        StatMemo {
            root,
            memory: Mutex::new(Memory {
                by_path,
                ..Memory::default()
            }),
        }
    }

    /// Keeps what was remembered, beside what other runs kept meanwhile.
    pub fn keep_stats(&self, memo: &StatMemo) -> Result<(), StoreError> {
        let Ok(mut memory) = memo.memory.lock() else {
            return Ok(());
        };
        if !memory.changed {
            return Ok(());
        }
        fs_err::create_dir_all(&memo.root).map_err(io_error("make", &memo.root))?;
        let _lock = self.lock_named("stats")?;
        for (path, known) in read_files(&memo.root) {
            memory.by_path.entry(path).or_insert(known);
        }
        memory.by_path.retain(|path, _| path.exists());
        for (path, files) in std::mem::take(&mut memory.folders) {
            folder::write(&memo.root, &path, &files)?;
        }
        let mut writer = Writer::new(FILES);
        for (path, known) in &memory.by_path {
            writer.path(path);
            match known {
                Known::File { stat, digest } => {
                    writer.number(0);
                    writer.stat(stat);
                    writer.digest(*digest);
                }
                Known::Folder { stats, digest } => {
                    writer.number(1);
                    writer.digest(*stats);
                    writer.digest(*digest);
                }
            }
        }
        writer.keep(&memo.root.join("files"))?;
        memory.changed = false;
        Ok(())
    }
}

impl Store {
    /// Removes what is remembered of folders that are gone. Says how many files went.
    pub(super) fn prune_stats(&self) -> Result<usize, StoreError> {
        let root = self.root.join("stats");
        let _lock = self.lock_named("stats")?;
        let known: Vec<PathBuf> = read_files(&root)
            .into_keys()
            .filter(|path| path.is_dir())
            .map(|path| folder::place(&root, &path))
            .collect();
        let mut removed = 0;
        for path in super::entries(&root)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with("folder-") && !known.contains(&path) {
                fs_err::remove_file(&path).map_err(io_error("remove", &path))?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

fn read_files(root: &Path) -> BTreeMap<PathBuf, Known> {
    let read = || {
        let bytes = fs_err::read(root.join("files")).ok()?;
        let mut reader = Reader::new(&bytes, FILES)?;
        let mut by_path = BTreeMap::new();
        while !reader.is_at_end() {
            let path = reader.path()?;
            let known = match reader.number()? {
                0 => Known::File {
                    stat: reader.stat()?,
                    digest: reader.digest()?,
                },
                _ => Known::Folder {
                    stats: reader.digest()?,
                    digest: reader.digest()?,
                },
            };
            by_path.insert(path, known);
        }
        Some(by_path)
    };
    read().unwrap_or_default()
}

impl StatMemo {
    /// The digest of a file or folder, from memory where its stats are as remembered.
    pub fn digest_of(&self, path: &Path) -> Result<Digest, DigestError> {
        Ok(self.look_at(path)?.digest)
    }

    /// The same, and how the file or folder looked just before it was hashed.
    pub fn look_at(&self, path: &Path) -> Result<Look, DigestError> {
        let now = now();
        match look(path)? {
            Looked::File(stat) => Ok(Look {
                digest: self.digest_of_file(path, stat, now)?,
                looks: looks_of_file(&stat),
            }),
            Looked::Folder(found) => {
                let looks = digest_of_stats(&found);
                let digest = self.digest_of_folder(path, found, looks, now)?;
                Ok(Look { digest, looks })
            }
        }
    }

    fn digest_of_file(&self, path: &Path, stat: Stat, now: i128) -> Result<Digest, DigestError> {
        if let Some(Known::File {
            stat: before,
            digest,
        }) = self.known(path)
            && before == stat
        {
            return Ok(digest);
        }
        let digest = Digest::of_file(path)?;
        // A write while it was hashed gave it another stat than the one taken before.
        if stat.was_settled(now) {
            self.remember(path, Known::File { stat, digest });
        }
        Ok(digest)
    }

    fn digest_of_folder(
        &self,
        path: &Path,
        found: Vec<walk::Found>,
        stats: Digest,
        now: i128,
    ) -> Result<Digest, DigestError> {
        if let Some(Known::Folder {
            stats: before,
            digest,
        }) = self.known(path)
            && before == stats
        {
            return Ok(digest);
        }
        let files = folder::hash(&self.root, path, found, now)?;
        let digest = Digest::of_folder(files.iter().map(|file| (file.name.as_str(), file.digest)));
        if files.iter().all(|file| file.is_settled) {
            self.remember(path, Known::Folder { stats, digest });
        }
        if files.len() >= folder::LARGE
            && let Ok(mut memory) = self.memory.lock()
        {
            memory.folders.insert(path.to_owned(), files);
            memory.changed = true;
        }
        Ok(digest)
    }

    /// Remembers an object that was hashed just before it was moved to its place. A rename stamps
    /// the ctime, so these are not asked to be settled: objects are read-only from then on.
    pub(super) fn remember_object(&self, path: &Path, digest: Digest) {
        if path.is_dir() {
            if let Ok(found) = walk::files(path) {
                let stats = digest_of_stats(&found);
                self.remember(path, Known::Folder { stats, digest });
            }
        } else if let Ok(stat) = Stat::of(path) {
            self.remember(path, Known::File { stat, digest });
        }
    }

    fn known(&self, path: &Path) -> Option<Known> {
        self.memory.lock().ok()?.by_path.get(path).copied()
    }

    fn remember(&self, path: &Path, known: Known) {
        if let Ok(mut memory) = self.memory.lock() {
            memory.by_path.insert(path.to_owned(), known);
            memory.changed = true;
        }
    }
}

/// A file or folder: its bytes, and what tells a change without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// The digest of its bytes.
    pub digest: Digest,
    /// One digest over the stats and, in a folder, the names of all files.
    pub looks: Digest,
}

/// How a file or folder looks now, without reading it: [`Look::looks`].
pub fn looks_of(path: &Path) -> Result<Digest, DigestError> {
    Ok(match look(path)? {
        Looked::File(stat) => looks_of_file(&stat),
        Looked::Folder(found) => digest_of_stats(&found),
    })
}

enum Looked {
    File(Stat),
    Folder(Vec<walk::Found>),
}

fn look(path: &Path) -> Result<Looked, DigestError> {
    let meta = std::fs::metadata(path).map_err(|source| DigestError::Read {
        path: path.to_owned(),
        source,
    })?;
    Ok(if meta.is_dir() {
        Looked::Folder(walk::files(path)?)
    } else {
        Looked::File(Stat::of_metadata(&meta))
    })
}

fn looks_of_file(stat: &Stat) -> Digest {
    let mut writer = Writer::new(b"");
    writer.stat(stat);
    let mut preimage = Preimage::new("cinescore stat of a file");
    preimage.field("file", writer.bytes());
    preimage.digest()
}

/// One digest over the names and stats of a folder's files: another one whenever a file was added,
/// removed, renamed or touched.
fn digest_of_stats(found: &[walk::Found]) -> Digest {
    let mut preimage = Preimage::new("cinescore stats of a folder");
    let mut writer = Writer::new(b"");
    for file in found {
        writer.path(Path::new(&file.name));
        writer.stat(&file.stat);
    }
    preimage.field("files", writer.bytes());
    preimage.digest()
}
