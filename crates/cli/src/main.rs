//! The `cinescore` program: one file per verb in `verbs/`.
//!
//! Owns the command line and what people see. Does not own any decision about what is stale
//! (`cinescore-pipeline`). stdout is for data (rows, `--json`); progress and prose go to stderr.

mod amounts;
mod arguments;
mod display;
mod table;
mod verbs;

use std::process::ExitCode;

use cinescore_artifact::error;
use clap::Parser as _;

use arguments::{Cli, Verb};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match &cli.verb {
        Verb::Init(arguments) => verbs::init::init(&cli.project, arguments),
        Verb::Run(arguments) => verbs::run::run(&cli.project, arguments),
        Verb::Sweep(arguments) => verbs::sweep::sweep(&cli.project, arguments),
        Verb::Emit(arguments) => verbs::emit::emit(&cli.project, arguments),
        Verb::Plan(arguments) => verbs::plan::plan(&cli.project, arguments),
        Verb::Schema => verbs::schema::schema(&cli.project),
        Verb::Status(arguments) => verbs::status::status(&cli.project, arguments),
        Verb::Lock(arguments) => verbs::lock::lock(&cli.project, arguments),
        Verb::Runs(arguments) => verbs::runs::runs(&cli.project, arguments),
        Verb::Log(arguments) => verbs::log::log(&cli.project, arguments),
        Verb::Dag(arguments) => verbs::dag::dag(&cli.project, arguments),
        Verb::Completions(arguments) => verbs::help::completions(arguments),
        Verb::Man(arguments) => verbs::help::man(arguments),
        Verb::Diff(arguments) => verbs::diff::diff(&cli.project, arguments),
        Verb::Compare(arguments) => verbs::compare::compare(&cli.project, arguments),
        Verb::Explain(arguments) => verbs::explain::explain(&cli.project, arguments),
        Verb::Verify(arguments) => verbs::verify::verify(&cli.project, arguments),
        Verb::Export(arguments) => verbs::export::export(&cli.project, arguments),
        Verb::Import(arguments) => verbs::import::import(&cli.project, arguments),
        Verb::Predict(arguments) => verbs::predict::predict(&cli.project, arguments),
        Verb::Gc(arguments) => verbs::gc::gc(&cli.project, arguments),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            error::print(&error);
            ExitCode::from(error.class().exit_code())
        }
    }
}
