//! MovieLens' `ratings.csv`: parsed in blocks of lines on many threads, while one more thread reads or
//! inflates.
//!
//! Owns the rows' format: `userId,movieId,rating,timestamp`, no quoting, CRLF or LF, columns found by name.
//! Rows come in the file's order whatever the number of threads.

use crate::blocks::{Block, Blocks, check_length, for_each_line};
use crate::error::ReadError;
use crate::lines::columns;
use crate::movielens::source::Member;
use crate::ordered;
use crate::rejects::{Refusal, Rejects};
use crate::watch::Watch;

/// The name of this source in results and rejects.
pub(crate) const SOURCE: &str = "movielens/ratings.csv";

const COLUMNS: [&str; 4] = ["userId", "movieId", "rating", "timestamp"];
/// 2100-01-01 00:00 UTC, seconds: a later time is a mistake, such as milliseconds.
const TIME_END: u64 = 4_102_444_800;

/// A checked row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rating {
    /// Below 2^31, as `movie`.
    pub(crate) user: u32,
    pub(crate) movie: u32,
    /// 1 to 10.
    pub(crate) half_stars: u8,
    /// UTC seconds, before 2100.
    pub(crate) timestamp: u32,
}

/// Where [`COLUMNS`] stand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    places: [usize; COLUMNS.len()],
    width: usize,
}

/// What a block gave.
struct Parsed<A> {
    rows: A,
    lines: u64,
    refused: Vec<Refused>,
}

/// A refused row: its line in the block from 0, why, and its bytes.
pub(crate) type Refused = (u64, Refusal, Vec<u8>);

/// Reads all rows: `keep` gathers those of a block in a new `A`, on some thread, and `take` gets the blocks'
/// results in the file's order. Returns the number of rows, refused ones included.
pub(crate) fn read<A: Default + Send>(
    member: Member<'_>,
    threads: usize,
    rejects: &mut Rejects,
    watch: &Watch<'_>,
    keep: impl Fn(&mut A, Rating) + Sync,
    mut take: impl FnMut(A) -> Result<(), ReadError>,
) -> Result<u64, ReadError> {
    let path = member.path;
    let broken = |source| ReadError::of_reading(&path, source);
    let mut blocks = Blocks::new(member.reader);
    let header = blocks.header().map_err(broken)?.unwrap_or_default();
    let layout = Layout::of(&header).map_err(|found| ReadError::Header {
        path: path.clone(),
        expected: COLUMNS.map(String::from).to_vec(),
        found,
    })?;
    let mut rows_in = 0;
    ordered::map(
        threads,
        || blocks.next().map_err(broken),
        |block| {
            let mut rows = A::default();
            let mut refused = Vec::new();
            let lines = match block {
                Block::Lines(bytes) => {
                    let refuse = |line, reason, bytes: &[u8]| {
                        refused.push((line, reason, bytes.to_vec()));
                    };
                    parse(&bytes, &layout, |rating| keep(&mut rows, rating), refuse)
                }
                Block::TooLong(bytes) => {
                    refused.push((0, Refusal::TooLong, bytes));
                    1
                }
            };
            Ok(Parsed {
                rows,
                lines,
                refused,
            })
        },
        |parsed: Parsed<A>| {
            watch.tick("reading MovieLens' ratings")?;
            for (line, reason, bytes) in parsed.refused {
                // The header is line 1.
                let place = format!("line {}", rows_in + line + 2);
                rejects.add(SOURCE, place, &reason, &bytes);
            }
            rows_in += parsed.lines;
            take(parsed.rows)
        },
    )?;
    Ok(rows_in)
}

impl Layout {
    /// By the header line; `Err` holds the columns found.
    pub(crate) fn of(header: &[u8]) -> Result<Self, Vec<String>> {
        Ok(Self {
            places: columns(header, ',', COLUMNS)?,
            width: header.split(|&byte| byte == b',').count(),
        })
    }

    /// Whether the columns stand as MovieLens has them.
    fn is_usual(&self) -> bool {
        self.width == COLUMNS.len() && self.places == [0, 1, 2, 3]
    }
}

/// Gives every row of a block to `keep` or to `refuse` (with its line in the block); returns the number of
/// lines.
pub(crate) fn parse(
    block: &[u8],
    layout: &Layout,
    mut keep: impl FnMut(Rating),
    mut refuse: impl FnMut(u64, Refusal, &[u8]),
) -> u64 {
    let by_line = |number: u64, line: &[u8]| match row(line, layout) {
        Ok(rating) => keep(rating),
        Err(reason) => refuse(number, reason, line),
    };
    if !layout.is_usual() {
        return for_each_line(block, by_line);
    }
    let (mut at, mut number) = (0, 0);
    while at < block.len() {
        match usual_row(&block[at..]) {
            Some((rating, length)) => {
                keep(rating);
                at += length;
            }
            // Nearly no row comes here; what is wrong with it, if anything, is found slowly.
            None => {
                let line = &block[at..];
                let end = memchr::memchr(b'\n', line).unwrap_or(line.len());
                let line = &line[..end];
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                match row(line, layout) {
                    Ok(rating) => keep(rating),
                    Err(reason) => refuse(number, reason, line),
                }
                at += end + 1;
            }
        }
        number += 1;
    }
    number
}

/// The row at the beginning of the bytes, in the order that MovieLens has, and its length with the line
/// end; `None` if there is anything unusual about it.
#[inline]
fn usual_row(bytes: &[u8]) -> Option<(Rating, usize)> {
    let (user, at) = digits(bytes, 0)?;
    let (movie, at) = digits(bytes, after(bytes, at, b',')?)?;
    let at = after(bytes, at, b',')?;
    let [whole, point, half, comma] = *bytes.get(at..at + 4)?.first_chunk()?;
    let halves = match half {
        b'0' => 0,
        b'5' => 1,
        _ => return None,
    };
    let half_stars = whole
        .wrapping_sub(b'0')
        .checked_mul(2)?
        .checked_add(halves)?;
    if point != b'.' || comma != b',' || !(1..=10).contains(&half_stars) {
        return None;
    }
    let (timestamp, at) = digits(bytes, at + 4)?;
    let at = match bytes.get(at)? {
        b'\n' => at + 1,
        b'\r' => after(bytes, at + 1, b'\n')?,
        _ => return None,
    };
    let fits = user < 1 << 31 && movie < 1 << 31 && timestamp < TIME_END;
    fits.then_some((
        Rating {
            user: user as u32,
            movie: movie as u32,
            half_stars,
            timestamp: timestamp as u32,
        },
        at,
    ))
}

/// The number of 1 to 10 digits at a place, and the place after it.
#[inline]
fn digits(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut value = 0;
    let mut length = 0;
    for &byte in bytes.get(at..)? {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value * 10 + u64::from(digit);
        length += 1;
        if length > 10 {
            return None;
        }
    }
    (length > 0).then_some((value, at + length))
}

#[inline]
fn after(bytes: &[u8], at: usize, expected: u8) -> Option<usize> {
    (*bytes.get(at)? == expected).then_some(at + 1)
}

/// Any row, with what is wrong with it.
fn row(line: &[u8], layout: &Layout) -> Result<Rating, Refusal> {
    check_length(line)?;
    let mut fields = [&b""[..]; COLUMNS.len()];
    let mut found = 0;
    for (index, field) in line.split(|&byte| byte == b',').enumerate() {
        if let Some(wanted) = layout.places.iter().position(|place| *place == index) {
            fields[wanted] = field;
        }
        found = index + 1;
    }
    if found != layout.width {
        return Err(Refusal::Fields {
            expected: layout.width,
            found,
        });
    }
    let [user, movie, rating, timestamp] = fields;
    Ok(Rating {
        user: id(COLUMNS[0], user)?,
        movie: id(COLUMNS[1], movie)?,
        half_stars: half_stars(rating)?,
        timestamp: time(timestamp)?,
    })
}

/// A whole number below 2^31.
pub(crate) fn id(column: &'static str, field: &[u8]) -> Result<u32, Refusal> {
    match digits(field, 0) {
        Some((value, end)) if end == field.len() && value < 1 << 31 => Ok(value as u32),
        _ => Err(Refusal::value(column, field, "a whole number below 2^31")),
    }
}

/// A rating of 0.5 to 5 stars in half stars.
fn half_stars(field: &[u8]) -> Result<u8, Refusal> {
    let halves = match field {
        [stars @ b'0'..=b'5'] | [stars @ b'0'..=b'5', b'.', b'0'] => (stars - b'0') * 2,
        [stars @ b'0'..=b'4', b'.', b'5'] => (stars - b'0') * 2 + 1,
        _ => 0,
    };
    if halves == 0 {
        Err(Refusal::value("rating", field, "0.5 to 5 in halves"))
    } else {
        Ok(halves)
    }
}

fn time(field: &[u8]) -> Result<u32, Refusal> {
    match digits(field, 0) {
        Some((value, end)) if end == field.len() && value < TIME_END => Ok(value as u32),
        _ => Err(Refusal::value(
            "timestamp",
            field,
            "UTC seconds from 1970 to 2099",
        )),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usual() -> Layout {
        Layout::of(b"userId,movieId,rating,timestamp").unwrap()
    }

    /// Kept rows, and the lines and reasons of refused ones.
    fn parsed(block: &[u8], layout: &Layout) -> (Vec<Rating>, Vec<(u64, String)>, u64) {
        let (mut rows, mut refused) = (Vec::new(), Vec::new());
        let lines = parse(
            block,
            layout,
            |rating| rows.push(rating),
            |line, reason, _| refused.push((line, reason.to_string())),
        );
        (rows, refused, lines)
    }

    #[test]
    fn rows_are_checked_and_refused_ones_have_a_reason() {
        let (rows, refused, lines) = parsed(
            b"1,2,3.5,9\r\n1,2,5,9\n1,2,5.5,9\n1,2,0.0,9\n1,2,3.5\n\n1,-2,3.5,9\n1,2,3.5,-9\n\
            1,2,3.5,4102444800\n2147483648,2,3.5,9\n1,2,3.5,9,\n1,2,3.5,1500000000000\n1,\0,3.5,9\n7,8,0.5,4102444799",
            &usual(),
        );
        let rating = |user, movie, half_stars, timestamp| Rating {
            user,
            movie,
            half_stars,
            timestamp,
        };
        assert_eq!(
            rows,
            [
                rating(1, 2, 7, 9),
                rating(1, 2, 10, 9),
                rating(7, 8, 1, 4_102_444_799)
            ]
        );
        assert_eq!(lines, 14);
        let refused: Vec<String> = refused
            .into_iter()
            .map(|(line, reason)| format!("{line}: {reason}"))
            .collect();
        insta::assert_snapshot!(refused.join("\n"), @r"
        2: `5.5` in column `rating` is not 0.5 to 5 in halves
        3: `0.0` in column `rating` is not 0.5 to 5 in halves
        4: 3 fields; expected 4
        5: 1 fields; expected 4
        6: `-2` in column `movieId` is not a whole number below 2^31
        7: `-9` in column `timestamp` is not UTC seconds from 1970 to 2099
        8: `4102444800` in column `timestamp` is not UTC seconds from 1970 to 2099
        9: `2147483648` in column `userId` is not a whole number below 2^31
        10: 5 fields; expected 4
        11: `1500000000000` in column `timestamp` is not UTC seconds from 1970 to 2099
        12: `\u{0}` in column `movieId` is not a whole number below 2^31
        ");
    }

    #[test]
    fn columns_are_found_by_name() {
        let layout = Layout::of(b"x,timestamp,rating,movieId,userId").unwrap();
        let (rows, refused, lines) = parsed(b",9,0.5,2,1\n,9,0.5,2\n", &layout);
        assert_eq!(
            rows,
            [Rating {
                user: 1,
                movie: 2,
                half_stars: 1,
                timestamp: 9
            }]
        );
        assert_eq!((refused.len(), lines), (1, 2));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        /// The fast path and the slow one agree on every text, and no line is lost.
        #[test]
        fn the_fast_path_says_what_the_slow_one_says(
            text in "((([0-9]{1,11},){2}[0-6]\\.[05],[0-9]{1,11}|[0-9,.a\r]{0,12})\r?\n){0,6}[0-9,.\r]{0,9}"
        ) {
            let (rows, refused, lines) = parsed(text.as_bytes(), &usual());
            let (mut slow_rows, mut slow_refused) = (Vec::new(), Vec::new());
            let slow_lines = for_each_line(text.as_bytes(), |number, line| match row(line, &usual()) {
                Ok(rating) => slow_rows.push(rating),
                Err(reason) => slow_refused.push((number, reason.to_string())),
            });
            prop_assert_eq!(rows.len() + refused.len(), lines as usize);
            prop_assert_eq!((rows, refused, lines), (slow_rows, slow_refused, slow_lines));
        }
    }
}
