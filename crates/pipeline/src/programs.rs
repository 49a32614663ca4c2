//! Stage programs: finding them, and what they say of themselves.
//!
//! Owns the memory of descriptions: a program is asked once, and the answer is kept by the file's stat,
//! so that a plan starts no program that it knows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use cinescore_artifact::describe::{PROTOCOL, ProgramDescription};
use cinescore_artifact::store::{Stat, sealed};
use serde::{Deserialize, Serialize};

use crate::error::PipelineError;

/// What every stage program's file name begins with.
const PREFIX: &str = "cinescore-";

/// The stage programs of a folder and what is remembered of them.
#[derive(Debug)]
pub struct Programs {
    folder: PathBuf,
    memory: PathBuf,
    known: Mutex<BTreeMap<PathBuf, ProgramDescription>>,
}

#[derive(Serialize, Deserialize)]
struct Remembered {
    path: PathBuf,
    stat: Stat,
    description: ProgramDescription,
}

impl Programs {
    /// Programs in `folder` (and, after it, on `PATH`); descriptions are remembered in `memory`.
    pub fn new(folder: &Path, memory: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            memory: memory.to_owned(),
            known: Mutex::default(),
        }
    }

    /// The program of a short name, `featurize`.
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        let file_name = format!("{PREFIX}{name}");
        self.folders()
            .into_iter()
            .map(|folder| folder.join(&file_name))
            .find(|path| path.is_file())
    }

    /// Where programs are looked for, in order.
    fn folders(&self) -> Vec<PathBuf> {
        let on_path = std::env::var_os("PATH").unwrap_or_default();
        std::iter::once(self.folder.clone())
            .chain(std::env::split_paths(&on_path))
            .collect()
    }

    /// The short names of all programs that can be found.
    pub fn names(&self) -> Vec<String> {
        let entries = self.folders().into_iter().flat_map(|folder| {
            let entries = fs_err::read_dir(folder).into_iter();
            entries.flatten().flatten()
        });
        let mut names: Vec<String> = entries
            .filter(|entry| entry.path().is_file())
            .filter_map(|entry| Some(entry.file_name().to_str()?.strip_prefix(PREFIX)?.to_owned()))
            .filter(|name| !name.contains('.'))
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// What a program says of itself.
    pub fn describe(&self, program: &Path) -> Result<ProgramDescription, PipelineError> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known().get(program) {
            return Ok(known.clone());
        }
        let stat = Stat::of(program).map_err(PipelineError::io("find", program))?;
        let file_name = program.file_name().unwrap_or_default().to_string_lossy();
        let memory = self.memory.join(format!("{file_name}.json"));
        // A memory that cannot be read is none: the program is asked again.
        let remembered = sealed::read::<Remembered>(&memory).ok();
        let description = match remembered {
            Some(remembered) if remembered.path == program && remembered.stat == stat => {
                remembered.description
            }
            _ => {
                let description = ask(program)?;
                let remembered = Remembered {
                    path: program.to_owned(),
                    stat,
                    description: description.clone(),
                };
                fs_err::create_dir_all(&self.memory)
                    .map_err(PipelineError::io("make", &self.memory))?;
                sealed::write(&memory, &remembered).map_err(PipelineError::io("write", &memory))?;
                description
            }
        };
        known().insert(program.to_owned(), description.clone());
        Ok(description)
    }
}

fn ask(program: &Path) -> Result<ProgramDescription, PipelineError> {
    let fail = |reason: String| PipelineError::Describe {
        program: program.to_owned(),
        reason,
    };
    let output = Command::new(program)
        .arg("describe")
        .output()
        .map_err(|error| fail(error.to_string()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(fail(format!(
            "`describe` ended with {}: {}",
            output.status,
            said.trim()
        )));
    }
    let description: ProgramDescription =
        serde_json::from_slice(&output.stdout).map_err(|error| fail(error.to_string()))?;
    if description.protocol != PROTOCOL {
        return Err(fail(format!(
            "it speaks version {} of the task protocol; this runner speaks version {PROTOCOL}",
            description.protocol
        )));
    }
    Ok(description)
}
