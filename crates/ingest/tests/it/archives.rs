//! Small sources in the public formats, built in a test's own folder.

use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

/// A tar archive in gzip of these members, in this order.
pub(crate) fn tar_gz(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        // Written by hand: the library refuses to make the unsafe names that we must refuse to read.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        archive.append(&header, *bytes).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        archive
            .start_file(*name, zip::write::SimpleFileOptions::default())
            .unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// Lines that name these titles.
pub(crate) fn urls(titles: &[&str]) -> Vec<u8> {
    titles
        .iter()
        .map(|title| format!("http://www.imdb.com/title/{title}/usercomments\n"))
        .collect::<String>()
        .into_bytes()
}

pub(crate) const TITLES: &[u8] = b"\
tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\truntimeMinutes\tgenres\n\
tt0000001\tmovie\tThe \"Maine\"\tLe \"Maine\"\t0\t1898\t\\N\t\\N\tDrama,Comedy\n\
tt0000002\tmovie\tUnreviewed\tUnreviewed\t0\t1900\t\\N\t12\t\\N\n\
tt0000003\tmovie\tThird\tThird\t0\t1901\t\\N\t90\t\\N\n";

pub(crate) const LINKS: &[u8] = b"movieId,imdbId,tmdbId\r\n7,0000001,12\r\n8,0000003,\r\n";
pub(crate) const RATINGS: &[u8] =
    b"userId,movieId,rating,timestamp\r\n1,7,4.0,9\r\n2,7,3.5,9\r\n2,9,1.0,9\r\n";

/// The three sources in a folder.
pub(crate) struct Sources {
    pub(crate) folder: tempfile::TempDir,
}

impl Sources {
    /// Sources with these members as the review archive, and the titles and ratings above.
    pub(crate) fn with(members: &[(&str, &[u8])]) -> Self {
        Self::with_archive(&tar_gz(members))
    }

    pub(crate) fn with_archive(archive: &[u8]) -> Self {
        let sources = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        sources.write("aclImdb_v1.tar.gz", archive);
        sources.write("title.basics.tsv.gz", &gzip(TITLES));
        sources.write(
            "ml-latest.zip",
            &zip(&[
                ("ml-latest/links.csv", LINKS),
                ("ml-latest/ratings.csv", RATINGS),
            ]),
        );
        sources
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, bytes).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.path().join("out")
    }

    /// Runs `reviews` on this folder.
    pub(crate) fn ingest(&self, params: &[(&str, &str)]) -> crate::program::Ended {
        let path = self.path();
        crate::program::run(
            "reviews",
            &[("aclimdb", path), ("titles", path), ("movielens", path)],
            params,
            &self.out(),
        )
    }
}
