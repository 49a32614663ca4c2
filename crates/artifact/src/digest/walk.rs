//! The files below a folder, in one order everywhere, with their stats.
//!
//! Large folders are read on all threads: with 50,000 files, asking for each one's stat is what a run
//! that computes nothing spends its time on.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{DirEntry, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::DigestError;
use crate::store::Stat;

/// Entries of a folder that one thread takes at a time; smaller folders are not worth a second thread.
const SHARE: usize = 512;

/// A file below a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its path from the folder, `/` between the parts.
    pub(crate) name: String,
    /// Its stat, links followed.
    pub(crate) stat: Stat,
}

/// Everything that a folder holds directly.
#[derive(Default)]
struct Level {
    files: Vec<Found>,
    folders: Vec<Folder>,
}

struct Folder {
    path: PathBuf,
    name: String,
    /// Device and inode of the folders above and of itself: a link to one of them is a loop.
    trail: Vec<(u64, u64)>,
}

/// All files below a folder, sorted by the bytes of their relative paths. Links are followed.
pub(crate) fn files(folder: &Path) -> Result<Vec<Found>, DigestError> {
    let meta = std::fs::metadata(folder).map_err(read_error(folder))?;
    let mut files = Vec::new();
    let mut pending = VecDeque::from([Folder {
        path: folder.to_owned(),
        name: String::new(),
        trail: vec![identity(&meta)],
    }]);
    while !pending.is_empty() {
        let levels: Vec<Level> = match pending.len() {
            1 => pending.drain(..).map(level).collect::<Result<_, _>>()?,
            _ => Vec::from_iter(pending.drain(..))
                .into_par_iter()
                .map(level)
                .collect::<Result<_, _>>()?,
        };
        for level in levels {
            files.extend(level.files);
            pending.extend(level.folders);
        }
    }
    files.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

fn level(folder: Folder) -> Result<Level, DigestError> {
    let entries = std::fs::read_dir(&folder.path)
        .and_then(Iterator::collect::<io::Result<Vec<DirEntry>>>)
        .map_err(read_error(&folder.path))?;
    let shares: Vec<Level> = if entries.len() <= SHARE {
        vec![share(&folder, &entries)?]
    } else {
        entries
            .par_chunks(SHARE)
            .map(|entries| share(&folder, entries))
            .collect::<Result<_, _>>()?
    };
    Ok(shares
        .into_iter()
        .reduce(|mut all, share| {
            all.files.extend(share.files);
            all.folders.extend(share.folders);
            all
        })
        .unwrap_or_default())
}

fn share(folder: &Folder, entries: &[DirEntry]) -> Result<Level, DigestError> {
    let mut level = Level::default();
    for entry in entries {
        let path = || entry.path();
        let unsupported = |_name: OsString| DigestError::Unsupported { path: path() };
        let own = entry.file_name().into_string().map_err(unsupported)?;
        let name = match folder.name.as_str() {
            "" => own,
            above => format!("{above}/{own}"),
        };
        // Without following, this needs no walk along the path from the root.
        let mut meta = entry
            .metadata()
            .map_err(|error| read_error(&path())(error))?;
        if meta.file_type().is_symlink() {
            meta = std::fs::metadata(path()).map_err(|error| read_error(&path())(error))?;
        }
        if meta.is_file() {
            let stat = Stat::of_metadata(&meta);
            level.files.push(Found { name, stat });
        } else if meta.is_dir() {
            let identity = identity(&meta);
            if folder.trail.contains(&identity) {
                return Err(read_error(&path())(io::Error::other("a loop of links")));
            }
            let trail = folder.trail.iter().copied().chain([identity]).collect();
            let path = path();
            level.folders.push(Folder { path, name, trail });
        } else {
            return Err(DigestError::Unsupported { path: path() });
        }
    }
    Ok(level)
}

fn identity(meta: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    (meta.dev(), meta.ino())
}

fn read_error(path: &Path) -> impl Fn(io::Error) -> DigestError {
    let path = path.to_owned();
    move |source| DigestError::Read {
        path: path.clone(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn many_files_come_in_the_order_of_their_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let mut expected = Vec::new();
        for index in 0..3 * SHARE {
            let name = format!("{}/{index:05}", index % 3);
            let path = folder.path().join(&name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, "x").unwrap();
            expected.push(name);
        }
        // `-` sorts before `/`: a whole path is compared, not its parts.
        fs_err::write(folder.path().join("0-"), "x").unwrap();
        expected.push("0-".into());
        expected.sort();
        let found: Vec<String> = files(folder.path())
            .unwrap()
            .into_iter()
            .map(|found| found.name)
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn links_are_followed_and_loops_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        fs_err::write(other.path().join("file"), "x").unwrap();
        symlink(other.path(), folder.path().join("link")).unwrap();
        assert_eq!(files(folder.path()).unwrap()[0].name, "link/file");
        symlink(folder.path(), folder.path().join("up")).unwrap();
        let error = files(folder.path()).unwrap_err();
        assert!(error.to_string().ends_with("up`"), "{error}");
    }
}
