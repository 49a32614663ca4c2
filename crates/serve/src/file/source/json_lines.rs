//! JSON lines.

use std::collections::{HashSet, VecDeque};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cinescore_artifact::StageError;
use serde_json::{Map, Value};

use super::gather::Gathered;
use super::{Bytes, ROW_BYTES, Source, no_column};
use crate::file::rows::{Chunk, Refused, Rows};
use crate::file::{CHUNK_BYTES, CHUNK_ROWS};

/// Bytes that are read at once.
const BUFFER: usize = 1 << 16;
/// What some programs put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A file with a JSON object a line.
pub(super) struct JsonLines {
    path: PathBuf,
    reader: BufReader<Box<dyn Read + Send>>,
    columns: Vec<String>,
    text: String,
    line: u64,
    /// The lines that were read to know the columns.
    first: VecDeque<Line>,
    place: Arc<AtomicU64>,
    size: u64,
}

/// A line, and whether it was too long to be held.
struct Line {
    bytes: Vec<u8>,
    is_whole: bool,
}

/// A line that can be used.
struct Row {
    line: String,
    members: Map<String, Value>,
    review: String,
}

impl JsonLines {
    pub(super) fn open(path: &Path, text_column: &str) -> Result<Self, StageError> {
        let bytes = Bytes::open(path)?;
        let mut reader = BufReader::with_capacity(BUFFER, bytes.reader);
        let (first, columns) = begin(&mut reader).map_err(|error| of_io(path, &error))?;
        if let Some(columns) = &columns
            && !columns.iter().any(|name| name == text_column)
        {
            return Err(no_column(path, text_column, columns));
        }
        Ok(Self {
            path: path.to_owned(),
            reader,
            columns: columns.unwrap_or_default(),
            text: text_column.to_owned(),
            line: 0,
            first,
            place: bytes.place,
            size: bytes.size,
        })
    }

    /// A row, if it can be used; none for an empty line.
    fn checked(&self, line: Line) -> Option<Result<Row, Refused>> {
        let refuse = |reason: String| Some(Err(Refused::new(self.line, reason, &line.bytes)));
        if !line.is_whole {
            return refuse(format!("more than {ROW_BYTES} bytes"));
        }
        let Ok(text) = std::str::from_utf8(&line.bytes) else {
            return refuse("not UTF-8".into());
        };
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let row = match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(row)) => row,
            Ok(_) => return refuse("not a JSON object".into()),
            Err(error) => return refuse(format!("not JSON: {error}")),
        };
        let review = match row.get(&self.text) {
            Some(Value::String(review)) if !review.trim().is_empty() => review.clone(),
            None | Some(Value::String(_) | Value::Null) => return refuse("no text".into()),
            Some(_) => return refuse(format!("`{}` is not a text", self.text)),
        };
        Some(Ok(Row {
            line: text.to_owned(),
            members: row,
            review,
        }))
    }
}

impl Source for JsonLines {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn next(&mut self, number: usize) -> Result<Option<Chunk>, StageError> {
        let begin = self.place();
        let mut gathered = Gathered::new();
        while !gathered.is_full() {
            let line = match self.first.pop_front() {
                Some(line) => line,
                None => match read_line(&mut self.reader) {
                    Ok(Some(line)) => line,
                    Ok(None) => break,
                    Err(error) => return Err(of_io(&self.path, &error)),
                },
            };
            self.line += 1;
            gathered.read(line.bytes.len());
            match self.checked(line) {
                Some(Ok(row)) => gathered.keep((row.line, row.members), row.review, self.line),
                Some(Err(row)) => gathered.refuse(row),
                None => {}
            }
        }
        Ok(gathered.chunk(number, begin..self.place(), Rows::Json))
    }

    fn place(&self) -> u64 {
        self.place.load(Ordering::Relaxed)
    }

    fn size(&self) -> u64 {
        self.size
    }
}

/// The first lines, up to one that is an object, and the names in it. Lines before it are empty, or refused like any other; where
/// there are as many as a chunk has, nothing is known of columns.
fn begin(reader: &mut impl BufRead) -> std::io::Result<(VecDeque<Line>, Option<Vec<String>>)> {
    let (mut lines, mut bytes) = (VecDeque::new(), 0);
    while lines.len() < CHUNK_ROWS && bytes < CHUNK_BYTES {
        let Some(mut line) = read_line(reader)? else {
            break;
        };
        if lines.is_empty() && line.bytes.starts_with(BYTE_ORDER_MARK) {
            line.bytes.drain(..BYTE_ORDER_MARK.len());
        }
        bytes += line.bytes.len();
        let columns = names(&line.bytes).filter(|_| line.is_whole);
        lines.push_back(line);
        if columns.is_some() {
            return Ok((lines, columns));
        }
    }
    Ok((lines, None))
}

/// The next line without its end; what is beyond the most bytes of a row is read over.
fn read_line(reader: &mut impl BufRead) -> std::io::Result<Option<Line>> {
    let mut bytes = Vec::new();
    let read = reader
        .by_ref()
        .take(ROW_BYTES as u64)
        .read_until(b'\n', &mut bytes)?;
    if read == 0 {
        return Ok(None);
    }
    let is_whole = bytes.last() == Some(&b'\n') || read < ROW_BYTES;
    if !is_whole {
        bytes.truncate(1 << 16);
        reader.skip_until(b'\n')?;
    }
    Ok(Some(Line { bytes, is_whole }))
}

/// The names in an object, in their order; none of what [`JsonLines::checked`] takes for no object.
fn names(line: &[u8]) -> Option<Vec<String>> {
    if !serde_json::from_slice::<Value>(line).is_ok_and(|value| value.is_object()) {
        return None;
    }
    /// Keeps the order, which a map does not.
    struct Names(Vec<String>);
    impl<'de> serde::Deserialize<'de> for Names {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Names;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(
                    self,
                    mut map: A,
                ) -> Result<Names, A::Error> {
                    let (mut names, mut seen) = (Vec::new(), HashSet::new());
                    while let Some((name, _)) = map.next_entry::<String, serde::de::IgnoredAny>()? {
                        // Of a name that is there twice, the last value counts.
                        if seen.insert(name.clone()) {
                            names.push(name);
                        }
                    }
                    Ok(Names(names))
                }
            }
            deserializer.deserialize_map(Visitor)
        }
    }
    serde_json::from_slice::<Names>(line)
        .ok()
        .map(|names| names.0)
}

fn of_io(path: &Path, error: &std::io::Error) -> StageError {
    super::of_io(&format!("cannot read `{}`", path.display()), error)
}
