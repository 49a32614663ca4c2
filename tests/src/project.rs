//! A project in a temporary folder: pipelines, data, results.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cinescore_artifact::Digest;
use cinescore_artifact::digest::files_below;
use tempfile::TempDir;

use crate::{Ended, program};

/// A folder in which a user could work; gone when dropped.
#[derive(Debug)]
pub struct Project {
    folder: TempDir,
}

impl Project {
    /// An empty project.
    ///
    /// # Panics
    /// If the system gives no temporary folder.
    #[expect(clippy::new_without_default, reason = "it makes a folder")]
    pub fn new() -> Self {
        Self {
            folder: TempDir::with_prefix("cinescore-test-").expect("a temporary folder"),
        }
    }

    /// A path in the project.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, and the folders above it.
    ///
    /// # Panics
    /// If that fails.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs_err::create_dir_all(path.parent().expect("it lies in the project")).expect("a folder");
        fs_err::write(path, bytes).expect("a file");
    }

    /// A program ready to be started in the project, without input.
    pub fn command<S: AsRef<OsStr>>(
        &self,
        name: &str,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new(program(name));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs a program in the project until it ends.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn run<S: AsRef<OsStr>>(
        &self,
        name: &str,
        arguments: impl IntoIterator<Item = S>,
    ) -> Ended {
        self.command(name, arguments)
            .output()
            .expect("the program starts")
            .into()
    }

    /// Runs the runner with a line of words.
    pub fn cinescore(&self, line: &str) -> Ended {
        self.run("cinescore", line.split_whitespace())
    }

    /// Every file below a folder with its digest; none where there is no such folder.
    ///
    /// # Panics
    /// If one cannot be read.
    pub fn files(&self, folder: &str) -> BTreeMap<String, Digest> {
        let folder = self.path(folder);
        if !folder.exists() {
            return BTreeMap::new();
        }
        let names = files_below(&folder).expect("a readable folder");
        names
            .into_iter()
            .map(|name| (name.clone(), digest(&folder.join(name))))
            .collect()
    }

    /// The objects in a store with their bytes' digests.
    pub fn objects(&self, artifacts: &str) -> BTreeMap<String, Digest> {
        self.files(&format!("{artifacts}/store/objects"))
    }
}

fn digest(path: &Path) -> Digest {
    Digest::of_file(path).expect("a readable file")
}
