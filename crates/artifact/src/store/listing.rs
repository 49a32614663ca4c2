//! Everything that a store holds, for verifying and collecting.

use std::path::PathBuf;
use std::time::SystemTime;

use super::record::{self, Record};
use super::{Store, StoreError, io_error};
use crate::digest::Digest;

/// A record's file.
#[derive(Debug, Clone)]
pub struct ListedRecord {
    /// Where it lies.
    pub path: PathBuf,
    /// The key in its name.
    pub fingerprint: Digest,
    /// Whether it is another result of its key, beside the one that is used.
    pub is_other: bool,
    /// When it was last used, to within ten minutes.
    pub used: SystemTime,
    /// What it says; nothing if it is damaged.
    pub record: Option<Record>,
}

/// An object's place.
#[derive(Debug, Clone)]
pub struct ListedObject {
    /// Where it lies.
    pub path: PathBuf,
    /// The digest in its name.
    pub digest: Digest,
}

/// What lies where records or objects should be.
#[derive(Debug, Clone)]
pub struct Listing<T> {
    /// What belongs there, sorted by name.
    pub found: Vec<T>,
    /// What does not.
    pub strays: Vec<PathBuf>,
}

impl Store {
    /// All records, read and checked.
    pub fn records(&self) -> Result<Listing<ListedRecord>, StoreError> {
        self.list("records", |path, name| {
            let name = name.strip_suffix(".json")?;
            let (fingerprint, other) = match name.split_once('.') {
                Some((fingerprint, n)) => (fingerprint, Some(n.parse::<usize>().ok()?)),
                None => (name, None),
            };
            let fingerprint = fingerprint.parse().ok()?;
            Some(ListedRecord {
                fingerprint,
                is_other: other.is_some(),
                used: fs_err::metadata(&path)
                    .and_then(|meta| meta.modified())
                    .ok()?,
                record: record::read(&path, fingerprint).ok(),
                path,
            })
        })
    }

    /// All objects, unread.
    pub fn objects(&self) -> Result<Listing<ListedObject>, StoreError> {
        self.list("objects", |path, name| {
            let digest = name.parse().ok()?;
            Some(ListedObject { path, digest })
        })
    }

    /// The entries of the shards of a bucket; each must lie in the shard that its name begins with.
    fn list<T>(
        &self,
        bucket: &str,
        parse: impl Fn(PathBuf, &str) -> Option<T>,
    ) -> Result<Listing<T>, StoreError> {
        let mut listing = Listing {
            found: Vec::new(),
            strays: Vec::new(),
        };
        for shard in super::entries(&self.root.join(bucket))? {
            if !shard.is_dir() {
                listing.strays.push(shard);
                continue;
            }
            let prefix = shard.file_name().unwrap_or_default().to_owned();
            for path in super::entries(&shard)? {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let parsed = (name.get(..2) == prefix.to_str())
                    .then(|| parse(path.clone(), &name))
                    .flatten();
                match parsed {
                    Some(entry) => listing.found.push(entry),
                    None => listing.strays.push(path),
                }
            }
        }
        Ok(listing)
    }

    /// Removes a record's file, an object or something else that lies in the store and must not.
    pub fn remove(&self, path: &std::path::Path) -> Result<(), StoreError> {
        super::object::set_writable(path);
        let is_folder = fs_err::symlink_metadata(path).is_ok_and(|meta| meta.is_dir());
        let removed = if is_folder {
            fs_err::remove_dir_all(path)
        } else {
            fs_err::remove_file(path)
        };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(io_error("remove", path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Sets a damaged record's file aside.
    pub fn set_aside_record(&self, listed: &ListedRecord) -> Result<(), StoreError> {
        let is_whole = || record::read(&listed.path, listed.fingerprint).is_ok();
        self.set_aside(&listed.path, is_whole)?;
        Ok(())
    }
}
