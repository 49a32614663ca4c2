//! HyperQueue's job definition file, for `hq job submit-file` (its reference: "Job Definition File", HyperQueue 0.27).
//!
//! A task has the numbers of those that it needs as `deps`, its resources as one `request`, and a `time_limit` that is the sum of all
//! its tries: HyperQueue runs a task again where a worker was lost (`crash_limit`), and not where the task itself failed, so
//! that the script tries again.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::SCRIPT;
use super::write::Piece;
use crate::error::PipelineError;

/// The file.
const FILE: &str = "job.toml";
/// How often a task may lose its worker.
const CRASHES: u32 = 5;

/// Writes the job file; gives its path.
pub(super) fn write(
    emission: &Path,
    pipeline: &str,
    pieces: &[Piece],
) -> Result<PathBuf, PipelineError> {
    let path = emission.join(FILE);
    fs_err::write(&path, text(emission, pipeline, pieces))
        .map_err(PipelineError::io("write", &path))?;
    Ok(path)
}

fn text(emission: &Path, pipeline: &str, pieces: &[Piece]) -> String {
    let script = emission.join(SCRIPT);
    let mut text = format!("name = {}\n", quoted(&format!("cinescore-{pipeline}")));
    let mut line = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    for (number, piece) in pieces.iter().enumerate() {
        line(format!(
            "\n# {}",
            piece.stage.replace(char::is_control, " ")
        ));
        line("[[task]]".into());
        line(format!("id = {number}"));
        let command = ["sh", &script.to_string_lossy(), &super::task_name(number)].map(quoted);
        line(format!("command = [{}]", command.join(", ")));
        line(format!("cwd = {}", quoted(&emission.to_string_lossy())));
        // The log is kept beside the task.
        line("stdout = \"none\"\nstderr = \"none\"".into());
        let needs: Vec<String> = piece.needs.iter().map(usize::to_string).collect();
        line(format!("deps = [{}]", needs.join(", ")));
        line(format!("crash_limit = {CRASHES}"));
        let all: u64 = piece.limits.iter().sum();
        if all > 0 {
            line(format!("time_limit = \"{all}s\""));
        }
        line("[[task.request]]".into());
        let mut resources = format!("\"cpus\" = {}", piece.threads);
        if let Some(bytes) = piece.memory_bytes {
            // HyperQueue counts the memory of a worker in MiB.
            write!(resources, ", \"mem\" = {}", bytes.div_ceil(1 << 20)).ok();
        }
        if piece.gpus > 0 {
            write!(resources, ", \"gpus/nvidia\" = {}", piece.gpus).ok();
        }
        line(format!("resources = {{ {resources} }}"));
        if let Some(first) = piece.limits.first().filter(|first| **first > 0) {
            line(format!("time_request = \"{first}s\""));
        }
    }
    text
}

/// A text in TOML, whose basic strings have the escapes of JSON.
fn quoted(text: &str) -> String {
    let text = serde_json::Value::from(text).to_string();
    text.replace('\u{7f}', "\\u007F")
}
