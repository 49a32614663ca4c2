//! `ratings` and `popularity` on small archives: what is counted, what is refused, what fails.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::AsArray as _;
use arrow::datatypes::{Float32Type, Float64Type, Int32Type, Int64Type, UInt32Type};
use cinescore_artifact::tables::{POPULARITY, RATINGS, REJECTS};
use proptest::prelude::*;

use crate::archives::zip;
use crate::program::{Ended, run, texts};

const MOVIES: &[u8] = b"movieId,title,genres\r\n7,\"Seven, The (1995)\",Crime|Drama\r\n8,Untimely,(no genres listed)\r\n";

/// A zip archive, or the folder, of these ratings.
fn source(folder: &Path, ratings: &[u8], zipped: bool) -> std::path::PathBuf {
    if zipped {
        let path = folder.join("ml-latest.zip");
        let members: [(&str, &[u8]); 2] = [
            ("ml-latest/movies.csv", MOVIES),
            ("ml-latest/ratings.csv", ratings),
        ];
        fs_err::write(&path, zip(&members)).unwrap();
        path
    } else {
        let path = folder.join("ml-latest");
        fs_err::create_dir(&path).unwrap();
        fs_err::write(path.join("movies.csv"), MOVIES).unwrap();
        fs_err::write(path.join("ratings.csv"), ratings).unwrap();
        path
    }
}

fn popularity(folder: &Path, ratings: &[u8], zipped: bool, params: &[(&str, &str)]) -> Ended {
    let path = source(folder, ratings, zipped);
    run(
        "popularity",
        &[("movielens", &path)],
        params,
        &folder.join("out"),
    )
}

/// The rows of `popularity` in words.
fn rows(ended: &Ended) -> Vec<String> {
    let table = ended.table(&POPULARITY);
    let columns =
        ["movie_id", "slot", "count", "share", "release_year"].map(|name| texts(&table, name));
    let genres = table.column_by_name("genres").unwrap().as_list::<i32>();
    (0..table.num_rows())
        .map(|row| {
            let genres = if arrow::array::Array::is_null(genres, row) {
                "-".to_owned()
            } else {
                format!(
                    "{:?}",
                    genres
                        .value(row)
                        .as_string::<i32>()
                        .iter()
                        .flatten()
                        .collect::<Vec<_>>()
                )
            };
            let columns: Vec<&str> = columns.iter().map(|column| column[row].as_str()).collect();
            format!("{} {genres}", columns.join(" "))
        })
        .collect()
}

#[test]
fn ratings_are_counted_by_movie_and_slot() {
    let ratings = b"userId,movieId,rating,timestamp\n1,7,4.0,86400\n2,7,3.5,1\n1,8,3.5,86401\n3,7,1.0,172800\n\
        4,9,1.0,172800\n5,7,0.5,172800\n6,7,9.5,172800\n";
    for zipped in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let ended = popularity(folder.path(), ratings, zipped, &[]).done();
        insta::allow_duplicates! {
            insta::assert_snapshot!(rows(&ended).join("\n"), @r#"
            7 1 2 1.0 1995 ["Crime", "Drama"]
            7 2 2 0.5 1995 ["Crime", "Drama"]
            8 2 1 0.25 - []
            9 2 1 0.25 - -
            "#);
        }
        let result = ended.result();
        assert_eq!(
            (
                result.rejected,
                ended.fact("ratings.counted"),
                ended.fact("movies.unknown")
            ),
            (1, 6, 1)
        );
        assert_eq!(texts(&ended.table(&REJECTS), "place"), ["line 8"]);
        assert_eq!(
            result.warnings,
            ["1 of the rated movies are not in `movies.csv`: their genres and year are null"]
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let ended = popularity(folder.path(), ratings, true, &[("slot", "year")]).done();
    assert_eq!(texts(&ended.table(&POPULARITY), "count"), ["4", "1", "1"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Every row is counted once or refused, and the counts are those of plain counting.
    #[test]
    fn popularity_is_plain_counting(
        given in prop::collection::vec((1..50_u32, 1..30_u32, 1..=10_u32, 0..4_000_000_u32, 0..20_u32), 0..400),
    ) {
        let mut text = "userId,movieId,rating,timestamp\n".to_owned();
        let mut expected: BTreeMap<(i32, u32), u32> = BTreeMap::new();
        let mut totals: BTreeMap<u32, u32> = BTreeMap::new();
        let mut refused = 0;
        for (user, movie, halves, time, luck) in &given {
            let end = if luck % 2 == 0 { "\r\n" } else { "\n" };
            if *luck == 7 {
                refused += 1;
                text.push_str(&format!("{user},{movie},nothing{end}"));
                continue;
            }
            text.push_str(&format!("{user},{movie},{}.{},{time}{end}", halves / 2, halves % 2 * 5));
            let slot = time.div_ceil(86_400);
            *expected.entry((*movie as i32, slot)).or_default() += 1;
            *totals.entry(slot).or_default() += 1;
        }
        let folder = tempfile::tempdir().unwrap();
        let ended = popularity(folder.path(), text.as_bytes(), true, &[("max-rejects", "0.99")]).done();
        let table = ended.table(&POPULARITY);
        let movies = table.column(0).as_primitive::<Int32Type>();
        let numbers = |index: usize| table.column(index).as_primitive::<UInt32Type>();
        let shares = table.column(3).as_primitive::<Float64Type>();
        let mut found = BTreeMap::new();
        for row in 0..table.num_rows() {
            let (slot, count) = (numbers(1).value(row), numbers(2).value(row));
            prop_assert_eq!(shares.value(row), f64::from(count) / f64::from(totals[&slot]));
            prop_assert!(found.insert((movies.value(row), slot), count).is_none());
        }
        prop_assert_eq!(&found, &expected);
        let counted: u32 = expected.values().sum();
        let result = ended.result();
        prop_assert_eq!(result.rejected, refused);
        prop_assert_eq!(result.rows_in["movielens/ratings.csv"], u64::from(counted) + result.rejected);
    }
}

#[test]
fn ratings_become_a_table_in_their_order() {
    let mut text = b"userId,movieId,rating,timestamp\r\n".to_vec();
    // More than a row group, and more than a block of text.
    let count = RATINGS.row_group_rows + 1000;
    for row in 0..count {
        let line = format!("{},{},{}.5,{}\r\n", row / 7 + 1, row % 7 + 1, row % 5, row);
        text.extend_from_slice(line.as_bytes());
    }
    text.extend_from_slice(b"1,1,3.5,4102444800\r\n");
    let mut files = Vec::new();
    for zipped in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let path = source(folder.path(), &text, zipped);
        let out = folder.path().join("out");
        let ended = run("ratings", &[("movielens", &path)], &[], &out).done();
        let table = ended.table(&RATINGS);
        assert_eq!(table.num_rows(), count);
        let (users, movies) = (
            table.column(0).as_primitive::<Int32Type>(),
            table.column(1).as_primitive::<Int32Type>(),
        );
        let (stars, times) = (
            table.column(2).as_primitive::<Float32Type>(),
            table.column(3).as_primitive::<Int64Type>(),
        );
        for row in 0..count {
            assert_eq!(users.value(row) as usize, row / 7 + 1);
            assert_eq!(movies.value(row) as usize, row % 7 + 1);
            assert_eq!(stars.value(row), (row % 5) as f32 + 0.5);
            assert_eq!(times.value(row) as usize, row);
        }
        assert_eq!(
            texts(&ended.table(&REJECTS), "place"),
            [format!("line {}", count + 2)]
        );
        assert_eq!(
            ended.result().rows_in["movielens/ratings.csv"],
            count as u64 + 1
        );
        files.push(fs_err::read(out.join("ratings.parquet")).unwrap());
    }
    assert!(files[0] == files[1]);
}

#[test]
fn more_refused_ratings_than_allowed_stop_the_stage_with_a_table_of_reasons() {
    let text = b"userId,movieId,rating,timestamp\n1,7,4.0,9\nx,7,4.0,9\n1,7,4.0,-1\n1,7,4.0,-2\n";
    let folder = tempfile::tempdir().unwrap();
    let ended = popularity(folder.path(), text, true, &[("max-rejects", "0.4")]);
    assert_eq!(ended.code, 3);
    insta::assert_snapshot!(ended.error(folder.path()), @r"
    error: 3 input rows were refused, 2 are allowed:
             2  movielens/ratings.csv: `timestamp` is not UTC seconds from 1970 to 2099 (first: line 4)
             1  movielens/ratings.csv: `userId` is not a whole number below 2^31 (first: line 3)
    hint: repair the sources, or allow more with `max_rejects`
    ");
    let ended = popularity(
        tempfile::tempdir().unwrap().path(),
        text,
        true,
        &[("max-rejects", "1.5")],
    );
    assert_eq!(ended.code, 2, "{}", ended.stderr);
}

#[test]
fn broken_archives_are_named_with_what_to_do() {
    let ratings = b"userId,movieId,rating,timestamp\n1,7,4.0,9\n";
    let whole = zip(&[("movies.csv", MOVIES), ("ratings.csv", ratings)]);
    // The member's compressed bytes, which stand somewhere behind its name.
    let mut wrong_sum = whole.clone();
    let at = wrong_sum
        .windows(11)
        .position(|bytes| bytes == b"ratings.csv")
        .unwrap();
    wrong_sum[at + 11 + 8] ^= 0x55;
    let mut wrong_crc = whole.clone();
    let at = wrong_crc
        .windows(4)
        .rposition(|bytes| bytes == b"PK\x01\x02")
        .unwrap();
    // The last member's sum in the directory.
    wrong_crc[at + 16] ^= 1;
    let cases: [(&str, Vec<u8>); 6] = [
        ("a wrong checksum", wrong_crc),
        ("cut off", whole[..whole.len() - 30].to_vec()),
        ("broken bytes", wrong_sum),
        (
            "a member outside the archive",
            zip(&[("movies.csv", MOVIES), ("../ratings.csv", ratings)]),
        ),
        (
            "an absolute name",
            zip(&[("movies.csv", MOVIES), ("/ratings.csv", ratings)]),
        ),
        (
            "other columns",
            zip(&[
                ("movies.csv", MOVIES),
                ("ratings.csv", b"user,movie\n1,2\n"),
            ]),
        ),
    ];
    let mut errors = Vec::new();
    for (what, bytes) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ml-latest.zip");
        fs_err::write(&path, bytes).unwrap();
        let out = folder.path().join("out");
        let ended = run("popularity", &[("movielens", &path)], &[], &out);
        assert_eq!(ended.code, 3, "{what}: {}", ended.stderr);
        assert!(!out.exists(), "{what}");
        errors.push(format!("{what}\n{}", ended.error(folder.path())));
    }
    insta::assert_snapshot!(errors.join("\n\n"), @r"
    a wrong checksum
    error: `DIR/ml-latest.zip/ratings.csv` is damaged
    caused by: Invalid checksum
    hint: download it again, then compare its size with the original's

    cut off
    error: `DIR/ml-latest.zip` is cut off
    caused by: invalid Zip archive: Could not find EOCD
    hint: download it again, then compare its size with the original's

    broken bytes
    error: `DIR/ml-latest.zip/ratings.csv` is damaged
    caused by: corrupt deflate stream
    hint: download it again, then compare its size with the original's

    a member outside the archive
    error: `DIR/ml-latest.zip` holds 0 files named `ratings.csv`; expected 1

    an absolute name
    error: `DIR/ml-latest.zip` holds 0 files named `ratings.csv`; expected 1

    other columns
    error: `DIR/ml-latest.zip/ratings.csv` has the columns `user`, `movie`; expected `userId`, `movieId`, `rating`, `timestamp`
    ");
}

#[test]
fn a_bomb_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = b"userId,movieId,rating,timestamp\n".to_vec();
    text.resize(80 << 20, b'\n');
    let ended = popularity(folder.path(), &text, true, &[]);
    assert_eq!(ended.code, 3);
    assert!(
        ended.stderr.contains("a compression bomb"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_line_of_a_hundred_megabytes_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = b"userId,movieId,rating,timestamp\n1,7,4.0,9\n".to_vec();
    text.resize(100 << 20, b'x');
    text.extend_from_slice(b"\n1,7,4.0,9\n1,7\n");
    let ended = popularity(folder.path(), &text, false, &[]).done();
    let rejects = ended.table(&REJECTS);
    assert_eq!(
        [texts(&rejects, "place"), texts(&rejects, "reason")],
        [
            ["line 3", "line 5"],
            [
                "the row has more than 1048576 bytes",
                "2 fields; expected 4"
            ]
        ]
    );
    assert_eq!(ended.fact("ratings.counted"), 2);
}
