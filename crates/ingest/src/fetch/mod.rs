//! The verb `fetch`: gets the public archives that `data/sources.yaml` names.
//!
//! Owns the list of sources, what is shown before a download and the order of places: a file that is there, the
//! mirror folder, the address. Does not own the transfer (`download`) or the checks of a file (`check`). Writes
//! `FILE` once it is whole and checked, and `FILE.part` until then.

mod check;
mod download;
mod sources;

use std::path::{Path, PathBuf};

use cinescore_artifact::StageError;
use cinescore_artifact::error::ErrorClass;
use cinescore_artifact::program::Verb;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use fs_err as fs;
use thiserror::Error;

use download::Patience;
use sources::Source;

/// Why a source was not fetched.
#[derive(Debug, Error)]
enum FetchError {
    /// The file that names the sources is no such file.
    #[error("`{}` does not name sources", path.display())]
    Sources {
        path: PathBuf,
        source: serde_yaml::Error,
    },
    #[error("there is no source `{name}`; there are {}", known.join(", "))]
    Unknown { name: String, known: Vec<String> },
    #[error("cannot access `{}`", path.display())]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("cannot get `{address}`")]
    Http {
        address: String,
        source: ureq::Error,
    },
    #[error("`{address}` answered {status}")]
    Status { address: String, status: u16 },
    #[error("`{address}` broke off after {got} bytes, {attempts} times without getting further")]
    BrokeOff {
        address: String,
        got: u64,
        attempts: u32,
    },
    #[error("`{}` is not what it should be: {problem}", path.display())]
    Wrong { path: PathBuf, problem: String },
}

impl From<FetchError> for StageError {
    fn from(error: FetchError) -> Self {
        let (class, hint) = match &error {
            FetchError::Sources { .. } | FetchError::Unknown { .. } => (ErrorClass::Usage, None),
            FetchError::Io { .. } => (ErrorClass::Machine, None),
            FetchError::Http { .. } | FetchError::BrokeOff { .. } => (
                ErrorClass::Machine,
                Some("run it again: it goes on where it stopped"),
            ),
            FetchError::Status { .. } => (
                ErrorClass::Machine,
                Some(
                    "get the file by hand, and put it into the folder, or into a mirror folder (CINESCORE_MIRROR)",
                ),
            ),
            FetchError::Wrong { .. } => (
                ErrorClass::Input,
                Some(
                    "remove the file and run it again; if it happens again, the file at the address has changed",
                ),
            ),
        };
        let error = StageError::new(class, error);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> FetchError {
    let path = path.to_owned();
    move |source| FetchError::Io { path, source }
}

/// The description of this verb.
pub fn verb() -> Verb {
    let path = |name: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name("PATH")
            .value_parser(value_parser!(PathBuf))
            .help(help)
    };
    let command = Command::new("fetch")
        .about("Downloads the public archives, resumably; shows their terms first")
        .arg(
            Arg::new("source")
                .value_name("SOURCE")
                .action(ArgAction::Append)
                .help("Sources to fetch, by name [default: those marked `default`]"),
        )
        .arg(path("sources", "The file that names the sources").default_value("data/sources.yaml"))
        .arg(path("to", "The folder for the files").default_value("data"))
        .arg(path(
            "mirror",
            "A folder that may have the files already [default: CINESCORE_MIRROR]",
        ))
        .arg(
            Arg::new("list")
                .long("list")
                .action(ArgAction::SetTrue)
                .help("Show the sources and their terms, and fetch nothing"),
        );
    Verb::new(command, |matches| Ok(run(matches)?))
}

#[expect(clippy::print_stderr, reason = "prose goes to stderr")]
fn run(matches: &ArgMatches) -> Result<(), FetchError> {
    let path = |name: &str| matches.get_one::<PathBuf>(name).cloned();
    let sources = sources::read(&path("sources").unwrap_or_default())?;
    let names: Vec<&String> = matches
        .get_many::<String>("source")
        .map(Iterator::collect)
        .unwrap_or_default();
    let wanted = sources::choose(&sources, &names)?;
    if matches.get_flag("list") {
        for source in &sources {
            eprintln!("{source}\n");
        }
        return Ok(());
    }
    let to = path("to").unwrap_or_default();
    let mirror = path("mirror")
        .or_else(|| std::env::var_os("CINESCORE_MIRROR").map(PathBuf::from))
        .filter(|mirror| !mirror.as_os_str().is_empty());
    fs::create_dir_all(&to).map_err(io(&to))?;
    for source in wanted {
        let got = fetch(source, &to, mirror.as_deref(), &Patience::default())?;
        eprintln!("{}: {got}", to.join(&source.file).display());
    }
    Ok(())
}

/// Puts one source into the folder; returns in words where it came from.
#[expect(clippy::print_stderr, reason = "prose goes to stderr")]
fn fetch(
    source: &Source,
    to: &Path,
    mirror: Option<&Path>,
    patience: &Patience,
) -> Result<&'static str, FetchError> {
    let path = to.join(&source.file);
    if path.exists() {
        check::file(&path, source)?;
        return Ok("was there already");
    }
    let part = to.join(format!("{}.part", source.file));
    let from = match mirror.map(|mirror| mirror.join(&source.file)) {
        Some(copy) if copy.is_file() => {
            fs::copy(&copy, &part).map_err(io(&copy))?;
            "copied from the mirror"
        }
        _ => {
            eprintln!("{source}\n");
            download::download(source, &part, patience)?;
            "downloaded"
        }
    };
    if let Err(error) = check::file(&part, source) {
        // What is wrong will not get right by going on with it.
        fs::remove_file(&part).map_err(io(&part))?;
        return Err(match error {
            FetchError::Wrong { problem, .. } => FetchError::Wrong { path, problem },
            other => other,
        });
    }
    let file = fs::File::open(&part).map_err(io(&part))?;
    file.sync_all().map_err(io(&part))?;
    fs::rename(&part, &path).map_err(io(&path))?;
    Ok(from)
}

#[cfg(test)]
mod tests;
