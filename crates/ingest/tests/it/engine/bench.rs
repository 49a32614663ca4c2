//! A folder with what these tests need.

use std::path::{Path, PathBuf};
use std::process::Command;

use arrow::array::RecordBatch;
use cinescore_ingest::engine::plan::Answer;
use parquet::arrow::ArrowWriter;

use super::RATINGS;
use crate::program::Ended;

/// A folder with the ingest program, sources, and a toy engine that keeps its plan and answers as it is told.
pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bench = Self { folder };
        let program = bench.path("bin/cinescore-ingest");
        fs_err::create_dir_all(program.parent().unwrap()).unwrap();
        install(Path::new(env!("CARGO_BIN_EXE_cinescore-ingest")), &program);
        fs_err::create_dir(bench.path("ml-latest")).unwrap();
        fs_err::write(bench.path("ml-latest/ratings.csv"), RATINGS).unwrap();
        let movies = "movieId,title,genres\n7,\"Seven, The (1995)\",Crime|Drama\n8,Untimely,(no genres listed)\n";
        fs_err::write(bench.path("ml-latest/movies.csv"), movies).unwrap();
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Beside the ingest program: keeps plan and ratings, then does what the lines say.
    pub(crate) fn toy(&self, lines: &str) {
        let text = format!(
            "#!/bin/sh\nplan=$2\ncp \"$plan\" {0}/plan.json\n\
            ratings=$(sed -n 's/.*\"ratings\": \"\\(.*\\)\",*/\\1/p' \"$plan\" | head -1)\ncp \"$ratings\" {0}/ratings.parquet\n\
            output=$(sed -n 's/.*\"output\": \"\\(.*\\)\",*/\\1/p' \"$plan\")\n{lines}\n",
            self.folder.path().display()
        );
        fs_err::write(self.path("toy.sh"), text).unwrap();
        install(&self.path("toy.sh"), &self.path("bin/cinescore-ballista"));
    }

    /// A toy that gives these rows and says this of them.
    pub(crate) fn toy_answers(&self, batch: &RecordBatch, answer: &Answer) {
        let file = std::fs::File::create(self.path("answer.parquet")).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(batch).unwrap();
        writer.close().unwrap();
        let answer = serde_json::to_string(answer).unwrap();
        fs_err::write(self.path("answer.json"), answer).unwrap();
        let folder = self.folder.path().display();
        self.toy(&format!(
            "cp {folder}/answer.parquet \"$output\"\ncat {folder}/answer.json"
        ));
    }

    /// Runs a kind on the folder's sources.
    pub(crate) fn run(&self, kind: &str, arguments: &[&str], engine: Option<&str>) -> Ended {
        let out = self.path(if engine.is_some() { "far" } else { "near" });
        let mut command = Command::new(self.path("bin/cinescore-ingest"));
        command.arg(kind).arg("--out").arg(&out);
        command.arg("--movielens").arg(self.path("ml-latest"));
        command.args(arguments).current_dir(&self.folder);
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

/// Copies a program by a process of its own. Were the copy written here, a process that another test starts meanwhile could hold it
/// open for writing, and a program that is being written cannot be run.
fn install(program: &Path, place: &Path) {
    let mut install = Command::new("install");
    let ended = install.args(["-m", "755"]).arg(program).arg(place).status();
    assert!(ended.unwrap().success());
}
