//! BLAKE3 digests of bytes, files and folders, and labelled preimages.
//!
//! Owns what a digest is and how a folder gets one. Does not own where digested things are kept
//! (`store`) or what belongs in a fingerprint (`pipeline`).

pub(crate) mod walk;

use std::cell::RefCell;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rayon::prelude::*;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// Files up to this size are read and hashed in one go, bytes.
const READ_AT_ONCE: u64 = 512 * 1024;
/// Larger ones in parts of this size, which still fit into a processor's cache, bytes.
const PART: usize = 1024 * 1024;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A BLAKE3 digest of 32 bytes, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// Why something has no digest.
#[derive(Debug, Error)]
pub enum DigestError {
    /// A file or folder could not be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A folder holds a name that is not UTF-8, or something that is neither file nor folder.
    #[error("`{}` is neither a file nor a folder with a UTF-8 name", path.display())]
    Unsupported {
        /// The entry.
        path: PathBuf,
    },
    /// A text is no digest.
    #[error("`{text}` is not a digest of 64 hexadecimal digits")]
    Malformed {
        /// The text.
        text: String,
    },
}

/// The digest of bytes that come in parts, as of a file that is read to where it stays.
#[derive(Debug, Default)]
pub struct Parts(blake3::Hasher);

impl Parts {
    /// Adds the next part.
    pub fn add(&mut self, part: &[u8]) {
        self.0.update(part);
    }

    /// The digest of all parts, as of the same bytes at once.
    pub fn digest(&self) -> Digest {
        Digest(*self.0.finalize().as_bytes())
    }
}

impl Digest {
    /// The digest of some bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// The digest of a file's bytes; a large file is hashed on all threads.
    pub fn of_file(path: &Path) -> Result<Self, DigestError> {
        let hash = || -> io::Result<blake3::Hash> {
            let file = File::open(path)?;
            let small = BUFFER.with_borrow_mut(|buffer| {
                buffer.clear();
                // Nobody asks for the size first: of 50,000 small files that would be a third of the work.
                (&file).take(READ_AT_ONCE + 1).read_to_end(buffer)?;
                let is_small = buffer.len() as u64 <= READ_AT_ONCE;
                // On this thread alone: another one's work must not come in while the buffer is borrowed.
                Ok::<_, io::Error>(is_small.then(|| blake3::hash(buffer)))
            })?;
            match small {
                Some(hash) => Ok(hash),
                None => {
                    (&file).rewind()?;
                    hash_in_parts(file)
                }
            }
        };
        let hash = hash().map_err(|source| DigestError::Read {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self(*hash.as_bytes()))
    }

    /// The digest of a file, or of a folder: a preimage of every file's relative path and digest,
    /// in the order of the paths. Empty folders and modes do not count.
    pub fn of_path(path: &Path) -> Result<Self, DigestError> {
        let meta = fs_err::metadata(path).map_err(|source| DigestError::Read {
            path: path.to_owned(),
            source,
        })?;
        if meta.is_file() {
            return Self::of_file(path);
        }
        let files = files_below(path)?;
        let digests: Vec<(String, Self)> = files
            .into_par_iter()
            .map(|name| Ok((name.clone(), Self::of_file(&path.join(&name))?)))
            .collect::<Result<_, DigestError>>()?;
        Ok(Self::of_folder(
            digests
                .iter()
                .map(|(name, digest)| (name.as_str(), *digest)),
        ))
    }

    /// The digest of a folder whose files' relative paths, in order, and digests are known.
    pub fn of_folder<'a>(files: impl Iterator<Item = (&'a str, Self)>) -> Self {
        let mut preimage = Preimage::new("cinescore folder 1");
        for (name, digest) in files {
            preimage.field("path", name.as_bytes());
            preimage.field("digest", &digest.0);
        }
        preimage.digest()
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest of these 32 bytes, which are one already.
    pub(crate) fn from_raw(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// 64 hexadecimal digits.
    pub fn to_hex(self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }

    /// The first 12 hexadecimal digits, for people.
    pub fn short(self) -> String {
        self.to_hex()[..12].to_owned()
    }
}

/// Hashes a file part by part: while one is hashed on all threads, the next one is read. As fast as mapping
/// the file; unlike a mapped file, one that somebody cuts off meanwhile is an ordinary file, not a SIGBUS, and
/// its bytes do not count as this process's memory.
fn hash_in_parts(file: File) -> io::Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    let mut part = Vec::with_capacity(PART);
    let mut next = Vec::with_capacity(PART);
    let read = |part: &mut Vec<u8>| {
        part.clear();
        (&file).take(PART as u64).read_to_end(part)
    };
    read(&mut part)?;
    while !part.is_empty() {
        let (_, read) = rayon::join(|| hasher.update_rayon(&part).count(), || read(&mut next));
        read?;
        std::mem::swap(&mut part, &mut next);
    }
    Ok(hasher.finalize())
}

/// Relative paths of all files below a folder, `/` between the parts, sorted by bytes. Links are followed.
pub fn files_below(folder: &Path) -> Result<Vec<String>, DigestError> {
    let found = walk::files(folder)?;
    Ok(found.into_iter().map(|found| found.name).collect())
}

/// Bytes to be hashed, every field with its label and length before it, so that no two lists of
/// fields can run together into the same bytes.
pub struct Preimage(blake3::Hasher);

impl Preimage {
    /// An empty preimage for one purpose; the purpose is part of every digest.
    pub fn new(purpose: &str) -> Self {
        let mut preimage = Self(blake3::Hasher::new());
        preimage.field("purpose", purpose.as_bytes());
        preimage
    }

    /// Adds a field.
    pub fn field(&mut self, label: &str, value: &[u8]) {
        for part in [label.as_bytes(), value] {
            self.0.update(&(part.len() as u64).to_le_bytes());
            self.0.update(part);
        }
    }

    /// The digest of all fields so far.
    pub fn digest(&self) -> Digest {
        Digest(*self.0.finalize().as_bytes())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.short())
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        blake3::Hash::from_hex(text)
            .map(|hash| Self(*hash.as_bytes()))
            .map_err(|_not_hex| DigestError::Malformed {
                text: text.to_owned(),
            })
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_hex())
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_digest() {
        // The first digits of the empty input's digest in the BLAKE3 paper's test vectors.
        assert_eq!(Digest::of_bytes(b"").short(), "af1349b9f5f9");
    }

    #[test]
    fn a_file_that_is_hashed_in_parts_has_the_digest_of_its_bytes() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let at_once = READ_AT_ONCE as usize;
        let sizes = [0, 1, at_once, at_once + 1, PART, PART + 1, 3 * PART + 17];
        for bytes in sizes {
            let content: Vec<u8> = (0..bytes).map(|index| (index % 251) as u8).collect();
            fs_err::write(file.path(), &content).unwrap();
            let digest = Digest::of_file(file.path()).unwrap();
            assert_eq!(digest, Digest::of_bytes(&content), "{bytes} bytes");
        }
    }

    #[test]
    fn fields_do_not_run_together() {
        let digest = |fields: &[(&str, &str)]| {
            let mut preimage = Preimage::new("test");
            for (label, value) in fields {
                preimage.field(label, value.as_bytes());
            }
            preimage.digest()
        };
        assert_ne!(digest(&[("a", "bc")]), digest(&[("ab", "c")]));
        assert_ne!(digest(&[("a", "b"), ("c", "d")]), digest(&[("a", "bcd")]));
    }

    #[test]
    fn a_folder_is_its_paths_and_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        };
        write("a/b", "1");
        write("c", "2");
        let before = Digest::of_path(folder.path()).unwrap();
        write("c", "2");
        assert_eq!(before, Digest::of_path(folder.path()).unwrap());
        write("c", "3");
        assert_ne!(before, Digest::of_path(folder.path()).unwrap());
    }

    #[test]
    fn hex_round_trip() {
        let digest = Digest::of_bytes(b"cinescore");
        assert_eq!(digest.to_hex().parse::<Digest>().unwrap(), digest);
        assert!("xyz".parse::<Digest>().is_err());
    }
}
