//! `popularity` and `reviews` (in `joins`) with `engine`, against a toy in place of `cinescore-ballista`: what is handed to it, and that of its answers only the right
//! one is taken. The program itself is tested in `crates/ballista`.

#![cfg(unix)]

mod bench;
mod joins;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use cinescore_artifact::tables::POPULARITY;
use cinescore_ingest::engine::plan::{Answer, Plan, Reason, Sums, VERSION, Work};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::program::Ended;
use bench::Bench;

const RATINGS: &str = "userId,movieId,rating,timestamp\n1,7,4.0,86400\n2,7,3.5,1\n1,8,3.5,86401\n3,7,1.0,172800\n\
    4,9,1.0,172800\n5,7,0.5,172800\n6,7,9.5,172800\n";
/// Movie, slot, count.
const COUNTS: [[i64; 3]; 4] = [[8, 2, 1], [7, 2, 2], [9, 2, 1], [7, 1, 2]];

const ENGINE: &str = "{ballista: {url: 'df://node1:50050', partitions: 3}}";

fn rows(counts: &[[i64; 3]]) -> RecordBatch {
    let column = |index: usize| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(
            counts.iter().map(|row| row[index]),
        ))
    };
    let columns = [
        ("movie", column(0)),
        ("slot", column(1)),
        ("count", column(2)),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn sums(counts: &[[i64; 3]]) -> Sums {
    let mut sums = Sums::default();
    for [movie, slot, count] in counts {
        sums.add(*movie as u32, *slot as u32, *count as u64);
    }
    sums
}

fn done(counts: &[[i64; 3]]) -> Answer {
    Answer::Done {
        version: VERSION,
        rows: counts.len() as u64,
        sums: sums(counts),
        sampled: 2,
    }
}

fn rows_of(path: &Path) -> RecordBatch {
    let file = std::fs::File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap()
}

#[test]
fn the_table_of_an_engine_is_that_of_one_process_byte_for_byte() {
    let bench = Bench::new();
    bench.toy_answers(&rows(&COUNTS), &done(&COUNTS));
    let (near, far) = (
        bench.run("popularity", &[], None).done(),
        bench.run("popularity", &[], Some(ENGINE)).done(),
    );
    assert_eq!(near.table(&POPULARITY), far.table(&POPULARITY));
    for output in ["popularity.parquet", "rejects.parquet"] {
        let bytes = |ended: &Ended| fs_err::read(ended.out.join(output)).unwrap();
        assert!(bytes(&near) == bytes(&far), "{output} differs");
    }
    let (near, far) = (near.result(), far.result());
    assert_eq!(
        (near.rows_in, near.rows_out),
        (far.rows_in.clone(), far.rows_out.clone())
    );
    assert_eq!(
        (near.rejected, near.warnings),
        (far.rejected, far.warnings.clone())
    );
    assert_eq!(far.facts["popularity.counted_again"], 2);
    assert!(!near.facts.contains_key("popularity.counted_again"));
}

#[test]
fn the_plan_says_what_to_count_and_what_it_must_come_to() {
    let bench = Bench::new();
    bench.toy_answers(&rows(&COUNTS), &done(&COUNTS));
    bench.run("popularity", &[], Some(ENGINE)).done();
    let plan: Plan =
        serde_json::from_slice(&fs_err::read(bench.path("plan.json")).unwrap()).unwrap();
    let Work::Popularity {
        ratings,
        slot,
        expected,
    } = plan.work
    else {
        panic!("{:?}", plan.work)
    };
    assert_eq!(
        (plan.version, plan.url.as_str()),
        (VERSION, "df://node1:50050")
    );
    assert_eq!((plan.partitions, plan.verify_sample), (Some(3), 0.01));
    assert_eq!((slot.as_str(), expected), ("day", Some(sums(&COUNTS))));
    // The refused row is not in it, and nothing is left of what the nodes were shown.
    let given = rows_of(&bench.path("ratings.parquet"));
    let names: Vec<&str> = given
        .schema_ref()
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    assert_eq!(
        (names, given.num_rows()),
        (vec!["movie_id", "timestamp"], 6)
    );
    assert!(!Path::new(&ratings).exists());
}

#[test]
fn a_wrong_answer_is_thrown_away_and_nothing_is_written() {
    let lost = &COUNTS[1..];
    let moved = [[8, 2, 2], [7, 2, 1], [9, 2, 1], [7, 1, 2]];
    let in_parts = [[8, 2, 1], [7, 2, 1], [7, 2, 1], [9, 2, 1], [7, 1, 2]];
    let negative = [[8, 2, 1], [7, 2, 2], [9, 2, 1], [-7, 1, 2]];
    let cases = [
        (done(lost), lost, "holds 5 ratings with checksum"),
        (done(&moved), &moved, "holds 6 ratings with checksum"),
        (done(&in_parts), &in_parts, "has movie 7 twice in slot 2"),
        (
            done(&COUNTS),
            &negative,
            "has movie -7, slot 1, count 2 in one row",
        ),
        (done(&COUNTS), lost, "has 3 rows; 4 were announced"),
    ];
    for (answer, counts, expected) in cases {
        let bench = Bench::new();
        bench.toy_answers(&rows(counts), &answer);
        let ended = bench.run("popularity", &[], Some(ENGINE));
        assert_eq!(ended.code, 4, "{expected}");
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("hint: the cluster's answer is wrong"),
            "{}",
            ended.stderr
        );
        assert!(!ended.out.exists(), "{expected}");
    }
}

#[test]
fn what_the_program_says_is_the_error() {
    let failed = |reason| Answer::Failed {
        version: VERSION,
        reason,
        message: "no scheduler answers at `df://node1:50050`: connection refused".into(),
    };
    for (reason, code) in [
        (Reason::Plan, 2),
        (Reason::Input, 3),
        (Reason::Mismatch, 4),
        (Reason::Engine, 5),
        (Reason::Output, 5),
        (Reason::Stopped, 130),
    ] {
        let bench = Bench::new();
        bench.toy_answers(&rows(&COUNTS), &failed(reason));
        let ended = bench.run("popularity", &[], Some(ENGINE));
        assert_eq!(ended.code, code, "{}", ended.stderr);
        let error = "error: no scheduler answers at `df://node1:50050`: connection refused";
        assert!(ended.stderr.contains(error), "{}", ended.stderr);
    }
}

#[test]
fn programs_that_are_missing_dumb_or_of_another_version_are_told_apart() {
    let bench = Bench::new();
    let ended = bench.run("popularity", &[], Some(ENGINE));
    assert_eq!(ended.code, 5);
    insta::assert_snapshot!(ended.error(bench.folder.path()), @r"
    error: the program `cinescore-ballista` is neither beside `DIR/bin/cinescore-ingest` nor on PATH
    hint: build it with `make ballista`, and put it beside the other programs or on PATH; or leave `engine` out
    ");

    bench.toy("echo 'thread main panicked' >&2; exit 101");
    let ended = bench.run("popularity", &[], Some(ENGINE));
    assert_eq!(ended.code, 4);
    insta::assert_snapshot!(ended.error(bench.folder.path()), @r"
    error: `DIR/bin/cinescore-ballista` ended (exit status: 101) without an answer
    hint: what it said stands above, in the stage's log
    ");

    bench.toy(r#"echo '{"done": {"version": 9, "lines": 3}}'"#);
    let ended = bench.run("popularity", &[], Some(ENGINE));
    assert_eq!(ended.code, 2);
    insta::assert_snapshot!(ended.error(bench.folder.path()), @r"
    error: `DIR/bin/cinescore-ballista` answers in version 9; this program knows version 1
    hint: build both from the same sources: `make build ballista`
    ");

    let ended = bench.run(
        "popularity",
        &[],
        Some("{ballista: {url: 'df://node1', folder: here}}"),
    );
    assert_eq!(ended.code, 2);
    insta::assert_snapshot!(ended.error(bench.folder.path()), @r"
    error: `here` is no absolute path
    hint: name a folder that all nodes see under the same path
    ");
}

#[test]
fn a_stage_that_is_told_to_stop_has_the_program_cancel_its_job() {
    let bench = Bench::new();
    let folder = bench.folder.path().display().to_string();
    // Says that it counts, waits for its input to end, and leaves word.
    bench.toy(&format!(
        "touch {folder}/counting\ncat > /dev/null\ntouch {folder}/cancelled"
    ));
    let mut child = Command::new(bench.path("bin/cinescore-ingest"))
        .arg("popularity")
        .arg("--out")
        .arg(bench.path("far"))
        .arg("--movielens")
        .arg(bench.path("ml-latest"))
        .args(["--engine", ENGINE])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while !bench.path("counting").exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let stopped = Command::new("kill")
        .arg(child.id().to_string())
        .status()
        .unwrap();
    assert!(stopped.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(bench.path("cancelled").exists());
    assert!(!bench.path("far").exists());
}
