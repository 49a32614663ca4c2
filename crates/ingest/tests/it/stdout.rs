//! What is printed where nobody reads it any more, as behind `| head`.

use std::path::Path;
use std::process::{Command, Output};

use crate::program::run;

/// Runs the program with a stdout whose reader has gone away.
fn to_nobody(arguments: &[&str], path: &Path) -> Output {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    Command::new(env!("CARGO_BIN_EXE_cinescore-ingest"))
        .args(arguments)
        .arg(path)
        .stdout(writer)
        .output()
        .unwrap()
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("mine.csv");
    fs_err::write(&csv, "text,score\nA gem of a film,9\nNothing to see,2\n").unwrap();
    let ended = run(
        "reviews",
        &[("reviews", &csv)],
        &[],
        &folder.path().join("out"),
    );
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let table = ended.out.join("reviews.parquet");
    for (arguments, path) in [
        (&["look"][..], &csv),
        (&["profile"], &table),
        (&["profile", "--json"], &table),
    ] {
        let output = to_nobody(arguments, path);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            (output.status.code(), said.as_ref()),
            (Some(0), ""),
            "{arguments:?}"
        );
    }
}
