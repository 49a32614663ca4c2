//! The stage `file`, whole and divided, on this machine and on a real Slurm: the bytes of the program that is called by hand.

use std::path::{Path, PathBuf};
use std::process::Command;

use cinescore_artifact::describe::PROTOCOL;
use cinescore_tests::program;
use serde_json::{Value, json};

use crate::bundle::{LSTM, regression, said, save, texts};

#[path = "../../../cli/tests/slurm/cluster.rs"]
mod cluster;

/// Rows of more than eight chunks. A tenth has a text, which costs time; the others are refused.
const ROWS: usize = 70_000;
/// What comes out, by the verb and by the stage.
const FORMATS: [&str; 3] = ["csv", "jsonl", "parquet"];

/// A folder with a bundle, reviews, and what the verb makes of them in every format.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        save(&place.path("bundle"), LSTM, regression());
        let texts = texts(ROWS / 10);
        let row = |row: usize| match row % 10 {
            0 => format!("{row},{}\n", texts[row / 10]),
            3 => format!("{row}\n"),
            _ => format!("{row},\n"),
        };
        let rows: String = (0..ROWS).map(row).collect();
        fs_err::write(place.path("reviews.csv"), format!("id,text\n{rows}")).unwrap();
        for format in FORMATS {
            let mut verb = Command::new(env!("CARGO_BIN_EXE_cinescore-predict"));
            verb.args(["file", "reviews.csv", "--bundle", "bundle", "-o"])
                .arg(format!("wanted/rated.{format}"))
                .current_dir(place.path("."));
            fs_err::create_dir_all(place.path("wanted")).unwrap();
            said(&verb.output().unwrap(), 0);
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs the stage for some formats, with results of its own; gives what the runner said.
    fn run(&self, results: &str, formats: &[&str], shards: &str, cluster: Option<&Path>) -> String {
        let pipeline = format!(
            "version: 1\nexecutor: {{slurm: {{poll: 1s}}}}\nstages:\n  rate:\n    run: predict file\n    matrix: {{format: [{}]}}\n    {shards}\n    inputs: {{bundle: bundle, reviews: reviews.csv}}\n    params: {{to: \"${{format}}\"}}\n    resources: {{threads: 1, memory: 200MB}}\n",
            formats.join(", ")
        );
        fs_err::write(self.path("rate.yaml"), pipeline).unwrap();
        let mut runner = Command::new(program("cinescore"));
        runner
            .args(["run", "-p", "rate.yaml", "--artifacts", results])
            .current_dir(self.path("."))
            .env_remove("CINESCORE_CACHE");
        match cluster {
            Some(config) => runner.env("SLURM_CONF", config),
            None => runner.args(["--executor", "local"]),
        };
        said(&runner.output().unwrap(), 0)
    }

    /// Compares what a run made of a format with what the verb made.
    fn compare(&self, results: &str, format: &str) {
        let made = self.path(&format!("{results}/runs/rate/rate/format={format}/rated"));
        for name in [
            format!("rated.{format}"),
            format!("rated.{format}.rejects.jsonl"),
        ] {
            let wanted = fs_err::read(self.path("wanted").join(&name)).unwrap();
            assert!(wanted.len() > 100_000, "{name}");
            assert!(
                fs_err::read(made.join(&name)).unwrap() == wanted,
                "{results}: {name} has other bytes"
            );
        }
        assert_eq!(fs_err::read_dir(&made).unwrap().count(), 2);
    }
}

#[test]
fn a_divided_file_is_the_file_that_one_process_makes() {
    let place = Place::new();
    let told = place.run("whole", &FORMATS, "", None);
    assert!(told.contains("refused 63,000"), "{told}");
    let told = place.run("divided", &FORMATS, "shards: 8", None);
    assert!(told.contains("rate[format=csv,shard=8]"), "{told}");
    for format in FORMATS {
        place.compare("whole", format);
        place.compare("divided", format);
    }
    // The counts of the whole are those of its shards together.
    let stage = |results: &str| {
        let path = place.path(&format!("{results}/runs/rate/rate/format=csv"));
        let text = fs_err::read_to_string(path.join("stage.json")).unwrap();
        let view: serde_json::Value = serde_json::from_str(&text).unwrap();
        let result = view["result"]["rows_in"].to_string();
        let object = fs_err::canonicalize(path.join("rated")).unwrap();
        (
            view["fingerprint"].to_string(),
            result,
            object.file_name().unwrap().to_owned(),
        )
    };
    assert!(
        stage("whole").0.len() > 60 && stage("whole").1.contains("70000"),
        "{:?}",
        stage("whole")
    );
    assert_eq!(stage("whole"), stage("divided"));

    let cluster = match cluster::Cluster::start() {
        Ok(cluster) => cluster,
        Err(why) => {
            eprintln!("NOT TESTED: shards on Slurm, which cannot be started here: {why}");
            return;
        }
    };
    let config = cluster.config();
    let told = place.run("cluster", &["csv", "parquet"], "shards: 8", Some(&config));
    assert!(told.contains("Slurm job"), "{told}");
    place.compare("cluster", "csv");
    place.compare("cluster", "parquet");
}

/// Runs the stage on a task of its own, without a runner; gives its outputs and what it said.
fn task(place: &Path, name: &str, work: Value, code: i32) -> (PathBuf, String) {
    let [out, scratch] = ["out", "scratch"].map(|folder| place.join(name).join(folder));
    for folder in [&out, &scratch] {
        fs_err::create_dir_all(folder).unwrap();
    }
    let input = |name: &str| json!([{"label": name, "path": place.join(name)}]);
    let text = json!({
        "protocol": PROTOCOL,
        "kind": "file",
        "params": {"to": "csv"},
        "inputs": {"bundle": input("bundle"), "reviews": input("reviews.csv")},
        "output_dir": &out,
        "scratch_dir": &scratch,
        "persist": true,
        "threads": 1,
        "device": "cpu",
        "work": work,
    });
    let path = place.join(format!("{name}.json"));
    fs_err::write(&path, text.to_string()).unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_cinescore-predict"));
    program.args(["file", "--task-file"]).arg(path);
    let output = program.output().unwrap();
    (out, said(&output, code))
}

/// Three chunks, of which little is rated.
fn three_chunks() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    save(&place.path().join("bundle"), LSTM, regression());
    let text = &texts(1)[0];
    let row = |row: usize| match row % 1000 {
        0 => format!("{row},{text}\n"),
        _ => format!("{row},\n"),
    };
    let rows: String = (0..20_000).map(row).collect();
    fs_err::write(place.path().join("reviews.csv"), format!("id,text\n{rows}")).unwrap();
    place
}

#[test]
fn a_stage_begins_anew_where_its_scratch_has_parts_of_another_job() {
    let place = three_chunks();
    let (wanted, _) = task(place.path(), "whole", json!("whole"), 0);
    let parts = place.path().join("again/scratch/parts");
    fs_err::create_dir_all(&parts).unwrap();
    for name in ["job.json", "000000.json", "000000.csv", "000000.rejects"] {
        fs_err::write(parts.join(name), "{}").unwrap();
    }
    let (made, _) = task(place.path(), "again", json!("whole"), 0);
    let read = |out: &Path| fs_err::read_to_string(out.join("rated/rated.csv")).unwrap();
    assert_eq!(read(&wanted).lines().count(), 21);
    assert_eq!(read(&made), read(&wanted));
}

#[test]
fn a_merge_wants_the_folders_of_all_shards_in_order() {
    let place = three_chunks();
    let (wanted, _) = task(place.path(), "whole", json!("whole"), 0);
    let shard = |index: usize| {
        let work = json!({"shard": {"index": index, "count": 3}});
        let (out, _) = task(place.path(), &format!("shard-{index}"), work, 0);
        json!({"label": index.to_string(), "path": out.join("part")})
    };
    let [a, b, c] = [0, 1, 2].map(shard);
    let merge = |name: &str, parts: Value, code| {
        task(place.path(), name, json!({"merge": {"parts": parts}}), code)
    };
    for (name, parts) in [("two", json!([a, b])), ("crossed", json!([b, a, c]))] {
        let (_, told) = merge(name, parts, 3);
        assert!(told.contains("not those of all shards"), "{told}");
    }
    let (made, _) = merge("all", json!([a, b, c]), 0);
    let read = |out: &Path| fs_err::read_to_string(out.join("rated/rated.csv")).unwrap();
    assert_eq!(read(&made), read(&wanted));
}
