//! Stanford's Large Movie Review Dataset (Maas et al., ACL 2011), from its archive or the folder
//! extracted from it.
//!
//! Owns reading and checking the reviews and the lists of addresses. Does not own the titles. The
//! archive is streamed: what is held is the reviews with their titles, one list of addresses, and names. A name can be as
//! long as the archive says, and is held before it is judged, so that the bound on what a file unpacks to bounds it.

use std::collections::HashSet;
use std::io::Read;
use std::path::Path;

use super::Review;
use super::checks::{check_text, is_tconst};
use super::member::{FileName, Folder, Member, file_name, member, review_id};
use crate::error::ReadError;
use crate::input::{Packing, open_gzip, packing};
use crate::lines::{LINE_LIMIT, Lines};
use crate::rejects::{Refusal, Rejects};
use crate::watch::Watch;

/// The name of this source in results and rejects.
pub(super) const SOURCE: &str = "aclimdb";
/// The name of the lists of addresses there.
pub(super) const URLS_SOURCE: &str = "aclimdb/urls";

/// Everything read from the source.
pub(super) struct Reviews {
    /// In no order.
    pub(super) rows: Vec<Review>,
    /// Reviews that were there, refused ones included.
    pub(super) rows_in: u64,
    /// Lines of the lists of addresses.
    pub(super) urls_in: u64,
}

/// Reads the archive or folder.
pub(super) fn read(
    path: &Path,
    rejects: &mut Rejects,
    watch: &Watch<'_>,
) -> Result<Reviews, ReadError> {
    let mut collector = Collector::new(rejects);
    if path.is_dir() {
        read_folder(path, &mut collector, watch)?;
    } else {
        read_archive(path, &mut collector, watch)?;
    }
    collector.finish(path)
}

fn read_archive(
    path: &Path,
    collector: &mut Collector<'_>,
    watch: &Watch<'_>,
) -> Result<(), ReadError> {
    let other_format = || ReadError::OtherFormat {
        path: path.to_owned(),
        wanted: "a tar archive in gzip (`.tar.gz`)",
    };
    if packing(path)? != Packing::Gzip {
        return Err(other_format());
    }
    let broken = |source| ReadError::of_reading(path, source);
    let mut archive = tar::Archive::new(open_gzip(path, watch)?);
    let mut first = true;
    for entry in archive.entries().map_err(broken)? {
        let mut entry = match entry {
            Ok(entry) => entry,
            // What inflates, but does not begin with a member, is no tar.
            Err(error) if first && error.kind() == std::io::ErrorKind::Other => {
                return Err(other_format());
            }
            Err(error) => return Err(broken(error)),
        };
        first = false;
        watch.tick("reading reviews")?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let kind = entry.header().entry_type();
        if kind.is_dir() {
            continue;
        }
        let bytes = collector.member(&name, kind.is_file(), |bytes, limit| {
            // A review is kept as it is read: in one piece of its own size. Nobody need believe a larger one.
            bytes.reserve_exact(entry.size().min(limit).min(LINE_LIMIT as u64) as usize);
            entry.by_ref().take(limit).read_to_end(bytes).map(drop)
        });
        bytes.map_err(broken)?;
    }
    // The end of the tar is not the end of the gzip: its checksum comes last.
    std::io::copy(&mut archive.into_inner(), &mut std::io::sink()).map_err(broken)?;
    Ok(())
}

fn read_folder(
    path: &Path,
    collector: &mut Collector<'_>,
    watch: &Watch<'_>,
) -> Result<(), ReadError> {
    for entry in walkdir::WalkDir::new(path)
        .follow_links(true)
        .sort_by_file_name()
    {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(path).to_owned();
            ReadError::Io {
                path,
                source: error.into(),
            }
        })?;
        if entry.file_type().is_dir() {
            continue;
        }
        watch.tick("reading reviews")?;
        let name = entry
            .path()
            .strip_prefix(path)
            .unwrap_or(entry.path())
            .to_string_lossy();
        let broken = |source| ReadError::of_reading(entry.path(), source);
        let read = |bytes: &mut Vec<u8>, limit| {
            fs_err::File::open(entry.path())?
                .take(limit)
                .read_to_end(bytes)
                .map(drop)
        };
        let count = collector
            .member(&name, entry.file_type().is_file(), read)
            .map_err(broken)?;
        watch.add(count);
    }
    Ok(())
}

/// An accepted review, whose title may come later.
struct Kept {
    id: u64,
    folder: Folder,
    file_id: u64,
    /// The file's name in its folder, `12_9.txt`.
    file: Box<str>,
    score: Option<u8>,
    text: String,
}

/// Lists of addresses are larger than any review: that of 50,000 reviews has 2.5 MB.
const URLS_LIMIT: u64 = 1 << 30;

/// Takes members in reading order, from either form of the source.
struct Collector<'a> {
    rejects: &'a mut Rejects,
    rows: Vec<Kept>,
    ids: HashSet<u64>,
    rows_in: u64,
    urls_in: u64,
    /// Per folder: the title of file id i at place i.
    urls: [Vec<Option<Box<str>>>; Folder::COUNT],
}

impl<'a> Collector<'a> {
    fn new(rejects: &'a mut Rejects) -> Self {
        let urls = Default::default();
        Self {
            rejects,
            rows: Vec::new(),
            ids: HashSet::new(),
            rows_in: 0,
            urls_in: 0,
            urls,
        }
    }

    /// Takes a member; `read` appends its content, up to a limit, and is called where it is needed. Returns
    /// the bytes read.
    fn member(
        &mut self,
        name: &str,
        is_file: bool,
        read: impl FnOnce(&mut Vec<u8>, u64) -> std::io::Result<()>,
    ) -> std::io::Result<u64> {
        let mut bytes = Vec::new();
        match member(name) {
            Ok(Member::Other) => {}
            Ok(_) if !is_file => self.refuse(name, &Refusal::NotAFile, &bytes),
            Ok(Member::Review(folder, file)) => {
                read(&mut bytes, LINE_LIMIT as u64 + 1)?;
                let count = bytes.len() as u64;
                self.review(folder, file, bytes);
                return Ok(count);
            }
            Ok(Member::Urls(folder)) => {
                read(&mut bytes, URLS_LIMIT)?;
                self.urls(folder, &bytes)?;
            }
            // Not read: whoever packed it means no good or made a mistake.
            Err(reason) => self.refuse(name, &reason, &bytes),
        }
        Ok(bytes.len() as u64)
    }

    fn refuse(&mut self, name: &str, reason: &Refusal, bytes: &[u8]) {
        self.rows_in += 1;
        self.rejects.add(
            SOURCE,
            name.strip_prefix("aclImdb/").unwrap_or(name),
            reason,
            bytes,
        );
    }

    fn review(&mut self, folder: Folder, file: &str, bytes: Vec<u8>) {
        match self.check(folder, file, &bytes) {
            Ok((id, name)) => {
                // Checked just now, and a copy would double the largest thing there is.
                let mut text = String::from_utf8(bytes).expect("checked to be UTF-8");
                text.shrink_to_fit();
                self.rows_in += 1;
                self.ids.insert(id);
                let FileName { id: file_id, score } = name;
                let file = file.into();
                self.rows.push(Kept {
                    id,
                    folder,
                    file_id,
                    file,
                    score,
                    text,
                });
            }
            Err(reason) => {
                let place = format!("{}/{}/{file}", folder.half_name(), folder.class_name());
                self.refuse(&place, &reason, &bytes);
            }
        }
    }

    /// The review's number and what its file's name says, or why it is refused.
    fn check(&self, folder: Folder, file: &str, bytes: &[u8]) -> Result<(u64, FileName), Refusal> {
        let name = file_name(folder, file)?;
        let id = review_id(folder, name.id);
        if self.ids.contains(&id) {
            return Err(Refusal::Duplicate(name.id));
        }
        check_text(bytes)?;
        Ok((id, name))
    }

    fn urls(&mut self, folder: Folder, bytes: &[u8]) -> std::io::Result<()> {
        let mut lines = Lines::new(bytes);
        let mut titles = Vec::new();
        while let Some(line) = lines.read()? {
            self.urls_in += 1;
            let title = line.text().ok().and_then(title_of);
            if title.is_none() {
                let place = format!(
                    "{}/urls_{}.txt {}",
                    folder.half_name(),
                    folder.class_name(),
                    line.place()
                );
                self.rejects
                    .add(URLS_SOURCE, place, &Refusal::Address, line.bytes);
            }
            // A refused line keeps its place: line i belongs to file id i.
            titles.push(title);
        }
        self.urls[folder.index()] = titles;
        Ok(())
    }

    fn finish(self, path: &Path) -> Result<Reviews, ReadError> {
        if self.rows_in == 0 {
            return Err(ReadError::NoReviews {
                path: path.to_owned(),
            });
        }
        let urls = &self.urls;
        let title = |row: &Kept| {
            let place = usize::try_from(row.file_id).ok()?;
            urls[row.folder.index()].get(place)?.clone()
        };
        let review = |row: Kept| Review {
            id: row.id,
            split: row.folder.split(),
            tconst: title(&row),
            member: format!(
                "{}/{}/{}",
                row.folder.half_name(),
                row.folder.class_name(),
                row.file
            )
            .into(),
            score: row.score,
            polarity: row.folder.polarity(),
            text: row.text,
        };
        Ok(Reviews {
            rows: self.rows.into_iter().map(review).collect(),
            rows_in: self.rows_in,
            urls_in: self.urls_in,
        })
    }
}

/// The IMDb id in `http://www.imdb.com/title/tt0453418/usercomments`.
fn title_of(line: &[u8]) -> Option<Box<str>> {
    let line = std::str::from_utf8(line).ok()?;
    let id = line.split("/title/").nth(1)?.split('/').next()?;
    is_tconst(id).then(|| id.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_read_from_addresses() {
        assert_eq!(
            title_of(b"http://www.imdb.com/title/tt0453418/usercomments").as_deref(),
            Some("tt0453418")
        );
        assert_eq!(
            title_of(b"https://www.imdb.com/title/tt10872600/reviews").as_deref(),
            Some("tt10872600")
        );
        for bad in [
            &b""[..],
            b"http://www.imdb.com/name/nm0000001/",
            b"x/title/tt/y",
            b"x/title/tt12a/y",
            b"\xff",
        ] {
            assert_eq!(title_of(bad), None);
        }
    }
}
