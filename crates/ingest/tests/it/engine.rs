//! `popularity` with `engine`, against a toy in place of `cinescore-ballista`: what is handed to it, and that of its answers only the right
//! one is taken. The program itself is tested in `crates/ballista`.

#![cfg(unix)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use cinescore_artifact::tables::POPULARITY;
use cinescore_ingest::engine::plan::{Answer, Plan, Reason, Sums, VERSION, Work};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::program::Ended;

const RATINGS: &str = "userId,movieId,rating,timestamp\n1,7,4.0,86400\n2,7,3.5,1\n1,8,3.5,86401\n3,7,1.0,172800\n\
    4,9,1.0,172800\n5,7,0.5,172800\n6,7,9.5,172800\n";
/// Movie, slot, count.
const COUNTS: [[i64; 3]; 4] = [[8, 2, 1], [7, 2, 2], [9, 2, 1], [7, 1, 2]];

/// A folder with the ingest program, sources, and a toy engine that keeps its plan and answers as it is told.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bench = Self { folder };
        let program = bench.path("bin/cinescore-ingest");
        fs_err::create_dir_all(program.parent().unwrap()).unwrap();
        fs_err::copy(env!("CARGO_BIN_EXE_cinescore-ingest"), program).unwrap();
        fs_err::create_dir(bench.path("ml-latest")).unwrap();
        fs_err::write(bench.path("ml-latest/ratings.csv"), RATINGS).unwrap();
        let movies = "movieId,title,genres\n7,\"Seven, The (1995)\",Crime|Drama\n8,Untimely,(no genres listed)\n";
        fs_err::write(bench.path("ml-latest/movies.csv"), movies).unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Beside the ingest program: keeps plan and ratings, then does what the lines say.
    fn toy(&self, lines: &str) {
        let text = format!(
            "#!/bin/sh\nplan=$2\ncp \"$plan\" {0}/plan.json\n\
            ratings=$(sed -n 's/.*\"ratings\": \"\\(.*\\)\",*/\\1/p' \"$plan\" | head -1)\ncp \"$ratings\" {0}/ratings.parquet\n\
            output=$(sed -n 's/.*\"output\": \"\\(.*\\)\",*/\\1/p' \"$plan\")\n{lines}\n",
            self.folder.path().display()
        );
        let toy = self.path("bin/cinescore-ballista");
        fs_err::write(&toy, text).unwrap();
        fs_err::set_permissions(&toy, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A toy that gives these rows and says this of them.
    fn toy_answers(&self, counts: &[[i64; 3]], answer: &Answer) {
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
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let file = std::fs::File::create(self.path("counts.parquet")).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let answer = serde_json::to_string(answer).unwrap();
        fs_err::write(self.path("answer.json"), answer).unwrap();
        let folder = self.folder.path().display();
        self.toy(&format!(
            "cp {folder}/counts.parquet \"$output\"\ncat {folder}/answer.json"
        ));
    }

    fn run(&self, engine: Option<&str>) -> Ended {
        let out = self.path(if engine.is_some() { "far" } else { "near" });
        let mut command = Command::new(self.path("bin/cinescore-ingest"));
        command.arg("popularity").arg("--out").arg(&out);
        command.arg("--movielens").arg(self.path("ml-latest"));
        // Only what a script needs: an installed `cinescore-ballista` is not asked.
        command.env("PATH", "/usr/bin:/bin");
        if let Some(engine) = engine {
            command.arg("--engine").arg(engine);
        }
        let output = command.output().unwrap();
        Ended {
            code: output.status.code().unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            out,
        }
    }
}

const ENGINE: &str = "{ballista: {url: 'df://node1:50050', partitions: 3}}";

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
    bench.toy_answers(&COUNTS, &done(&COUNTS));
    let (near, far) = (bench.run(None).done(), bench.run(Some(ENGINE)).done());
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
    bench.toy_answers(&COUNTS, &done(&COUNTS));
    bench.run(Some(ENGINE)).done();
    let plan: Plan =
        serde_json::from_slice(&fs_err::read(bench.path("plan.json")).unwrap()).unwrap();
    let Work::Popularity {
        ratings,
        slot,
        expected,
    } = plan.work;
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
        bench.toy_answers(counts, &answer);
        let ended = bench.run(Some(ENGINE));
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
        bench.toy_answers(&COUNTS, &failed(reason));
        let ended = bench.run(Some(ENGINE));
        assert_eq!(ended.code, code, "{}", ended.stderr);
        let error = "error: no scheduler answers at `df://node1:50050`: connection refused";
        assert!(ended.stderr.contains(error), "{}", ended.stderr);
    }
}

#[test]
fn programs_that_are_missing_dumb_or_of_another_version_are_told_apart() {
    let bench = Bench::new();
    let ended = bench.run(Some(ENGINE));
    assert_eq!(ended.code, 5);
    insta::assert_snapshot!(ended.error(bench.folder.path()), @r"
    error: the program `cinescore-ballista` is neither beside `DIR/bin/cinescore-ingest` nor on PATH
    hint: build it with `make ballista`, and put it beside the other programs or on PATH; or leave `engine` out
    ");

    bench.toy("echo 'thread main panicked' >&2; exit 101");
    let ended = bench.run(Some(ENGINE));
    assert_eq!(ended.code, 4);
    insta::assert_snapshot!(ended.error(bench.folder.path()), @r"
    error: `DIR/bin/cinescore-ballista` ended (exit status: 101) without an answer
    hint: what it said stands above, in the stage's log
    ");

    bench.toy(r#"echo '{"done": {"version": 9, "lines": 3}}'"#);
    let ended = bench.run(Some(ENGINE));
    assert_eq!(ended.code, 2);
    insta::assert_snapshot!(ended.error(bench.folder.path()), @r"
    error: `DIR/bin/cinescore-ballista` answers in version 9; this program knows version 1
    hint: build both from the same sources: `make build ballista`
    ");

    let ended = bench.run(Some("{ballista: {url: 'df://node1', folder: here}}"));
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
