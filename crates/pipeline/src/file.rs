//! A pipeline's file as written: which keys there are, which types they have, variables replaced.
//!
//! Owns everything that can be said without knowing any stage program. All problems of a file are
//! found in one go. Does not own references or parameters (`graph`).

use std::collections::BTreeMap;
use std::path::Path;

use cinescore_config::{Document, Problem, Problems};
use serde_yaml::{Mapping, Value};

use crate::vars::{VarProblem, Vars};

/// The version of the format.
const VERSION: u64 = 1;
const ROOT_KEYS: [&str; 3] = ["version", "vars", "stages"];
const STAGE_KEYS: [&str; 4] = ["run", "inputs", "params", "resources"];
const RESOURCE_KEYS: [&str; 2] = ["threads", "gpu"];

/// A pipeline's file.
#[derive(Debug)]
pub struct PipelineFile {
    /// The file, for messages.
    pub document: Document,
    /// The stages in the order of the file.
    pub stages: Vec<StageFile>,
    /// What is wrong so far; [`Graph::check`](crate::graph::Graph::check) adds what it finds.
    pub problems: Problems,
}

/// A stage as written, variables replaced.
#[derive(Debug, Clone, PartialEq)]
pub struct StageFile {
    /// Its name.
    pub name: String,
    /// Program and kind, `featurize text`; none where the file does not say.
    pub run: Option<String>,
    /// Inputs by name: references or paths.
    pub inputs: Vec<(String, Vec<String>)>,
    /// Parameters as given.
    pub params: serde_json::Value,
    /// Threads to give it; all where not said.
    pub threads: Option<usize>,
    /// GPUs to give it.
    pub gpus: usize,
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
    /// Reads and checks a file; fails only where it is not YAML.
    pub fn load(path: &Path, settings: &[Setting]) -> Result<Self, Problems> {
        Ok(Self::read(Document::load(path)?, settings))
    }

    /// Checks a file that was read.
    pub fn read(document: Document, settings: &[Setting]) -> Self {
        let mut reader = Reader {
            document: &document,
            problems: Problems::default(),
        };
        let root = reader.mapping(document.value(), &[]);
        reader.unknown_keys(&root, &[], &ROOT_KEYS);
        reader.version(&root);
        let vars = reader.vars(&root, settings);
        let mut stages = Vec::new();
        match root.get("stages") {
            None => reader.say(&[], "`stages` is missing"),
            Some(value) => {
                for (key, value) in &reader.mapping(value, &["stages"]) {
                    stages.push(reader.stage(key, value, &vars));
                }
            }
        }
        for name in vars.unread() {
            let problem = document.problem_at_key(
                &["vars", name],
                format!("nothing reads the variable `{name}`"),
            );
            reader.problems.push(problem);
        }
        let problems = reader.problems;
        Self {
            document,
            stages,
            problems,
        }
    }
}

struct Reader<'a> {
    document: &'a Document,
    problems: Problems,
}

impl Reader<'_> {
    fn say(&mut self, path: &[&str], message: impl Into<String>) {
        self.problems.push(self.document.problem_at(path, message));
    }

    /// A mapping; anything else is a problem and counts as an empty one. Null is an empty one.
    fn mapping(&mut self, value: &Value, path: &[&str]) -> Mapping {
        match value {
            Value::Mapping(mapping) => mapping.clone(),
            Value::Null => Mapping::new(),
            other => {
                let what = path
                    .last()
                    .map_or("the file".to_owned(), |key| format!("`{key}`"));
                self.say(
                    path,
                    format!("{what} must be a mapping, not {}", type_name(other)),
                );
                Mapping::new()
            }
        }
    }

    fn unknown_keys(&mut self, mapping: &Mapping, path: &[&str], known: &[&str]) {
        for key in mapping.keys() {
            let name = key_text(key);
            if !known.contains(&name.as_str()) {
                let path: Vec<&str> = path.iter().copied().chain([name.as_str()]).collect();
                let problem = self
                    .document
                    .problem_at_key(&path, format!("unknown key `{name}`"));
                self.problems.push(problem.known(&name, known));
            }
        }
    }

    fn version(&mut self, root: &Mapping) {
        match root.get("version") {
            None => self.say(&[], format!("`version: {VERSION}` is missing")),
            Some(value) if value.as_u64() == Some(VERSION) => {}
            Some(_) => self.say(
                &["version"],
                format!("this program reads version {VERSION} of the format"),
            ),
        }
    }

    fn vars(&mut self, root: &Mapping, settings: &[Setting]) -> Vars {
        let written = root
            .get("vars")
            .map(|value| self.mapping(value, &["vars"]))
            .unwrap_or_default();
        let mut values: BTreeMap<String, Value> = written
            .iter()
            .map(|(key, value)| (key_text(key), value.clone()))
            .collect();
        for (name, value) in settings {
            if values.contains_key(name) {
                values.insert(name.clone(), value.clone());
            } else {
                let message = format!("--set vars.{name}: the pipeline has no such variable");
                let problem = Problem::of_file(self.document.file(), message);
                self.problems
                    .push(problem.known(name, values.keys().cloned().collect::<Vec<_>>()));
            }
        }
        Vars::new(values)
    }

    fn stage(&mut self, key: &Value, value: &Value, vars: &Vars) -> StageFile {
        let name = key_text(key);
        let path = ["stages", name.as_str()];
        if !is_name(&name) {
            let message = format!(
                "`{name}` is no stage name: letters, digits, `_` and `-`, beginning with a letter"
            );
            self.problems
                .push(self.document.problem_at_key(&path, message));
        }
        let mut found = Vec::new();
        let replaced = vars.replace(value, &mut path.map(String::from).to_vec(), &mut found);
        for (path, problem) in found {
            self.problems.push(self.var_problem(&path, problem, vars));
        }
        let fields = replaced
            .map(|replaced| self.mapping(&replaced, &path))
            .unwrap_or_default();
        self.unknown_keys(&fields, &path, &STAGE_KEYS);
        let run = match fields.get("run") {
            None => {
                let message = format!("stage `{name}` does not say what to `run`");
                self.problems
                    .push(self.document.problem_at_key(&path, message));
                None
            }
            Some(Value::String(run)) => Some(run.clone()),
            Some(other) => {
                self.say(
                    &["stages", &name, "run"],
                    format!("`run` must be a text, not {}", type_name(other)),
                );
                None
            }
        };
        let inputs = self.inputs(&name, fields.get("inputs"));
        let params = fields
            .get("params")
            .map(|value| self.mapping(value, &["stages", &name, "params"]));
        let params = match serde_json::to_value(params.unwrap_or_default()) {
            Ok(params) => params,
            Err(error) => {
                self.say(
                    &["stages", &name, "params"],
                    format!("parameters must be plain values: {error}"),
                );
                serde_json::Value::Null
            }
        };
        let (threads, gpus) = self.resources(&name, fields.get("resources"));
        StageFile {
            name,
            run,
            inputs,
            params,
            threads,
            gpus,
        }
    }

    fn var_problem(&self, path: &[String], problem: VarProblem, vars: &Vars) -> Problem {
        match problem {
            VarProblem::Unknown(name) => self
                .document
                .problem_at(path, format!("unknown variable `{name}`"))
                .known(&name, vars.names().cloned().collect::<Vec<_>>()),
            VarProblem::Unclosed => self.document.problem_at(path, "`${` without `}`"),
            VarProblem::NotText(name) => self.document.problem_at(
                path,
                format!("`{name}` is a list or a map and cannot stand inside a text"),
            ),
        }
    }

    fn inputs(&mut self, stage: &str, value: Option<&Value>) -> Vec<(String, Vec<String>)> {
        let path = ["stages", stage, "inputs"];
        let mapping = value
            .map(|value| self.mapping(value, &path))
            .unwrap_or_default();
        let mut inputs = Vec::new();
        for (key, value) in &mapping {
            let name = key_text(key);
            let texts = match value {
                Value::String(text) => vec![text.clone()],
                Value::Sequence(items) if items.iter().all(Value::is_string) => items
                    .iter()
                    .filter_map(Value::as_str)
                    .map(String::from)
                    .collect(),
                other => {
                    let message = format!(
                        "an input is a reference, a path or a list of them, not {}",
                        type_name(other)
                    );
                    self.say(&["stages", stage, "inputs", &name], message);
                    Vec::new()
                }
            };
            inputs.push((name, texts));
        }
        inputs
    }

    fn resources(&mut self, stage: &str, value: Option<&Value>) -> (Option<usize>, usize) {
        let path = ["stages", stage, "resources"];
        let mapping = value
            .map(|value| self.mapping(value, &path))
            .unwrap_or_default();
        self.unknown_keys(&mapping, &path, &RESOURCE_KEYS);
        let mut count = |key: &str, least: u64| {
            let value = mapping.get(key)?;
            let number = value
                .as_u64()
                .filter(|number| (least..=1024).contains(number));
            if number.is_none() {
                self.say(
                    &["stages", stage, "resources", key],
                    format!("`{key}` must be a number from {least} to 1024"),
                );
            }
            number.and_then(|number| usize::try_from(number).ok())
        };
        (count("threads", 1), count("gpu", 0).unwrap_or(0))
    }
}

/// Whether a text can name a stage.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

fn key_text(key: &Value) -> String {
    match key {
        Value::String(text) => text.clone(),
        other => serde_yaml::to_string(other)
            .unwrap_or_default()
            .trim()
            .to_owned(),
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Sequence(_) => "a list",
        Value::Mapping(_) => "a mapping",
        Value::Tagged(_) => "a tagged value",
    }
}
