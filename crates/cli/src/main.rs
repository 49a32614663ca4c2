//! The `cinescore` program: one file per verb in `verbs/`.
//!
//! Owns the command line and what people see. Does not own any decision about what is stale
//! (`cinescore-pipeline`). stdout is for data (`--json`, `plan`, `status`); progress and prose go to stderr.

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
        Verb::Schema => verbs::schema::schema(&cli.project),
        Verb::Status(arguments) => verbs::status::status(&cli.project, arguments),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            error::print(&error);
            ExitCode::from(error.class().exit_code())
        }
    }
}
