//! Stanford's Large Movie Review Dataset (Maas et al., ACL 2011), from its archive or its folder.
//!
//! `ingest` reads the same archive for a pipeline, with titles and a table of what was refused; it links polars, which
//! would make this program load it, so the few lines that are needed here stand here.

use std::io::{BufReader, ErrorKind, Read};
use std::path::{Component, Path, PathBuf};

use cinescore_artifact::StageError;
use cinescore_ingest::Unpacked;
use cinescore_model::task::Decoder;
use clap::ValueEnum;
use flate2::read::MultiGzDecoder;
use fs_err::File;

use super::labelled::{Labelled, of_stars};
use crate::file::rows::Refused;

/// The most bytes of a review.
const MOST: u64 = 16 << 20;

/// Which half of the data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Half {
    /// The training half.
    Train,
    /// The test half.
    Test,
}

impl Half {
    fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "test",
        }
    }
}

/// The reviews of a half with their labels, by class and number.
pub(super) fn read(
    path: &Path,
    half: Half,
    decoder: &Decoder,
) -> Result<(Vec<Labelled>, Vec<Refused>), StageError> {
    let mut found: Vec<(PathBuf, u8, Vec<u8>)> = Vec::new();
    if path.is_dir() {
        for class in ["neg", "pos"] {
            for own in [
                path.join(half.name()),
                path.join("aclImdb").join(half.name()),
            ] {
                let entries = match fs_err::read_dir(own.join(class)) {
                    Ok(entries) => entries,
                    // The data set lies in one of the two.
                    Err(error) if error.kind() == ErrorKind::NotFound => continue,
                    // Figures of the other class alone would be no figures of this half.
                    Err(error) => return Err(error.into()),
                };
                for entry in entries {
                    let path = entry?.path();
                    if let Some(stars) = stars_of(&path, half) {
                        let bytes = bounded(File::open(&path)?)?;
                        found.push((path, stars, bytes));
                    }
                }
            }
        }
    } else {
        let file = crate::file::source::open_file(path)?;
        let packed = file.metadata()?.len();
        let file = BufReader::with_capacity(1 << 16, file);
        // Of members `bounded` reads so much, but tar itself holds whole what it takes for a long name.
        let mut archive = tar::Archive::new(Unpacked::new(MultiGzDecoder::new(file), packed));
        let damaged = |error: std::io::Error| {
            StageError::input(format!("cannot read `{}`: {error}", path.display()))
        };
        for entry in archive.entries().map_err(damaged)? {
            let entry = entry.map_err(damaged)?;
            let name = entry.path().map_err(damaged)?.into_owned();
            if let Some(stars) = stars_of(&name, half) {
                found.push((name, stars, bounded(entry).map_err(damaged)?));
            }
        }
    }
    if found.is_empty() {
        let message = format!(
            "`{}` has no reviews `{}/{{neg,pos}}/NUMBER_STARS.txt`",
            path.display(),
            half.name()
        );
        return Err(StageError::input(message)
            .hint("give aclImdb_v1.tar.gz, the folder aclImdb or a table"));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let (mut all, mut refused) = (Vec::new(), Vec::new());
    for (name, stars, bytes) in found {
        let reason = match (
            String::from_utf8(bytes),
            of_stars(f64::from(stars), decoder),
        ) {
            (Ok(text), Some(label)) if !text.trim().is_empty() => {
                all.push(Labelled { text, label });
                continue;
            }
            (Ok(_), None) => "no label for the task",
            (Ok(_), _) => "no text",
            (Err(_), _) => "not UTF-8",
        };
        refused.push(Refused::new(
            0,
            format!("{}: {reason}", name.display()),
            b"",
        ));
    }
    Ok((all, refused))
}

fn bounded(from: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MOST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The stars in the name of a labelled review of a half, `test/pos/127_9.txt`.
fn stars_of(path: &Path, half: Half) -> Option<u8> {
    let parts: Vec<&str> = path
        .components()
        .filter_map(|part| match part {
            Component::Normal(name) => name.to_str(),
            _ => None,
        })
        .collect();
    let [.., own, class, name] = parts.as_slice() else {
        return None;
    };
    if *own != half.name() || !matches!(*class, "neg" | "pos") {
        return None;
    }
    let (number, stars) = name.strip_suffix(".txt")?.split_once('_')?;
    let _number: u64 = number.parse().ok()?;
    stars.parse().ok().filter(|stars| (1..=10).contains(stars))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_the_stars() {
        let stars = |name: &str| stars_of(Path::new(name), Half::Test);
        assert_eq!(stars("aclImdb/test/pos/127_9.txt"), Some(9));
        assert_eq!(stars("test/neg/0_1.txt"), Some(1));
        for other in [
            "aclImdb/train/pos/127_9.txt",
            "test/unsup/1_0.txt",
            "test/pos/1_11.txt",
            "test/pos/x_9.txt",
            "9.txt",
        ] {
            assert_eq!(stars(other), None, "{other}");
        }
    }

    #[test]
    fn a_name_that_unpacks_to_too_much_is_not_held() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar.gz");
        let file = File::create(&path).unwrap();
        let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(
            file,
            flate2::Compression::default(),
        ));
        for kind in [tar::EntryType::GNULongName, tar::EntryType::Regular] {
            let size = if kind.is_gnu_longname() { 80 << 20 } else { 0 };
            let mut header = tar::Header::new_gnu();
            header.set_path("test/pos/0_9.txt").unwrap();
            header.set_entry_type(kind);
            header.set_size(size);
            header.set_cksum();
            archive
                .append(&header, std::io::repeat(b'a').take(size))
                .unwrap();
        }
        archive.into_inner().unwrap().finish().unwrap();
        let error = read(&path, Half::Test, &Decoder::Binary).unwrap_err();
        assert!(error.to_string().contains("a compression bomb"), "{error}");
    }

    #[test]
    fn a_folder_of_a_class_that_cannot_be_read_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let half = folder.path().join("test");
        fs_err::create_dir_all(half.join("neg")).unwrap();
        fs_err::write(half.join("neg/0_1.txt"), "Bad.").unwrap();
        let found = |path: &Path| read(path, Half::Test, &Decoder::Binary);
        assert_eq!(found(folder.path()).unwrap().0.len(), 1);
        // A file, since whoever runs the tests may be allowed to read any folder.
        let pos = half.join("pos");
        fs_err::write(&pos, "").unwrap();
        let error = found(folder.path()).unwrap_err().to_string();
        assert!(error.contains(&*pos.to_string_lossy()), "{error}");
    }
}
