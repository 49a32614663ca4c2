//! The command line of a stage program, made from the descriptions of its kinds.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Kind, Program, Progress, Verb, display};
use crate::describe::{Form, Input, PROTOCOL};
use crate::error::StageError;
use crate::task::{PART, PROVENANCE_INPUT, Shard, Task, TaskInput, TaskResult, Work};
use crate::{params, source};

/// Set in a process that was started again with the thread limits of libraries in its environment.
const THREADS_SET_VARIABLE: &str = "CINESCORE_THREADS_SET";

/// What the arguments ask for.
pub(super) enum Request<'a> {
    Describe,
    Verb { verb: &'a Verb, matches: ArgMatches },
    Task { kind: &'a Kind, task: PathBuf },
    Direct(Direct<'a>),
}

/// A kind run by a person, without a runner.
pub(super) struct Direct<'a> {
    kind: &'a Kind,
    params: Value,
    inputs: BTreeMap<String, Vec<TaskInput>>,
    out: PathBuf,
    threads: usize,
    device: String,
    json: bool,
    work: Work,
}

pub(super) fn parse(program: &Program) -> Result<Request<'_>, StageError> {
    let mut command = command(program);
    for kind in command.get_subcommands() {
        one_meaning_each(kind)?;
    }
    let matches = match command.try_get_matches_from_mut(std::env::args_os()) {
        Ok(matches) => matches,
        // Help, version and usage errors: clap prints them and knows its exit codes (0 and 2).
        Err(error) => error.exit(),
    };
    match matches.subcommand() {
        Some((name, matches)) if name != "describe" => {
            let verb = program
                .verbs
                .iter()
                .find(|verb| verb.command.get_name() == name);
            if let Some(verb) = verb {
                return Ok(Request::Verb {
                    verb,
                    matches: matches.clone(),
                });
            }
            let kind = program
                .kinds
                .iter()
                .find(|kind| kind.description.name == name);
            let kind = kind.ok_or_else(|| StageError::usage(format!("unknown kind `{name}`")))?;
            match matches.get_one::<PathBuf>("task-file") {
                Some(task) => Ok(Request::Task {
                    kind,
                    task: task.clone(),
                }),
                None => direct(kind, matches).map(Request::Direct),
            }
        }
        _ => Ok(Request::Describe),
    }
}

fn command(program: &Program) -> Command {
    let mut command = Command::new(program.name)
        .about(program.about)
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("describe")
                .about("Print what this program can do, as JSON, for the runner"),
        );
    for kind in &program.kinds {
        command = command.subcommand(kind_command(kind));
    }
    for verb in &program.verbs {
        command = command.subcommand(verb.command.clone());
    }
    command
}

/// A parameter may not take the flag of an input or of our own: clap finds that only in debug builds.
fn one_meaning_each(command: &Command) -> Result<(), StageError> {
    let mut seen = std::collections::BTreeSet::new();
    let mut flags = command.get_arguments().filter_map(Arg::get_long);
    match flags.find(|flag| !seen.insert(*flag)) {
        None => Ok(()),
        Some(twice) => Err(StageError::failed(format!(
            "`{}` has two meanings for --{twice}: a mistake in this program",
            command.get_name()
        ))),
    }
}

fn kind_command(kind: &Kind) -> Command {
    let description = &kind.description;
    let mut after = String::from("Outputs, in the folder given by --out:\n");
    for output in &description.outputs {
        after.push_str(&format!("  {:<24} {}\n", output.file_name, output.about));
    }
    after.push_str("  result.json              rows in, out and refused; metrics; warnings\n\n");
    after.push_str("Exit codes: 0 done, 2 usage, 3 input data refused, 4 failed, 5 disk or permission, 130 interrupted.");
    let mut command = Command::new(description.name.clone())
        .about(description.about.clone())
        .after_help(after)
        .arg(
            Arg::new("task-file")
                .long("task-file")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Do what a task file says (the runner's way); excludes everything else")
                .exclusive(true)
                .help_heading("Running"),
        )
        .arg(
            Arg::new("out")
                .long("out")
                .short('o')
                .value_name("DIR")
                .value_parser(value_parser!(PathBuf))
                .required_unless_present("task-file")
                .help("Folder for the outputs; made if missing, must be empty")
                .help_heading("Running"),
        )
        .arg(
            Arg::new("threads")
                .long("threads")
                .value_name("N")
                .value_parser(value_parser!(u16).range(1..))
                .help("Threads to use [default: all]")
                .help_heading("Running"),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("Print result.json on stdout when done")
                .help_heading("Running"),
        );
    if description
        .keyed_by
        .contains(&crate::describe::KeyPart::Device)
    {
        command = command.arg(
            Arg::new("device")
                .long("device")
                .value_name("DEVICE")
                .default_value("auto")
                .help("auto, cpu, cuda or cuda:N")
                .help_heading("Running"),
        );
    }
    if description.shards {
        command = command
            .arg(
                Arg::new("shard")
                    .long("shard")
                    .value_name("I/N")
                    .value_parser(shard)
                    .help("Do the I-th of N shares only, from 1: a folder `part` for --merge")
                    .help_heading("Running"),
            )
            .arg(
                Arg::new("merge")
                    .long("merge")
                    .value_name("DIR")
                    .value_parser(value_parser!(PathBuf))
                    .action(ArgAction::Append)
                    .conflicts_with("shard")
                    .help("Make the outputs of the shards' folders, --out of each, all of them in order")
                    .help_heading("Running"),
            );
    }
    for input in description
        .inputs
        .iter()
        .filter(|input| input.name != PROVENANCE_INPUT)
    {
        command = command.arg(
            Arg::new(input_id(&input.name))
                .long(input.name.replace('_', "-"))
                .value_name("PATH")
                .value_parser(value_parser!(PathBuf))
                .action(if input.many {
                    ArgAction::Append
                } else {
                    ArgAction::Set
                })
                .required(false)
                .help(format!(
                    "{} [{}{}]",
                    input.about,
                    input.form,
                    if input.optional { ", optional" } else { "" }
                ))
                .help_heading("Inputs"),
        );
    }
    for (name, schema) in properties(&description.params) {
        command = command.arg(
            Arg::new(param_id(name))
                .long(name.replace('_', "-"))
                .value_name(value_name(schema))
                .allow_hyphen_values(true)
                .help(param_help(schema))
                .help_heading("Parameters"),
        );
    }
    command
}

/// `3/8`.
fn shard(text: &str) -> Result<Shard, String> {
    let (index, count) = text.split_once('/').ok_or("expected I/N, such as 3/8")?;
    let number = |text: &str| text.parse::<u32>().map_err(|error| error.to_string());
    let (index, count) = (number(index)?, number(count)?);
    match index {
        1.. if index <= count => Ok(Shard {
            index: index - 1,
            count,
        }),
        _ => Err(format!("there is no shard {index} of {count}")),
    }
}

/// Which part of the work is asked for.
fn work(kind: &Kind, matches: &ArgMatches) -> Result<Work, StageError> {
    if !kind.description.shards {
        return Ok(Work::Whole);
    }
    if let Some(own) = matches.get_one::<Shard>("shard") {
        return Ok(Work::Shard(*own));
    }
    let Some(folders) = matches.get_many::<PathBuf>("merge") else {
        return Ok(Work::Whole);
    };
    let part = |folder: &PathBuf| {
        let path = std::path::absolute(folder)?.join(PART);
        match path.is_dir() {
            true => Ok(TaskInput {
                label: folder.display().to_string(),
                output: Some(PART.into()),
                path,
                digest: None,
            }),
            false => Err(StageError::usage(format!(
                "`{}` has no folder `{PART}`: name the --out of each shard",
                folder.display()
            ))),
        }
    };
    let parts = folders.map(part).collect::<Result<_, StageError>>()?;
    Ok(Work::Merge { parts })
}

/// Inputs, parameters and our own flags share one name space in clap.
fn input_id(name: &str) -> String {
    format!("input {name}")
}

fn param_id(name: &str) -> String {
    format!("param {name}")
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
}

fn value_name(schema: &Value) -> String {
    let name = match schema.get("type") {
        Some(Value::String(name)) => name.as_str(),
        Some(Value::Array(names)) => names.first().and_then(Value::as_str).unwrap_or("value"),
        _ => "value",
    };
    match name {
        "integer" => "N".into(),
        "number" => "X".into(),
        "boolean" => "true|false".into(),
        "object" | "value" => "YAML".into(),
        other => other.to_uppercase(),
    }
}

fn param_help(schema: &Value) -> String {
    let text = |key: &str| schema.get(key).and_then(Value::as_str);
    let mut help = text("description").unwrap_or_default().replace('\n', " ");
    let mut notes = Vec::new();
    if let Some(unit) = text("unit") {
        notes.push(format!("unit: {unit}"));
    }
    let bound = |key: &str| schema.get(key).map(display);
    match (bound("minimum"), bound("maximum")) {
        (Some(low), Some(high)) => notes.push(format!("{low} to {high}")),
        (Some(low), None) => notes.push(format!("at least {low}")),
        (None, Some(high)) => notes.push(format!("at most {high}")),
        (None, None) => {}
    }
    let values = params::names(schema);
    if !values.is_empty() {
        notes.push(format!("one of {}", values.join(", ")));
    }
    let values = params::names_of_items(schema);
    if !values.is_empty() {
        notes.push(format!("of {}", values.join(", ")));
    }
    if let Some(default) = schema.get("default") {
        notes.push(format!("default: {}", display(default)));
    }
    if !notes.is_empty() {
        help.push_str(&format!(" [{}]", notes.join("; ")));
    }
    help
}

fn direct<'a>(kind: &'a Kind, matches: &ArgMatches) -> Result<Direct<'a>, StageError> {
    let threads = match matches.get_one::<u16>("threads") {
        Some(&threads) => {
            set_library_threads(threads)?;
            threads.into()
        }
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let mut params = Map::new();
    for (name, _schema) in properties(&kind.description.params) {
        if let Some(text) = matches.get_one::<String>(&param_id(name)) {
            let value: Value = serde_yaml::from_str(text).map_err(|error| {
                StageError::usage(format!("--{}: {error}", name.replace('_', "-")))
            })?;
            params.insert(name.clone(), value);
        }
    }
    let mut inputs = BTreeMap::new();
    for input in &kind.description.inputs {
        let given: Vec<&PathBuf> = if input.name == PROVENANCE_INPUT {
            Vec::new()
        } else {
            matches
                .get_many(&input_id(&input.name))
                .map(Iterator::collect)
                .unwrap_or_default()
        };
        if given.is_empty() && !input.optional {
            return Err(StageError::usage(format!(
                "--{} is missing: {}",
                input.name.replace('_', "-"),
                input.about
            )));
        }
        let artifacts = given
            .into_iter()
            .map(|path| artifact(input, path))
            .collect::<Result<_, _>>()?;
        inputs.insert(input.name.clone(), artifacts);
    }
    Ok(Direct {
        kind,
        params: Value::Object(params),
        inputs,
        out: matches
            .get_one::<PathBuf>("out")
            .cloned()
            .unwrap_or_default(),
        threads,
        // Only kinds that use one have the flag.
        device: matches
            .try_get_one::<String>("device")
            .ok()
            .flatten()
            .cloned()
            .unwrap_or_else(|| "cpu".into()),
        json: matches.get_flag("json"),
        work: work(kind, matches)?,
    })
}

fn artifact(input: &Input, path: &Path) -> Result<TaskInput, StageError> {
    let path = match &input.form {
        Form::Source { accepts } => source::find(path, accepts).map_err(StageError::input)?,
        _ if !path.exists() => {
            return Err(StageError::input(format!(
                "there is no `{}` (for --{})",
                path.display(),
                input.name
            )));
        }
        _ => path.to_owned(),
    };
    let path = std::path::absolute(path)?;
    let label = path.display().to_string();
    let output = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned());
    Ok(TaskInput {
        label,
        output,
        path,
        digest: None,
    })
}

/// polars and OpenMP read their number of threads from the environment, once; so a person's
/// `--threads` starts the program again with it there, as the runner does.
fn set_library_threads(threads: u16) -> Result<(), StageError> {
    use std::os::unix::process::CommandExt as _;
    if std::env::var_os(THREADS_SET_VARIABLE).is_some() {
        return Ok(());
    }
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let error = std::process::Command::new(std::env::current_exe()?)
        .args(arguments)
        .env("POLARS_MAX_THREADS", threads.to_string())
        .env("OMP_NUM_THREADS", threads.to_string())
        .env("OMP_WAIT_POLICY", "PASSIVE")
        .env(THREADS_SET_VARIABLE, "1")
        .exec();
    Err(error.into())
}

impl Direct<'_> {
    /// Works in a hidden folder beside `--out` and moves it there when everything is done.
    pub(super) fn perform(self) -> Result<(), StageError> {
        let out = std::path::absolute(&self.out)?;
        if out.exists() && fs_err::read_dir(&out)?.next().is_some() {
            return Err(
                StageError::usage(format!("`{}` is not empty", self.out.display()))
                    .hint("choose another folder for --out, or empty this one"),
            );
        }
        let parent = out.parent().unwrap_or(Path::new("/"));
        fs_err::create_dir_all(parent)?;
        let work = tempfile::Builder::new()
            .prefix(".cinescore-")
            .tempdir_in(parent)?;
        let (output_dir, scratch_dir) = (work.path().join("out"), work.path().join("scratch"));
        fs_err::create_dir(&output_dir)?;
        fs_err::create_dir(&scratch_dir)?;
        let task = Task {
            protocol: PROTOCOL,
            kind: self.kind.description.name.clone(),
            params: self.params,
            inputs: self.inputs,
            output_dir: output_dir.clone(),
            scratch_dir,
            persist: false,
            log_dir: None,
            threads: self.threads,
            device: self.device,
            work: self.work,
        };
        let result = self.kind.perform(task, Progress::for_person())?;
        if out.exists() {
            fs_err::remove_dir(&out)?;
        }
        fs_err::rename(&output_dir, &out)?;
        if self.json {
            print_json(&result)
        } else {
            summarise(&result, &self.out)
        }
    }
}

#[expect(clippy::print_stderr, reason = "prose goes to stderr")]
fn summarise(result: &TaskResult, out: &Path) -> Result<(), StageError> {
    for (what, counts) in [("in", &result.rows_in), ("out", &result.rows_out)] {
        for (name, rows) in counts {
            eprintln!("rows {what:<4} {name:<28} {rows:>12}");
        }
    }
    if result.rejected > 0 {
        eprintln!("refused   {:<28} {:>12}", "", result.rejected);
    }
    for (name, value) in &result.facts {
        eprintln!("fact      {name:<28} {:>12}", display(value));
    }
    for (name, value) in &result.metrics {
        eprintln!("metric    {name:<28} {value:>12.4}");
    }
    eprintln!("done      {}", out.display());
    Ok(())
}

/// Prints data on stdout.
pub(super) fn print_json<T: Serialize>(value: &T) -> Result<(), StageError> {
    let text = serde_json::to_string_pretty(value).map_err(StageError::failed)?;
    super::print(&format!("{text}\n"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn help_names_all_values() {
        let schedule = json!({
            "description": "How the rate changes.",
            "oneOf": [
                {"const": "constant"},
                {"type": "object", "required": ["step"], "properties": {"step": {"type": "object"}}},
            ],
        });
        assert_eq!(
            param_help(&schedule),
            "How the rate changes. [one of constant, {step: {..}}]"
        );
        let kinds = json!({"description": "Which.", "items": {"enum": ["best", "worst"]}});
        assert_eq!(param_help(&kinds), "Which. [of best, worst]");
    }
}
