//! How far the reading is, in bytes of the sources as they lie on disk, and whether it shall stop.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use cinescore_artifact::program::{Progress, TaskContext};

use crate::error::ReadError;

/// Watched by every reading loop.
pub(crate) struct Watch<'a> {
    progress: &'a Progress,
    interrupted: Arc<AtomicBool>,
    total: u64,
    done: Arc<AtomicU64>,
}

impl<'a> Watch<'a> {
    /// The watch of a running stage that will read `total` bytes.
    pub(crate) fn of(context: &'a TaskContext, total: u64) -> Self {
        Self {
            progress: context.progress(),
            interrupted: context.interrupted(),
            total,
            done: Arc::default(),
        }
    }

    /// A watch that nobody looks at.
    pub(crate) fn idle(progress: &'a Progress) -> Self {
        Self {
            progress,
            interrupted: Arc::default(),
            total: 0,
            done: Arc::default(),
        }
    }

    /// Passes on the progress; an error once the work shall stop. For each piece of a loop's work.
    pub(crate) fn tick(&self, message: &str) -> Result<(), ReadError> {
        self.check()?;
        self.progress.update(
            self.done.load(Ordering::Relaxed),
            Some(self.total),
            "bytes",
            message,
        );
        Ok(())
    }

    /// An error once the work shall stop.
    pub(crate) fn check(&self) -> Result<(), ReadError> {
        if self.interrupted.load(Ordering::Relaxed) {
            Err(ReadError::Interrupted)
        } else {
            Ok(())
        }
    }

    /// Counts what is read through the reader, on whatever thread.
    pub(crate) fn count<R: Read>(&self, reader: R) -> Counted<R> {
        Counted {
            reader,
            done: Arc::clone(&self.done),
        }
    }

    /// Counts bytes that were read otherwise.
    pub(crate) fn add(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// A reader whose bytes are counted.
pub(crate) struct Counted<R> {
    reader: R,
    done: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.done.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl<R: Seek> Seek for Counted<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.reader.seek(to)
    }
}
