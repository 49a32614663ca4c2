//! Lines of a text source with their numbers and their raw bytes, so that a refused row can be shown
//! as it was. The formats read here (IMDb's TSV, MovieLens `ratings.csv` and `links.csv`, Stanford's
//! lists of addresses) have no quoting: a line is a row and a `"` is a character.

use std::collections::HashSet;
use std::io::{self, BufRead, Read as _};

use crate::rejects::Refusal;

/// Longer lines are no text of ours: they are refused without being held in memory.
pub(crate) const LINE_LIMIT: usize = 1 << 20;
/// What some programs put before UTF-8.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A reader of lines.
pub(crate) struct Lines<R> {
    reader: R,
    number: u64,
    buffer: Vec<u8>,
}

/// One line, without its `\n` or `\r\n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// From 1.
    pub(crate) number: u64,
    /// The bytes; at most [`LINE_LIMIT`] of them.
    pub(crate) bytes: &'a [u8],
    /// Whether there were more.
    pub(crate) too_long: bool,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self {
            reader,
            number: 0,
            buffer: Vec::new(),
        }
    }

    /// The next line, or `None` at the end.
    pub(crate) fn read(&mut self) -> io::Result<Option<Line<'_>>> {
        self.buffer.clear();
        let count = self.read_part()?;
        if count == 0 {
            return Ok(None);
        }
        self.number += 1;
        if !self.buffer.ends_with(b"\n") && count == LINE_LIMIT + 1 {
            self.skip_line()?;
            return Ok(Some(Line {
                number: self.number,
                bytes: &self.buffer[..LINE_LIMIT],
                too_long: true,
            }));
        }
        let bytes = match self.buffer.strip_suffix(b"\n") {
            Some(bytes) => bytes.strip_suffix(b"\r").unwrap_or(bytes),
            None => &self.buffer,
        };
        let bytes = match self.number {
            1 => bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes),
            _ => bytes,
        };
        Ok(Some(Line {
            number: self.number,
            bytes,
            too_long: false,
        }))
    }

    /// The first line, for a header; empty where there is none of a sane length.
    pub(crate) fn header(&mut self) -> io::Result<Vec<u8>> {
        let line = self.read()?.filter(|line| !line.too_long);
        Ok(line.map(|line| line.bytes.to_vec()).unwrap_or_default())
    }

    fn read_part(&mut self) -> io::Result<usize> {
        self.reader
            .by_ref()
            .take(LINE_LIMIT as u64 + 1)
            .read_until(b'\n', &mut self.buffer)
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let available = self.reader.fill_buf()?;
            let (count, end) = match memchr::memchr(b'\n', available) {
                Some(end) => (end + 1, true),
                None => (available.len(), available.is_empty()),
            };
            self.reader.consume(count);
            if end {
                return Ok(());
            }
        }
    }
}

impl<'a> Line<'a> {
    /// The whole line.
    pub(crate) fn text(&self) -> Result<&'a [u8], Refusal> {
        if self.too_long {
            Err(Refusal::TooLong)
        } else {
            Ok(self.bytes)
        }
    }

    /// `line 17`, as the `rejects` table names places.
    pub(crate) fn place(&self) -> String {
        format!("line {}", self.number)
    }
}

/// Where the needed columns stand, by the header line's names; `Err` holds the names found.
pub(crate) fn columns<const N: usize>(
    header: &[u8],
    separator: char,
    needed: [&str; N],
) -> Result<[usize; N], Vec<String>> {
    let text = String::from_utf8_lossy(header);
    // A file of another kind may have anything as its first line: show its beginning only.
    let found: Vec<String> = text
        .split(separator)
        .take(32)
        .map(|name| name.chars().take(40).collect())
        .collect();
    let mut places = [0; N];
    for (place, name) in places.iter_mut().zip(needed) {
        match found.iter().position(|column| column == name) {
            Some(index) => *place = index,
            None => return Err(found),
        }
    }
    Ok(places)
}

/// The parts of a list, each where it first stands: a title that names a genre twice has it once.
pub(crate) fn each_once(list: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut seen = HashSet::new();
    list.split(separator).filter(move |part| seen.insert(*part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_of_both_kinds_and_a_missing_last_one_are_taken() {
        let mut lines = Lines::new(&b"\xef\xbb\xbfa\r\nb\n\nc"[..]);
        let mut found = Vec::new();
        while let Some(line) = lines.read().unwrap() {
            found.push((line.number, String::from_utf8(line.bytes.to_vec()).unwrap()));
        }
        let expected =
            [(1, "a"), (2, "b"), (3, ""), (4, "c")].map(|(number, text)| (number, text.to_owned()));
        assert_eq!(found, expected);
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_and_the_next_one_is_read() {
        let mut text = vec![b'x'; 100 << 20];
        text.extend_from_slice(b"\nnext");
        let mut lines = Lines::new(text.as_slice());
        let line = lines.read().unwrap().unwrap();
        assert_eq!(
            (line.text().unwrap_err(), line.bytes.len()),
            (Refusal::TooLong, LINE_LIMIT)
        );
        let line = lines.read().unwrap().unwrap();
        assert_eq!((line.number, line.text().unwrap()), (2, &b"next"[..]));
        assert_eq!(lines.read().unwrap(), None);

        let most = vec![b'x'; LINE_LIMIT];
        let mut lines = Lines::new(most.as_slice());
        assert!(lines.read().unwrap().unwrap().text().is_ok());
    }

    #[test]
    fn what_a_list_names_twice_is_there_once() {
        let parts = |list| each_once(list, ',').collect::<Vec<_>>();
        assert_eq!(parts("Drama,War,Drama"), ["Drama", "War"]);
        assert_eq!(parts(""), [""]);
    }

    #[test]
    fn columns_are_found_by_name() {
        assert_eq!(columns(b"c,a,b", ',', ["a", "c"]), Ok([1, 0]));
        assert_eq!(
            columns(b"x,y", ',', ["a"]),
            Err(vec!["x".to_owned(), "y".to_owned()])
        );
    }
}
