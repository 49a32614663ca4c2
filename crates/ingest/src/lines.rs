//! Lines of a text source with their numbers and their raw bytes, so that a refused row can be shown
//! as it was. The formats read here (IMDb's TSV, MovieLens `ratings.csv` and `links.csv`, Stanford's
//! lists of addresses) have no quoting: a line is a row and a `"` is a character.

use std::io::{self, BufRead, Read as _};

/// Longer lines are no text of ours; without a limit a wrong file would be read into memory whole.
const LINE_LIMIT: u64 = 1 << 20;

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
    /// The bytes.
    pub(crate) bytes: &'a [u8],
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
        let count = self
            .reader
            .by_ref()
            .take(LINE_LIMIT)
            .read_until(b'\n', &mut self.buffer)?;
        if count == 0 {
            return Ok(None);
        }
        self.number += 1;
        let bytes = match self.buffer.strip_suffix(b"\n") {
            Some(bytes) => bytes.strip_suffix(b"\r").unwrap_or(bytes),
            None if count as u64 == LINE_LIMIT => {
                let text = format!("line {} has more than {LINE_LIMIT} bytes", self.number);
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
            None => &self.buffer,
        };
        Ok(Some(Line {
            number: self.number,
            bytes,
        }))
    }
}

impl Line<'_> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_of_both_kinds_and_a_missing_last_one_are_taken() {
        let mut lines = Lines::new(&b"a\r\nb\n\nc"[..]);
        let mut found = Vec::new();
        while let Some(line) = lines.read().unwrap() {
            found.push((line.number, String::from_utf8(line.bytes.to_vec()).unwrap()));
        }
        let expected =
            [(1, "a"), (2, "b"), (3, ""), (4, "c")].map(|(number, text)| (number, text.to_owned()));
        assert_eq!(found, expected);
    }

    #[test]
    fn a_file_without_lines_is_refused_early() {
        let endless = io::BufReader::new(io::repeat(b'x').take(10 << 20));
        let error = Lines::new(endless).read().unwrap_err();
        assert_eq!(error.to_string(), "line 1 has more than 1048576 bytes");
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
