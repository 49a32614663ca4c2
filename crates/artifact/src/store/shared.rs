//! A second store that is read through: a shared folder of colleagues or of CI.
//!
//! What the own store lacks is looked for there, copied, hashed and only then taken in. Nothing is written
//! there but by [`Store::push`]. What is damaged there is told (by [`Store::take_notes`]) and counts as
//! missing.

use std::collections::BTreeSet;
use std::sync::Mutex;

use super::hand_out::{Manner, hand_out};
use super::object::{Object, ObjectState};
use super::record::{self, Kept, Record, Unread};
use super::{StatMemo, Store, StoreError, io_error};
use crate::digest::Digest;

#[derive(Debug)]
pub(super) struct Shared {
    store: Store,
    /// Whether what is found there is copied; else it is only looked for.
    fetches: bool,
    /// Objects that this process has copied, and hashed on the way.
    fetched: Mutex<BTreeSet<Digest>>,
    notes: Mutex<Vec<String>>,
}

/// What to do with what a second store has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Through {
    /// Only say that it is there, as a plan does.
    Look,
    /// Copy it into the own store, as a run does.
    Fetch,
}

/// What was copied into a second store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Records that it did not have.
    pub records: usize,
    /// Objects that it did not have.
    pub objects: usize,
    /// Their bytes.
    pub bytes: u64,
}

impl Store {
    /// Reads through a second store from now on.
    pub fn read_through(&mut self, store: Store, through: Through) {
        self.shared = Some(std::sync::Arc::new(Shared {
            store,
            fetches: through == Through::Fetch,
            fetched: Mutex::default(),
            notes: Mutex::default(),
        }));
    }

    /// The second store, if one is read through.
    pub fn second(&self) -> Option<&Store> {
        self.shared.as_ref().map(|shared| &shared.store)
    }

    /// What a person should know of the second store, told once.
    pub fn take_notes(&self) -> Vec<String> {
        let notes = self
            .shared
            .as_ref()
            .and_then(|shared| shared.notes.lock().ok());
        notes
            .map(|mut notes| std::mem::take(&mut *notes))
            .unwrap_or_default()
    }

    /// A record that the second store has, after its objects were copied here.
    pub(super) fn record_through(&self, fingerprint: Digest) -> Result<Option<Record>, StoreError> {
        let Some(shared) = &self.shared else {
            return Ok(None);
        };
        let path = shared.store.record_path(fingerprint);
        let record = match record::read(&path, fingerprint) {
            Ok(record) => record,
            Err(Unread::Missing) => return Ok(None),
            Err(Unread::Damaged) => {
                shared.note(format!("the record `{}` is damaged", path.display()));
                return Ok(None);
            }
            // Unlike the own store, another's may be out of reach without anything being wrong here.
            Err(Unread::Machine(error)) => {
                shared.note(format!("cannot read `{}`: {error}", path.display()));
                return Ok(None);
            }
        };
        for object in record.outputs.values() {
            let is_here = std::fs::symlink_metadata(self.object_path(object.digest)).is_ok();
            if !is_here && !self.object_through(object.digest)? {
                return Ok(None);
            }
        }
        if shared.fetches {
            self.add_record(&record)?;
        }
        Ok(Some(record))
    }

    /// Whether the second store has an object; it is copied here if this store fetches.
    pub(super) fn object_through(&self, digest: Digest) -> Result<bool, StoreError> {
        let Some(shared) = &self.shared else {
            return Ok(false);
        };
        let theirs = shared.store.object_path(digest);
        if !theirs.exists() {
            return Ok(false);
        }
        if !shared.fetches {
            return Ok(true);
        }
        let work = self.work_dir()?;
        let copy = work.path().join("object");
        let copied = hand_out(&theirs, &copy, Manner::Copy);
        match copied.map(|_| Digest::of_path(&copy)) {
            Ok(Ok(found)) if found == digest => {
                self.protect(digest)?;
                self.sync(&copy)?;
                self.place(&copy, digest)?;
                if let Ok(mut fetched) = shared.fetched.lock() {
                    fetched.insert(digest);
                }
                Ok(true)
            }
            // No room here is this machine's affair; anything else is theirs.
            Err(error) if super::is_no_room(&error) => Err(io_error("write", &copy)(error)),
            Err(error) => {
                shared.note(format!("cannot copy `{}`: {error}", theirs.display()));
                Ok(false)
            }
            Ok(_) => {
                shared.note(format!("the object `{}` is damaged", theirs.display()));
                Ok(false)
            }
        }
    }

    /// Whether this process has just copied and hashed an object.
    pub(super) fn was_fetched(&self, digest: Digest) -> bool {
        let fetched = self
            .shared
            .as_ref()
            .and_then(|shared| shared.fetched.lock().ok());
        fetched.is_some_and(|mut fetched| fetched.remove(&digest))
    }

    /// Copies a result into the second store, objects first. Safe beside others who push or read.
    pub fn push(&self, record: &Record, memo: &StatMemo) -> Result<Pushed, StoreError> {
        let mut pushed = Pushed::default();
        let Some(shared) = &self.shared else {
            return Ok(pushed);
        };
        let theirs = &shared.store;
        theirs.protect(record.fingerprint)?;
        for object in record.outputs.values() {
            if self.push_object(theirs, object, memo)? {
                pushed.objects += 1;
                pushed.bytes += object.bytes;
            }
        }
        let path = theirs.record_path(record.fingerprint);
        match record::read(&path, record.fingerprint) {
            Ok(before) if before.outputs == record.outputs => {}
            _ => {
                let kept = theirs.add_record(record)?;
                pushed.records += 1;
                if let Kept::OneOf(count) = kept {
                    shared.note(format!(
                        "`{}` has {count} different results of {}: its stage is not deterministic",
                        theirs.root.display(),
                        record.fingerprint.short()
                    ));
                }
            }
        }
        Ok(pushed)
    }

    /// Whether the object had to be copied.
    fn push_object(
        &self,
        theirs: &Store,
        object: &Object,
        memo: &StatMemo,
    ) -> Result<bool, StoreError> {
        theirs.protect(object.digest)?;
        if theirs.check_object(object.digest, memo)? == ObjectState::Present {
            return Ok(false);
        }
        let work = theirs.work_dir()?;
        let copy = work.path().join("object");
        let ours = self.object_path(object.digest);
        hand_out(&ours, &copy, Manner::Copy).map_err(io_error("copy", &ours))?;
        if Digest::of_path(&copy)? != object.digest {
            return Err(StoreError::NotWhole { path: ours });
        }
        theirs.sync(&copy)?;
        let place = theirs.place(&copy, object.digest)?;
        memo.remember_object(&place, object.digest);
        Ok(true)
    }
}

impl Shared {
    fn note(&self, note: String) {
        if let Ok(mut notes) = self.notes.lock() {
            notes.push(note);
        }
    }
}
