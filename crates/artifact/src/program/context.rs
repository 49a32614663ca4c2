//! What a kind's function works with: its inputs, the places of its outputs, threads, device,
//! progress, and the result that it fills in.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Progress;
use crate::describe::{Output, PROTOCOL};
use crate::error::StageError;
use crate::task::{
    PART, PROVENANCE_INPUT, Provenance, Task, TaskInput, TaskResult, Work, read_json,
};

/// The surroundings of a running kind.
pub struct TaskContext {
    task: Task,
    outputs: Vec<Output>,
    progress: Progress,
    interrupted: Arc<AtomicBool>,
    result: TaskResult,
}

impl TaskContext {
    pub(super) fn new(
        task: Task,
        outputs: Vec<Output>,
        progress: Progress,
    ) -> Result<Self, StageError> {
        let interrupted = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
            signal_hook::flag::register(signal, Arc::clone(&interrupted))?;
        }
        let result = TaskResult {
            protocol: PROTOCOL,
            ..TaskResult::default()
        };
        Ok(Self {
            task,
            outputs,
            progress,
            interrupted,
            result,
        })
    }

    pub(super) fn into_result(self) -> (Task, TaskResult) {
        self.progress.end();
        (self.task, self.result)
    }

    /// The artifact of an input that takes one.
    pub fn input(&self, name: &str) -> Result<&TaskInput, StageError> {
        self.optional_input(name)
            .ok_or_else(|| StageError::usage(format!("the input `{name}` is missing")))
    }

    /// The artifact of an input that may be left out.
    pub fn optional_input(&self, name: &str) -> Option<&TaskInput> {
        self.inputs(name).first()
    }

    /// The artifacts of an input that takes many, in the order given.
    pub fn inputs(&self, name: &str) -> &[TaskInput] {
        self.task.inputs.get(name).map_or(&[], Vec::as_slice)
    }

    /// How everything above was made, where the runner says so.
    pub fn provenance(&self) -> Result<Option<Provenance>, StageError> {
        self.optional_input(PROVENANCE_INPUT)
            .map(|input| read_json(&input.path).map_err(StageError::input))
            .transpose()
    }

    /// Where an output belongs.
    ///
    /// # Panics
    /// If the kind declares no such output: a mistake in the program.
    pub fn output(&self, name: &str) -> PathBuf {
        let output = self.outputs.iter().find(|output| output.name == name);
        let output = output.unwrap_or_else(|| panic!("the kind declares no output `{name}`"));
        self.task.output_dir.join(&output.file_name)
    }

    /// The folder of a shard's share, empty at first.
    pub fn part(&self) -> PathBuf {
        self.task.output_dir.join(PART)
    }

    /// Whether only one share of the work is asked for.
    pub fn is_shard(&self) -> bool {
        matches!(self.task.work, Work::Shard(_))
    }

    /// What the shards left, in order, where their shares are merged.
    pub fn parts(&self) -> Vec<&Path> {
        match &self.task.work {
            Work::Merge { parts } => parts.iter().map(|part| part.path.as_path()).collect(),
            Work::Whole | Work::Shard(_) => Vec::new(),
        }
    }

    /// A folder for temporary files; the caller removes it.
    pub fn scratch(&self) -> &Path {
        &self.task.scratch_dir
    }

    /// The scratch folder, where it outlives a run that does not end well: what lies there may be from
    /// one before. What is found must be checked, and nothing of the result may depend on it.
    pub fn persistent_scratch(&self) -> Option<&Path> {
        self.task.persist.then_some(self.scratch())
    }

    /// A folder, which need not be there yet, for files that people look at while the stage works; none on a plain command
    /// line.
    pub fn log_dir(&self) -> Option<&Path> {
        self.task.log_dir.as_deref()
    }

    /// How many threads to use; rayon's global pool has as many.
    pub fn threads(&self) -> usize {
        self.task.threads
    }

    /// `cpu`, `cuda`, `cuda:N`, or `auto` on a plain command line.
    pub fn device(&self) -> &str {
        &self.task.device
    }

    /// Where progress goes.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The result to be filled in.
    pub fn result(&mut self) -> &mut TaskResult {
        &mut self.result
    }

    /// Says something that a person should look at, now and in the result.
    pub fn warn(&mut self, message: impl Into<String>) {
        let message = message.into();
        self.progress.warning(&message);
        self.result.warnings.push(message);
    }

    /// A flag that SIGTERM and SIGINT set, for loops on other threads.
    pub fn interrupted(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.interrupted)
    }

    /// An error once SIGTERM or SIGINT was seen: call it between pieces of work.
    pub fn check_interrupt(&self) -> Result<(), StageError> {
        if self.interrupted.load(Ordering::Relaxed) {
            Err(StageError::interrupted())
        } else {
            Ok(())
        }
    }
}
