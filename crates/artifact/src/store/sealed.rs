//! JSON files that carry the digest of their own bytes, so that a flipped bit is told from a value.
//!
//! A flip inside a JSON file most often leaves good JSON: a metric with another digit, a default that
//! nobody wrote. The first line of a sealed file is `"check"`, the digest of all its other bytes. It is
//! still an ordinary JSON object to everybody else.

use std::io::{self, Write as _};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::NamedTempFile;
use thiserror::Error;

use crate::digest::Digest;
use crate::task::readable_temporary;

/// What every sealed file begins with.
const HEAD: &[u8] = b"{\n  \"check\": \"";
/// What stands between the digest and the rest.
const AFTER: &[u8] = b"\",\n";
const DIGITS: usize = 64;

/// Why a sealed file gives no value.
#[derive(Debug, Error)]
pub enum SealError {
    /// It could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Its bytes are not those that were written.
    #[error("its bytes are not those that were written")]
    Broken,
    /// It is whole, but says something else than was expected.
    #[error("it is whole, but not what is expected there")]
    Unexpected(#[from] serde_json::Error),
}

/// A value as a sealed JSON text.
pub fn seal<T: Serialize>(value: &T) -> serde_json::Result<Vec<u8>> {
    let json = serde_json::to_vec_pretty(value)?;
    let fields = json
        .strip_prefix(b"{\n")
        .ok_or_else(|| serde::ser::Error::custom("only an object with fields can be sealed"))?;
    let mut sealed = Vec::with_capacity(HEAD.len() + DIGITS + AFTER.len() + fields.len() + 1);
    sealed.extend_from_slice(HEAD);
    sealed.extend_from_slice(AFTER);
    sealed.extend_from_slice(fields);
    sealed.push(b'\n');
    let check = Digest::of_bytes(&sealed).to_hex();
    sealed.splice(HEAD.len()..HEAD.len(), check.into_bytes());
    Ok(sealed)
}

/// The value of a sealed JSON text.
pub fn unseal<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, SealError> {
    let (check, rest) = bytes
        .strip_prefix(HEAD)
        .and_then(|text| text.split_at_checked(DIGITS))
        .ok_or(SealError::Broken)?;
    let without_check = [HEAD, rest].concat();
    if check != Digest::of_bytes(&without_check).to_hex().as_bytes() {
        return Err(SealError::Broken);
    }
    Ok(serde_json::from_slice(bytes)?)
}

/// Reads a sealed file.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T, SealError> {
    unseal(&fs_err::read(path)?)
}

/// Writes a sealed file that only saves time or can be made again: by a rename, but without waiting
/// for the disk, because a file that a power cut tore is told by its seal.
pub fn write<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    persist(temporary(folder, &seal(value)?)?, path)
}

/// A temporary file with these bytes.
pub(super) fn temporary(folder: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut file = readable_temporary(folder)?;
    file.write_all(bytes)?;
    Ok(file)
}

/// Puts a temporary file into its place.
pub(super) fn persist(file: NamedTempFile, path: &Path) -> io::Result<()> {
    let persisted = file.persist(path).or_else(|failed| {
        // An empty folder is in the way: nobody put one there on purpose.
        match failed.error.kind() {
            io::ErrorKind::IsADirectory if std::fs::remove_dir(path).is_ok() => {
                failed.file.persist(path)
            }
            _ => Err(failed),
        }
    });
    persisted.map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_value_comes_back_and_the_file_is_ordinary_json() {
        let value = json!({"version": 2, "metric": 0.1});
        let sealed = seal(&value).unwrap();
        let back: Value = unseal(&sealed).unwrap();
        assert_eq!(back["metric"], value["metric"]);
        assert!(sealed.starts_with(HEAD) && sealed.ends_with(b"\n}\n"));
    }

    #[test]
    fn every_flip_and_every_cut_is_told() {
        let sealed = seal(&json!({"metric": 0.25, "name": "a"})).unwrap();
        for place in 0..sealed.len() {
            for bit in 0..8 {
                let mut flipped = sealed.clone();
                flipped[place] ^= 1 << bit;
                assert!(unseal::<Value>(&flipped).is_err(), "bit {bit} of {place}");
            }
            assert!(unseal::<Value>(&sealed[..place]).is_err(), "cut at {place}");
        }
    }
}
