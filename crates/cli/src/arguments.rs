//! The command line, as typed.

mod records;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use cinescore_artifact::StageError;
use cinescore_pipeline::Project;
use cinescore_pipeline::file::{Setting, parse_setting};
use cinescore_pipeline::graph::Graph;
use cinescore_pipeline::project::pipeline_file;
use cinescore_pipeline::runs::Runs;
use clap::{Args, Parser, Subcommand, ValueHint};

pub(crate) use records::*;

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
  5    the store or the machine: disk full, permission, read-only folder
  130  interrupted

`cinescore VERB --help` has examples. stdout is for data, stderr for prose and progress.";

/// Which pipeline, with which settings, in which folders.
#[derive(Debug, Args)]
pub(crate) struct ProjectArguments {
    /// The pipeline: a file, or a name for pipelines/NAME.yaml [default: demo]
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
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Bring stages up to date: run what is stale, take the rest from the store
    #[command(after_help = RUN_EXAMPLES)]
    Run(RunArguments),
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
}

const RUN_EXAMPLES: &str = "\
Examples:
  cinescore run -p sentiment --set vars.data=../shared/data   everything that is stale
  cinescore run -p demo net                                   `net` and what it needs
  cinescore run -p demo --only report                         `report` alone
  cinescore run -p demo --from net --force                    `net` and all below it, anew
  cinescore run -p demo --downstream text                     `text` and all below it, and what they need
  cinescore run -p demo -j 2 --keep-going                     two at once, past failures
  cinescore run -p demo --locked                              fail if it gives anything but the lock file";

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

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// Stages to bring up to date, with all that they need [default: all]
    #[arg(value_name = "STAGE")]
    pub(crate) stages: Vec<String>,
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

    /// Opens the project and checks the pipeline.
    pub(crate) fn open(&self) -> Result<(Project, Graph), StageError> {
        let file = self.file()?;
        let program = std::env::current_exe()?;
        let programs = program.parent().unwrap_or(&program);
        let project = Project::open(&self.artifacts, programs)?;
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
