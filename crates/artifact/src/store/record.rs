//! Records: what a fingerprint gave.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::object::{Object, sync_folder};
use super::{Store, StoreError, io_error};
use crate::digest::Digest;
use crate::task::{TaskResult, write_json};

/// The version of the format; a record of another version is a miss.
pub const RECORD_VERSION: u32 = 1;

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
    /// It cannot be read, or is another's.
    Damaged,
}

impl Store {
    fn record_path(&self, fingerprint: Digest) -> PathBuf {
        self.sharded("records", &format!("{fingerprint}.json"))
    }

    /// Writes a record, after all its objects are in the store.
    pub fn put_record(&self, record: &Record) -> Result<(), StoreError> {
        let path = self.record_path(record.fingerprint);
        let shard = path.parent().unwrap_or(&self.root);
        fs_err::create_dir_all(shard).map_err(io_error("make", shard))?;
        write_json(&path, record).map_err(|source| StoreError::Record {
            path: path.clone(),
            source,
        })?;
        sync_folder(shard)
    }

    /// The record of a fingerprint.
    pub fn record(&self, fingerprint: Digest) -> Result<RecordState, StoreError> {
        let path = self.record_path(fingerprint);
        let bytes = match fs_err::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(RecordState::Missing);
            }
            Err(error) => return Err(io_error("read", &path)(error)),
        };
        Ok(match serde_json::from_slice::<Record>(&bytes) {
            Ok(record) if record.version == RECORD_VERSION && record.fingerprint == fingerprint => {
                RecordState::Present(Box::new(record))
            }
            _ => RecordState::Damaged,
        })
    }
}
