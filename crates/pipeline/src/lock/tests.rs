use std::path::Path;

use serde_json::json;

use super::*;

fn locked() -> LockFile {
    let stage = |text: &str| LockedStage {
        kind: "cinescore-toy write".into(),
        held_to: HeldTo::Bytes,
        fingerprint: Digest::of_bytes(text.as_bytes()),
        params: json!({"text": text, "rate": 0.001, "nested": {"on": true}, "none": null}),
        inputs: BTreeMap::from([("from".into(), vec!["a.made".into()])]),
        outputs: BTreeMap::from([(
            "made".into(),
            LockedOutput {
                digest: Digest::of_bytes(b"made"),
                bytes: 4,
            },
        )]),
        metrics: BTreeMap::from([("length".into(), 3.0), ("loss".into(), 0.1 + 0.2)]),
    };
    LockFile {
        version: VERSION,
        stages: BTreeMap::from([
            ("b".into(), stage("two\nlines\n\nand: more")),
            ("a[x=1e3,y=on]".into(), stage("1")),
        ]),
    }
}

#[test]
fn what_is_written_is_read_back() {
    let text = locked().to_yaml("demo").unwrap();
    let read = LockFile::parse(&text, Path::new("demo.lock")).unwrap();
    assert_eq!(read, locked());
    assert_eq!(read.to_yaml("demo").unwrap(), text);
}

#[test]
fn stages_stand_apart_in_the_order_of_their_names() {
    let text = locked().to_yaml("demo").unwrap();
    let names: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .collect();
    assert_eq!(names, ["  a[x=1e3,y=on]:", "  b:"]);
    assert!(text.contains("\n\n  b:\n"), "{text}");
}

/// What is said of a lock file that is wrong.
fn refused(text: &str) -> String {
    LockFile::parse(text, Path::new("demo.lock"))
        .unwrap_err()
        .to_string()
}

#[test]
fn a_conflict_is_told_with_its_line() {
    insta::assert_snapshot!(refused("version: 1\nstages:\n<<<<<<< HEAD\n  a: {}\n=======\n  b: {}\n>>>>>>> theirs\n"), @r"
    a merge conflict was left here: take either side, then lock again
      --> demo.lock:3:1
       |
     3 | <<<<<<< HEAD
       | ^^^^^^^^^^^^
    ");
}

#[test]
fn wrong_files_are_told_with_their_place() {
    insta::assert_snapshot!(refused("stages: {}\n"), @r"
    this is no lock file: `version: 1` is missing
      --> demo.lock
    ");
    insta::assert_snapshot!(refused("version: 2\nstages: {}\n"), @r"
    this program reads version 1 of the lock file
      --> demo.lock:1:10
       |
     1 | version: 2
       |          ^
    ");
    insta::assert_snapshot!(refused("version: 1\nstages: [\n"), @r"
    did not find expected node content
      --> demo.lock:3:1
       |
     3 | 
       | ^
    ");
    let text = locked().to_yaml("demo").unwrap();
    insta::assert_snapshot!(refused(&text.replace("held_to: bytes", "held_to: byte")), @r"
    stages.a[x=1e3,y=on].held_to: unknown variant `byte`, expected `bytes` or `metrics`
      --> demo.lock:7:14
       |
     7 |     held_to: byte
       |              ^
    ");
    insta::assert_snapshot!(refused(&text.replace("bytes: 4", "bytes: many")), @r#"
    stages.a[x=1e3,y=on].outputs.made.bytes: invalid type: string "many", expected u64
      --> demo.lock:21:16
        |
     21 |         bytes: many
        |                ^
    "#);
    insta::assert_snapshot!(refused(&text.replace("metrics:", "metric:")), @r"
    stages.a[x=1e3,y=on]: unknown field `metric`, expected one of `kind`, `held_to`, `fingerprint`, `params`, `inputs`, `outputs`, `metrics`
      --> demo.lock:22:5
        |
     22 |     metric:
        |     ^
    ");
}
