//! A pipeline's file as written: which keys there are, which types they have, other files taken in,
//! variables replaced, matrices unfolded.
//!
//! Owns everything that can be said without knowing any stage program. All problems of all files are
//! found in one go. Does not own references or parameters (`graph`).

mod executor;
mod matrix;
mod place;
mod reader;
mod stage;
mod sweep;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cinescore_config::{Document, Problem, Problems};
use serde_yaml::{Mapping, Value};

use crate::executor::Written;
use crate::vars::{Found, Vars, plain_text};
use matrix::Matrix;
use reader::Reader;
use stage::{Named, var_problem};

pub(crate) use executor::{EXECUTORS, SLURM_KEYS};
pub use place::Place;
use reader::key_text;
pub use stage::StageFile;
pub(crate) use stage::{METRIC_KEYS, OUTPUT_KEYS, RESOURCE_KEYS, RETRY_KEYS, STAGE_KEYS};
pub(crate) use sweep::{GOALS, METHODS, RANGE_KEYS, RUNG_KEYS, SWEEP_KEYS};
pub use sweep::{Method, Range, Rungs, Sweep};

/// The version of the format.
pub(crate) const VERSION: u64 = 1;
pub(crate) const ROOT_KEYS: [&str; 6] =
    ["version", "include", "vars", "executor", "sweep", "stages"];
/// Characters of a matrix's values that a node's name cannot hold as they are.
const NOT_IN_NAMES: [char; 6] = ['%', ',', '[', ']', '=', '"'];

/// A pipeline's file and those that it includes.
#[derive(Debug)]
pub struct PipelineFile {
    /// The file.
    pub path: PathBuf,
    /// The stages and cells, in the order of the files, included ones first.
    pub stages: Vec<StageFile>,
    /// Where stages run that do not say it themselves, where the file says so.
    pub executor: Option<Written>,
    /// The search that the file describes, if it does.
    pub sweep: Option<Sweep>,
    /// What is wrong so far; [`Graph::check`](crate::graph::Graph::check) adds what it finds.
    pub problems: Problems,
}

/// A variable set on the command line: name and value, `vars.data=DIR`.
pub type Setting = (String, Value);

/// Reads `NAME=VALUE` of `--set`; the value is YAML, so numbers stay numbers.
pub fn parse_setting(text: &str) -> Result<Setting, String> {
    let (name, value) = text.split_once('=').ok_or("expected vars.NAME=VALUE")?;
    let name = name
        .strip_prefix("vars.")
        .ok_or("only variables can be set: vars.NAME=VALUE")?;
    let value = serde_yaml::from_str(value).map_err(|error| error.to_string())?;
    Ok((name.to_owned(), value))
}

impl PipelineFile {
    /// Reads and checks a file and those that it includes; fails only where the file itself is not YAML.
    pub fn load(path: &Path, settings: &[Setting]) -> Result<Self, Problems> {
        Ok(Self::read(Document::load(path)?, settings))
    }

    /// Checks a file that was read.
    pub fn read(document: Document, settings: &[Setting]) -> Self {
        let mut problems = Problems::default();
        let path = document.file().to_owned();
        let mut sources = Vec::new();
        let mut open = vec![path.clone()];
        gather(Arc::new(document), &mut open, &mut sources, &mut problems);
        let (written, declared) = declared_vars(&path, &sources, settings, &mut problems);
        let mut found = Found::new();
        let vars = Vars::new(written, &mut found);
        for (path, problem) in found {
            let place = path.get(1).and_then(|name| declared.get(name));
            if let Some(place) = place {
                problems.push(var_problem(place, &path, problem, &vars));
            }
        }
        let stages = read_stages(&sources, &vars, &mut problems);
        let executor = read_executor(&sources, &vars, &mut problems);
        for name in vars.unread() {
            if let Some(place) = declared.get(name) {
                let message = format!("nothing reads the variable `{name}`");
                problems.push(place.problem_at_key(&["vars", name], message));
            }
        }
        let has_stages = |source: &Source| source.root.contains_key("stages");
        if let (Some(root), false) = (sources.last(), sources.iter().any(has_stages)) {
            problems.push(root.place.problem_at(&[], "`stages` is missing"));
        }
        let sweep = read_sweep(&sources, &declared, &stages, &mut problems);
        Self {
            path,
            stages,
            executor,
            sweep,
            problems,
        }
    }
}

/// One of the files.
struct Source {
    place: Place,
    root: Mapping,
}

/// A document and, before it, those that it includes.
fn gather(
    document: Arc<Document>,
    open: &mut Vec<PathBuf>,
    sources: &mut Vec<Source>,
    problems: &mut Problems,
) {
    let place = Place::new(&document, &[]);
    let mut reader = Reader {
        place: &place,
        problems,
    };
    let root = reader.mapping(document.value(), &[]);
    if !document.value().is_mapping() && !document.value().is_null() {
        return;
    }
    reader.unknown_keys(&root, &[], &ROOT_KEYS);
    match root.get("version") {
        None => reader.say(&[], format!("`version: {VERSION}` is missing")),
        Some(value) if value.as_u64() == Some(VERSION) => {}
        Some(_) => reader.say(
            &["version"],
            format!("this program reads version {VERSION} of the format"),
        ),
    }
    for include in reader.texts(&root, &["include"]) {
        let file = document
            .file()
            .parent()
            .unwrap_or(Path::new(""))
            .join(&include);
        let at = |message: String| place.problem_at(&["include"], message);
        if open.contains(&file) {
            problems.push(at(format!("`{include}` includes itself")));
        } else if sources
            .iter()
            .any(|source| source.place.document().file() == file)
        {
            problems.push(at(format!("`{include}` is included twice")));
        } else if !file.is_file() {
            problems.push(at(format!("there is no file `{}`", file.display())));
        } else {
            match Document::load(&file) {
                Ok(included) => {
                    open.push(file);
                    gather(Arc::new(included), open, sources, problems);
                    open.pop();
                }
                Err(found) => problems.extend(found),
            }
        }
    }
    sources.push(Source { place, root });
}

/// The variables of all files, the including file's over the included one's, and where each is written.
fn declared_vars(
    file: &Path,
    sources: &[Source],
    settings: &[Setting],
    problems: &mut Problems,
) -> (BTreeMap<String, Value>, BTreeMap<String, Place>) {
    let mut values = BTreeMap::new();
    let mut places = BTreeMap::new();
    for source in sources {
        let mut reader = Reader {
            place: &source.place,
            problems,
        };
        for (key, value) in &reader.mapping_in(&source.root, "vars") {
            let name = key_text(key);
            if !is_name(&name) {
                let message = format!(
                    "`{name}` is no name: letters, digits, `_` and `-`, beginning with a letter"
                );
                reader.say_key(&["vars", &name], message);
            }
            values.insert(name.clone(), value.clone());
            places.insert(name, source.place.clone());
        }
    }
    for (name, value) in settings {
        if values.contains_key(name) {
            values.insert(name.clone(), value.clone());
        } else {
            let message = format!("--set vars.{name}: the pipeline has no such variable");
            let problem = Problem::of_file(file, message);
            problems.push(problem.known(name, values.keys().cloned().collect::<Vec<_>>()));
        }
    }
    (values, places)
}

fn read_stages(sources: &[Source], vars: &Vars<'_>, problems: &mut Problems) -> Vec<StageFile> {
    let mut stages = Vec::new();
    let mut names = BTreeSet::new();
    for source in sources {
        let mut reader = Reader {
            place: &source.place,
            problems,
        };
        let written = reader.mapping_in(&source.root, "stages");
        for (key, value) in &written {
            let name = key_text(key);
            let place = Place::new(source.place.document(), &["stages", &name]);
            if !is_name(&name) {
                let message = format!(
                    "`{name}` is no stage name: letters, digits, `_` and `-`, beginning with a letter"
                );
                problems.push(place.problem_at_key(&[], message));
            }
            if !names.insert(name.clone()) {
                let message = format!("another file has a stage `{name}` as well");
                problems.push(place.problem_at_key(&[], message));
                continue;
            }
            let mut reader = Reader {
                place: &source.place,
                problems,
            };
            let fields = reader.mapping(value, &["stages", &name]);
            if !value.is_mapping() && !value.is_null() {
                continue;
            }
            stages.extend(read_stage(&name, &place, &fields, vars, problems));
        }
    }
    stages
}

/// Where stages run: what the file itself says, or else the last of those that it includes.
fn read_executor(sources: &[Source], vars: &Vars<'_>, problems: &mut Problems) -> Option<Written> {
    let said = |source: &&Source| source.root.contains_key("executor");
    let source = sources.iter().rev().find(said)?;
    let mut fields = Mapping::new();
    fields.insert("executor".into(), source.root.get("executor")?.clone());
    let mut found = Found::new();
    let replaced = vars.replace(&Value::Mapping(fields), &mut Vec::new(), &mut found);
    for (path, problem) in found {
        problems.push(var_problem(&source.place, &path, problem, vars));
    }
    let Some(Value::Mapping(fields)) = replaced else {
        return None;
    };
    let mut reader = Reader {
        place: &source.place,
        problems,
    };
    reader.executor(&fields)
}

/// The sweep of the file itself; that of an included file is none of its business.
fn read_sweep(
    sources: &[Source],
    vars: &BTreeMap<String, Place>,
    stages: &[StageFile],
    problems: &mut Problems,
) -> Option<Sweep> {
    let source = sources.last()?;
    let value = source.root.get("sweep")?;
    let place = Place::new(source.place.document(), &["sweep"]);
    let mut reader = Reader {
        place: &source.place,
        problems,
    };
    let fields = reader.mapping(value, &["sweep"]);
    if !value.is_mapping() {
        return None;
    }
    let mut names: Vec<&str> = stages.iter().map(|stage| stage.base.as_str()).collect();
    names.dedup();
    sweep::read(&place, &fields, vars, &names, problems)
}

/// A stage, or all its cells.
fn read_stage(
    name: &str,
    place: &Place,
    fields: &Mapping,
    vars: &Vars<'_>,
    problems: &mut Problems,
) -> Vec<StageFile> {
    let Some(written) = fields.get("matrix") else {
        let named = Named {
            name: name.into(),
            base: name.into(),
            cell: Vec::new(),
        };
        return vec![stage::read(named, place, fields, &[], vars, problems)];
    };
    let mut reader = Reader { place, problems };
    if !written.is_mapping() {
        reader.mapping(written, &["matrix"]);
        return Vec::new();
    }
    let written = reader.mapping(written, &["matrix"]);
    // Overrides may name the cell's values; they are replaced with each cell.
    let mut own = written.clone();
    let overrides = own.remove("override");
    let mut found = Found::new();
    let replaced = vars.replace(
        &Value::Mapping(own),
        &mut place.path(&["matrix"]),
        &mut found,
    );
    for (path, problem) in found {
        problems.push(var_problem(place, &path, problem, vars));
    }
    let Some(Value::Mapping(mut replaced)) = replaced else {
        return Vec::new();
    };
    if let Some(overrides) = overrides {
        replaced.insert("override".into(), overrides);
    }
    let matrix = Matrix::read(place, &written, &replaced, vars, problems);
    let mut unread: BTreeSet<&String> = matrix
        .keys
        .iter()
        .filter(|key| !matrix.chosen_by.contains(*key))
        .collect();
    let mut cells = Vec::with_capacity(matrix.cells.len());
    for cell in &matrix.cells {
        let named = Named {
            name: node_name(name, cell),
            base: name.into(),
            cell: cell
                .iter()
                .map(|(key, value)| {
                    let value = serde_json::to_value(value).unwrap_or_default();
                    (key.clone(), value)
                })
                .collect(),
        };
        let vars = Vars::of_cell(vars, cell);
        let overrides = matrix.overrides(cell);
        cells.push(stage::read(
            named, place, fields, &overrides, &vars, problems,
        ));
        let not_read = vars.unread();
        unread.retain(|key| not_read.contains(key));
    }
    if !matrix.cells.is_empty() {
        for key in unread {
            let message = format!("nothing reads the matrix key `{key}`");
            problems.push(place.problem_at_key(&["matrix", key], message));
        }
    }
    cells
}

/// `net[network=lstm_c,seed=7]`.
pub(crate) fn node_name(stage: &str, cell: &[(String, Value)]) -> String {
    let values: Vec<String> = cell
        .iter()
        .map(|(key, value)| format!("{key}={}", name_text(value)))
        .collect();
    format!("{stage}[{}]", values.join(","))
}

/// A matrix's value as it stands in a name: the characters that a name is made of, and white space, as
/// `%` and their bytes in hexadecimal.
pub(crate) fn name_text(value: &Value) -> String {
    let mut name = String::new();
    for c in plain_text(value).unwrap_or_default().chars() {
        if c.is_whitespace() || c.is_control() || NOT_IN_NAMES.contains(&c) {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                name.push_str(&format!("%{byte:02X}"));
            }
        } else {
            name.push(c);
        }
    }
    name
}

/// Whether a text can name a stage.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}
