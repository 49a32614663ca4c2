//! The program `cinescore-report`.

use std::process::ExitCode;

use cinescore_artifact::program::Program;

fn main() -> ExitCode {
    Program::new(
        "cinescore-report",
        "Turns a pipeline's results into a page.",
        env!("CINESCORE_CODE_DIGEST"),
    )
    .kind(cinescore_report::kind())
    .kind(cinescore_report::compare::kind())
    .main()
}
