//! Archives whose bytes follow from their contents alone: fixed times, owners and permissions, and a
//! compressor (zlib-rs) that gives the same bytes on every machine.

use std::io::{self, Seek, Write};

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
