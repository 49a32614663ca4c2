//! The stage `file`, whole and divided, on this machine and on a real Slurm: the bytes of the program that is called by hand.

use std::path::{Path, PathBuf};
use std::process::Command;

use cinescore_tests::program;

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
