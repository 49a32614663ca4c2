//! A folder with a pipeline of toy stages, and the real `cinescore` program run in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// `a` -> `b` -> `d` and `a` -> `c` -> `d`.
pub(crate) const DIAMOND: &str = "\
version: 1
vars: {word: one}
stages:
  a: {run: toy write, params: {text: \"${word}\"}}
  b: {run: toy write, inputs: {from: a}, params: {text: b}}
  c: {run: toy write, inputs: {from: a}, params: {text: c}}
  d: {run: toy write, inputs: {from: [b.made, c.made]}, params: {text: d}}
";

pub(crate) struct Project {
    folder: tempfile::TempDir,
}

/// How a run of the program ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Project {
    pub(crate) fn new(pipeline: &str) -> Self {
        let project = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        project.write(pipeline);
        project
    }

    pub(crate) fn write(&self, pipeline: &str) {
        let folder = self.path().join("pipelines");
        fs_err::create_dir_all(&folder).unwrap();
        fs_err::write(folder.join("demo.yaml"), pipeline).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn command(&self, arguments: &str) -> Command {
        let program = Path::new(env!("CARGO_BIN_EXE_cinescore"));
        let toys = program.parent().unwrap().join("examples");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(program);
        command
            .args(arguments.split_whitespace())
            .current_dir(self.path())
            .env_remove("CINESCORE_CACHE")
            .env("PATH", format!("{}:{path}", toys.display()));
        command
    }

    pub(crate) fn run(&self, arguments: &str) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    /// Runs the program, which must end well.
    pub(crate) fn done(&self, arguments: &str) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran
    }

    /// What a stage has on view.
    pub(crate) fn made(&self, stage: &str) -> String {
        fs_err::read_to_string(self.view(stage)).unwrap()
    }

    pub(crate) fn view(&self, stage: &str) -> PathBuf {
        self.path()
            .join("artifacts/runs/demo")
            .join(stage)
            .join("made.txt")
    }

    /// Every object's path in the store.
    pub(crate) fn objects(&self) -> Vec<PathBuf> {
        let mut objects = Vec::new();
        for shard in fs_err::read_dir(self.path().join("artifacts/store/objects")).unwrap() {
            let shard = shard.unwrap().path();
            if shard.is_dir() {
                let entries = fs_err::read_dir(shard).unwrap();
                objects.extend(entries.map(|entry| entry.unwrap().path()));
            }
        }
        objects.sort();
        objects
    }

    /// What lies directly below the folders of the store.
    pub(crate) fn objects_and_strays(&self) -> Vec<PathBuf> {
        let mut found = self.strays();
        found.extend(self.objects());
        found
    }

    fn strays(&self) -> Vec<PathBuf> {
        let entries = fs_err::read_dir(self.path().join("artifacts/store/objects")).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.is_file()).collect()
    }

    /// What work in progress is left in the store.
    pub(crate) fn debris(&self) -> usize {
        fs_err::read_dir(self.path().join("artifacts/store/tmp"))
            .unwrap()
            .count()
    }
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The stages that were computed, in order.
    pub(crate) fn computed(&self) -> Vec<&str> {
        let done = self.stderr.lines().filter(|line| line.contains("  done "));
        done.filter_map(|line| line.split_whitespace().next())
            .collect()
    }
}

/// A run of the program that goes on.
pub(crate) struct Going {
    child: std::process::Child,
    said: std::path::PathBuf,
}

impl Project {
    /// Starts the program; what it says goes into a file.
    pub(crate) fn spawn(&self, arguments: &str) -> Going {
        self.spawn_command(self.command(arguments))
    }

    pub(crate) fn spawn_command(&self, mut command: Command) -> Going {
        let said = tempfile::NamedTempFile::new_in(self.path()).unwrap();
        let (file, said) = said.keep().unwrap();
        let child = command
            .stdout(std::process::Stdio::null())
            .stderr(file)
            .spawn()
            .unwrap();
        Going { child, said }
    }

    /// Waits until the program has said something, and returns the line.
    pub(crate) fn wait_for_line(&self, going: &Going, part: &str) -> String {
        let began = std::time::Instant::now();
        loop {
            let said = fs_err::read_to_string(&going.said).unwrap();
            if let Some(line) = said.lines().find(|line| line.contains(part)) {
                return line.to_owned();
            }
            assert!(
                began.elapsed() < std::time::Duration::from_secs(60),
                "no `{part}` in\n{said}"
            );
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    /// A stage's log of the only run.
    pub(crate) fn log(&self, stage: &str) -> String {
        let logs = self.path().join("artifacts/logs");
        let mut runs = fs_err::read_dir(logs).unwrap();
        let run = runs.next().unwrap().unwrap().path();
        let bytes = fs_err::read(run.join(format!("{stage}.log"))).unwrap();
        String::from_utf8(bytes).unwrap()
    }
}

impl Going {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let mut kill = Command::new("kill");
        assert!(
            kill.arg(format!("-{name}"))
                .arg(id)
                .status()
                .unwrap()
                .success()
        );
    }

    pub(crate) fn end(mut self) -> Ran {
        let status = self.child.wait().unwrap();
        Ran {
            code: status.code().unwrap_or(-1),
            stdout: String::new(),
            stderr: fs_err::read_to_string(&self.said).unwrap(),
        }
    }
}

/// The processes whose command line (arguments with a zero byte behind each) holds a text.
pub(crate) fn processes(part: &str) -> Vec<i32> {
    let ids = fs_err::read_dir("/proc").unwrap().flatten();
    ids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|id| {
            let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(part)
        })
        .collect()
}
