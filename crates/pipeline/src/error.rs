//! Why a pipeline could not be planned or run.

use std::io;
use std::path::PathBuf;

use cinescore_artifact::digest::DigestError;
use cinescore_artifact::error::machine_hint;
use cinescore_artifact::source::SourceError;
use cinescore_artifact::store::StoreError;
use cinescore_artifact::task::TaskError;
use cinescore_artifact::{ErrorClass, StageError, exit};
use cinescore_config::{Problems, did_you_mean};
use thiserror::Error;

/// Why a pipeline could not be planned or run.
#[derive(Debug, Error)]
pub enum PipelineError {
    /// The pipeline's file, or one that it names, is wrong.
    #[error("{0}")]
    Config(#[from] Problems),
    /// A name on the command line is unknown.
    #[error("unknown {what} `{given}` (known: {})", few(known))]
    Unknown {
        /// What was named.
        what: &'static str,
        /// The name.
        given: String,
        /// The known names.
        known: Vec<String>,
    },
    /// There is no such pipeline.
    #[error("there is no pipeline `{given}`: neither a file of that name nor `{}`", tried.display())]
    NoPipeline {
        /// As given.
        given: String,
        /// Where it was looked for.
        tried: PathBuf,
    },
    /// There is no lock file.
    #[error("there is no lock file `{}`", path.display())]
    NoLock {
        /// Where it would be.
        path: PathBuf,
    },
    /// The command line asks for something that cannot be.
    #[error("{0}")]
    Usage(String),
    /// A stage program did not describe itself.
    #[error("`{}` does not describe itself: {reason}", program.display())]
    Describe {
        /// The program.
        program: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// A source was not found.
    #[error("stage `{stage}`, input `{input}`")]
    Source {
        /// The stage.
        stage: String,
        /// Its input.
        input: String,
        /// Why not.
        source: SourceError,
    },
    /// A stage outside the selection would have to run first.
    #[error("stage `{stage}` needs `{upstream}`, which is not fresh and was not asked for")]
    UpstreamStale {
        /// The stage.
        stage: String,
        /// The stage above it.
        upstream: String,
    },
    /// A stage failed.
    #[error("stage `{stage}` failed ({how}); its log: {}", log.display())]
    StageFailed {
        /// The stage.
        stage: String,
        /// `exit code 3`, `signal 9`, ...
        how: String,
        /// The exit code that this gives the runner.
        code: u8,
        /// Its log.
        log: PathBuf,
        /// The end of its log.
        tail: String,
        /// What may help, where more is known than the log says.
        hint: Option<&'static str>,
    },
    /// A stage is made by other engines only, and was not.
    #[error("stage `{stage}` is not made here, and nowhere else: {why}")]
    Elsewhere {
        /// The stage.
        stage: String,
        /// Why not.
        why: String,
    },
    /// A stage did not do what the protocol asks.
    #[error("stage `{stage}` broke the task protocol: {how}")]
    Protocol {
        /// The stage.
        stage: String,
        /// In what way.
        how: String,
    },
    /// The thread of a stage panicked.
    #[error("stage `{stage}` met a mistake in this program, which is described above")]
    Panicked {
        /// The stage.
        stage: String,
    },
    /// A file of the user's changed while a stage read it.
    #[error(
        "input `{input}` of stage `{stage}` changed while it was being read: the result is not kept"
    )]
    InputChanged {
        /// The stage.
        stage: String,
        /// Its input.
        input: String,
    },
    /// A result is not what the pipeline demands.
    #[error("stage `{stage}` does not pass the checks of its outputs: {}", failed.join("; "))]
    CheckFailed {
        /// The stage.
        stage: String,
        /// What it fails.
        failed: Vec<String>,
    },
    /// Several stages failed.
    #[error("{} failed{}", stages(failures.len()), lines(failures, skipped))]
    Several {
        /// Their failures, in the pipeline's order.
        failures: Vec<PipelineError>,
        /// Stages that were not run because they need one that failed.
        skipped: Vec<String>,
    },
    /// A file of the protocol could not be written.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An input has no digest.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// The machine.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An archive of results is refused.
    #[error("`{}` is refused: {how}", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// Why.
        how: String,
    },
    /// Slurm could not be asked to do something.
    #[error("Slurm: {what}")]
    Slurm {
        /// What went wrong, in its words where it has any.
        what: String,
        /// What may help.
        hint: Option<String>,
    },
    /// SIGINT or SIGTERM.
    #[error("interrupted; what was finished is kept")]
    Interrupted,
}

fn stages(count: usize) -> String {
    if count == 1 {
        "1 stage".into()
    } else {
        format!("{count} stages")
    }
}

/// A line for each failure, and one for what was not run because of them.
fn lines(failures: &[PipelineError], skipped: &[String]) -> String {
    let mut lines = String::new();
    for failure in failures {
        lines.push_str("\n  ");
        lines.push_str(&failure.to_string());
    }
    if !skipped.is_empty() {
        let shown: Vec<&str> = skipped.iter().take(8).map(String::as_str).collect();
        lines.push_str(&format!(
            "\nnot run, because they need a stage that failed: {}",
            shown.join(", ")
        ));
        if skipped.len() > shown.len() {
            lines.push_str(&format!(" and {} more", skipped.len() - shown.len()));
        }
    }
    lines
}

/// How many known names are listed.
const LISTED: usize = 12;

/// The first of some names.
fn few(names: &[String]) -> String {
    match names.len().checked_sub(LISTED) {
        None | Some(0) if names.is_empty() => "none".into(),
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more", names[..LISTED].join(", ")),
    }
}

impl PipelineError {
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

impl PipelineError {
    /// Whose fault it is.
    pub(crate) fn class(&self) -> ErrorClass {
        match self {
            Self::Config(_)
            | Self::Unknown { .. }
            | Self::NoPipeline { .. }
            | Self::NoLock { .. }
            | Self::Usage(_)
            | Self::UpstreamStale { .. } => ErrorClass::Usage,
            Self::Source { .. }
            | Self::Digest(_)
            | Self::InputChanged { .. }
            | Self::Archive { .. } => ErrorClass::Input,
            Self::Describe { .. }
            | Self::Elsewhere { .. }
            | Self::Protocol { .. }
            | Self::Panicked { .. }
            | Self::CheckFailed { .. }
            | Self::Several { .. } => ErrorClass::Failed,
            Self::StageFailed { code, .. } => match *code {
                exit::USAGE => ErrorClass::Usage,
                exit::INPUT => ErrorClass::Input,
                exit::MACHINE => ErrorClass::Machine,
                exit::INTERRUPTED => ErrorClass::Interrupted,
                _ => ErrorClass::Failed,
            },
            Self::Store(StoreError::NoStore { .. }) => ErrorClass::Usage,
            Self::Task(_) | Self::Store(_) | Self::Io { .. } | Self::Slurm { .. } => {
                ErrorClass::Machine
            }
            Self::Interrupted => ErrorClass::Interrupted,
        }
    }

    /// The exit code that it gives the runner.
    pub(crate) fn exit_code(&self) -> u8 {
        self.class().exit_code()
    }
}

impl From<PipelineError> for StageError {
    fn from(error: PipelineError) -> Self {
        use PipelineError as E;
        let class = error.class();
        let hint = match &error {
            // Of names of one letter, any is near to any other.
            E::Unknown { given, known, .. } if given.len() > 1 => {
                did_you_mean(given, known).map(|meant| format!("did you mean `{meant}`?"))
            }
            E::NoLock { .. } => Some("write it with `cinescore lock`, and commit it".into()),
            E::UpstreamStale { upstream, .. } => Some(format!(
                "run without --only or --from, or name `{upstream}` as well"
            )),
            E::StageFailed { tail, hint, .. } => {
                let log = (!tail.is_empty()).then(|| format!("the log ends with\n{tail}"));
                let parts: Vec<String> = hint.map(String::from).into_iter().chain(log).collect();
                (!parts.is_empty()).then(|| parts.join("\n"))
            }
            E::Elsewhere { .. } => Some(
                "write it with `cinescore emit`, submit that, and run again when the jobs have ended; or run without `--executor elsewhere`"
                    .into(),
            ),
            E::Source { .. } => Some(
                "say where the data lies with `DATA=DIR` (make) or `--set vars.data=DIR`".into(),
            ),
            E::InputChanged { .. } => Some("run again once nobody writes to it any more".into()),
            E::CheckFailed { .. } => Some(
                "the result is in the store: change the check, or what makes the result".into(),
            ),
            E::Io { source, .. } | E::Task(TaskError::Io { source, .. }) => machine_hint(source),
            E::Slurm { hint, .. } => hint.clone(),
            E::Store(error) => error.io().and_then(machine_hint),
            _ => None,
        };
        let error = Self::new(class, error);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}
