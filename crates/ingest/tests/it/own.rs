//! `reviews` on tables of one's own: CSV, JSON lines, Parquet, and mixes with Stanford's archive.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use cinescore_artifact::tables::{REJECTS, REVIEWS, UNMATCHED};
use parquet::arrow::ArrowWriter;

use crate::archives::{Sources, gzip};
use crate::program::{Ended, run, texts};

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs_err::write(&path, bytes).unwrap();
    path
}

fn ingest(folder: &Path, files: &[&Path], params: &[(&str, &str)]) -> Ended {
    let inputs: Vec<(&str, &Path)> = files.iter().map(|path| ("reviews", *path)).collect();
    run("reviews", &inputs, params, &folder.join("out"))
}

/// The rows of `reviews` in words, by place.
fn rows(ended: &Ended) -> String {
    let table = ended.table(&REVIEWS);
    lines(
        &table,
        &["member", "split", "score", "polarity", "tconst", "text"],
    )
}

fn lines(table: &RecordBatch, columns: &[&str]) -> String {
    let columns: Vec<Vec<String>> = columns.iter().map(|name| texts(table, name)).collect();
    let mut lines: Vec<String> = (0..table.num_rows())
        .map(|row| {
            let fields: Vec<&str> = columns.iter().map(|column| column[row].as_str()).collect();
            fields.join(" | ")
        })
        .collect();
    lines.sort();
    lines.join("\n")
}

#[test]
fn the_well_known_csv_has_a_polarity_and_no_score() {
    let folder = tempfile::tempdir().unwrap();
    let mut csv = "review,sentiment\n".to_owned();
    for index in 0..1000 {
        let sentiment = if index % 2 == 0 {
            "positive"
        } else {
            "negative"
        };
        csv.push_str(&format!(
            "\"A \"\"film\"\", the {index}th,\nin two lines\",{sentiment}\n"
        ));
    }
    let path = write(folder.path(), "IMDB Dataset.csv", csv.as_bytes());
    let ended = ingest(folder.path(), &[&path], &[("max-rejects", "0")]).done();
    let table = ended.table(&REVIEWS);
    assert_eq!(table.num_rows(), 1000);
    assert_eq!(table.column_by_name("score").unwrap().null_count(), 1000);
    let polarity = texts(&table, "polarity");
    assert_eq!(polarity.iter().filter(|value| *value == "1").count(), 500);
    assert!(texts(&table, "text").contains(&"A \"film\", the 7th,\nin two lines".to_owned()));
    let test = texts(&table, "split")
        .iter()
        .filter(|split| *split == "test")
        .count();
    assert!((150..250).contains(&test), "{test} of 1000 are test rows");
    let none = ingest(
        &folder.path().join("again"),
        &[&path],
        &[("test-share", "0")],
    )
    .done();
    assert!(
        texts(&none.table(&REVIEWS), "split")
            .iter()
            .all(|split| split == "train")
    );
}

#[test]
fn bad_rows_of_one_s_own_are_refused_with_their_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(
        folder.path(),
        "mine.csv",
        b"id,Text,Stars,imdb_id,split\r\n1,Good,9.0,tt0000001,train\r\n2,Bad,2,,test\r\n3,So so,5,,train\r\n\
        4,Unrated,,,unlabelled\r\n5,Too much,11,,train\r\n6,Half,7.5,,train\r\n7,,7,,train\r\n8,\xff,7,,train\r\n\
        9,No id,7,nm0000001,train\r\n9,Where,7,,dev\r\n1,Twice,7,,train\r\n10,Short,7\r\n11,N\0l,7,,train\r\n",
    );
    let ended = ingest(folder.path(), &[&path], &[]).done();
    insta::assert_snapshot!(rows(&ended), @r"
    table 1 row 1 | train | 9 | 1 | tt0000001 | Good
    table 1 row 2 | test | 2 | 0 | - | Bad
    table 1 row 3 | train | 5 | - | - | So so
    table 1 row 4 | unlabelled | - | - | - | Unrated
    ");
    insta::assert_snapshot!(lines(&ended.table(&REJECTS), &["source", "place", "reason"]), @r"
    reviews | table 1 row 10 | `dev` in column `split` is not train, test or unlabelled
    reviews | table 1 row 11 | the id `1` was there before
    reviews | table 1 row 12 | 3 fields; expected 5
    reviews | table 1 row 13 | a NUL byte after 1 bytes
    reviews | table 1 row 5 | `11` in column `score` is not a whole number from 1 to 10
    reviews | table 1 row 6 | `7.5` in column `score` is not a whole number from 1 to 10
    reviews | table 1 row 7 | column `Text` is missing or null
    reviews | table 1 row 8 | invalid UTF-8 after 0 bytes
    reviews | table 1 row 9 | `nm0000001` in column `tconst` is not an IMDb id such as `tt0111161`
    ");
    let result = ended.result();
    assert_eq!(
        result.rows_in["reviews"],
        result.rows_out["reviews"] + result.rejected
    );
}

#[test]
fn json_lines_parquet_and_csv_give_the_same_reviews() {
    let folder = tempfile::tempdir().unwrap();
    let csv = write(
        folder.path(),
        "a",
        b"note,body of it,mark\nx,Good,9\n,Bad,1\nx,Unknown,\n",
    );
    let json = write(
        folder.path(),
        "b",
        &gzip(b"{\"body of it\": \"Good\", \"mark\": 9}\n{\"mark\": \"1\", \"body of it\": \"Bad\", \"note\": null}\n{\"body of it\": \"Unknown\"}\nnothing\n[1]\n{\"mark\": 3}\n"),
    );
    let parquet = folder.path().join("c");
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "body of it",
            Arc::new(StringArray::from(vec!["Good", "Bad", "Unknown"])),
        ),
        (
            "mark",
            Arc::new(Int64Array::from(vec![Some(9), Some(1), None])),
        ),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap();
    let file = fs_err::File::create(&parquet).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();

    let params = [
        ("text-column", "body of it"),
        ("score-column", "mark"),
        ("test-share", "0"),
    ];
    let mut found = Vec::new();
    for (path, refused) in [(&csv, 0), (&json, 3), (&parquet, 0)] {
        let out = tempfile::tempdir().unwrap();
        let ended = ingest(out.path(), &[path], &params).done();
        assert_eq!(ended.result().rejected, refused);
        found.push(lines(
            &ended.table(&REVIEWS),
            &["split", "score", "polarity", "text"],
        ));
    }
    assert_eq!(
        found[0],
        "train | 1 | 0 | Bad\ntrain | 9 | 1 | Good\nunlabelled | - | - | Unknown"
    );
    assert!(found.iter().all(|rows| *rows == found[0]));

    let ended = ingest(folder.path(), &[&csv], &[]);
    assert_eq!(ended.code, 3);
    insta::assert_snapshot!(ended.error(folder.path()), @r"
    error: `DIR/a` has no column `text`: it has `note`, `body of it`, `mark`
    hint: name the column with `text_column`
    ");
    let ended = ingest(folder.path(), &[&csv], &[("text-column", "bdy")]);
    insta::assert_snapshot!(ended.error(folder.path()), @r"
    error: `DIR/a` has no column `bdy`: it has `note`, `body of it`, `mark`
    hint: name the column with `text_column`
    ");
}

#[test]
fn one_s_own_reviews_join_stanford_s_and_what_was_not_found_is_a_table() {
    let sources = Sources::with(&[
        ("aclImdb/train/pos/0_9.txt", b"Good."),
        (
            "aclImdb/train/urls_pos.txt",
            b"http://www.imdb.com/title/tt0000001/usercomments\n",
        ),
    ]);
    let path = sources.path();
    let mine = write(
        path,
        "mine.csv",
        b"text,score,tconst\nMine,7,tt0000003\nOther,8,tt0000002\nOther again,8,tt0000002\nNowhere,3,tt0000009\nNone,3,\n",
    );
    let inputs = [
        ("aclimdb", path),
        ("reviews", &mine),
        ("titles", path),
        ("movielens", path),
    ];
    let ended = run("reviews", &inputs, &[("test-share", "0")], &sources.out()).done();
    insta::assert_snapshot!(rows(&ended), @r"
    table 1 row 1 | train | 7 | 1 | tt0000003 | Mine
    table 1 row 2 | train | 8 | 1 | tt0000002 | Other
    table 1 row 3 | train | 8 | 1 | tt0000002 | Other again
    table 1 row 4 | train | 3 | 0 | tt0000009 | Nowhere
    table 1 row 5 | train | 3 | 0 | - | None
    train/pos/0_9.txt | train | 9 | 1 | tt0000001 | Good.
    ");
    insta::assert_snapshot!(lines(&ended.table(&UNMATCHED), &["source", "id", "reviews"]), @r"
    movielens/links.csv | tt0000002 | 2
    movielens/links.csv | tt0000009 | 1
    titles | tt0000009 | 1
    ");
    assert_eq!(
        (
            ended.fact("unmatched.titles"),
            ended.fact("unmatched.movielens/links.csv")
        ),
        (1, 2)
    );
    let ended = run("reviews", &[("titles", path)], &[], &path.join("none"));
    assert_eq!(ended.code, 2);
    assert_eq!(
        ended.error(path),
        "error: there are no reviews to read\nhint: give `aclimdb`, `reviews` or both"
    );
}
