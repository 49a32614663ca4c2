//! The `cinescore` program: one file per verb in `verbs/`.
//!
//! Owns the command line and what people see. Does not own any decision about what is stale
//! (`cinescore-pipeline`). stdout is for data (`--json`, `plan`, `status`); progress and prose go to stderr.

mod amounts;
mod arguments;
mod display;
mod verbs;

use std::process::ExitCode;

use cinescore_artifact::error;
use clap::Parser as _;

use arguments::{Cli, Verb};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match &cli.verb {
        Verb::Run(arguments) => verbs::run::run(&cli.project, arguments),
        Verb::Plan(arguments) => verbs::plan::plan(&cli.project, arguments),
        Verb::Status(arguments) => verbs::status::status(&cli.project, arguments),
        Verb::Verify(arguments) => verbs::verify::verify(&cli.project, arguments),
        Verb::Export(arguments) => verbs::export::export(&cli.project, arguments),
        Verb::Import(arguments) => verbs::import::import(&cli.project, arguments),
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
