//! The stage program `cinescore-featurize`.

use std::process::ExitCode;

use cinescore_artifact::program::Program;

fn main() -> ExitCode {
    let about = "Turns tables into what networks read.";
    Program::new("cinescore-featurize", about, env!("CINESCORE_CODE_DIGEST"))
        .kind(cinescore_featurize::text::kind())
        .kind(cinescore_featurize::bags::kind())
        .kind(cinescore_featurize::folds::kind())
        .kind(cinescore_featurize::vectors::kind())
        .kind(cinescore_featurize::windows::kind())
        .kind(cinescore_featurize::windows::trends::kind())
        .main()
}
