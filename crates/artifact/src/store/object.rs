//! Objects: immutable bytes by digest.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

use super::{StatMemo, Store, StoreError, io_error};
use crate::digest::{Digest, DigestError};

/// An object as a record names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// The digest of its bytes.
    pub digest: Digest,
    /// Its size, bytes.
    pub bytes: u64,
    /// The name that people know it by, `reviews.parquet`.
    pub file_name: String,
}

/// How an object is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectState {
    /// It is there, and unchanged as far as its stat tells.
    Present,
    /// It is not there.
    Missing,
    /// Its bytes are not those of its digest; it was moved out of the way.
    Damaged,
}

impl Store {
    /// Where an object lies, whether or not it is there.
    pub fn object_path(&self, digest: Digest) -> PathBuf {
        self.sharded("objects", &digest.to_hex())
    }

    /// Takes a file or folder, which must be on the store's file system, into the store.
    pub fn put_object(
        &self,
        from: &Path,
        file_name: &str,
        memo: &StatMemo,
    ) -> Result<Object, StoreError> {
        let mut bytes = 0;
        for entry in WalkDir::new(from) {
            let entry = entry.map_err(|error| io_error("read", from)(error.into()))?;
            if entry.file_type().is_file() {
                let path = entry.path();
                let file = fs_err::File::open(path).map_err(io_error("read", path))?;
                file.sync_all().map_err(io_error("sync", path))?;
                bytes += entry
                    .metadata()
                    .map_err(|error| io_error("read", from)(error.into()))?
                    .len();
            }
        }
        let digest = Digest::of_path(from)?;
        self.protect(digest)?;
        let object = Object {
            digest,
            bytes,
            file_name: file_name.into(),
        };
        let place = self.object_path(digest);
        // The same bytes were made before; unless they were damaged since, they stay.
        if std::fs::symlink_metadata(&place).is_ok()
            && self.check_object(digest, memo)? == ObjectState::Present
        {
            return Ok(object);
        }
        set_read_only(from)?;
        let shard = place.parent().unwrap_or(&self.root);
        fs_err::create_dir_all(shard).map_err(io_error("make", shard))?;
        match fs_err::rename(from, &place) {
            Ok(()) => {}
            // Another process put the same folder there first.
            Err(_) if place.is_dir() => {}
            Err(error) => return Err(io_error("write", &place)(error)),
        }
        if place.is_dir() {
            // Only now: a folder that is read-only itself cannot be moved.
            fs_err::set_permissions(&place, Permissions::from_mode(0o555))
                .map_err(io_error("protect", &place))?;
        }
        // The folder is not synced: a power cut before the record is on disk loses both, and after it
        // at most the object's name, which makes it a miss.
        memo.remember_object(&place, digest);
        Ok(object)
    }

    /// Whether an object is there and whole. Its bytes are hashed unless its stat is as remembered; a
    /// damaged one is moved to `quarantine`, so that it is a miss from now on.
    pub fn check_object(&self, digest: Digest, memo: &StatMemo) -> Result<ObjectState, StoreError> {
        self.judge(digest, |place| memo.digest_of(place))
    }

    /// Hashes an object's bytes whatever is remembered, as before a stage reads it.
    pub fn verify_object(&self, digest: Digest) -> Result<ObjectState, StoreError> {
        self.judge(digest, Digest::of_path)
    }

    fn judge(
        &self,
        digest: Digest,
        look: impl FnOnce(&Path) -> Result<Digest, DigestError>,
    ) -> Result<ObjectState, StoreError> {
        let place = self.object_path(digest);
        // A link that leads nowhere is there, and damaged.
        if std::fs::symlink_metadata(&place).is_err() {
            return Ok(ObjectState::Missing);
        }
        match look(&place) {
            Ok(found) if found == digest => Ok(ObjectState::Present),
            // Bytes that this process may not read, or cannot for now, are not damaged.
            Err(DigestError::Read { source, path })
                if source.kind() == std::io::ErrorKind::PermissionDenied
                    || super::is_shortage(&source) =>
            {
                Err(io_error("read", &path)(source))
            }
            _ => {
                let is_whole = || Digest::of_path(&place).is_ok_and(|found| found == digest);
                Ok(if self.set_aside(&place, is_whole)? {
                    ObjectState::Damaged
                } else {
                    ObjectState::Present
                })
            }
        }
    }
}

/// Takes the right to write from files and folders, so that nobody changes an object by accident.
fn set_read_only(path: &Path) -> Result<(), StoreError> {
    // Contents first: a read-only folder's entries can still be changed by their owner, but a walk
    // must be able to enter.
    for entry in WalkDir::new(path).contents_first(true) {
        let entry = entry.map_err(|error| io_error("read", path)(error.into()))?;
        // The top folder must stay writable to be renamed (its `..` entry changes).
        let mode = match (entry.file_type().is_dir(), entry.depth()) {
            (true, 0) => 0o755,
            (true, _) => 0o555,
            (false, _) => 0o444,
        };
        fs_err::set_permissions(entry.path(), Permissions::from_mode(mode))
            .map_err(io_error("protect", entry.path()))?;
    }
    Ok(())
}

/// Gives the right to write back to folders, as far as possible, so that they can be moved or removed.
pub(super) fn set_writable(path: &Path) {
    for entry in WalkDir::new(path).into_iter().flatten() {
        if entry.file_type().is_dir() {
            fs_err::set_permissions(entry.path(), Permissions::from_mode(0o755)).ok();
        }
    }
}

/// The bytes of all files below a path, as far as they can be seen; links are not followed.
pub fn size_of(path: &Path) -> u64 {
    WalkDir::new(path)
        .into_iter()
        .flatten()
        .filter(|entry| !entry.file_type().is_dir())
        .filter_map(|entry| entry.metadata().ok())
        .map(|meta| meta.len())
        .sum()
}

pub(super) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    let handle = fs_err::File::open(folder).map_err(io_error("open", folder))?;
    handle.sync_all().map_err(io_error("sync", folder))
}
