//! Opening raw files by their content: an object of the store has no file extension, so gzip, zip and
//! plain text are told apart by their first bytes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};

use flate2::bufread::MultiGzDecoder;

use crate::error::ReadError;
use crate::watch::Watch;

/// How a file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Gzip,
    Zip,
    Plain,
}

/// Bytes that go from the inflating thread to the reading one at a time.
const CHUNK: usize = 256 << 10;
/// Chunks that may wait between the two threads.
const WAITING: usize = 4;

/// How the file is packed, by its first bytes.
pub(crate) fn packing(path: &Path) -> Result<Packing, ReadError> {
    let mut magic = Vec::new();
    open_file(path)?
        .take(4)
        .read_to_end(&mut magic)
        .map_err(|source| io_error(path, source))?;
    Ok(match magic.as_slice() {
        [0x1f, 0x8b, ..] => Packing::Gzip,
        [b'P', b'K', 3, 4] | [b'P', b'K', 5, 6] => Packing::Zip,
        _ => Packing::Plain,
    })
}

/// Opens a file.
pub(crate) fn open_file(path: &Path) -> Result<File, ReadError> {
    File::open(path).map_err(|source| io_error(path, source))
}

fn io_error(path: &Path, source: io::Error) -> ReadError {
    ReadError::Io {
        path: path.to_owned(),
        source,
    }
}

/// The unpacked bytes of a gzip file, inflated on a thread of its own.
pub(crate) fn open_gzip(path: &Path, watch: &Watch<'_>) -> Result<impl BufRead + use<>, ReadError> {
    Background::spawn(gzip(path, watch)?).map_err(|source| io_error(path, source))
}

/// The unpacked bytes of a gzip file, inflated by whoever reads them.
fn gzip(path: &Path, watch: &Watch<'_>) -> Result<impl Read + Send + use<>, ReadError> {
    let file = open_file(path)?;
    let packed = file
        .metadata()
        .map_err(|source| io_error(path, source))?
        .len();
    let file = BufReader::with_capacity(CHUNK, watch.count(file));
    Ok(Unpacked::new(MultiGzDecoder::new(file), packed))
}

/// Bytes of a plain or gzip text file for a reader that has a thread of its own.
pub(crate) fn open_stream(
    path: &Path,
    watch: &Watch<'_>,
) -> Result<Box<dyn Read + Send>, ReadError> {
    match text_packing(path)? {
        Packing::Gzip => Ok(Box::new(gzip(path, watch)?)),
        _ => Ok(Box::new(watch.count(open_file(path)?))),
    }
}

/// The packing of a file that must be text, plain or gzip.
fn text_packing(path: &Path) -> Result<Packing, ReadError> {
    let other_format = || ReadError::OtherFormat {
        path: path.to_owned(),
        wanted: "a text file, plain or gzip",
    };
    if path.is_dir() {
        return Err(other_format());
    }
    match packing(path)? {
        Packing::Zip => Err(other_format()),
        packing => Ok(packing),
    }
}

/// What a packed file may unpack to: this many times its size, and [`UNPACKED_LEAST`] in any case. Text
/// unpacks to some 3 to 8 times, and a bomb to 1000.
const UNPACKED_RATIO: u64 = 200;
const UNPACKED_LEAST: u64 = 64 << 20;

/// Unpacked bytes, of which there is a limit: 200 times as many as the packed ones, and 64 MiB in any case. An error
/// of [`io::ErrorKind::InvalidData`] at the first that is beyond it.
#[derive(Debug)]
pub struct Unpacked<R> {
    reader: R,
    packed: u64,
    left: u64,
}

impl<R: Read> Unpacked<R> {
    /// Of a source that has `packed` bytes on disk.
    pub fn new(reader: R, packed: u64) -> Self {
        let left = packed.saturating_mul(UNPACKED_RATIO).max(UNPACKED_LEAST);
        Self {
            reader,
            packed,
            left,
        }
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            let packed = self.packed;
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{packed} bytes unpack to more than {UNPACKED_RATIO} times as many: a compression bomb"),
            )
        })?;
        Ok(count)
    }
}

/// The bytes on disk of a file, or of all files in a folder.
pub(crate) fn size(path: &Path) -> u64 {
    walkdir::WalkDir::new(path)
        .follow_links(true)
        .into_iter()
        // Only progress is computed from this: what cannot be read is found when it is read.
        .filter_map(|entry| entry.ok()?.metadata().ok())
        .filter(|metadata| metadata.is_file())
        .map(|metadata| metadata.len())
        .sum()
}

/// A reader that runs on a thread of its own, so that inflating and parsing overlap. The thread ends
/// with its source, at an error, or when this end is dropped.
struct Background {
    chunks: Receiver<io::Result<Vec<u8>>>,
    chunk: Vec<u8>,
    at: usize,
}

impl Background {
    fn spawn(mut reader: impl Read + Send + 'static) -> io::Result<Self> {
        let (sender, chunks) = sync_channel(WAITING);
        let work = move || {
            loop {
                let mut chunk = Vec::with_capacity(CHUNK);
                let end = match reader.by_ref().take(CHUNK as u64).read_to_end(&mut chunk) {
                    Ok(count) => count == 0,
                    Err(error) => {
                        // What was unpacked before the error comes first, as without a thread.
                        if sender.send(Ok(chunk)).is_ok() {
                            sender.send(Err(error)).ok();
                        }
                        return;
                    }
                };
                if end || sender.send(Ok(chunk)).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new()
            .name("inflate".into())
            .spawn(work)?;
        Ok(Self {
            chunks,
            chunk: Vec::new(),
            at: 0,
        })
    }
}

impl BufRead for Background {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.at == self.chunk.len() {
            match self.chunks.recv() {
                Ok(chunk) => (self.chunk, self.at) = (chunk?, 0),
                // The thread is through.
                Err(_closed) => return Ok(&[]),
            }
        }
        Ok(&self.chunk[self.at..])
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
    }
}

impl Read for Background {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_background_reader_gives_the_same_bytes_and_errors() {
        let bytes: Vec<u8> = (0..3 * CHUNK + 17).map(|index| index as u8).collect();
        let mut found = Vec::new();
        Background::spawn(io::Cursor::new(bytes.clone()))
            .unwrap()
            .read_to_end(&mut found)
            .unwrap();
        assert!(found == bytes);

        let broken = io::Cursor::new(b"abc").chain(Failing);
        let mut found = Vec::new();
        let error = Background::spawn(broken)
            .unwrap()
            .read_to_end(&mut found)
            .unwrap_err();
        assert_eq!(
            (found.as_slice(), error.to_string().as_str()),
            (&b"abc"[..], "broken")
        );
    }

    #[test]
    fn a_compression_bomb_is_an_error() {
        let zeros = || io::repeat(0).take(65 << 20);
        let error = Unpacked::new(zeros(), 1000)
            .read_to_end(&mut Vec::new())
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "1000 bytes unpack to more than 200 times as many: a compression bomb"
        );
        let most = Unpacked::new(zeros(), 1 << 20).read_to_end(&mut Vec::new());
        assert_eq!(most.unwrap(), 65 << 20);
    }

    struct Failing;

    impl Read for Failing {
        fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("broken"))
        }
    }

    #[test]
    fn packing_is_told_by_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("3f9a");
        for (bytes, expected) in [
            (&b"\x1f\x8b\x08\0rest"[..], Packing::Gzip),
            (b"PK\x03\x04rest", Packing::Zip),
            (b"tconst\t", Packing::Plain),
            (b"", Packing::Plain),
        ] {
            fs_err::write(&path, bytes).unwrap();
            assert_eq!(packing(&path).unwrap(), expected);
        }
    }
}
