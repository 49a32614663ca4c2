//! Rows of a text format, gathered until they are a chunk.

use std::ops::Range;

use super::super::rows::{Chunk, Refused, Rows};
use super::super::{CHUNK_BYTES, CHUNK_ROWS};

/// The rows of a chunk that is being read.
pub(super) struct Gathered<R> {
    rows: Vec<R>,
    texts: Vec<String>,
    lines: Vec<u64>,
    refused: Vec<Refused>,
    bytes: usize,
}

impl<R> Gathered<R> {
    pub(super) fn new() -> Self {
        Self {
            rows: Vec::new(),
            texts: Vec::new(),
            lines: Vec::new(),
            refused: Vec::new(),
            bytes: 0,
        }
    }

    /// Whether a chunk has no more rows or bytes than these.
    pub(super) fn is_full(&self) -> bool {
        self.rows.len() + self.refused.len() >= CHUNK_ROWS || self.bytes >= CHUNK_BYTES
    }

    /// So many bytes were read, whatever comes of them.
    pub(super) fn read(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// A row, its text and the line on which it begins.
    pub(super) fn keep(&mut self, row: R, text: String, line: u64) {
        self.rows.push(row);
        self.texts.push(text);
        self.lines.push(line);
    }

    /// A row that cannot be used.
    pub(super) fn refuse(&mut self, row: Refused) {
        self.refused.push(row);
    }

    /// The chunk of a number, from places of the file; none where nothing was left to read.
    pub(super) fn chunk(
        self,
        number: usize,
        places: Range<u64>,
        rows: impl FnOnce(Vec<R>) -> Rows,
    ) -> Option<Chunk> {
        let is_end = self.rows.is_empty() && self.refused.is_empty();
        (!is_end).then(|| Chunk {
            number,
            rows: rows(self.rows),
            texts: self.texts,
            lines: self.lines,
            refused: self.refused,
            places,
        })
    }
}
