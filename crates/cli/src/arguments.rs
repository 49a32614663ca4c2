//! The command line, as typed.

mod emit;
mod init;
mod records;

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use cinescore_artifact::StageError;
use cinescore_artifact::store::{Store, Through};
use cinescore_pipeline::executor::Choice;
use cinescore_pipeline::file::{Setting, parse_setting};
use cinescore_pipeline::graph::Graph;
use cinescore_pipeline::project::pipeline_file;
use cinescore_pipeline::runs::Runs;
use cinescore_pipeline::{PipelineError, Project};
use clap::{Args, Parser, Subcommand, ValueHint};

pub(crate) use emit::*;
pub(crate) use init::*;
pub(crate) use records::*;

use crate::amounts::{parse_age, parse_size};

/// Ratings out of written movie reviews: runs pipelines of cached stages.
#[derive(Debug, Parser)]
#[command(name = "cinescore", version, arg_required_else_help = true, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) project: ProjectArguments,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    stale (`plan --check`), or not as locked (`run --locked`, `lock --check`)
  2    usage or configuration
  3    input data refused
  4    a stage failed
  5    the store or the machine: disk full, permission, read-only folder, damage
  130  interrupted

`cinescore VERB --help` has examples. stdout is for data, stderr for prose and progress.";

/// Which pipeline, with which settings, in which folders.
#[derive(Debug, Args)]
pub(crate) struct ProjectArguments {
    /// The pipeline: a file, or a name for pipelines/NAME.yaml [default: demo; for `init` the table's name, for former runs that
    /// of the newest, for `runs` all]
    // No default of clap's, so that `runs` can tell one pipeline from all.
    #[arg(
        short,
        long,
        global = true,
        value_name = "PIPELINE",
        value_hint = ValueHint::FilePath
    )]
    pub(crate) pipeline: Option<String>,
    /// Set a variable of the pipeline, such as vars.data=DIR (may be repeated)
    #[arg(long, global = true, value_name = "vars.NAME=VALUE", value_parser = parse_setting)]
    pub(crate) set: Vec<Setting>,
    /// Where the store, the runs and their logs lie
    #[arg(long, global = true, value_name = "DIR", default_value = "artifacts", value_hint = ValueHint::DirPath)]
    pub(crate) artifacts: PathBuf,
    /// Where stages run: here (local), or as jobs (slurm) but for those that say `executor: local`; or those with a GPU nowhere, but
    /// taken from what was emitted (elsewhere) [default: as the pipeline says]
    #[arg(long, global = true, value_name = "EXECUTOR", value_parser = parse_executor)]
    pub(crate) executor: Option<Choice>,
    /// A second store that is read through, such as a shared folder [env: CINESCORE_CACHE]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
}

/// The values of `--executor`.
fn parse_executor(text: &str) -> Result<Choice, String> {
    match text {
        "local" => Ok(Choice::Local),
        "slurm" => Ok(Choice::Slurm),
        "elsewhere" => Ok(Choice::Elsewhere),
        _ => Err("expected local, slurm or elsewhere".into()),
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Write a pipeline for a table of your own reviews
    #[command(after_help = INIT_EXAMPLES)]
    Init(InitArguments),
    /// Bring stages up to date: run what is stale, take the rest from the store
    #[command(after_help = RUN_EXAMPLES)]
    Run(RunArguments),
    /// Search variables of a pipeline: run trials side by side, and rank them by a validation metric
    #[command(after_help = SWEEP_EXAMPLES)]
    Sweep(SweepArguments),
    /// Write what is stale as files for another engine: a HyperQueue job, or Kubernetes Jobs
    #[command(after_help = EMIT_EXAMPLES)]
    Emit(EmitArguments),
    /// Say what would run, and why
    #[command(after_help = PLAN_EXAMPLES)]
    Plan(PlanArguments),
    /// Show what is there: the state, age, cost and figures of each stage
    #[command(after_help = STATUS_EXAMPLES)]
    Status(StatusArguments),
    /// Say what is in a stage's key, and what changed since the result on view or between two runs
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(ExplainArguments),
    /// Write the lock file: the results that `run --locked` holds the pipeline to
    #[command(after_help = LOCK_EXAMPLES)]
    Lock(LockArguments),
    /// List former runs
    #[command(after_help = RUNS_EXAMPLES)]
    Runs(RunsArguments),
    /// Compare parameters and metrics of two runs
    #[command(after_help = DIFF_EXAMPLES)]
    Diff(DiffArguments),
    /// Set the reports of two runs side by side, as a page
    #[command(after_help = COMPARE_EXAMPLES)]
    Compare(CompareArguments),
    /// Print a stage's log
    #[command(after_help = LOG_EXAMPLES)]
    Log(LogArguments),
    /// Draw the pipeline
    #[command(after_help = DAG_EXAMPLES)]
    Dag(DagArguments),
    /// Print completions for a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions(CompletionsArguments),
    /// Write a man page for each verb
    #[command(after_help = MAN_EXAMPLES)]
    Man(ManArguments),
    /// Print the JSON Schema of pipeline files, for editors
    #[command(after_help = SCHEMA_EXAMPLES)]
    Schema,
    /// Hash everything that is kept and say what is damaged, missing or left over
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyArguments),
    /// Write results into one verified archive, or as plain files into a folder
    #[command(after_help = EXPORT_EXAMPLES)]
    Export(ExportArguments),
    /// Take the results of an archive into the store, so that a run restores them
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(ImportArguments),
    /// Remove old results; what is on view, locked, pinned or in use stays
    #[command(after_help = GC_EXAMPLES)]
    Gc(GcArguments),
    /// Rate reviews with a trained network: a text, a file, over HTTP (`cinescore predict help` has more)
    #[command(disable_help_flag = true)]
    Predict(PredictArguments),
}

#[derive(Debug, Args)]
pub(crate) struct PredictArguments {
    /// What the program `cinescore-predict` is given
    #[arg(
        value_name = "ARGUMENTS",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(crate) arguments: Vec<OsString>,
}

const RUN_EXAMPLES: &str = "\
Examples:
  cinescore run -p sentiment --set vars.data=../shared/data   everything that is stale
  cinescore run -p demo net                                   `net` and what it needs
  cinescore run -p demo --only report                         `report` alone
  cinescore run -p demo --from net --force                    `net` and all below it, anew
  cinescore run -p demo --downstream text                     `text` and all below it, and what they need
  cinescore run -p demo -j 2 --keep-going                     two at once, past failures
  cinescore run -p demo --executor slurm                      as jobs of the cluster that this machine submits to
  cinescore run -p demo --locked                              fail if it gives anything but the lock file";

const SWEEP_EXAMPLES: &str = "\
What is searched is written in the pipeline, under `sweep`. A sweep that was stopped goes on where it was.

Examples:
  cinescore sweep -p tuning --dry-run     the trials, and how many go on from each rung
  cinescore sweep -p tuning -j 2          run them; the leaderboard goes to stdout
  cinescore sweep -p tuning --executor slurm    the same as jobs of a cluster
  cinescore sweep -p tuning --json        the leaderboard for programs";

const PLAN_EXAMPLES: &str = "\
Examples:
  cinescore plan -p demo            a line for each stage, with the reason
  cinescore plan -p demo --check    exit code 1 if anything is stale
  cinescore plan -p demo --json     the same for programs";

const STATUS_EXAMPLES: &str = "\
Examples:
  cinescore status -p demo           a line for each stage
  cinescore status -p demo --json    the same for programs";

const SCHEMA_EXAMPLES: &str = "\
Example, for editors with the YAML language server:
  cinescore schema > pipelines/schema.json
and as the first line of a pipeline:
  # yaml-language-server: $schema=schema.json";
const VERIFY_EXAMPLES: &str = "\
Exit codes: 0 everything is whole, or was repaired; 5 something is damaged or missing.

Examples:
  cinescore verify             read all, change nothing
  cinescore verify --repair    set damage aside; the next run makes it anew";

const EXPORT_EXAMPLES: &str = "\
WHAT is a run's id (or its beginning), `last`, a pipeline's name (what it has on view) or a fingerprint. An
archive also holds all that the results were made from, and the logs.

Examples:
  cinescore export last -o run.tar.zst           an archive for a colleague or for CI
  cinescore export sentiment --files results     plain files, results/STAGE/FILE";

const IMPORT_EXAMPLES: &str = "\
Every digest is computed anew; an archive that is cut off or was changed is refused.

Example:
  cinescore import run.tar.zst && cinescore run -p sentiment     nothing is computed";

const GC_EXAMPLES: &str = "\
What stays whatever is asked: what any pipeline has on view, what the lock files in pipelines/ name, what is
pinned, what a living process is using, and all that these were made from. Without a limit only leftovers
go: objects that no result names, and what killed processes left.

Examples:
  cinescore gc --max-size 10GB               the least recently used results, until the rest fits
  cinescore gc --max-age 30d --dry-run       say what was not used for 30 days
  cinescore gc --keep-last 5                 all but what the last five runs made
  cinescore gc --pin last                    keep what the last run made, for good";

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// Stages to bring up to date, with all that they need [default: all]
    #[arg(value_name = "STAGE")]
    pub(crate) stages: Vec<String>,
    /// The stages of this program, such as featurize, with all that they need
    #[arg(long, value_name = "PROGRAM", conflicts_with = "stages")]
    pub(crate) program: Option<String>,
    /// Run only the named stages; what they need must be fresh
    #[arg(long)]
    pub(crate) only: bool,
    /// Run this stage and all below it; what lies above must be fresh (may be repeated)
    #[arg(long, value_name = "STAGE", conflicts_with = "only")]
    pub(crate) from: Vec<String>,
    /// Run this stage and all below it, after bringing up to date whatever those need (may be repeated)
    #[arg(long, value_name = "STAGE", conflicts_with_all = ["only", "from"])]
    pub(crate) downstream: Vec<String>,
    /// Run selected stages even if they are fresh; with --downstream, not those above
    #[arg(long)]
    pub(crate) force: bool,
    /// The most stages at once [default: as many as threads, memory and GPUs allow]
    #[arg(short, long, value_name = "N")]
    pub(crate) jobs: Option<NonZeroUsize>,
    /// When a stage fails, go on with those that do not need it
    #[arg(short, long)]
    pub(crate) keep_going: bool,
    /// How long a stopped stage may take to clean up before it is killed, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) grace: u64,
    /// When all is well, write the lock file
    #[arg(long, conflicts_with_all = ["stages", "only", "from", "downstream", "locked"])]
    pub(crate) lock: bool,
    /// Exit with code 1 if results are not those of the lock file
    #[arg(long)]
    pub(crate) locked: bool,
    /// With --locked: print the comparison as JSON
    #[arg(long, requires = "locked")]
    pub(crate) json: bool,
    /// Copy the results into the second store (--cache), for others
    #[arg(long)]
    pub(crate) push: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SweepArguments {
    /// Say what would be tried, and run nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The most stages at once [default: as many as threads, memory and GPUs allow]
    #[arg(short, long, value_name = "N")]
    pub(crate) jobs: Option<NonZeroUsize>,
    /// How long a stopped stage may take to clean up before it is killed, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) grace: u64,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    /// Exit with code 1 if anything is stale
    #[arg(long)]
    pub(crate) check: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// What to export [default: what the pipeline has on view]
    #[arg(value_name = "WHAT")]
    pub(crate) what: Option<String>,
    /// The archive to write
    #[arg(
        short,
        long,
        value_name = "FILE.tar.zst",
        required_unless_present = "files",
        conflicts_with = "files"
    )]
    pub(crate) output: Option<PathBuf>,
    /// Put plain files into this folder instead
    #[arg(long, value_name = "DIR")]
    pub(crate) files: Option<PathBuf>,
    /// Read-only hard links instead of copies, where a file system cannot share blocks
    #[arg(long, requires = "files")]
    pub(crate) hard_link: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// The archive
    #[arg(value_name = "FILE.tar.zst")]
    pub(crate) archive: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// Set damage aside and remove records whose objects are gone
    #[arg(long)]
    pub(crate) repair: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GcArguments {
    /// Remove the least recently used results until the rest fits: 500MB, 10GB, 2GiB
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) max_size: Option<u64>,
    /// Remove results that were not used for so long: 30d, 12h
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    pub(crate) max_age: Option<std::time::Duration>,
    /// Keep what the last N runs made; without another limit, remove all the rest
    #[arg(long, value_name = "N")]
    pub(crate) keep_last: Option<usize>,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Keep results for good: a run's id, `last`, a pipeline's name (what it has on view) or a fingerprint
    #[arg(long, value_name = "WHAT", conflicts_with_all = ["max_size", "max_age", "keep_last"])]
    pub(crate) pin: Option<String>,
    /// Undo a pin
    #[arg(long, value_name = "WHAT", conflicts_with_all = ["pin", "max_size", "max_age", "keep_last"])]
    pub(crate) unpin: Option<String>,
    /// List the pins
    #[arg(long, conflicts_with_all = ["pin", "unpin", "max_size", "max_age", "keep_last"])]
    pub(crate) pins: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl ProjectArguments {
    /// The pipeline's file.
    pub(crate) fn file(&self) -> Result<PathBuf, StageError> {
        Ok(pipeline_file(self.pipeline.as_deref().unwrap_or("demo"))?)
    }

    /// The name of the pipeline that was named, if one was.
    pub(crate) fn named(&self) -> Option<String> {
        let given = PathBuf::from(self.pipeline.as_ref()?);
        Some(given.file_stem()?.to_string_lossy().into_owned())
    }

    /// The former runs.
    pub(crate) fn runs(&self) -> Runs {
        Runs::of(&self.artifacts)
    }

    /// Opens the store without looking at a pipeline.
    pub(crate) fn open_store(&self) -> Result<Project, StageError> {
        let program = std::env::current_exe()?;
        let programs = program.parent().unwrap_or(&program);
        let mut project = Project::open(&self.artifacts, programs)?;
        project.executor = self.executor.unwrap_or_default();
        if let Some(cache) = self.cache() {
            let second = Store::open_existing(&cache).map_err(PipelineError::from)?;
            project.store.read_through(second, Through::Look);
        }
        Ok(project)
    }

    /// Opens the project for a run, which copies what the second store has and may add to it.
    pub(crate) fn open_to_run(&self, push: bool) -> Result<(Project, Graph), StageError> {
        let project = self.open_store_to_run(push)?;
        let graph = project.pipeline(&self.file()?, &self.set)?;
        Ok((project, graph))
    }

    /// The same without looking at a pipeline.
    pub(crate) fn open_store_to_run(&self, push: bool) -> Result<Project, StageError> {
        if push && let Some(cache) = self.cache() {
            Store::open(&cache).map_err(PipelineError::from)?;
        }
        let mut project = self.open_store()?;
        if let Some(second) = project.store.second().cloned() {
            project.store.read_through(second, Through::Fetch);
        } else if push {
            let error = StageError::usage("--push needs to know the second store");
            return Err(error.hint("name it with --cache DIR or in CINESCORE_CACHE"));
        }
        Ok(project)
    }

    /// The second store. An empty variable is as good as none.
    fn cache(&self) -> Option<PathBuf> {
        let variable = std::env::var_os("CINESCORE_CACHE").filter(|text| !text.is_empty());
        self.cache.clone().or_else(|| variable.map(PathBuf::from))
    }

    /// Opens the project and checks the pipeline.
    pub(crate) fn open(&self) -> Result<(Project, Graph), StageError> {
        let file = self.file()?;
        let project = self.open_store()?;
        let graph = project.pipeline(&file, &self.set)?;
        Ok((project, graph))
    }

    /// A path for people: relative to the working folder where it lies below it.
    pub(crate) fn shown(path: &std::path::Path) -> String {
        let here = std::env::current_dir().unwrap_or_default();
        path.strip_prefix(&here)
            .unwrap_or(path)
            .display()
            .to_string()
    }
}
