//! The program `cinescore-train`.

use std::process::ExitCode;

use cinescore_artifact::program::Program;

fn main() -> ExitCode {
    let about = "Trains networks on encoded examples and says how good they are.";
    Program::new("cinescore-train", about, env!("CINESCORE_CODE_DIGEST"))
        .kind(cinescore_train::fit::kind())
        .kind(cinescore_train::evaluate::kind())
        .kind(cinescore_train::baseline::kind())
        .kind(cinescore_train::baseline::wide::kind())
        .kind(cinescore_train::compare::kind())
        .kind(cinescore_train::explain::kind())
        .kind(cinescore_train::slices::kind())
        .verb(cinescore_train::summary::verb())
        .main()
}
