//! What each file of a large folder gave: read when something in the folder has changed, so that only
//! the changed files are hashed again.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::Stat;
use super::bytes::{Reader, Writer};
use crate::digest::walk::Found;
use crate::digest::{Digest, DigestError};
use crate::store::StoreError;

/// Folders with fewer files are hashed as a whole when one of them has changed.
pub(super) const LARGE: usize = 256;

const HEAD: &[u8] = b"cinescore stats of a folder 2\n";

/// A file of a folder and its digest.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) stat: Stat,
    pub(super) digest: Digest,
    /// Whether its stat tells every later write.
    pub(super) is_settled: bool,
}

/// The digests of a folder's files, on all threads; those whose stat is as remembered are not read.
pub(super) fn hash(
    root: &Path,
    folder: &Path,
    found: Vec<Found>,
    now: i128,
) -> Result<Vec<File>, DigestError> {
    let known = match found.len() {
        ..LARGE => Vec::new(),
        _ => read(root, folder).unwrap_or_default(),
    };
    let one = |found: Found| {
        let before = known
            .binary_search_by(|(name, ..)| name.as_str().cmp(&found.name))
            .ok()
            .and_then(|place| known.get(place))
            .filter(|(_, stat, _)| *stat == found.stat);
        let digest = match before {
            Some((.., digest)) => *digest,
            None => Digest::of_file(&folder.join(&found.name))?,
        };
        Ok(File {
            is_settled: found.stat.was_settled(now),
            name: found.name,
            stat: found.stat,
            digest,
        })
    };
    match found.len() {
        // A bundle of a few files: not worth the start of a thread.
        ..8 => found.into_iter().map(one).collect(),
        _ => found.into_par_iter().map(one).collect(),
    }
}

/// Keeps the digests of a folder's files.
pub(super) fn write(root: &Path, folder: &Path, files: &[File]) -> Result<(), StoreError> {
    let mut writer = Writer::new(HEAD);
    writer.path(folder);
    for file in files.iter().filter(|file| file.is_settled) {
        writer.path(Path::new(&file.name));
        writer.stat(&file.stat);
        writer.digest(file.digest);
    }
    writer.keep(&place(root, folder))
}

fn read(root: &Path, folder: &Path) -> Option<Vec<(String, Stat, Digest)>> {
    let bytes = fs_err::read(place(root, folder)).ok()?;
    let mut reader = Reader::new(&bytes, HEAD)?;
    (reader.path()? == folder).then_some(())?;
    let mut known = Vec::new();
    while !reader.is_at_end() {
        let name = reader.path()?.into_os_string().into_string().ok()?;
        known.push((name, reader.stat()?, reader.digest()?));
    }
    Some(known)
}

fn place(root: &Path, folder: &Path) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    let name = Digest::of_bytes(folder.as_os_str().as_bytes());
    root.join(format!("folder-{name}"))
}
