//! Running the program and reading what it wrote.

use std::path::{Path, PathBuf};
use std::process::Command;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use cinescore_artifact::table::{TableReader, TableSpec};
use cinescore_artifact::task::{TaskResult, read_json};

/// What a run ended with.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stderr: String,
    pub(crate) out: PathBuf,
}

/// Runs a kind with its arguments into the folder `out`.
pub(crate) fn run(
    kind: &str,
    arguments: &[(&str, &Path)],
    params: &[(&str, &str)],
    out: &Path,
) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cinescore-ingest"));
    command
        .arg(kind)
        .arg("--out")
        .arg(out)
        .args(["--threads", "2"]);
    for (name, path) in arguments {
        command.arg(format!("--{name}")).arg(path);
    }
    for (name, value) in params {
        command.arg(format!("--{name}")).arg(value);
    }
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    Ended {
        code: output.status.code().unwrap(),
        stderr,
        out: out.to_owned(),
    }
}

impl Ended {
    /// The run, which must have succeeded.
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.stderr);
        self
    }

    pub(crate) fn result(&self) -> TaskResult {
        read_json(&self.out.join("result.json")).unwrap()
    }

    pub(crate) fn fact(&self, name: &str) -> u64 {
        self.result().facts[name].as_u64().unwrap()
    }

    /// All rows of an output.
    pub(crate) fn table(&self, spec: &'static TableSpec) -> RecordBatch {
        let reader =
            TableReader::open(&self.out.join(format!("{}.parquet", spec.name)), spec).unwrap();
        let batches: Vec<RecordBatch> = reader
            .batches(8192)
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        concat_batches(&spec.schema(), &batches).unwrap()
    }

    /// The error with the paths of this test's folder taken out.
    pub(crate) fn error(&self, folder: &Path) -> String {
        let text = self.stderr.replace(&folder.display().to_string(), "DIR");
        text[text.find("error:").unwrap_or(0)..]
            .trim_end()
            .to_owned()
    }
}

/// The texts of a column, `-` for null.
pub(crate) fn texts(batch: &RecordBatch, name: &str) -> Vec<String> {
    let column = batch.column_by_name(name).unwrap();
    let column = arrow::compute::cast(column, &arrow::datatypes::DataType::Utf8).unwrap();
    let column = column.as_string::<i32>();
    (0..column.len())
        .map(|row| {
            if column.is_null(row) {
                "-".into()
            } else {
                column.value(row).to_owned()
            }
        })
        .collect()
}
