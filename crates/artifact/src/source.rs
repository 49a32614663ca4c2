//! Finding raw data in a folder, by an ordered list of accepted names.
//!
//! `data/` may hold `aclImdb_v1.tar.gz`, or the extracted `aclImdb/`; two matches for one source are
//! an error that names both, because guessing would make a result depend on what else lies there.

use std::path::{Path, PathBuf};

use globset::Glob;
use thiserror::Error;

use crate::words::quoted;

/// Why a source was not found.
#[derive(Debug, Error)]
pub enum SourceError {
    /// The path does not exist.
    #[error("there is no `{}`", path.display())]
    Missing {
        /// The path as given.
        path: PathBuf,
    },
    /// The folder holds none of the accepted names.
    #[error("`{}` holds none of {}", folder.display(), quoted(accepts))]
    NoneAccepted {
        /// The folder as given.
        folder: PathBuf,
        /// The accepted names.
        accepts: Vec<String>,
    },
    /// The folder holds several.
    #[error("`{}` holds more than one source: {}", folder.display(), quoted(found))]
    Ambiguous {
        /// The folder as given.
        folder: PathBuf,
        /// The names found.
        found: Vec<String>,
    },
    /// The folder could not be read.
    #[error("cannot read the folder `{}`", folder.display())]
    Unreadable {
        /// The folder as given.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The file or folder that `given` means.
///
/// A file is taken as it is. A folder that is named like an accepted folder (`aclImdb/`) or that
/// holds no accepted name but looks like the source itself is not guessed at: name it in full.
pub fn find(given: &Path, accepts: &[String]) -> Result<PathBuf, SourceError> {
    if !given.exists() {
        return Err(SourceError::Missing {
            path: given.to_owned(),
        });
    }
    if given.is_file() || accepts.iter().any(|pattern| matches(given, pattern)) {
        return Ok(given.to_owned());
    }
    let unreadable = |source| SourceError::Unreadable {
        folder: given.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for entry in fs_err::read_dir(given).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if accepts.iter().any(|pattern| matches(&path, pattern)) {
            found.push(path);
        }
    }
    found.sort();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(SourceError::NoneAccepted {
            folder: given.to_owned(),
            accepts: accepts.to_vec(),
        }),
        several => Err(SourceError::Ambiguous {
            folder: given.to_owned(),
            found: several
                .iter()
                .map(|path| {
                    path.file_name()
                        .unwrap_or_default()
                        .to_string_lossy()
                        .into()
                })
                .collect(),
        }),
    }
}

/// Whether a path's last part fits a pattern, and its kind the pattern's `/`.
fn matches(path: &Path, pattern: &str) -> bool {
    let (pattern, wants_folder) = match pattern.strip_suffix('/') {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    path.is_dir() == wants_folder
        && path.file_name().is_some_and(|name| {
            Glob::new(pattern).is_ok_and(|glob| glob.compile_matcher().is_match(name))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts() -> Vec<String> {
        ["aclImdb_v1*.tar.gz", "aclImdb/"]
            .map(String::from)
            .to_vec()
    }

    #[test]
    fn one_match_is_found_and_two_are_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let missing = find(folder.path(), &accepts()).unwrap_err().to_string();
        assert!(
            missing.ends_with("holds none of `aclImdb_v1*.tar.gz`, `aclImdb/`"),
            "{missing}"
        );

        let archive = folder.path().join("aclImdb_v1.labelled.tar.gz");
        fs_err::write(&archive, "").unwrap();
        assert_eq!(find(folder.path(), &accepts()).unwrap(), archive);
        assert_eq!(find(&archive, &accepts()).unwrap(), archive);

        let extracted = folder.path().join("aclImdb");
        fs_err::create_dir(&extracted).unwrap();
        assert_eq!(find(&extracted, &accepts()).unwrap(), extracted);
        let both = find(folder.path(), &accepts()).unwrap_err().to_string();
        assert!(
            both.ends_with("more than one source: `aclImdb`, `aclImdb_v1.labelled.tar.gz`"),
            "{both}"
        );
    }
}
