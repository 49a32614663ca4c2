//! Small `reviews` tables, and the program run on them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt8Array, UInt64Array, new_null_array};
use cinescore_artifact::table::{TableReader, TableSpec, TableWriter};
use cinescore_artifact::tables;
use serde_json::Value;

/// A review as a test needs it.
#[derive(Clone)]
pub(crate) struct Review {
    pub(crate) id: u64,
    pub(crate) split: &'static str,
    pub(crate) tconst: Option<String>,
    pub(crate) text: String,
}

impl Review {
    pub(crate) fn new(id: u64, split: &'static str, text: &str) -> Self {
        Self {
            id,
            split,
            tconst: None,
            text: text.into(),
        }
    }
}

/// Writes a `reviews` table.
pub(crate) fn write_reviews(path: &Path, reviews: &[Review]) {
    let columns: Vec<ArrayRef> = tables::REVIEWS
        .columns
        .iter()
        .map(|column| -> ArrayRef {
            match column.name {
                "review_id" => Arc::new(UInt64Array::from_iter_values(
                    reviews.iter().map(|review| review.id),
                )),
                "split" => Arc::new(StringArray::from_iter_values(
                    reviews.iter().map(|review| review.split),
                )),
                "member" => Arc::new(StringArray::from_iter_values(
                    reviews.iter().map(|review| format!("{}.txt", review.id)),
                )),
                "tconst" => Arc::new(StringArray::from_iter(
                    reviews.iter().map(|review| review.tconst.as_deref()),
                )),
                "text" => Arc::new(StringArray::from_iter_values(
                    reviews.iter().map(|review| &review.text),
                )),
                "score" => Arc::new(UInt8Array::from_iter_values(
                    reviews.iter().map(|review| review.id as u8 % 10 + 1),
                )),
                _ => new_null_array(&column.column_type.data_type(), reviews.len()),
            }
        })
        .collect();
    let mut writer = TableWriter::create(path, &tables::REVIEWS).unwrap();
    writer
        .write(&tables::REVIEWS.batch(columns).unwrap())
        .unwrap();
    writer.finish().unwrap();
}

/// Reads a whole table.
pub(crate) fn read(path: &Path, spec: &'static TableSpec) -> RecordBatch {
    let batches: Vec<RecordBatch> = TableReader::open(path, spec)
        .unwrap()
        .batches(1 << 20)
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    arrow::compute::concat_batches(&spec.schema(), &batches).unwrap()
}

/// Runs the program on a table.
pub(crate) fn featurize(reviews: &Path, out: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cinescore-featurize"))
        .arg("text")
        .args([Path::new("--reviews"), reviews, Path::new("--out"), out])
        .args(arguments)
        .output()
        .unwrap()
}

/// A folder with a `reviews` table in it.
pub(crate) struct Fixture {
    folder: tempfile::TempDir,
}

impl Fixture {
    pub(crate) fn new(reviews: &[Review]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_reviews(&folder.path().join("reviews.parquet"), reviews);
        Self { folder }
    }

    /// Runs the program; it must succeed. The folder of its outputs.
    pub(crate) fn run(&self, name: &str, arguments: &[&str]) -> PathBuf {
        let (out, output) = self.try_run(name, arguments);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        out
    }

    /// Runs the program; it must fail. The exit code and what it says on stderr.
    pub(crate) fn fail(&self, arguments: &[&str]) -> String {
        let (out, output) = self.try_run("failed", arguments);
        assert!(!out.exists(), "a failed run must leave nothing behind");
        let message = String::from_utf8(output.stderr).unwrap();
        let message = &message[message.find("error:").unwrap()..];
        format!("{}\n{message}", output.status.code().unwrap())
    }

    fn try_run(&self, name: &str, arguments: &[&str]) -> (PathBuf, Output) {
        let out = self.folder.path().join(name);
        let output = featurize(&self.folder.path().join("reviews.parquet"), &out, arguments);
        (out, output)
    }
}

/// `result.json` of a finished run, without speeds.
pub(crate) fn result(out: &Path) -> Value {
    let mut result: Value =
        serde_json::from_slice(&fs_err::read(out.join("result.json")).unwrap()).unwrap();
    result.as_object_mut().unwrap().remove("performance");
    result
}
