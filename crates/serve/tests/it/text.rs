//! The program: one review.

use std::io::Write as _;
use std::process::Stdio;

use crate::bundle::{LSTM, classes, command, program, regression, said, save};

#[test]
fn a_review_is_rated_from_an_argument_and_from_stdin() {
    let folder = tempfile::tempdir().unwrap();
    save(folder.path(), LSTM, regression());
    let bundle = folder.path().to_str().unwrap();
    let output = program(&["text", "--bundle", bundle, "a good film"]);
    said(&output, 0);
    let lines = String::from_utf8(output.stdout).unwrap();
    let names: Vec<&str> = lines
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(names[..2], ["rating", "sentiment"]);
    assert!(lines.contains("90 % between") && lines.contains("short: ") && lines.contains("good "));
    assert!(!lines.contains('\u{1b}'));

    let mut child = command(&["text", "--bundle", bundle, "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"a good film")
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["task"], "regression");
    assert_eq!(json["words"][1]["word"], "good");
    assert_eq!(json["flags"][0], "short");
    let rating = json["rating"].as_f64().unwrap();
    assert!(
        lines.starts_with(&format!("rating     {rating:.1} of 10")),
        "{lines}"
    );
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    save(folder.path(), LSTM, regression());
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let bundle = folder.path().to_str().unwrap();
    let output = command(&["text", "--bundle", bundle, "a good film"])
        .stdout(writer)
        .output()
        .unwrap();
    assert_eq!(said(&output, 0), "");
}

#[test]
fn a_classifier_tells_the_probability_of_each_score() {
    let folder = tempfile::tempdir().unwrap();
    save(folder.path(), LSTM, classes(&[1, 10]));
    let output = program(&[
        "text",
        "--no-words",
        "--bundle",
        folder.path().to_str().unwrap(),
        "good",
    ]);
    let lines = String::from_utf8(output.stdout).unwrap();
    assert!(
        lines.contains("scores      1  0.") && lines.contains("           10  0."),
        "{lines}"
    );
}

#[test]
fn what_cannot_be_rated_is_told_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let text = said(&program(&["text", "--artifacts", path, "good"]), 2);
    assert!(
        text.contains("no bundle is named") && text.contains("hint: make it"),
        "{text}"
    );
    let text = said(&program(&["text", "--bundle", "nowhere", "good"]), 2);
    assert!(text.contains("there is no bundle `nowhere`"), "{text}");
    let text = said(&program(&["text", "--bundle", path, "good"]), 2);
    assert!(text.contains("bundle.json"), "{text}");
    save(folder.path(), LSTM, regression());
    let text = said(&program(&["text", "--bundle", path, " "]), 3);
    assert!(text.contains("the text is empty"), "{text}");
    let mut child = command(&["text", "--bundle", path])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"good \xff").unwrap();
    let text = said(&child.wait_with_output().unwrap(), 3);
    assert!(text.contains("not UTF-8: byte 5"), "{text}");
}
