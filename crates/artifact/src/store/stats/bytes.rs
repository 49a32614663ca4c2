//! The form of remembered stats on disk: fields one after the other, and the digest of all of them last.
//!
//! JSON would do as well, but 50,000 files take 20 MB of it, and a quarter of a second to read.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::Stat;
use crate::digest::Digest;
use crate::store::{StoreError, io_error, sealed};

const DIGEST: usize = 32;

pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn new(head: &[u8]) -> Self {
        Self(head.to_vec())
    }

    pub(super) fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(super) fn path(&mut self, path: &Path) {
        let bytes = path.as_os_str().as_bytes();
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn digest(&mut self, digest: Digest) {
        self.0.extend_from_slice(digest.as_bytes());
    }

    pub(super) fn stat(&mut self, stat: &Stat) {
        for number in [stat.device, stat.inode, stat.bytes] {
            self.number(number);
        }
        for nanos in [stat.mtime_nanos, stat.ctime_nanos] {
            self.0.extend_from_slice(&nanos.to_le_bytes());
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Writes the file by a rename, without waiting for the disk: a torn one counts as empty.
    pub(super) fn keep(mut self, path: &Path) -> Result<(), StoreError> {
        self.digest(Digest::of_bytes(&self.0));
        let folder = path.parent().unwrap_or(Path::new("."));
        sealed::temporary(folder, &self.0)
            .and_then(|file| sealed::persist(file, path))
            .map_err(io_error("write", path))
    }
}

/// Reads what a [`Writer`] kept. Nothing at all comes out of a damaged file.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], head: &[u8]) -> Option<Self> {
        let (fields, check) = bytes.split_at_checked(bytes.len().checked_sub(DIGEST)?)?;
        (Digest::of_bytes(fields).as_bytes() == check).then_some(())?;
        Some(Self(fields.strip_prefix(head)?))
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn path(&mut self) -> Option<PathBuf> {
        let count = usize::try_from(self.number()?).ok()?;
        Some(PathBuf::from(OsStr::from_bytes(self.take(count)?)))
    }

    pub(super) fn digest(&mut self) -> Option<Digest> {
        self.array().map(Digest::from_raw)
    }

    pub(super) fn stat(&mut self) -> Option<Stat> {
        Some(Stat {
            device: self.number()?,
            inode: self.number()?,
            bytes: self.number()?,
            mtime_nanos: self.array().map(i128::from_le_bytes)?,
            ctime_nanos: self.array().map(i128::from_le_bytes)?,
        })
    }
}
