//! The arguments of the verbs that say what was, what is, and why.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

pub(crate) const EXPLAIN_EXAMPLES: &str = "\
Examples:
  cinescore explain net               the state of `net`, what changed, and everything in its key
  cinescore explain net last~1 last   what differed between the last two runs
  cinescore explain net --json        the same for programs";

pub(crate) const LOCK_EXAMPLES: &str = "\
Examples:
  cinescore lock -p demo              write pipelines/demo.lock from the results that are there
  cinescore run -p demo --lock        run what is stale first
  cinescore lock -p demo --check      compare only: exit code 1 if anything differs
  cinescore run -p demo --locked      in CI: run what is stale, then compare (with --force: run everything)

The file is written only when asked for, so that an ordinary run changes nothing that git knows. Stages of
data are held to their outputs byte for byte; trained ones to their metrics, each within the tolerance
that the pipeline declares for it.";

pub(crate) const RUNS_EXAMPLES: &str = "\
Examples:
  cinescore runs                 the last 20 runs of all pipelines
  cinescore runs -p demo -n 5    the last 5 of one
  cinescore runs --json          with everything that is known of each

A run that computes nothing leaves no record.";

pub(crate) const DIFF_EXAMPLES: &str = "\
Examples:
  cinescore diff                        the last run against the one before it
  cinescore diff 20261121T0944 last     by the beginning of an id
  cinescore diff lock now --markdown    what is there against the lock file, for a pull request

Each side is a run (an id, the beginning of one, `last`, `last~2`), a lock file or `lock` for the
pipeline's own, or `now` for the results that are there.";

pub(crate) const COMPARE_EXAMPLES: &str = "\
Examples:
  cinescore compare                      the reports of the last two runs
  cinescore compare last~3 last -p demo  those of two runs of one pipeline
  cinescore compare last~1 last -o DIR   into a folder of your own

Each side is a run: an id, the beginning of one, `last` or `last~2`. The page lists the figures that differ, sets plots that
differ beside each other and has the times of both; summary.md beside it is for a pull request.";

pub(crate) const LOG_EXAMPLES: &str = "\
Examples:
  cinescore log net              the newest log of `net`
  cinescore log net last~1       that of the run before the last
  cinescore log net --path       only where it lies";

pub(crate) const DAG_EXAMPLES: &str = "\
Examples:
  cinescore dag                              as a tree
  cinescore dag --mermaid                    for Markdown on GitHub and elsewhere
  cinescore dag --dot | dot -Tsvg > dag.svg  with Graphviz";

pub(crate) const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  cinescore completions bash > ~/.local/share/bash-completion/completions/cinescore
  cinescore completions zsh > ~/.zfunc/_cinescore       (with fpath+=~/.zfunc before compinit)
  cinescore completions fish > ~/.config/fish/completions/cinescore.fish";

pub(crate) const MAN_EXAMPLES: &str = "\
Examples:
  cinescore man ~/.local/share/man/man1    then: man cinescore-run";

#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    /// The stage
    #[arg(value_name = "STAGE")]
    pub(crate) stage: String,
    /// Two runs to compare; without them, what is now against the result on view
    #[arg(value_name = "RUN", num_args = 2)]
    pub(crate) runs: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LockArguments {
    /// Write nothing; exit with code 1 if the results that are there are not the locked ones
    #[arg(long)]
    pub(crate) check: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RunsArguments {
    /// How many, the newest first; 0 for all
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub(crate) number: usize,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArguments {
    /// The side that is compared with
    #[arg(value_name = "A", default_value = "last~1")]
    pub(crate) before: String,
    /// The side that is compared
    #[arg(value_name = "B", default_value = "last")]
    pub(crate) after: String,
    /// Also what is equal
    #[arg(long)]
    pub(crate) all: bool,
    /// Print JSON
    #[arg(long, conflicts_with = "markdown")]
    pub(crate) json: bool,
    /// Print Markdown, for a pull request
    #[arg(long)]
    pub(crate) markdown: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CompareArguments {
    /// The run that is compared with
    #[arg(value_name = "A", default_value = "last~1")]
    pub(crate) before: String,
    /// The run that is compared
    #[arg(value_name = "B", default_value = "last")]
    pub(crate) after: String,
    /// Where the page goes; a folder that is not there yet, or empty
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct LogArguments {
    /// The stage
    #[arg(value_name = "STAGE")]
    pub(crate) stage: String,
    /// The run [default: the newest in which it ran]
    #[arg(value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// Print only the log's path
    #[arg(long)]
    pub(crate) path: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DagArguments {
    /// Print a tree, which is the default
    #[arg(long, group = "form")]
    pub(crate) text: bool,
    /// Print Mermaid
    #[arg(long, group = "form")]
    pub(crate) mermaid: bool,
    /// Print Graphviz's language
    #[arg(long, group = "form")]
    pub(crate) dot: bool,
    /// Print JSON
    #[arg(long, group = "form")]
    pub(crate) json: bool,
    /// Each cell of a matrix by itself
    #[arg(long)]
    pub(crate) cells: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

/// A shell that completions are made for.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}

#[derive(Debug, Args)]
pub(crate) struct ManArguments {
    /// The folder to write the pages into; made if it is not there
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) folder: PathBuf,
}
