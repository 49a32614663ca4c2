//! `cinescore completions` and `cinescore man`: what clap's description of the command line gives.

use std::io::Write as _;

use cinescore_artifact::{StageError, exit};
use clap::CommandFactory as _;
use clap_complete::shells;

use crate::arguments::{Cli, CompletionsArguments, ManArguments, Shell};
use crate::display;

/// Completions of verbs, flags and file names. Names of stages are not known to a shell.
pub(crate) fn completions(arguments: &CompletionsArguments) -> Result<u8, StageError> {
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    match arguments.shell {
        Shell::Bash => clap_complete::generate(shells::Bash, &mut command, name, &mut script),
        Shell::Zsh => clap_complete::generate(shells::Zsh, &mut command, name, &mut script),
        Shell::Fish => clap_complete::generate(shells::Fish, &mut command, name, &mut script),
    }
    // A reader that went away is no error.
    std::io::stdout().write_all(&script).ok();
    Ok(exit::DONE)
}

/// A page for the program and one for each verb.
pub(crate) fn man(arguments: &ManArguments) -> Result<u8, StageError> {
    fs_err::create_dir_all(&arguments.folder)?;
    clap_mangen::generate_to(Cli::command(), &arguments.folder)?;
    display::say(&format!("wrote {}", arguments.folder.display()));
    Ok(exit::DONE)
}
