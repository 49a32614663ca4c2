//! The program by itself, in its own process: what it answers to plans, and what it believes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch};
use datafusion::parquet::arrow::ArrowWriter;

use crate::cluster::PROGRAM;

/// Five ratings of two movies.
fn ratings(folder: &Path) -> PathBuf {
    let path = folder.join("ratings.parquet");
    let movies: ArrayRef = Arc::new(Int32Array::from(vec![7, 7, 7, 8, 8]));
    let times: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 86_401, 1, 1]));
    let batch = RecordBatch::try_from_iter([("movie_id", movies), ("timestamp", times)]).unwrap();
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

/// Answer and exit code for a plan in which `expected` stands as given.
fn answer(folder: &Path, version: u32, expected: &str) -> (String, Option<i32>) {
    let plan = folder.join("plan.json");
    let text = format!(
        r#"{{"version": {version}, "url": "in-process", "verify_sample": 1.0, "output": "{}",
        "work": {{"popularity": {{"ratings": "{}", "slot": "day", "expected": {expected}}}}}}}"#,
        folder.join("counts.parquet").display(),
        ratings(folder).display(),
    );
    std::fs::write(&plan, text).unwrap();
    let output = Command::new(PROGRAM)
        .arg("run")
        .arg(&plan)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    (said.trim_end().to_owned(), output.status.code())
}

#[test]
fn what_is_counted_is_answered_with_its_sums() {
    let folder = tempfile::tempdir().unwrap();
    let (said, code) = answer(folder.path(), 1, "null");
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.starts_with(r#"{"done":{"version":1,"rows":3,"sums":{"items":5,"checksum":"#),
        "{said}"
    );
    assert!(said.ends_with(r#"},"sampled":3}}"#), "{said}");
    assert!(folder.path().join("counts.parquet").is_file());
    // It does not write over what is there.
    let (said, code) = answer(folder.path(), 1, "null");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(r#""reason":"output""#), "{said}");
}

#[test]
fn other_sums_than_were_announced_are_no_answer() {
    for wrong in [
        r#"{"items": 5, "checksum": 17}"#,
        r#"{"items": 6, "checksum": 0}"#,
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (said, code) = answer(folder.path(), 1, wrong);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(r#""reason":"mismatch""#), "{said}");
        let left: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left.len(), 2, "more than plan and ratings: {left:?}");
    }
}

#[test]
fn a_plan_of_another_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (said, code) = answer(folder.path(), 2, "null");
    assert_eq!(code, Some(1));
    assert_eq!(
        said,
        r#"{"failed":{"version":1,"reason":"plan","message":"the plan is of version 2; this program knows version 1"}}"#
    );
}
