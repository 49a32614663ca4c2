//! How long the runner's inner parts take: `make bench`. No test runs them.
//!
//! The pipeline is a stage, a matrix of 1,000 cells that read it, and a stage that reads them all, by the
//! toy program of the runner's tests; everything is fresh. Whole commands beside those of other runners are
//! measured by `benchmarks/runner/`.
//!
//! A loop of its own, since every harness that was looked at would have packages that all our crates link
//! built a second time for the tests (`scripts/unified-features.py`).

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot begin ends")]
#![expect(clippy::print_stdout, reason = "its figures are what it is for")]

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cinescore_artifact::Digest;
use cinescore_artifact::store::RecordState;
use cinescore_pipeline::plan::plan;
use cinescore_pipeline::project::Project;

/// How long each part is repeated.
const FOR: Duration = Duration::from_secs(2);
/// Files of the folder that is hashed.
const FILES: usize = 2_000;

fn main() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path();
    let programs = programs();
    write_pipeline(folder);
    run_all(folder, &programs);
    let project = Project::open(&folder.join("artifacts"), &programs.join("examples")).unwrap();
    let file = folder.join("pipelines/demo.yaml");

    measure("read and check 1,000 cells", || {
        project.pipeline(&file, &[]).unwrap()
    });
    let graph = project.pipeline(&file, &[]).unwrap();
    measure("plan 1,000 fresh cells", || plan(&project, &graph).unwrap());
    let planned = plan(&project, &graph).unwrap();
    let keys: Vec<_> = planned
        .iter()
        .filter_map(|(_, it)| it.key.clone())
        .collect();
    measure("fingerprint 1,000 cells", || {
        keys.iter()
            .map(|key| key.preimage.fingerprint())
            .collect::<Vec<_>>()
    });
    measure("read 1,000 records", || {
        for key in &keys {
            let found = project.store.record(key.fingerprint).unwrap();
            assert!(matches!(found, RecordState::Present(_)));
        }
    });

    let many = folder.join("many");
    for index in 0..FILES {
        let file = many.join(format!("{:02}/{index}", index % 20));
        fs_err::create_dir_all(file.parent().unwrap()).unwrap();
        fs_err::write(file, format!("file {index}\n").repeat(20)).unwrap();
    }
    measure("hash 2,000 small files", || Digest::of_path(&many).unwrap());
    std::thread::sleep(Duration::from_millis(50));
    project.memo.digest_of(&many).unwrap();
    measure("the same from memory", || {
        project.memo.digest_of(&many).unwrap()
    });
    let large = folder.join("large");
    fs_err::write(&large, vec![7; 64 << 20]).unwrap();
    measure("hash a file of 64 MiB", || Digest::of_file(&large).unwrap());
}

/// The folder of the built programs: this one lies in `deps` below it.
fn programs() -> std::path::PathBuf {
    let own = std::env::current_exe().unwrap();
    own.parent().and_then(Path::parent).unwrap().to_owned()
}

fn write_pipeline(folder: &Path) {
    let list = |count: usize| {
        let numbers: Vec<String> = (0..count).map(|number| number.to_string()).collect();
        numbers.join(", ")
    };
    let text = format!(
        "version: 1
stages:
  a: {{run: toy write}}
  cell:
    run: toy write
    matrix: {{x: [{}], y: [{}]}}
    inputs: {{from: a}}
    params: {{text: \"${{x}}-${{y}}\"}}
    resources: {{threads: 1}}
  end: {{run: toy write, inputs: {{from: \"cell[*]\"}}}}
",
        list(25),
        list(40)
    );
    fs_err::create_dir_all(folder.join("pipelines")).unwrap();
    fs_err::write(folder.join("pipelines/demo.yaml"), text).unwrap();
}

/// Runs the pipeline once: a thousand programs, some ten seconds.
fn run_all(folder: &Path, programs: &Path) {
    let path = std::env::join_paths([programs.join("examples")]).unwrap();
    let ended = Command::new(programs.join("cinescore"))
        .arg("run")
        .current_dir(folder)
        .env("PATH", path)
        .stderr(Stdio::null())
        .status();
    let hint = "build first: cargo build --release -p cinescore-cli --bins --examples";
    assert!(ended.is_ok_and(|status| status.success()), "{hint}");
}

/// Repeats something, and prints the median and the shortest time.
fn measure<T>(what: &str, mut part: impl FnMut() -> T) {
    black_box(part());
    let began = Instant::now();
    let mut times = Vec::new();
    while times.len() < 5 || began.elapsed() < FOR {
        let began = Instant::now();
        black_box(part());
        times.push(began.elapsed());
    }
    times.sort();
    println!(
        "{what:<28} median {:>10.3?}  least {:>10.3?}  of {}",
        times[times.len() / 2],
        times[0],
        times.len()
    );
}
