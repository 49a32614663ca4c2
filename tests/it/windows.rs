//! Popularity and windows on the real ratings: as many as are known to be there, and row by row those that pandas makes of the
//! same file.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use arrow::array::{AsArray as _, Float64Array, Int32Array, ListArray, RecordBatch, UInt32Array};
use arrow::datatypes::Float32Type;
use cinescore_artifact::table::{TableReader, TableSpec, column};
use cinescore_artifact::{exit, tables};
use cinescore_tests::{Project, real_data};

/// The variable that names a Python with pandas.
const PYTHON: &str = "CINESCORE_PYTHON";

fn archive(test: &str) -> Option<PathBuf> {
    Some(real_data(test)?.join("ml-latest-small.zip"))
}

fn read(path: &Path, spec: &'static TableSpec) -> Vec<RecordBatch> {
    let reader = TableReader::open(path, spec).unwrap();
    reader
        .batches(65_536)
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

/// A line: what it is of, and its numbers.
type Line = (String, i32, u32, Vec<f64>);

fn windows(name: &str, folder: &Path) -> Vec<Line> {
    let mut lines = Vec::new();
    for batch in read(&folder.join("windows.parquet"), &tables::WINDOWS) {
        let movies: &Int32Array = column(&batch, "movie_id");
        let slots: &UInt32Array = column(&batch, "slot");
        let targets: &Float64Array = column(&batch, "target");
        let histories: &ListArray = column(&batch, "history");
        for row in 0..batch.num_rows() {
            let history = histories.value(row);
            let history = history.as_primitive::<Float32Type>().values();
            let numbers = std::iter::once(targets.value(row))
                .chain(history.iter().map(|value| f64::from(*value)))
                .collect();
            lines.push((
                name.to_owned(),
                movies.value(row),
                slots.value(row),
                numbers,
            ));
        }
    }
    lines
}

fn made(archive: &Path) -> Vec<Line> {
    let project = Project::new();
    let run = |line: &[&str]| {
        project
            .run(&format!("cinescore-{}", line[0]), &line[1..])
            .with_code(exit::DONE);
    };
    let movielens = archive.display().to_string();
    for slot in ["day", "quarter"] {
        run(&[
            "ingest",
            "popularity",
            "--movielens",
            &movielens,
            "--slot",
            slot,
            "--out",
            slot,
        ]);
    }
    run(&[
        "featurize",
        "windows",
        "--popularity",
        "day/popularity.parquet",
        "--mode",
        "observed",
        "--slots",
        "3",
        "--out",
        "observed",
    ]);
    run(&[
        "featurize",
        "windows",
        "--popularity",
        "quarter/popularity.parquet",
        "--slot",
        "quarter",
        "--slots",
        "8",
        "--min-ratings",
        "20",
        "--out",
        "calendar",
    ]);
    let mut lines = Vec::new();
    for batch in read(&project.path("day/popularity.parquet"), &tables::POPULARITY) {
        let movies: &Int32Array = column(&batch, "movie_id");
        let slots: &UInt32Array = column(&batch, "slot");
        let counts: &UInt32Array = column(&batch, "count");
        let shares: &Float64Array = column(&batch, "share");
        for row in 0..batch.num_rows() {
            let numbers = vec![counts.value(row).into(), shares.value(row)];
            lines.push((
                "pair".to_owned(),
                movies.value(row),
                slots.value(row),
                numbers,
            ));
        }
    }
    lines.extend(windows("observed", &project.path("observed")));
    lines.extend(windows("calendar", &project.path("calendar")));
    lines
}

/// What the script says; nothing, with a loud line on stderr, where there is no pandas.
fn by_pandas(archive: &Path) -> Option<Vec<Line>> {
    let python = std::env::var(PYTHON).unwrap_or_else(|_unset| "python3".into());
    let has_pandas = Command::new(&python)
        .args(["-c", "import pandas"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !has_pandas {
        let line = format!(
            "SKIPPED the comparison with pandas: `{python}` has none ({PYTHON} names another)\n"
        );
        std::io::stderr().write_all(line.as_bytes()).ok();
        return None;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("windows.py");
    let output = Command::new(&python)
        .arg(script)
        .arg(archive)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let line = |line: &str| -> Line {
        let mut parts = line.split(' ');
        let mut next = || parts.next().unwrap().to_owned();
        let (name, movie, slot) = (next(), next(), next());
        let numbers = parts.map(|number| number.parse().unwrap()).collect();
        (name, movie.parse().unwrap(), slot.parse().unwrap(), numbers)
    };
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().map(line).collect())
}

#[test]
fn windows_of_the_real_ratings_are_those_that_pandas_makes() {
    let Some(archive) = archive("windows_of_the_real_ratings_are_those_that_pandas_makes") else {
        return;
    };
    let made = made(&archive);
    let count = |name: &str| made.iter().filter(|line| line.0 == name).count();
    // Computed with pandas from the same file, once and for all.
    assert_eq!(
        (count("pair"), count("observed"), count("calendar")),
        (99_538, 78_558, 59_289)
    );
    let Some(expected) = by_pandas(&archive) else {
        return;
    };
    assert_eq!(made.len(), expected.len());
    for (found, expected) in made.iter().zip(&expected) {
        assert_eq!(
            (&found.0, found.1, found.2),
            (&expected.0, expected.1, expected.2)
        );
        assert_eq!(found.3.len(), expected.3.len());
        for (index, (found_number, number)) in found.3.iter().zip(&expected.3).enumerate() {
            // The past is kept in float32; count, share and truth are not.
            let exact = found.0 == "pair" || index == 0;
            let tolerance = if exact { 1e-15 } else { 1e-7 };
            assert!(
                (found_number - number).abs() <= tolerance * number.abs(),
                "{found:?} is not {expected:?}"
            );
        }
    }
}
