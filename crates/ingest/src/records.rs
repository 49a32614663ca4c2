//! CSV text in rows, each with the bytes that it was made of.
//!
//! Owns where a row and its fields end, and which rows are none: quotes that are never closed, text behind
//! a closing quote, rows that are too long. Does not own what a field means. A CSV library reads on to the
//! end of the file where a quote is not closed, and takes what it finds there as one field; here such a row costs
//! its own first line, the next line is a row again, and no row is held beyond a limit.
//!
//! A field that begins with `"` ends at the next `"` that is not doubled (RFC 4180); in any other field a `"`
//! is text. Fields end at commas, or at another byte that is told; rows end at `\n` or `\r\n`, and empty lines are no rows.

use std::borrow::Cow;
use std::io::{self, Read};
use std::ops::Range;

use memchr::{memchr, memchr_iter, memchr2};
use thiserror::Error;

use crate::lines::{BYTE_ORDER_MARK, LINE_LIMIT};

/// Bytes read at a time, at least.
const CHUNK: usize = 64 << 10;
/// Bytes kept of a line that is too long; what a reject shows of it.
const LONG_LINE_KEPT: usize = 1024;
/// Rows are never longer, so that places in them fit into 32 bits.
const MOST_LIMIT: usize = 1 << 30;

/// Cuts a source into rows.
#[derive(Debug)]
pub struct Records<R> {
    reader: R,
    /// What ends a field.
    delimiter: u8,
    /// The most bytes of a row.
    limit: usize,
    /// Bytes from the row given out last on.
    buffer: Vec<u8>,
    /// Where the next row begins in `buffer`.
    next: usize,
    /// The line of `next`, from 1.
    line: u64,
    fields: Vec<Field>,
    chunk: usize,
    begun: bool,
    ended: bool,
}

/// Where a field's text lies in its row, without the quotes around it. Small: a row may be nothing but commas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Field {
    begin: u32,
    end: u32,
    /// Whether there are doubled quotes in it.
    doubled: bool,
}

/// Why a line is the beginning of no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NoRow {
    /// More bytes than a row may have.
    #[error("the row has more than {limit} bytes")]
    TooLong {
        /// So many bytes are possible.
        limit: usize,
    },
    /// Up to the limit or the end of the source no quote closes the field.
    #[error("a quote that opens a field is never closed")]
    Unclosed,
    /// Something else than the end of the field.
    #[error("text follows the quote that closes a field (a quote within is written twice)")]
    StrayQuote,
}

/// A row, or the first line of what should be one.
#[derive(Debug)]
pub struct Record<'a> {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// Its bytes, without its line end; the beginning of them where it is too long.
    pub raw: &'a [u8],
    /// Its fields, or why it has none.
    pub fields: Result<Fields<'a>, NoRow>,
}

/// The fields of a row.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    raw: &'a [u8],
    fields: &'a [Field],
}

#[expect(
    clippy::len_without_is_empty,
    reason = "a row has a field at least: empty lines are no rows"
)]
impl<'a> Fields<'a> {
    /// How many there are, at least 1.
    pub fn len(self) -> usize {
        self.fields.len()
    }

    /// The text of a field; empty where there is no such field.
    pub fn get(self, index: usize) -> Cow<'a, [u8]> {
        let Some(Field {
            begin,
            end,
            doubled,
        }) = self.fields.get(index)
        else {
            return Cow::Borrowed(&[]);
        };
        let text = &self.raw[*begin as usize..*end as usize];
        if !doubled {
            return Cow::Borrowed(text);
        }
        let mut single = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(quote) = memchr(b'"', rest) {
            single.extend_from_slice(&rest[..=quote]);
            rest = rest.get(quote + 2..).unwrap_or_default();
        }
        single.extend_from_slice(rest);
        Cow::Owned(single)
    }

    /// The texts of all fields.
    pub fn iter(self) -> impl Iterator<Item = Cow<'a, [u8]>> {
        (0..self.len()).map(move |index| self.get(index))
    }
}

impl Field {
    /// Of a place in a row, which is below [`MOST_LIMIT`] and a few buffers.
    fn new(place: Range<usize>, doubled: bool) -> Self {
        Self {
            begin: place.start as u32,
            end: place.end as u32,
            doubled,
        }
    }
}

/// What the beginning of some bytes is.
#[derive(Debug, PartialEq, Eq)]
enum Scanned {
    /// A row that ends here: its bytes without the line end, and with it.
    Row { text: usize, all: usize },
    /// The beginning of a row, in quotes or not.
    Part { in_quotes: bool },
    /// Behind a closing quote there is text.
    Stray,
}

impl<R: Read> Records<R> {
    /// The rows of a source, with commas between their fields and a MiB at most.
    pub fn new(reader: R) -> Self {
        Self::by_chunks(reader, CHUNK)
    }

    /// With another byte between fields, such as a tab.
    #[must_use]
    pub fn delimited_by(self, delimiter: u8) -> Self {
        Self { delimiter, ..self }
    }

    /// With rows of so many bytes at most, up to a GiB; a few times as many are held while the end of a row is looked for.
    #[must_use]
    pub fn limited_to(self, limit: usize) -> Self {
        let limit = limit.min(MOST_LIMIT);
        Self { limit, ..self }
    }

    /// With so many bytes read at a time, for tests.
    fn by_chunks(reader: R, chunk: usize) -> Self {
        Self {
            reader,
            delimiter: b',',
            limit: LINE_LIMIT,
            buffer: Vec::new(),
            next: 0,
            line: 1,
            fields: Vec::new(),
            chunk,
            begun: false,
            ended: false,
        }
    }

    /// The next row, or `None` at the end.
    ///
    /// # Errors
    ///
    /// Those of the source.
    pub fn read(&mut self) -> io::Result<Option<Record<'_>>> {
        if !self.begun {
            self.begun = true;
            self.fill(self.chunk)?;
            if self.buffer.starts_with(BYTE_ORDER_MARK) {
                self.next = BYTE_ORDER_MARK.len();
            }
        }
        let too_long = NoRow::TooLong { limit: self.limit };
        let (text, line, fault) = loop {
            let line = self.line;
            let bytes = &self.buffer[self.next..];
            if bytes.is_empty() && self.ended {
                return Ok(None);
            }
            let fault = match scan(bytes, self.delimiter, self.ended, &mut self.fields) {
                // An empty line.
                Scanned::Row { text: 0, all } => {
                    self.line += 1;
                    self.next += all;
                    continue;
                }
                Scanned::Row { text, all } => {
                    let fault = (text > self.limit).then_some(too_long);
                    let begin = self.next;
                    self.line += memchr_iter(b'\n', &bytes[..all]).count() as u64;
                    self.next += all;
                    break (begin..begin + text, line, fault);
                }
                Scanned::Part { .. } if !self.ended && bytes.len() <= self.limit => {
                    self.more()?;
                    continue;
                }
                Scanned::Part { in_quotes: true } => NoRow::Unclosed,
                Scanned::Part { in_quotes: false } => too_long,
                Scanned::Stray => NoRow::StrayQuote,
            };
            // Nobody can say where this row ends: its first line is refused, and the next line is a row again.
            let begin = self.next;
            match memchr(b'\n', bytes) {
                Some(end) => {
                    self.line += 1;
                    self.next += end + 1;
                    let text = bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]);
                    break (begin..begin + text.len(), line, Some(fault));
                }
                None if self.ended => {
                    self.next = self.buffer.len();
                    break (begin..self.next, line, Some(fault));
                }
                None if bytes.len() <= self.limit => self.more()?,
                None => {
                    self.skip_line()?;
                    self.line += 1;
                    break (0..self.next, line, Some(too_long));
                }
            }
        };
        let raw = &self.buffer[text];
        let fields = match fault {
            Some(fault) => Err(fault),
            None => Ok(Fields {
                raw,
                fields: &self.fields,
            }),
        };
        Ok(Some(Record { line, raw, fields }))
    }

    /// Reads as much again as there is of the row, so that it is looked at a few times only.
    fn more(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.next);
        self.next = 0;
        self.fill(self.chunk.max(self.buffer.len()))
    }

    /// Leaves the beginning of a line that is too long in the buffer, and what comes behind the line.
    fn skip_line(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.next);
        let kept = LONG_LINE_KEPT.min(self.buffer.len());
        let mut searched = kept;
        loop {
            if let Some(end) = memchr(b'\n', &self.buffer[searched..]) {
                self.buffer.drain(kept..=searched + end);
                break;
            }
            self.buffer.truncate(kept);
            searched = kept;
            if self.ended {
                break;
            }
            self.fill(self.chunk)?;
        }
        self.next = kept;
        Ok(())
    }

    fn fill(&mut self, count: usize) -> io::Result<()> {
        let mut part = self.reader.by_ref().take(count as u64);
        let found = part.read_to_end(&mut self.buffer)?;
        self.ended = found < count;
        Ok(())
    }
}

/// Looks for the end of the row that begins here, and for its fields. `is_all` says that nothing comes behind.
fn scan(bytes: &[u8], delimiter: u8, is_all: bool, fields: &mut Vec<Field>) -> Scanned {
    fields.clear();
    let mut at = 0;
    loop {
        if bytes.get(at) == Some(&b'"') {
            let (end, doubled) = match closing_quote(bytes, at + 1) {
                Some(found) if is_all || found.0 + 1 < bytes.len() => found,
                _ => return Scanned::Part { in_quotes: true },
            };
            fields.push(Field::new(at + 1..end, doubled));
            at = end + 1;
            match &bytes[at..] {
                [next, ..] if *next == delimiter => at += 1,
                [] => return Scanned::Row { text: at, all: at },
                [b'\n', ..] => return row(at, at + 1),
                [b'\r', b'\n', ..] => return row(at, at + 2),
                [b'\r'] if is_all => return row(at, at + 1),
                [b'\r'] => return Scanned::Part { in_quotes: false },
                _ => return Scanned::Stray,
            }
        } else {
            let end = match memchr2(delimiter, b'\n', &bytes[at..]) {
                Some(offset) => at + offset,
                None if is_all => bytes.len(),
                None => return Scanned::Part { in_quotes: false },
            };
            if bytes.get(end) == Some(&delimiter) {
                fields.push(Field::new(at..end, false));
                at = end + 1;
                continue;
            }
            let text = end - usize::from(bytes[at..end].ends_with(b"\r"));
            fields.push(Field::new(at..text, false));
            return row(text, (end + 1).min(bytes.len()));
        }
    }
}

fn row(text: usize, all: usize) -> Scanned {
    Scanned::Row { text, all }
}

/// Where the quote that closes a field stands, and whether others are doubled before it. The quote may be the
/// last byte; then nobody knows whether it is doubled.
fn closing_quote(bytes: &[u8], from: usize) -> Option<(usize, bool)> {
    let (mut at, mut doubled) = (from, false);
    loop {
        let quote = at + memchr(b'"', bytes.get(at..)?)?;
        if bytes.get(quote + 1) != Some(&b'"') {
            return Some((quote, doubled));
        }
        doubled = true;
        at = quote + 2;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All rows: their fields with `|` between them, or the reason and the raw bytes.
    fn rows(text: &[u8]) -> Vec<String> {
        let mut records = Records::by_chunks(text, 5);
        let mut found = Vec::new();
        while let Some(record) = records.read().unwrap() {
            found.push(match record.fields {
                Ok(fields) => fields
                    .iter()
                    .map(|field| String::from_utf8_lossy(&field).into_owned())
                    .collect::<Vec<_>>()
                    .join("|"),
                Err(reason) => format!("{reason}: {}", String::from_utf8_lossy(record.raw)),
            });
        }
        found
    }

    #[test]
    fn quotes_commas_and_line_ends_of_both_kinds_are_read() {
        assert_eq!(
            rows(b"\xef\xbb\xbf\"a\",b\r\n\r\n\"one, \"\"two\"\"\nthree\",4\n,\nit's 5\" wide,\"\"\r\n\"last\""),
            ["a|b", "one, \"two\"\nthree|4", "|", "it's 5\" wide|", "last"]
        );
        assert_eq!(rows(b""), [""; 0]);
        assert_eq!(rows(b"\n\r\n"), [""; 0]);
    }

    #[test]
    fn a_quote_that_is_not_closed_costs_its_own_line_only() {
        assert_eq!(
            rows(b"9,\"good\n1,bad\n"),
            [
                "a quote that opens a field is never closed: 9,\"good",
                "1|bad"
            ]
        );
        // The quote of the next row would close it, with text behind.
        assert_eq!(
            rows(b"\"good,9\n\"bad\",1\n\"so\"so,5\n"),
            [
                "text follows the quote that closes a field (a quote within is written twice): \"good,9",
                "bad|1",
                "text follows the quote that closes a field (a quote within is written twice): \"so\"so,5"
            ]
        );
    }

    #[test]
    fn other_delimiters_and_limits_are_taken_and_lines_are_counted() {
        let text = b"a\tb,c\r\n\n\"one\ntwo\"\t\"\"\n\"open\t1\nmore than ten\n\t\n\"last\nof all";
        let mut records = Records::by_chunks(&text[..], 3)
            .delimited_by(b'\t')
            .limited_to(12);
        let mut found = Vec::new();
        while let Some(record) = records.read().unwrap() {
            let fields = record.fields.map(|fields| {
                let fields = fields.iter();
                let texts = fields.map(|field| String::from_utf8_lossy(&field).into_owned());
                texts.collect::<Vec<_>>().join("|")
            });
            found.push((record.line, fields));
        }
        let row = |text: &str| Ok(text.to_owned());
        assert_eq!(
            found,
            [
                (1, row("a|b,c")),
                (3, row("one\ntwo|")),
                (5, Err(NoRow::Unclosed)),
                (6, Err(NoRow::TooLong { limit: 12 })),
                (7, row("|")),
                (8, Err(NoRow::Unclosed)),
                (9, row("of all")),
            ]
        );
    }

    #[test]
    fn a_hundred_megabytes_are_never_held() {
        let line = vec![b'x'; 100 << 20];
        for open in [&b""[..], b"\"", b"1,\"a\nb"] {
            let text = [open, &line[..], b"\nnext,row\n"].concat();
            let mut records = Records::new(text.as_slice());
            let record = records.read().unwrap().unwrap();
            let first = record.fields.unwrap_err();
            let wanted = match open {
                b"1,\"a\nb" => NoRow::Unclosed,
                _ => NoRow::TooLong { limit: LINE_LIMIT },
            };
            assert_eq!(first, wanted);
            assert!(record.raw.len() <= LONG_LINE_KEPT);
            let mut last = Vec::new();
            while let Some(record) = records.read().unwrap() {
                last = record.raw.to_vec();
            }
            assert_eq!(last, b"next,row");
            assert!(records.buffer.capacity() <= 8 * LINE_LIMIT);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// Where quotes are as they should be, a CSV library reads the same.
        #[test]
        fn rows_are_those_of_the_csv_library(
            rows_of in prop::collection::vec(
                prop::collection::vec("([a\"',\r\n]{0,6}|[ab\"]{0,3})", 2..4), 0..6),
            always in any::<bool>(),
            crlf in any::<bool>(),
        ) {
            let style = if always { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
            let ends = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
            let mut writer = csv::WriterBuilder::new()
                .flexible(true).quote_style(style).terminator(ends).from_writer(Vec::new());
            for row in &rows_of {
                writer.write_record(row).unwrap();
            }
            let text = writer.into_inner().unwrap();
            let expected: Vec<String> = rows_of.iter().map(|row| row.join("|")).collect();
            prop_assert_eq!(rows(&text), expected);
        }

        /// Whatever the bytes, every line is in exactly one row, in order.
        #[test]
        fn no_byte_is_lost(text in "[a,\"\r\n]{0,40}") {
            let mut records = Records::by_chunks(text.as_bytes(), 3);
            let mut at = 0;
            while let Some(record) = records.read().unwrap() {
                let found = text[at..].find(std::str::from_utf8(record.raw).unwrap());
                // Only line ends lie between two rows.
                let between = &text[at..at + found.unwrap()];
                prop_assert!(between.bytes().all(|byte| b"\r\n".contains(&byte)));
                at += between.len() + record.raw.len();
            }
            prop_assert!(text[at..].bytes().all(|byte| b"\r\n".contains(&byte)));
        }
    }
}
