//! The program `cinescore-ballista`: does on a cluster what `cinescore-ingest` asks for with a plan file, and is that cluster's
//! scheduler and executors where there is none yet.
//!
//! Owns the queries, and the checks of what the cluster answers. Does not own the plan's format (a file of
//! `cinescore-ingest`, compiled into both), nor anything of raw sources: it reads and writes Parquet.

mod error;
mod joins;
mod logs;
mod node;
#[path = "../../ingest/src/engine/plan.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "a file of cinescore-ingest, which shows it to its tests and needs more of it"
)]
mod plan;
mod popularity;
mod sample;
mod session;
mod stop;
mod sums;
mod work;
mod write;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mimalloc::MiMalloc;

/// As Ballista's own executor has it: aggregation is allocation.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[derive(Parser)]
#[command(
    version,
    about = "Counts and joins on a Ballista cluster for cinescore-ingest, and runs that cluster's nodes."
)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Does what a plan file asks for; the answer is JSON on standard output
    Run {
        /// The plan, which `cinescore-ingest` writes
        plan: PathBuf,
        /// Stop, and cancel the job, when standard input ends: whoever asked is gone
        #[arg(long)]
        until_input_ends: bool,
    },
    /// Is the cluster's scheduler: one for all executors
    #[command(disable_help_flag = true)]
    Scheduler {
        /// Options of `ballista-scheduler`; --help lists them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Is one of the cluster's executors
    #[command(disable_help_flag = true)]
    Executor {
        /// Options of `ballista-executor`; --help lists them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
}

fn main() -> ExitCode {
    match Arguments::parse().verb {
        Verb::Run {
            plan,
            until_input_ends,
        } => work::run(&plan, until_input_ends),
        Verb::Scheduler { options } => node::scheduler(options),
        Verb::Executor { options } => node::executor(options),
    }
}
