//! The joins of `reviews` on a cluster give the tables of one process, byte for byte.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cluster::Cluster;
use crate::ingest::{command, program, sample};

/// Where archives lie, by their usual names.
struct Sources {
    folder: PathBuf,
    movielens: PathBuf,
}

fn reviews(program: &Path, sources: &Sources, engine: Option<&str>, out: &Path) -> Command {
    let mut command = command(program, "reviews", out);
    command.arg("--aclimdb").arg(&sources.folder);
    command.arg("--titles").arg(&sources.folder);
    command.arg("--movielens").arg(&sources.movielens);
    if let Some(engine) = engine {
        command.args(["--engine", &format!("{{ballista: {engine}}}")]);
        command.args(["--verify-sample", "1"]);
    }
    command
}

fn made(mut command: Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

fn same(program: &Path, sources: &Sources, folder: &Path) {
    let cluster = Cluster::of(2, folder);
    let (near, far) = (folder.join("near"), folder.join("far"));
    made(reviews(program, sources, None, &near));
    let engine = format!("{{url: '{}', partitions: 3}}", cluster.url());
    made(reviews(program, sources, Some(&engine), &far));
    for table in ["reviews", "unmatched", "rejects"] {
        let [near, far] = [&near, &far].map(|folder| {
            let path = folder.join(format!("{table}.parquet"));
            std::fs::read(path).unwrap()
        });
        assert!(near == far, "{table} differs");
    }
    let result = std::fs::read_to_string(far.join("result.json")).unwrap();
    assert!(result.contains("reviews.joined_again"), "{result}");
}

#[test]
fn sample_reviews_are_joined_as_one_process_does() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let movielens = sample(&program, 20_000, folder.path());
    let sources = Sources {
        folder: movielens.parent().unwrap().to_owned(),
        movielens,
    };
    same(&program, &sources, folder.path());
}

#[test]
fn real_reviews_are_joined_as_one_process_does() {
    let Some(program) = program() else { return };
    let data = std::env::var("CINESCORE_DATA").unwrap_or_else(|_| "../../../shared/data".into());
    let sources = Sources {
        movielens: Path::new(&data).join("ml-latest-small.zip"),
        folder: data.into(),
    };
    if !sources.movielens.is_file() {
        eprintln!(
            "SKIPPED: there is no real data in `{}`",
            sources.folder.display()
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    same(&program, &sources, folder.path());
}
