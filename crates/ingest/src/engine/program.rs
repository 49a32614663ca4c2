//! The program `cinescore-ballista`: found beside this one or on PATH, started on a plan, and stopped when this one stops.
//!
//! Its standard input is held open as long as this process lives. When it ends, for whatever reason, the program cancels its job: nothing
//! goes on counting on a cluster for nobody.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::EngineError;
use super::plan::{Answer, Plan, Sums, VERSION};
use crate::watch::Watch;

const PROGRAM: &str = "cinescore-ballista";
/// How often it is looked at.
const POLL: Duration = Duration::from_millis(20);
/// How long it may take to cancel its job.
const CANCEL: Duration = Duration::from_secs(10);

/// What was counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    /// Rows of the output.
    pub(crate) rows: u64,
    /// What they come to.
    pub(crate) sums: Sums,
    /// Rows that the program counted again itself.
    pub(crate) sampled: u64,
}

/// Works a plan off, whose file is put into the folder.
pub(crate) fn run(plan: &Plan, folder: &Path, watch: &Watch<'_>) -> Result<Done, EngineError> {
    let program = find()?;
    let path = folder.join("plan.json");
    let start = |source| EngineError::Start {
        program: program.clone(),
        source,
    };
    let text = serde_json::to_vec_pretty(plan).map_err(std::io::Error::other);
    text.and_then(|text| std::fs::write(&path, text))
        .map_err(start)?;
    let mut child = Command::new(&program)
        .arg("run")
        .arg(&path)
        .arg("--until-input-ends")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(start)?;
    let answer = child.stdout.take().map(read_aside);
    let status = wait(&mut child, watch, &start)?;
    let text = answer
        .and_then(|reading| reading.join().ok())
        .unwrap_or_default();
    understand(&program, &text, status)
}

/// Beside this program, else the first on PATH.
fn find() -> Result<PathBuf, EngineError> {
    let own = std::env::current_exe().unwrap_or_default();
    let name = format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX);
    let beside = own.parent().map(Path::to_owned);
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    beside
        .into_iter()
        .chain(std::env::split_paths(&on_path))
        .map(|folder| folder.join(&name))
        .find(|program| program.is_file())
        .ok_or(EngineError::NoProgram { own })
}

fn read_aside(mut stdout: ChildStdout) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        // What was said before an error counts.
        stdout.read_to_string(&mut text).ok();
        text
    })
}

fn wait(
    child: &mut Child,
    watch: &Watch<'_>,
    failed: &impl Fn(std::io::Error) -> EngineError,
) -> Result<ExitStatus, EngineError> {
    loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            return Ok(status);
        }
        if let Err(stop) = watch.tick("the cluster counts") {
            end(child);
            return Err(stop.into());
        }
        std::thread::sleep(POLL);
    }
}

/// Has the program cancel its job, and ends it if it does not.
fn end(child: &mut Child) {
    drop(child.stdin.take());
    let until = Instant::now() + CANCEL;
    while Instant::now() < until {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        std::thread::sleep(POLL);
    }
    // It may have ended by itself just now.
    child.kill().ok();
    child.wait().ok();
}

fn understand(program: &Path, text: &str, status: ExitStatus) -> Result<Done, EngineError> {
    /// What all versions have in common: one key, and the version below it.
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Any(std::collections::BTreeMap<String, Versioned>);
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let line = text.lines().last().unwrap_or_default();
    let version = serde_json::from_str::<Any>(line)
        .ok()
        .and_then(|any| any.0.into_values().next())
        .map(|versioned| versioned.version);
    match version {
        Some(found) if found != VERSION => Err(EngineError::Version {
            program: program.to_owned(),
            found,
        }),
        _ => match serde_json::from_str(line) {
            Ok(Answer::Done {
                rows,
                sums,
                sampled,
                ..
            }) if status.success() => Ok(Done {
                rows,
                sums,
                sampled,
            }),
            Ok(Answer::Failed {
                reason, message, ..
            }) => Err(EngineError::Failed { reason, message }),
            _ => Err(EngineError::NoAnswer {
                program: program.to_owned(),
                status: status.to_string(),
            }),
        },
    }
}
