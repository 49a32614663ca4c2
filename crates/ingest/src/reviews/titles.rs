//! IMDb's `title.basics`: tab-separated, `\N` for null, no quoting (a `"` is a character), gzip or
//! plain.
//!
//! The original has over ten million rows and a run needs some thousand of them. One thread inflates, a second
//! one finds the needed rows and checks the number of fields of all others, and a third keeps and checks the
//! needed ones, which is next to nothing. Memory: a few blocks of text and the titles that are kept.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Int32Builder, ListBuilder, StringArray, StringBuilder,
};

use crate::blocks::{Block, Blocks, check_length, for_each_line};
use crate::error::ReadError;
use crate::input::open_stream;
use crate::lines::{columns, each_once};
use crate::ordered;
use crate::rejects::{Refusal, Rejects};
use crate::watch::Watch;

/// The name of this source in results and rejects.
pub(super) const SOURCE: &str = "titles";

const COLUMNS: [&str; 9] = [
    "tconst",
    "titleType",
    "primaryTitle",
    "originalTitle",
    "isAdult",
    "startYear",
    "endYear",
    "runtimeMinutes",
    "genres",
];

/// The titles that were asked for.
pub(super) struct Titles {
    /// IMDb ids, in the source's order, each once.
    pub(super) tconst: StringArray,
    /// The title columns of the `reviews` table, `title_type` to `genres`, in its order.
    pub(super) columns: [ArrayRef; 8],
    /// Rows of the source, refused ones included.
    pub(super) rows_in: u64,
}

impl Titles {
    /// No titles, where none were given.
    pub(super) fn none() -> Self {
        Builder::default().finish(0)
    }
}

/// Reads the titles whose IMDb id is in `needed`.
pub(super) fn read(
    path: &Path,
    needed: &HashSet<&str>,
    threads: usize,
    rejects: &mut Rejects,
    watch: &Watch<'_>,
) -> Result<Titles, ReadError> {
    let broken = |source| ReadError::of_reading(path, source);
    let mut blocks = Blocks::new(open_stream(path, watch)?);
    let header = blocks.header().map_err(broken)?.unwrap_or_default();
    let layout = Layout::of(&header).map_err(|found| ReadError::Header {
        path: path.to_owned(),
        expected: COLUMNS.map(String::from).to_vec(),
        found,
    })?;
    // A keyed hasher, and a fast one: every row is looked up.
    let by_bytes: Needed<'_> = needed.iter().map(|id| (id.as_bytes(), *id)).collect();
    let mut rows_in = 0;
    let mut wanted = Wanted::default();
    ordered::map(
        // Inflating takes longer than one thread needs for the rest.
        threads.saturating_sub(1),
        || blocks.next().map_err(broken),
        |block| Ok(filter(block, &layout, &by_bytes)),
        |found: Found<'_>| {
            watch.tick("reading titles")?;
            for row in found.rows {
                let outcome = row
                    .outcome
                    .and_then(|id| wanted.row(id, &row.bytes, &layout));
                if let Err(reason) = outcome {
                    // The header is line 1.
                    let place = format!("line {}", rows_in + row.line + 2);
                    rejects.add(SOURCE, place, &reason, &row.bytes);
                }
            }
            rows_in += found.lines;
            Ok(())
        },
    )?;
    Ok(wanted.builder.finish(rows_in))
}

type Needed<'n> = HashMap<&'n [u8], &'n str, ahash::RandomState>;

/// Where the columns stand.
struct Layout {
    /// Fields of a row, by the header.
    width: usize,
    /// Of [`COLUMNS`].
    places: [usize; COLUMNS.len()],
}

impl Layout {
    fn of(header: &[u8]) -> Result<Self, Vec<String>> {
        Ok(Self {
            width: 1 + tabs(header),
            places: columns(header, '\t', COLUMNS)?,
        })
    }
}

/// What a block holds that somebody must look at.
struct Found<'n> {
    rows: Vec<FoundRow<'n>>,
    lines: u64,
}

struct FoundRow<'n> {
    /// Of the block, from 0.
    line: u64,
    bytes: Vec<u8>,
    /// The id, which is a needed one, or why the row is refused.
    outcome: Result<&'n str, Refusal>,
}

/// Looks at every row of a block: the number of its fields, and whether it is needed.
fn filter<'n>(block: Block, layout: &Layout, needed: &Needed<'n>) -> Found<'n> {
    let mut rows = Vec::new();
    let bytes = match block {
        Block::Lines(bytes) => bytes,
        Block::TooLong(bytes) => {
            rows.push(FoundRow {
                line: 0,
                bytes,
                outcome: Err(Refusal::TooLong),
            });
            return Found { rows, lines: 1 };
        }
    };
    let lines = for_each_line(&bytes, |line, bytes| {
        let found = 1 + tabs(bytes);
        let outcome = if let Err(reason) = check_length(bytes) {
            Err(reason)
        } else if found == layout.width {
            match needed.get(field(bytes, layout.places[0])) {
                Some(id) => Ok(*id),
                None => return,
            }
        } else {
            Err(Refusal::Fields {
                expected: layout.width,
                found,
            })
        };
        rows.push(FoundRow {
            line,
            bytes: bytes.to_vec(),
            outcome,
        });
    });
    Found { rows, lines }
}

/// The number of tabs.
fn tabs(bytes: &[u8]) -> usize {
    // Sums of bytes, which the compiler turns into vector instructions.
    bytes
        .chunks(usize::from(u8::MAX))
        .map(|bytes| {
            let tabs: u8 = bytes.iter().map(|&byte| u8::from(byte == b'\t')).sum();
            usize::from(tabs)
        })
        .sum()
}

/// The field at a place, which the line must have.
fn field(line: &[u8], place: usize) -> &[u8] {
    let mut rest = line;
    for _ in 0..place {
        rest = memchr::memchr(b'\t', rest).map_or(&[], |end| &rest[end + 1..]);
    }
    memchr::memchr(b'\t', rest).map_or(rest, |end| &rest[..end])
}

/// The needed rows so far.
#[derive(Default)]
struct Wanted<'n> {
    seen: HashSet<&'n str>,
    builder: Builder,
}

impl<'n> Wanted<'n> {
    fn row(&mut self, id: &'n str, line: &[u8], layout: &Layout) -> Result<(), Refusal> {
        if self.seen.contains(id) {
            return Err(Refusal::DuplicateKey {
                column: "tconst",
                value: id.into(),
            });
        }
        if let Err(error) = std::str::from_utf8(line) {
            return Err(Refusal::Utf8(error.valid_up_to()));
        }
        if let Some(at) = memchr::memchr(0, line) {
            return Err(Refusal::Nul(at));
        }
        let fields: Vec<&[u8]> = line.split(|&byte| byte == b'\t').collect();
        let title = Title::parse(layout.places.map(|place| fields[place]))?;
        self.builder.append(id, &title);
        self.seen.insert(id);
        Ok(())
    }
}

/// A row whose values are checked.
struct Title<'a> {
    title_type: Option<&'a str>,
    primary_title: Option<&'a str>,
    original_title: Option<&'a str>,
    is_adult: Option<bool>,
    start_year: Option<i32>,
    end_year: Option<i32>,
    runtime_minutes: Option<i32>,
    genres: Option<&'a str>,
}

impl<'a> Title<'a> {
    fn parse(fields: [&'a [u8]; COLUMNS.len()]) -> Result<Self, Refusal> {
        let text = |index: usize| {
            let value = std::str::from_utf8(fields[index])
                .map_err(|error| Refusal::Utf8(error.valid_up_to()))?;
            Ok((value != "\\N").then_some(value))
        };
        let number = |index: usize| -> Result<Option<i32>, Refusal> {
            let parse = |value: &str| value.parse().ok().filter(|number| *number >= 0);
            let bad = || Refusal::value(COLUMNS[index], fields[index], "a whole number or `\\N`");
            text(index)?
                .map(|value| parse(value).ok_or_else(bad))
                .transpose()
        };
        let is_adult = match text(4)? {
            None => None,
            Some("0") => Some(false),
            Some("1") => Some(true),
            Some(_) => return Err(Refusal::value(COLUMNS[4], fields[4], "0, 1 or `\\N`")),
        };
        Ok(Self {
            title_type: text(1)?,
            primary_title: text(2)?,
            original_title: text(3)?,
            is_adult,
            start_year: number(5)?,
            end_year: number(6)?,
            runtime_minutes: number(7)?,
            genres: text(8)?,
        })
    }
}

#[derive(Default)]
struct Builder {
    tconst: StringBuilder,
    title_type: StringBuilder,
    primary_title: StringBuilder,
    original_title: StringBuilder,
    is_adult: BooleanBuilder,
    start_year: Int32Builder,
    end_year: Int32Builder,
    runtime_minutes: Int32Builder,
    genres: ListBuilder<StringBuilder>,
}

impl Builder {
    fn append(&mut self, tconst: &str, title: &Title<'_>) {
        self.tconst.append_value(tconst);
        self.title_type.append_option(title.title_type);
        self.primary_title.append_option(title.primary_title);
        self.original_title.append_option(title.original_title);
        self.is_adult.append_option(title.is_adult);
        self.start_year.append_option(title.start_year);
        self.end_year.append_option(title.end_year);
        self.runtime_minutes.append_option(title.runtime_minutes);
        for genre in title
            .genres
            .into_iter()
            .flat_map(|genres| each_once(genres, ','))
        {
            self.genres.values().append_value(genre);
        }
        self.genres.append(title.genres.is_some());
    }

    fn finish(mut self, rows_in: u64) -> Titles {
        let columns: [ArrayRef; 8] = [
            Arc::new(self.title_type.finish()),
            Arc::new(self.primary_title.finish()),
            Arc::new(self.original_title.finish()),
            Arc::new(self.is_adult.finish()),
            Arc::new(self.start_year.finish()),
            Arc::new(self.end_year.finish()),
            Arc::new(self.runtime_minutes.finish()),
            Arc::new(self.genres.finish()),
        ];
        Titles {
            tconst: self.tconst.finish(),
            columns,
            rows_in,
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array as _, AsArray as _};
    use arrow::datatypes::Int32Type;
    use cinescore_artifact::program::Progress;

    use super::*;

    fn read_text(text: &[u8]) -> (Result<Titles, ReadError>, Rejects) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("title.basics.tsv");
        fs_err::write(&path, text).unwrap();
        let mut rejects = Rejects::new(100.into());
        let needed = ["tt0000001", "tt0000002", "tt0000003", "tt0000004"]
            .into_iter()
            .collect();
        let titles = read(
            &path,
            &needed,
            2,
            &mut rejects,
            &Watch::idle(&Progress::silent()),
        );
        (titles, rejects)
    }

    #[test]
    fn quotes_are_text_and_backslash_n_is_null() {
        // The columns stand in another order than IMDb's: they are found by name.
        let (titles, rejects) = read_text(
            b"titleType\ttconst\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\truntimeMinutes\tgenres\n\
            movie\ttt0000001\t\"Maine\" 11'09\"01\tL\xc3\xa9on\t0\t1998\t\\N\t90\tDrama,Comedy\n\
            movie\ttt0000009\tNobody asked\tx\tnot looked at\t1998\t\\N\t90\tDrama\n\
            \\N\ttt0000002\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\n",
        );
        let titles = titles.unwrap();
        assert_eq!(
            (rejects.total(), titles.rows_in, titles.tconst.len()),
            (0, 3, 2)
        );
        let [
            title_type,
            primary,
            original,
            adult,
            start,
            end,
            runtime,
            genres,
        ] = &titles.columns;
        assert_eq!(primary.as_string::<i32>().value(0), "\"Maine\" 11'09\"01");
        assert_eq!(original.as_string::<i32>().value(0), "L\u{e9}on");
        assert_eq!(start.as_primitive::<Int32Type>().value(0), 1998);
        assert_eq!(runtime.as_primitive::<Int32Type>().value(0), 90);
        assert!(end.is_null(0) && !adult.as_boolean().value(0));
        let first = genres.as_list::<i32>().value(0);
        assert_eq!(
            first
                .as_string::<i32>()
                .iter()
                .flatten()
                .collect::<Vec<_>>(),
            ["Drama", "Comedy"]
        );
        assert!(title_type.is_null(1) && genres.is_null(1));
    }

    #[test]
    fn bad_rows_are_refused_with_their_reason() {
        let (titles, rejects) = read_text(
            b"tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\truntimeMinutes\tgenres\n\
            tt0000001\tmovie\ta\ta\t0\t1998\t\\N\t90\n\
            tt0000002\tmovie\ta\ta\t2019\t1998\t\\N\t90\tDrama\n\
            tt0000003\tmovie\t\xff\ta\t0\t1998\t\\N\t90\tDrama\n\
            tt0000004\tmovie\ta\ta\t0\tsoon\t\\N\t90\tDrama\n\
            tt0000004\tmovie\ta\ta\t0\t1998\t\\N\t90\tDrama\n\
            tt0000004\tmovie\ta\ta\t0\t1998\t\\N\t90\tDrama\n\
            tt0000001\tmovie\t\0\ta\t0\t1998\t\\N\t90\tDrama\n",
        );
        assert_eq!(titles.unwrap().tconst.len(), 1);
        let batch = rejects.batch().unwrap();
        let rows: Vec<String> = ["place", "reason"]
            .map(|name| {
                batch
                    .column_by_name(name)
                    .unwrap()
                    .as_string::<i32>()
                    .iter()
                    .flatten()
                    .collect::<Vec<_>>()
            })
            .into_iter()
            .map(|column| column.join("\n"))
            .collect();
        insta::assert_snapshot!(rows.join("\n"), @r"
        line 2
        line 3
        line 4
        line 5
        line 7
        line 8
        8 fields; expected 9
        `2019` in column `isAdult` is not 0, 1 or `\N`
        invalid UTF-8 after 16 bytes
        `soon` in column `startYear` is not a whole number or `\N`
        the tconst `tt0000004` was there before
        a NUL byte after 16 bytes
        ");
    }

    #[test]
    fn another_header_is_named() {
        let (titles, _rejects) = read_text(b"tconst\taverageRating\tnumVotes\n");
        let error = titles.err().unwrap().to_string();
        assert!(error.contains("has the columns `tconst`, `averageRating`, `numVotes`; expected `tconst`, `titleType`"), "{error}");
    }
}
