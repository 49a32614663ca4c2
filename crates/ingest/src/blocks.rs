//! Text in blocks of whole lines, so that lines can be parsed on many threads.
//!
//! Owns where a block ends and how lines are counted within one. Does not own what a line means. The
//! formats read by blocks have no quoting: a line is a row.

use std::io::{self, Read};

use memchr::{memchr, memrchr};

use crate::lines::LINE_LIMIT;
use crate::rejects::Refusal;

/// Bytes of a block, unless a line is longer.
const BLOCK: usize = 1 << 20;
/// Bytes kept of a line that is too long; what a reject shows of it.
const LONG_LINE_KEPT: usize = 1024;

/// Some whole lines.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// Lines, each with its `\n`, but the source's last one, which may have none.
    Lines(Vec<u8>),
    /// The beginning of a line of more than [`LINE_LIMIT`] bytes and a block. A line that is shorter than
    /// that comes whole; [`check_length`] refuses it.
    TooLong(Vec<u8>),
}

/// Cuts a source into blocks.
pub(crate) struct Blocks<R> {
    reader: R,
    /// Read, but not given out: the beginning of a line.
    rest: Vec<u8>,
    /// So many bytes of `rest` have no line end among them.
    searched: usize,
    block: usize,
}

impl<R: Read> Blocks<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self::of_size(reader, BLOCK)
    }

    /// With blocks of this many bytes, for tests.
    pub(crate) fn of_size(reader: R, block: usize) -> Self {
        Self {
            reader,
            rest: Vec::new(),
            searched: 0,
            block: block.max(1),
        }
    }

    /// The next line by itself, without its line end: a header. `None` where there is none of a sane
    /// length.
    pub(crate) fn header(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(end) = memchr(b'\n', &self.rest) {
                let rest = self.rest.split_off(end + 1);
                let mut line = std::mem::replace(&mut self.rest, rest);
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(Some(line));
            }
            if self.rest.len() >= LINE_LIMIT {
                return Ok(None);
            }
            if self.fill(4096)? == 0 {
                let line = std::mem::take(&mut self.rest);
                return Ok((!line.is_empty()).then_some(line));
            }
        }
    }

    /// The next block, or `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Block>> {
        loop {
            let wanted = match self.block.saturating_sub(self.rest.len()) {
                0 => self.block,
                missing => missing,
            };
            let count = self.fill(wanted)?;
            if count == 0 {
                let last = std::mem::take(&mut self.rest);
                self.searched = 0;
                return Ok((!last.is_empty()).then_some(Block::Lines(last)));
            }
            if let Some(end) = memrchr(b'\n', &self.rest[self.searched..]) {
                let end = self.searched + end + 1;
                let mut rest = Vec::with_capacity(self.block);
                rest.extend_from_slice(&self.rest[end..]);
                self.rest.truncate(end);
                self.searched = rest.len();
                return Ok(Some(Block::Lines(std::mem::replace(&mut self.rest, rest))));
            }
            self.searched = self.rest.len();
            if self.rest.len() > LINE_LIMIT {
                return self.long_line().map(Some);
            }
        }
    }

    /// Reads at most `count` bytes more; returns how many there were.
    fn fill(&mut self, count: usize) -> io::Result<usize> {
        self.reader
            .by_ref()
            .take(count as u64)
            .read_to_end(&mut self.rest)
    }

    /// Skips the rest of a line of which too much was read already.
    fn long_line(&mut self) -> io::Result<Block> {
        let kept = self.rest[..LONG_LINE_KEPT.min(self.rest.len())].to_vec();
        self.searched = 0;
        loop {
            self.rest.clear();
            if self.fill(self.block)? == 0 {
                break;
            }
            if let Some(end) = memchr(b'\n', &self.rest) {
                self.rest.drain(..=end);
                break;
            }
        }
        Ok(Block::TooLong(kept))
    }
}

/// Refuses a line of more than [`LINE_LIMIT`] bytes.
pub(crate) fn check_length(line: &[u8]) -> Result<(), Refusal> {
    if line.len() > LINE_LIMIT {
        Err(Refusal::TooLong)
    } else {
        Ok(())
    }
}

/// Calls `each` with every line of a block, without its line end, and its number in the block from 0;
/// returns the number of lines.
pub(crate) fn for_each_line(block: &[u8], mut each: impl FnMut(u64, &[u8])) -> u64 {
    let (mut at, mut number) = (0, 0);
    while at < block.len() {
        let end = memchr(b'\n', &block[at..]).map_or(block.len(), |end| at + end);
        let line = &block[at..end];
        each(number, line.strip_suffix(b"\r").unwrap_or(line));
        number += 1;
        at = end + 1;
    }
    number
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(text: &[u8], block: usize) -> Vec<Vec<u8>> {
        let mut blocks = Blocks::of_size(text, block);
        let mut found = Vec::new();
        while let Some(block) = blocks.next().unwrap() {
            let Block::Lines(bytes) = block else {
                panic!("no line is long here")
            };
            for_each_line(&bytes, |_, line| found.push(line.to_vec()));
        }
        found
    }

    proptest! {
        #[test]
        fn blocks_of_any_size_hold_the_same_lines(text in "[ab\r\n]{0,60}", block in 1..20_usize) {
            prop_assert_eq!(lines(text.as_bytes(), block), lines(text.as_bytes(), 1 << 20));
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_and_the_next_one_is_read() {
        let mut text = vec![b'x'; LINE_LIMIT + 5000];
        text.extend_from_slice(b"\nnext\n");
        let mut blocks = Blocks::of_size(text.as_slice(), 1000);
        assert_eq!(
            blocks.next().unwrap(),
            Some(Block::TooLong(vec![b'x'; LONG_LINE_KEPT]))
        );
        assert_eq!(
            blocks.next().unwrap(),
            Some(Block::Lines(b"next\n".to_vec()))
        );
        assert_eq!(blocks.next().unwrap(), None);
    }

    #[test]
    fn the_header_is_a_line_of_its_own() {
        let mut blocks = Blocks::of_size(&b"a,b\r\n1,2\n3,4"[..], 3);
        assert_eq!(blocks.header().unwrap(), Some(b"a,b".to_vec()));
        let mut found = Vec::new();
        while let Some(Block::Lines(bytes)) = blocks.next().unwrap() {
            found.extend(bytes);
        }
        assert_eq!(found, b"1,2\n3,4");
        assert_eq!(Blocks::new(&b""[..]).header().unwrap(), None);
    }
}
