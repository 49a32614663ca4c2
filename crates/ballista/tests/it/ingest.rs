//! Running `cinescore-ingest popularity`, here and on a cluster.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::cluster::PROGRAM;

/// The program, or a loud word that it is not there.
pub(crate) fn program() -> Option<PathBuf> {
    let named = std::env::var_os("CINESCORE_INGEST").map(PathBuf::from);
    let beside =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release/cinescore-ingest");
    let program = named.unwrap_or(beside);
    if program.is_file() {
        return Some(program);
    }
    eprintln!(
        "SKIPPED: `{}` is not there; `make test-ballista` builds it, and CINESCORE_INGEST names another",
        program.display()
    );
    None
}

/// A command of the program that finds `cinescore-ballista`.
pub(crate) fn command(program: &Path, kind: &str, out: &Path) -> Command {
    let beside = Path::new(PROGRAM).parent().unwrap().as_os_str().to_owned();
    let mut path = beside;
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut command = Command::new(program);
    command.arg(kind).arg("--out").arg(out).env("PATH", path);
    command.stdin(Stdio::null());
    command
}

/// `popularity` of a folder of MovieLens files.
pub(crate) struct Popularity<'a> {
    pub(crate) program: &'a Path,
    pub(crate) movielens: &'a Path,
    pub(crate) slot: &'a str,
    /// What is said of the cluster; none for one process.
    pub(crate) engine: Option<String>,
    pub(crate) verify_sample: &'a str,
}

impl Popularity<'_> {
    pub(crate) fn command(&self, out: &Path) -> Command {
        let mut command = command(self.program, "popularity", out);
        command.arg("--movielens").arg(self.movielens);
        command.args(["--slot", self.slot, "--verify-sample", self.verify_sample]);
        if let Some(engine) = &self.engine {
            command.args(["--engine", &format!("{{ballista: {engine}}}")]);
        }
        command
    }

    pub(crate) fn run(&self, out: &Path) -> Output {
        self.command(out).output().unwrap()
    }

    pub(crate) fn start(&self, out: &Path) -> Child {
        let mut command = self.command(out);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// The bytes of the table, of a run that must succeed.
    pub(crate) fn table(&self, out: &Path) -> Vec<u8> {
        let output = self.run(out);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        table(out)
    }
}

/// The bytes of the table in an output folder.
pub(crate) fn table(out: &Path) -> Vec<u8> {
    std::fs::read(out.join("popularity.parquet")).unwrap()
}

/// Sample ratings in the form of MovieLens: so many, in a folder.
pub(crate) fn sample(program: &Path, ratings: u64, folder: &Path) -> PathBuf {
    let out = folder.join("sample");
    let output = command(program, "sample", &out)
        .args(["--reviews", "16", "--other-titles", "100", "--ratings"])
        .arg(ratings.to_string())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    out.join("ml-latest.zip")
}

/// A folder of MovieLens' files with these ratings.
pub(crate) fn movielens(folder: &Path, ratings: &str) -> PathBuf {
    let movielens = folder.join("ml-latest");
    std::fs::create_dir(&movielens).unwrap();
    std::fs::write(movielens.join("ratings.csv"), ratings).unwrap();
    let movies = "movieId,title,genres\n7,\"Seven, The (1995)\",Crime|Drama\n8,Untimely,(no genres listed)\n";
    std::fs::write(movielens.join("movies.csv"), movies).unwrap();
    movielens
}
