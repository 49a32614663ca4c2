//! The program `cinescore-predict`.

use std::process::ExitCode;

fn main() -> ExitCode {
    cinescore_serve::program::main()
}
