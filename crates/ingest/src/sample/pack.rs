//! Archives whose bytes follow from their contents alone: fixed times, owners and permissions, and a
//! compressor (zlib-rs) that gives the same bytes on every machine.

use std::io::{self, Seek, Write};
use std::sync::mpsc::{SyncSender, sync_channel};

use flate2::{Compression, GzBuilder, write::GzEncoder};
use tar::{Builder, EntryType, Header};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// The time of every member: that of the original archive, 2011-06-26 00:00 UTC, in seconds.
const MODIFIED_SECS: u64 = 1_309_046_400;

/// The level at which all archives are compressed.
fn level() -> Compression {
    Compression::new(6)
}

/// A gzip stream without name and time.
pub(super) fn gzip<W: Write>(out: W) -> GzEncoder<W> {
    // 255: made by an unknown system, whichever it was.
    GzBuilder::new()
        .mtime(0)
        .operating_system(255)
        .write(out, level())
}

/// Bytes that go to the writing thread at a time.
const CHUNK: usize = 256 << 10;
/// Chunks that may wait for it.
const WAITING: usize = 4;

/// Writes to `out` on a thread of its own what `make` writes on this one, so that making and compressing
/// overlap. The bytes are the same as without a thread.
pub(super) fn beside<W: Write + Send, T>(
    mut out: W,
    make: impl FnOnce(&mut Chunks) -> io::Result<T>,
) -> io::Result<(T, W)> {
    let (sender, chunks) = sync_channel::<Vec<u8>>(WAITING);
    std::thread::scope(|scope| {
        let writing = scope.spawn(move || {
            for chunk in chunks {
                out.write_all(&chunk)?;
            }
            Ok(out)
        });
        let mut chunks = Chunks {
            sender,
            chunk: Vec::with_capacity(CHUNK),
        };
        let made = make(&mut chunks).and_then(|made| chunks.flush().map(|()| made));
        drop(chunks);
        let written: io::Result<W> = match writing.join() {
            Ok(written) => written,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        // Where writing failed, that is why making did.
        let out = written?;
        Ok((made?, out))
    })
}

/// The end of [`beside`] that is written to.
pub(super) struct Chunks {
    sender: SyncSender<Vec<u8>>,
    chunk: Vec<u8>,
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        self.sender
            .send(chunk)
            .map_err(|_closed| io::ErrorKind::BrokenPipe.into())
    }
}

/// A tar archive in gzip.
pub(super) struct TarGz<W: Write>(Builder<GzEncoder<W>>);

impl<W: Write> TarGz<W> {
    pub(super) fn new(out: W) -> Self {
        Self(Builder::new(gzip(out)))
    }

    /// Adds a file.
    pub(super) fn add(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(MODIFIED_SECS);
        self.0.append_data(&mut header, name, bytes)
    }

    pub(super) fn finish(self) -> io::Result<W> {
        self.0.into_inner()?.finish()
    }
}

/// A zip archive; what is written after [`begin`](Self::begin) goes to the member begun last.
pub(super) struct Zip<W: Write + Seek>(ZipWriter<W>);

impl<W: Write + Seek> Zip<W> {
    pub(super) fn new(out: W) -> Self {
        Self(ZipWriter::new(out))
    }

    /// Begins a file.
    pub(super) fn begin(&mut self, name: &str) -> io::Result<()> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(6))
            .last_modified_time(DateTime::default())
            .unix_permissions(0o644)
            // A member's size is not known before it is written.
            .large_file(true);
        Ok(self.0.start_file(name, options)?)
    }

    pub(super) fn finish(self) -> io::Result<W> {
        Ok(self.0.finish()?)
    }
}

impl<W: Write + Seek> Write for Zip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_beside_writes_the_same_bytes_and_passes_errors_on() {
        let text: Vec<u8> = (0..3 * CHUNK + 7).map(|index| index as u8).collect();
        let (made, out) = beside(Vec::new(), |chunks| {
            for part in text.chunks(1000) {
                chunks.write_all(part)?;
            }
            Ok(5)
        })
        .unwrap();
        assert!(made == 5 && out == text);

        let stopped = beside(Vec::new(), |_chunks| -> io::Result<()> {
            Err(io::ErrorKind::Interrupted.into())
        });
        assert_eq!(stopped.unwrap_err().kind(), io::ErrorKind::Interrupted);

        struct Full;
        impl Write for Full {
            fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let failed = beside(Full, |chunks| {
            chunks
                .write_all(&text)
                .and_then(|()| chunks.write_all(&text))
        });
        assert_eq!(failed.err().unwrap().kind(), io::ErrorKind::StorageFull);
    }
}
