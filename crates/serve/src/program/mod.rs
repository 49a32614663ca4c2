//! The command line of `cinescore-predict`, one file per verb.
//!
//! Owns what people type and see. stdout is for data; progress and prose go to stderr. Exit codes are those of all programs
//! (`cinescore_artifact::exit`).

mod evaluate;
mod file;
mod popularity;
mod serve;
mod text;
mod view;

use std::num::NonZeroUsize;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cinescore_artifact::{StageError, error, exit};
use cinescore_model::compute;
use clap::{Args, Parser, Subcommand, ValueHint};

use crate::bundles;
use crate::predictor::{PredictError, Predictor};
use crate::stage;

const EXAMPLES: &str = "\
Examples:
  cinescore predict text \"A gem of a film.\" --bundle artifacts/runs/ratings/net/bundle
  cinescore predict file reviews.csv -o rated.parquet --bundle artifacts/runs/ratings/net/bundle
  cinescore predict evaluate data/aclImdb_v1.tar.gz --bundle artifacts/runs/ratings/net/bundle
  cinescore predict serve --bundle artifacts/runs/ratings/net/bundle";

/// Rates written reviews with a trained network.
#[derive(Debug, Parser)]
#[command(name = "cinescore-predict", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Rate one review: an argument, what comes in on stdin, or what is typed
    #[command(after_help = text::EXAMPLES)]
    Text(text::TextArguments),
    /// Rate a file of reviews, however long: CSV, TSV, JSON lines or Parquet
    #[command(after_help = file::EXAMPLES)]
    File(Box<file::FileArguments>),
    /// Measure a bundle on labelled reviews, beside the trivial predictor
    #[command(after_help = evaluate::EXAMPLES)]
    Evaluate(Box<evaluate::EvaluateArguments>),
    /// Forecast how often a movie will be rated in the next slots of time
    #[command(after_help = popularity::EXAMPLES)]
    Popularity(Box<popularity::PopularityArguments>),
    /// Rate reviews over HTTP, with a page to type them into
    #[command(after_help = serve::EXAMPLES)]
    Serve(Box<serve::ServeArguments>),
    /// Measure predictions with and without each flag: a stage for pipelines
    #[command(disable_help_flag = true)]
    Flags(StageArguments),
    /// Tell the runner which stages there are
    #[command(hide = true)]
    Describe,
}

/// What a kind of work for a pipeline is given: its own command line, made from its description.
#[derive(Debug, Args)]
struct StageArguments {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _all: Vec<std::ffi::OsString>,
}

/// On how many threads.
#[derive(Debug, Args)]
pub(crate) struct ThreadArguments {
    /// Threads, each for passes of its own, up to 16 [default: all processors; serve: half of them]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

impl ThreadArguments {
    /// How many threads.
    pub(crate) fn count(&self) -> usize {
        let all = || std::thread::available_parallelism().ok();
        self.threads.or_else(all).map_or(1, NonZeroUsize::get)
    }
}

/// With which bundle, on how many threads.
#[derive(Debug, Args)]
pub(crate) struct BundleArguments {
    /// The folder `bundle` of a training [default: the one in artifacts/runs/recommended]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    bundle: Option<PathBuf>,
    /// Where runs lie
    #[arg(long, value_name = "DIR", default_value = "artifacts", value_hint = ValueHint::DirPath)]
    artifacts: PathBuf,
    #[command(flatten)]
    threads: ThreadArguments,
}

impl BundleArguments {
    /// The bundle's folder.
    pub(crate) fn folder(&self) -> Result<PathBuf, StageError> {
        bundles::choose(self.bundle.as_deref(), &self.artifacts)
    }

    /// How many threads.
    pub(crate) fn threads(&self) -> usize {
        self.threads.count()
    }

    /// Opens the bundle and does some work with it and its folder, on the thread on which LibTorch computes. The folder has no
    /// links, so that one that changes meanwhile does not mix two bundles.
    pub(crate) fn with_predictor<T: Send>(
        &self,
        work: impl FnOnce(Predictor, &Path) -> Result<T, StageError> + Send,
    ) -> Result<T, StageError> {
        let folder = self.folder()?;
        // On one thread, so that no digit depends on how many there are; more of them do passes of their own (`Crew`).
        compute::apart(1, || {
            let resolved = fs_err::canonicalize(&folder).unwrap_or_else(|_missing| folder.clone());
            let opened = Predictor::open(&resolved);
            let predictor = opened.map_err(|error| of_bundle(error, &folder))?;
            work(predictor, &resolved)
        })?
    }
}

/// A bundle's error, with its folder where the error does not name it.
pub(crate) fn of_bundle(error: PredictError, folder: &Path) -> StageError {
    if folder.is_dir() {
        return error.into();
    }
    StageError::usage(format!("there is no bundle `{}`", folder.display())).hint(
        "name the folder `bundle` of a `train fit`, such as artifacts/runs/ratings/net/bundle",
    )
}

/// A number with the name of what was counted.
pub(crate) fn counted(count: u64, name: &str) -> String {
    match count {
        1 => format!("1 {name}"),
        _ => format!("{count} {name}s"),
    }
}

/// Has LibTorch's threads wait for work asleep and not awake, as the runner does for stages: starts the program again, since that
/// is read when the library is loaded. `cinescore predict` has said so already. Where it cannot be started again, the work is
/// done all the same, only with threads that wait awake.
fn wait_asleep() {
    const POLICY: &str = "OMP_WAIT_POLICY";
    if std::env::var_os(POLICY).is_some() {
        return;
    }
    // A file of this name may be another by now, or none, as while the program is built; Linux has that of the process.
    let files = [std::env::current_exe().ok(), Some("/proc/self/exe".into())];
    let name = std::env::args_os().next();
    for file in files.into_iter().flatten() {
        let mut command = std::process::Command::new(&file);
        command
            .args(std::env::args_os().skip(1))
            .arg0(name.as_deref().unwrap_or(file.as_os_str()))
            .env(POLICY, "PASSIVE");
        // It comes back only where it failed.
        let _failed = command.exec();
    }
}

/// Whether the runner calls a kind of work that has the name of a verb: people call `file` with a file, the runner with
/// that of a task.
fn is_task() -> bool {
    let mut arguments = std::env::args_os().skip(1);
    arguments.next().is_some_and(|verb| verb == "file")
        && arguments.any(|argument| argument == "--task-file")
}

/// Runs the program on this process's arguments.
pub fn main() -> ExitCode {
    if is_task() {
        return stage::program().main();
    }
    let verb = Cli::parse().verb;
    match verb {
        // Not worth loading LibTorch twice.
        Verb::Text(_) | Verb::Flags(_) | Verb::Describe => {}
        Verb::File(_) | Verb::Evaluate(_) | Verb::Popularity(_) | Verb::Serve(_) => wait_asleep(),
    }
    let done = match verb {
        Verb::Text(arguments) => text::text(&arguments),
        Verb::File(arguments) => file::file(&arguments),
        Verb::Evaluate(arguments) => evaluate::evaluate_input(&arguments),
        Verb::Popularity(arguments) => popularity::popularity(&arguments),
        Verb::Serve(arguments) => serve::serve(&arguments),
        // It reads this process's arguments itself.
        Verb::Flags(_) | Verb::Describe => return stage::program().main(),
    };
    match done {
        Ok(()) => ExitCode::from(exit::DONE),
        Err(failed) => {
            error::print(&failed);
            ExitCode::from(failed.class().exit_code())
        }
    }
}
