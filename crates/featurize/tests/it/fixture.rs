//! Small `reviews` tables, and the program run on them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, ListArray, RecordBatch, StringArray, UInt8Array,
    UInt64Array, new_null_array,
};
use arrow::datatypes::Int32Type;
use cinescore_artifact::table::{TableReader, TableSpec, TableWriter, column};
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

/// Runs the program.
pub(crate) fn featurize(kind: &str, out: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cinescore-featurize"))
        .arg(kind)
        .args([Path::new("--out"), out])
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

    /// Writes a file beside the table; its path.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.folder.path().join(name);
        fs_err::write(&path, bytes).unwrap();
        path.display().to_string()
    }

    /// Runs the kind `text`; it must succeed. The folder of its outputs.
    pub(crate) fn run(&self, name: &str, arguments: &[&str]) -> PathBuf {
        self.run_kind("text", name, arguments)
    }

    /// Runs a kind; it must succeed. The folder of its outputs.
    pub(crate) fn run_kind(&self, kind: &str, name: &str, arguments: &[&str]) -> PathBuf {
        let (out, output) = self.try_run(kind, name, arguments);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        out
    }

    /// Runs the kind `text`; it must fail. The exit code and what it says on stderr.
    pub(crate) fn fail(&self, arguments: &[&str]) -> String {
        self.fail_kind("text", arguments)
    }

    /// Runs a kind; it must fail. The exit code and what it says on stderr, without the folder's name.
    pub(crate) fn fail_kind(&self, kind: &str, arguments: &[&str]) -> String {
        let (out, output) = self.try_run(kind, "failed", arguments);
        assert!(!out.exists(), "a failed run must leave nothing behind");
        let message = String::from_utf8(output.stderr).unwrap();
        let folder = format!("{}/", self.folder.path().display());
        let message = message[message.find("error:").unwrap()..].replace(&folder, "");
        format!("{}\n{message}", output.status.code().unwrap())
    }

    fn try_run(&self, kind: &str, name: &str, arguments: &[&str]) -> (PathBuf, Output) {
        let out = self.folder.path().join(name);
        let reviews = self
            .folder
            .path()
            .join("reviews.parquet")
            .display()
            .to_string();
        let arguments = match kind {
            "vectors" => arguments.to_vec(),
            _ => [&["--reviews", &reviews], arguments].concat(),
        };
        let output = featurize(kind, &out, &arguments);
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

/// The lists of ids in a column.
pub(crate) fn lists(batch: &RecordBatch, name: &str) -> Vec<Vec<i32>> {
    let lists: &ListArray = column(batch, name);
    let values = |row| {
        lists
            .value(row)
            .as_primitive::<Int32Type>()
            .values()
            .to_vec()
    };
    (0..lists.len()).map(values).collect()
}

/// The texts in a column.
pub(crate) fn texts(batch: &RecordBatch, name: &str) -> Vec<String> {
    let texts: &StringArray = column(batch, name);
    texts.iter().flatten().map(String::from).collect()
}
