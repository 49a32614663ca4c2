//! IMDb's `title.basics`: tab-separated, `\N` for null, no quoting (a `"` is a character), gzip or
//! plain.
//!
//! The original has over ten million rows and a run needs some thousand of them, so rows are streamed
//! and only those that are asked for are looked at beyond their number of fields, and kept.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Int32Builder, ListBuilder, StringArray, StringBuilder,
};

use crate::error::ReadError;
use crate::input::open_text;
use crate::lines::{Lines, columns};
use crate::rejects::{Refusal, Rejects};
use crate::watch::Watch;

/// The name of this source in results and rejects.
pub(super) const SOURCE: &str = "titles";
/// Rows between two looks at the clock and the interrupt flag.
const TICK_ROWS: u64 = 4096;

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

/// Reads the titles whose IMDb id is in `needed`.
pub(super) fn read(
    path: &Path,
    needed: &HashSet<&str>,
    rejects: &mut Rejects,
    watch: &Watch<'_>,
) -> Result<Titles, ReadError> {
    let broken = |source| ReadError::of_reading(path, source);
    let mut lines = Lines::new(open_text(path, watch)?);
    let header = lines
        .read()
        .map_err(broken)?
        .map(|line| line.bytes.to_vec())
        .unwrap_or_default();
    let places = columns(&header, '\t', COLUMNS).map_err(|found| ReadError::Header {
        path: path.to_owned(),
        expected: COLUMNS.map(String::from).to_vec(),
        found,
    })?;
    let width = header.split(|&byte| byte == b'\t').count();

    let mut wanted = Wanted {
        width,
        places,
        needed,
        seen: HashSet::new(),
        builder: Builder::default(),
    };
    let mut rows_in = 0;
    while let Some(line) = lines.read().map_err(broken)? {
        rows_in += 1;
        if rows_in % TICK_ROWS == 0 {
            watch.tick("reading titles")?;
        }
        if let Err(reason) = wanted.row(line.bytes) {
            rejects.add(SOURCE, line.place(), &reason, line.bytes);
        }
    }
    Ok(wanted.builder.finish(rows_in))
}

/// Picks the needed rows.
struct Wanted<'n> {
    /// Fields of a row, by the header.
    width: usize,
    /// Where [`COLUMNS`] stand.
    places: [usize; COLUMNS.len()],
    needed: &'n HashSet<&'n str>,
    seen: HashSet<&'n str>,
    builder: Builder,
}

impl Wanted<'_> {
    fn row(&mut self, line: &[u8]) -> Result<(), Refusal> {
        let found = 1 + line.iter().filter(|&&byte| byte == b'\t').count();
        if found != self.width {
            return Err(Refusal::Fields {
                expected: self.width,
                found,
            });
        }
        let split = || line.split(|&byte| byte == b'\t');
        // An id that is no UTF-8 is nobody's.
        let key = split()
            .nth(self.places[0])
            .and_then(|field| std::str::from_utf8(field).ok());
        let Some(&key) = key.and_then(|key| self.needed.get(key)) else {
            return Ok(());
        };
        if self.seen.contains(key) {
            return Err(Refusal::DuplicateKey {
                column: "tconst",
                value: key.into(),
            });
        }
        if let Err(error) = std::str::from_utf8(line) {
            return Err(Refusal::Utf8(error.valid_up_to()));
        }
        let fields: Vec<&[u8]> = split().collect();
        let title = Title::parse(self.places.map(|place| fields[place]))?;
        self.builder.append(key, &title);
        self.seen.insert(key);
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
            .flat_map(|genres| genres.split(','))
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
        let mut rejects = Rejects::new(100);
        let needed = ["tt0000001", "tt0000002", "tt0000003", "tt0000004"]
            .into_iter()
            .collect();
        let titles = read(
            &path,
            &needed,
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
            tt0000004\tmovie\ta\ta\t0\t1998\t\\N\t90\tDrama\n",
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
        8 fields; expected 9
        `2019` in column `isAdult` is not 0, 1 or `\N`
        invalid UTF-8 after 16 bytes
        `soon` in column `startYear` is not a whole number or `\N`
        the tconst `tt0000004` was there before
        ");
    }

    #[test]
    fn another_header_is_named() {
        let (titles, _rejects) = read_text(b"tconst\taverageRating\tnumVotes\n");
        let error = titles.err().unwrap().to_string();
        assert!(error.contains("has the columns `tconst`, `averageRating`, `numVotes`; expected `tconst`, `titleType`"), "{error}");
    }
}
