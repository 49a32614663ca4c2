//! Records: what a fingerprint gave.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::object::{Object, sync_folder};
use super::sealed::{self, SealError};
use super::{Store, StoreError, io_error};
use crate::digest::Digest;
use crate::task::TaskResult;

/// The version of the format; a record of another version is a miss.
///
/// 1: the first. 2: sealed with the digest of its own bytes.
pub const RECORD_VERSION: u32 = 2;

/// A record's time of last use is brought up to date when it is older than this: a run that
/// computes nothing then writes nothing.
const USE_COUNTS_AFTER: Duration = Duration::from_secs(600);

/// A fingerprint whose stage gives other bytes each time would fill the store: later results beyond
/// this many are not kept beside the last one.
const MOST_OTHERS: usize = 16;

/// What a fingerprint gave. Holds nothing of when, where and how fast: that is the run record's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The version of the format.
    pub version: u32,
    /// The key.
    pub fingerprint: Digest,
    /// Everything that the key was made of, so that it can be explained.
    pub preimage: Value,
    /// The outputs by name.
    pub outputs: BTreeMap<String, Object>,
    /// What the stage said, without `performance`.
    pub result: TaskResult,
    /// The run that made it.
    pub run: String,
}

/// How a record is found.
#[derive(Debug, Clone, PartialEq)]
pub enum RecordState {
    /// It is there.
    Present(Box<Record>),
    /// It is not there.
    Missing,
    /// Its bytes are not those that were written; it was moved out of the way.
    Damaged,
}

/// How a record was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// The first of its fingerprint, or one with the same outputs as before.
    AsTheOne,
    /// There was another result of the same fingerprint, which is kept beside it: the stage is not
    /// deterministic. So many different results are known now.
    OneOf(usize),
}

/// Whether a name stays inside the folder that it is joined to: it is one ordinary part of a path.
pub fn is_plain_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    // `a/` has one part too, which is not all of it.
    matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name)
}

impl Record {
    /// Whether every name in it that becomes part of a path stays where it belongs. A seal says nothing of that:
    /// whoever writes a record can seal it.
    pub fn names_are_plain(&self) -> bool {
        let names = self.outputs.values().map(|object| &object.file_name);
        names.chain([&self.run]).all(|name| is_plain_name(name))
    }
}

impl Store {
    pub(super) fn record_path(&self, fingerprint: Digest) -> PathBuf {
        self.sharded("records", &format!("{fingerprint}.json"))
    }

    /// Where the n-th other result of a fingerprint is kept.
    fn other_path(&self, fingerprint: Digest, n: usize) -> PathBuf {
        self.sharded("records", &format!("{fingerprint}.{n}.json"))
    }

    /// Writes a record, after all its objects are in the store. An earlier record of other outputs is
    /// kept beside it.
    pub fn put_record(&self, record: &Record) -> Result<Kept, StoreError> {
        let fingerprint = record.fingerprint;
        self.protect(fingerprint)?;
        let path = self.record_path(fingerprint);
        let shard = path.parent().unwrap_or(&self.root);
        fs_err::create_dir_all(shard).map_err(io_error("make", shard))?;
        if let Ok(before) = sealed::read::<Record>(&path)
            && before.outputs != record.outputs
        {
            self.put_beside(&before)?;
        }
        self.write_record(&path, record)?;
        sync_folder(shard)?;
        Ok(self.kept_beside(record))
    }

    /// How many different results there are of the fingerprint of the record that is the one.
    fn kept_beside(&self, the_one: &Record) -> Kept {
        let others = self.other_results(the_one.fingerprint);
        let differing = others
            .iter()
            .filter(|other| other.outputs != the_one.outputs);
        match differing.count() {
            0 => Kept::AsTheOne,
            others => Kept::OneOf(others + 1),
        }
    }

    /// Keeps a record's file as one more result of its key, unless it is known or there are too many.
    fn put_beside(&self, record: &Record) -> Result<(), StoreError> {
        let others = self.other_results(record.fingerprint);
        let is_new = others.iter().all(|other| other.outputs != record.outputs);
        let free = (1..=MOST_OTHERS)
            .map(|n| self.other_path(record.fingerprint, n))
            .find(|place| !place.exists());
        match free {
            Some(place) if is_new => self.write_record(&place, record),
            _ => Ok(()),
        }
    }

    /// Keeps a record beside the one that the fingerprint has, or as the one where it has none.
    pub fn add_record(&self, record: &Record) -> Result<Kept, StoreError> {
        let fingerprint = record.fingerprint;
        self.protect(fingerprint)?;
        let path = self.record_path(fingerprint);
        let first = match read(&path, fingerprint) {
            Ok(first) => first,
            Err(Unread::Missing | Unread::Damaged) => return self.put_record(record),
            Err(Unread::Machine(error)) => return Err(io_error("read", &path)(error)),
        };
        // The record that this store's results were made with stays the one, at every moment: whoever reads
        // beside this, or after it was killed, gets no other.
        note_use(&path);
        if first.outputs != record.outputs {
            self.put_beside(record)?;
            sync_folder(path.parent().unwrap_or(&self.root))?;
        }
        Ok(self.kept_beside(&first))
    }

    fn write_record(&self, path: &Path, record: &Record) -> Result<(), StoreError> {
        let write = || -> io::Result<()> {
            let bytes = sealed::seal(record)?;
            let write_in = |folder: &Path| {
                let file = sealed::temporary(folder, &bytes)?;
                file.as_file().sync_all()?;
                sealed::persist(file, path)
            };
            // Not beside its place: a killed process's temporary file there would stay for ever.
            let work = self.work_dir().map_err(io::Error::other)?;
            match write_in(work.path()) {
                // The folder of work in progress was put on another disk.
                Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                    write_in(path.parent().unwrap_or(&self.root))
                }
                written => written,
            }
        };
        write().map_err(io_error("write", path))
    }

    /// The record of a fingerprint, from the second store where this one has none. While this process
    /// lives, neither it nor its objects are collected.
    pub fn record(&self, fingerprint: Digest) -> Result<RecordState, StoreError> {
        self.protect(fingerprint)?;
        match self.own_record(fingerprint)? {
            RecordState::Present(record) => Ok(RecordState::Present(record)),
            state => Ok(match self.record_through(fingerprint)? {
                Some(record) => RecordState::Present(Box::new(record)),
                None => state,
            }),
        }
    }

    fn own_record(&self, fingerprint: Digest) -> Result<RecordState, StoreError> {
        let path = self.record_path(fingerprint);
        match read(&path, fingerprint) {
            Ok(record) => {
                note_use(&path);
                Ok(RecordState::Present(Box::new(record)))
            }
            Err(Unread::Missing) => Ok(RecordState::Missing),
            Err(Unread::Damaged) => {
                let is_whole = || read(&path, fingerprint).is_ok();
                self.set_aside(&path, is_whole)?;
                Ok(RecordState::Damaged)
            }
            Err(Unread::Machine(error)) => Err(io_error("read", &path)(error)),
        }
    }

    /// Results of a fingerprint beside the one that [`Store::record`] gives: there are none unless a
    /// stage gave other bytes for the same key.
    pub fn other_results(&self, fingerprint: Digest) -> Vec<Record> {
        (1..=MOST_OTHERS)
            .filter_map(|n| read(&self.other_path(fingerprint, n), fingerprint).ok())
            .collect()
    }
}

/// Why a record gives nothing.
pub(super) enum Unread {
    Missing,
    Damaged,
    Machine(io::Error),
}

/// Reads a record's file.
pub(super) fn read(path: &Path, fingerprint: Digest) -> Result<Record, Unread> {
    match sealed::read::<Record>(path) {
        Ok(record) if record.version != RECORD_VERSION => Err(Unread::Missing),
        Ok(record) if record.fingerprint == fingerprint && record.names_are_plain() => Ok(record),
        Err(SealError::Io(error)) => Err(match error.kind() {
            io::ErrorKind::NotFound => Unread::Missing,
            io::ErrorKind::PermissionDenied => Unread::Machine(error),
            _ if super::is_shortage(&error) => Unread::Machine(error),
            _ => Unread::Damaged,
        }),
        Err(SealError::Broken) if is_of_version_1(path) => Err(Unread::Missing),
        _ => Err(Unread::Damaged),
    }
}

/// Whether this is a record of before they were sealed. No single flip makes a sealed one look so.
fn is_of_version_1(path: &Path) -> bool {
    let read = || -> Option<Value> { serde_json::from_slice(&fs_err::read(path).ok()?).ok() };
    read().is_some_and(|value| value["version"] == 1 && value.get("check").is_none())
}

fn note_use(path: &Path) {
    let note = || -> io::Result<()> {
        let now = SystemTime::now();
        let used = std::fs::metadata(path)?.modified()?;
        if now
            .duration_since(used)
            .is_ok_and(|age| age > USE_COUNTS_AFTER)
        {
            std::fs::File::open(path)?.set_modified(now)?;
        }
        Ok(())
    };
    // Another user's record: its owner's uses count.
    note().ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_name_is_one_part_of_a_path() {
        for name in ["made.txt", "a b", "..a", "net[seed=7]"] {
            assert!(is_plain_name(name), "{name}");
        }
        for name in [
            "", ".", "..", "/", "/a", "a/", "a/.", "./a", "a/b", "../a", "a/../b",
        ] {
            assert!(!is_plain_name(name), "{name}");
        }
    }
}
