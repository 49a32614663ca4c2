//! A stage's log, kept to a size that no stage can exceed.
//!
//! The first and the last part of what a stage says are kept: how it began and how it ended. What is
//! too much goes round in a temporary file without a name, so that neither the disk nor the memory
//! grows with it, and the stage is never made to wait or to fail for it.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// Bytes kept of the beginning, and as many of the end.
const PART_BYTES: u64 = 8 * 1024 * 1024;

/// How much of a failed stage's log is shown.
const TAIL_LINES: usize = 20;
const TAIL_BYTES: u64 = 16 * 1024;

/// A log that is being written.
pub(super) struct CappedLog {
    file: File,
    head: Part,
    /// Written round and round; made when the first part is full.
    ring: Option<(File, u64)>,
    part_bytes: u64,
    failed: Option<io::Error>,
}

/// How much of the first part is there.
#[derive(Clone, Copy)]
struct Part(u64);

impl CappedLog {
    /// Begins a log, or goes on with the one of an earlier try.
    pub(super) fn open(path: &Path, append: bool) -> io::Result<Self> {
        let mut options = File::options();
        let file = options
            .create(true)
            .write(true)
            .append(append)
            .truncate(!append)
            .open(path)?;
        Ok(Self {
            file,
            head: Part(0),
            ring: None,
            part_bytes: PART_BYTES,
            failed: None,
        })
    }

    /// Takes what the stage said. A full disk is kept for the end: it is no reason to stop a stage.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        if self.failed.is_none()
            && let Err(error) = self.try_write(bytes)
        {
            self.failed = Some(error);
        }
    }

    fn try_write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let room = self.part_bytes - self.head.0;
        let first = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        self.file.write_all(&bytes[..first])?;
        self.head.0 += first as u64;
        bytes = &bytes[first..];
        if bytes.is_empty() {
            return Ok(());
        }
        if self.ring.is_none() {
            self.ring = Some((tempfile::tempfile()?, 0));
        }
        let Some((ring, written)) = &mut self.ring else {
            return Ok(());
        };
        while !bytes.is_empty() {
            let at = *written % self.part_bytes;
            let room = usize::try_from(self.part_bytes - at).unwrap_or(usize::MAX);
            let piece = &bytes[..bytes.len().min(room)];
            ring.write_all_at(piece, at)?;
            *written += piece.len() as u64;
            bytes = &bytes[piece.len()..];
        }
        Ok(())
    }

    /// Puts the end behind the beginning. Returns how many bytes between the two were left out.
    pub(super) fn finish(mut self) -> io::Result<u64> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let Some((mut ring, written)) = self.ring.take() else {
            return Ok(0);
        };
        let left_out = written.saturating_sub(self.part_bytes);
        if left_out > 0 {
            writeln!(
                self.file,
                "\n[... {left_out} bytes left out: a log keeps its first and its last {} bytes ...]",
                self.part_bytes
            )?;
            let oldest = written % self.part_bytes;
            ring.seek(SeekFrom::Start(oldest))?;
            io::copy(&mut ring, &mut self.file)?;
            ring.rewind()?;
            io::copy(&mut ring.take(oldest), &mut self.file)?;
        } else {
            ring.rewind()?;
            io::copy(&mut ring, &mut self.file)?;
        }
        Ok(left_out)
    }
}

/// The last lines of a log, indented, without anything that would steer a terminal.
pub(super) fn tail(log: &Path) -> io::Result<String> {
    let mut file = fs_err::File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.len().saturating_sub(TAIL_LINES);
    Ok(lines[start..]
        .iter()
        .map(|line| format!("  {}", super::events::plain(line)))
        .collect::<Vec<_>>()
        .join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(pieces: &[&str]) -> (String, u64) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let mut log = CappedLog::open(&path, false).unwrap();
        log.part_bytes = 4;
        for piece in pieces {
            log.write(piece.as_bytes());
        }
        let left_out = log.finish().unwrap();
        (fs_err::read_to_string(&path).unwrap(), left_out)
    }

    #[test]
    fn a_short_log_is_whole() {
        assert_eq!(kept(&["ab", "cd"]), ("abcd".into(), 0));
        assert_eq!(kept(&["abc", "defgh"]), ("abcdefgh".into(), 0));
    }

    #[test]
    fn a_long_log_keeps_its_beginning_and_its_end() {
        for pieces in [&["0123456789abcdef"][..], &["01234", "56789abcd", "e", "f"]] {
            let (text, left_out) = kept(pieces);
            assert_eq!(left_out, 8);
            assert!(text.starts_with("0123\n[... 8 bytes left out"), "{text}");
            assert!(text.ends_with("...]\ncdef"), "{text}");
        }
    }

    #[test]
    fn a_second_try_goes_on_in_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        for (append, text) in [(false, "one\n"), (true, "two\n")] {
            let mut log = CappedLog::open(&path, append).unwrap();
            log.write(text.as_bytes());
            log.finish().unwrap();
        }
        assert_eq!(fs_err::read_to_string(&path).unwrap(), "one\ntwo\n");
        assert_eq!(tail(&path).unwrap(), "  one\n  two");
    }
}
