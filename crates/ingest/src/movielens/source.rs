//! Where MovieLens' files come from: members of the zip archive, or files of the extracted folder.
//!
//! Nothing is extracted, and a member is found by its own name at the top or in one folder, so an archive
//! cannot make this program read or write anything outside itself.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;
use zip::result::ZipError;

use crate::error::ReadError;
use crate::input::{Packing, Unpacked, open_file, open_stream, packing};
use crate::watch::{Counted, Watch};

/// An opened source.
pub(crate) enum Source {
    Folder(PathBuf),
    Zip(PathBuf, ZipArchive<BufReader<Counted<File>>>),
    /// Some files of one's own, by the names that MovieLens has for them.
    Files(Vec<(&'static str, PathBuf)>),
}

/// A member's bytes, with its name for messages.
pub(crate) struct Member<'a> {
    pub(crate) path: PathBuf,
    pub(crate) reader: Box<dyn Read + Send + 'a>,
}

impl Source {
    /// Opens the zip archive or folder.
    pub(crate) fn open(path: &Path, watch: &Watch<'_>) -> Result<Self, ReadError> {
        watch.tick("reading MovieLens")?;
        if path.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        if packing(path)? != Packing::Zip {
            return Err(ReadError::OtherFormat {
                path: path.to_owned(),
                wanted: "a zip archive",
            });
        }
        let file = BufReader::with_capacity(128 << 10, watch.count(open_file(path)?));
        let archive = ZipArchive::new(file).map_err(|error| match error {
            ZipError::Io(source) => ReadError::of_reading(path, source),
            // The directory stands at the end: a file that begins as a zip and has none is cut off.
            other => ReadError::CutOff {
                path: path.to_owned(),
                source: std::io::Error::other(other),
            },
        })?;
        Ok(Self::Zip(path.to_owned(), archive))
    }

    /// Opens the one file of this name, at the top or in one folder.
    pub(crate) fn member<'a>(
        &'a mut self,
        name: &'static str,
        watch: &Watch<'_>,
    ) -> Result<Member<'a>, ReadError> {
        match self {
            Self::Files(files) => {
                let own = files.iter().find(|(own, _)| *own == name);
                let Some((_, path)) = own else {
                    return Err(ReadError::NotOneFile {
                        path: PathBuf::new(),
                        name,
                        found: Vec::new(),
                    });
                };
                Ok(Member {
                    path: path.clone(),
                    reader: open_stream(path, watch)?,
                })
            }
            Self::Folder(folder) => {
                let path = folder.join(name);
                if !path.is_file() {
                    return Err(ReadError::NotOneFile {
                        path: folder.clone(),
                        name,
                        found: Vec::new(),
                    });
                }
                let reader = Box::new(watch.count(open_file(&path)?));
                Ok(Member { path, reader })
            }
            Self::Zip(path, archive) => {
                let found: Vec<String> = archive
                    .file_names_raw()
                    .map(|member| String::from_utf8_lossy(member).into_owned())
                    .filter(|member| is_it(member, name))
                    .collect();
                let [member] = found.as_slice() else {
                    return Err(ReadError::NotOneFile {
                        path: path.clone(),
                        name,
                        found,
                    });
                };
                let file = archive.by_name(member).map_err(|error| match error {
                    ZipError::Io(source) => ReadError::of_reading(path, source),
                    other => ReadError::Damaged {
                        path: path.clone(),
                        source: std::io::Error::other(other),
                    },
                })?;
                let packed = file.compressed_size();
                Ok(Member {
                    path: path.join(member),
                    reader: Box::new(Unpacked::new(file, packed)),
                })
            }
        }
    }
}

/// Whether a member is the file: `ratings.csv` or `ml-latest/ratings.csv`, but not `/ratings.csv` or
/// `../ratings.csv`.
fn is_it(member: &str, name: &str) -> bool {
    member == name
        || member
            .split_once('/')
            .is_some_and(|(folder, rest)| rest == name && !matches!(folder, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_found_at_the_top_or_in_one_folder_only() {
        for (member, expected) in [
            ("ratings.csv", true),
            ("ml-latest/ratings.csv", true),
            ("a/b/ratings.csv", false),
            ("/ratings.csv", false),
            ("../ratings.csv", false),
            ("./ratings.csv", false),
            ("old_ratings.csv", false),
        ] {
            assert_eq!(is_it(member, "ratings.csv"), expected, "{member}");
        }
    }
}
