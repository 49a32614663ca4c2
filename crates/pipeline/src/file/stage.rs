//! One stage as written: its keys, their types, variables replaced.

use std::collections::BTreeMap;

use cinescore_config::{Problem, Problems};
use serde_yaml::{Mapping, Value};

use super::place::{Place, merge};
use super::reader::{Reader, key_text, type_name};
use crate::executor::{Executor, Written};
use crate::policy::{OutputCheck, Policy, Retries};
use crate::shards;
use crate::vars::{Found, VarProblem, Vars};

/// The keys of a stage.
pub(crate) const STAGE_KEYS: [&str; 16] = [
    "run",
    "inputs",
    "params",
    "matrix",
    "shards",
    "resources",
    "executor",
    "mutex",
    "timeout",
    "retries",
    "env",
    "frozen",
    "persist",
    "records",
    "outputs",
    "metrics",
];
pub(crate) const RESOURCE_KEYS: [&str; 3] = ["threads", "gpu", "memory"];
pub(crate) const RETRY_KEYS: [&str; 3] = ["times", "memory_factor", "time_factor"];
pub(crate) const OUTPUT_KEYS: [&str; 3] = ["min_rows", "max_rows", "columns"];
pub(crate) const METRIC_KEYS: [&str; 1] = ["tolerance"];

/// A stage, or one cell of its matrix, variables replaced.
#[derive(Debug, Clone)]
pub struct StageFile {
    /// Its name; of a cell, `net[network=lstm_c,seed=7]`.
    pub name: String,
    /// Its name without the cell.
    pub base: String,
    /// The values of its matrix.
    pub cell: Vec<(String, serde_json::Value)>,
    /// Where it is written.
    pub place: Place,
    /// Program and kind, `featurize text`; none where the file does not say.
    pub run: Option<String>,
    /// Inputs by name: references or paths.
    pub inputs: Vec<(String, Vec<String>)>,
    /// Parameters as given.
    pub params: serde_json::Value,
    /// Threads to give it; all where not said.
    pub threads: Option<usize>,
    /// Into how many shards a run divides it, where it says so.
    pub shards: Option<u32>,
    /// Where it runs, where it says so itself.
    pub executor: Option<Written>,
    /// How it is run. The values of `env` are those of now, and the executor is not yet decided.
    pub policy: Policy,
}

/// A stage's name and cell.
pub(super) struct Named {
    pub(super) name: String,
    pub(super) base: String,
    pub(super) cell: Vec<(String, serde_json::Value)>,
}

/// Reads a stage: its own fields, and over them those of its cell, each with the path that it is written
/// under.
pub(super) fn read(
    named: Named,
    place: &Place,
    fields: &Mapping,
    overrides: &[(Vec<String>, Mapping)],
    vars: &Vars<'_>,
    problems: &mut Problems,
) -> StageFile {
    let mut place = place.clone();
    let mut found = Found::new();
    let mut replace = |value: &Mapping, mut path: Vec<String>| {
        let replaced = vars.replace(&Value::Mapping(value.clone()), &mut path, &mut found);
        match replaced {
            Some(Value::Mapping(mapping)) => mapping,
            _ => Mapping::new(),
        }
    };
    let mut own = fields.clone();
    own.remove("matrix");
    let mut fields = replace(&own, place.path(&[]));
    for (path, value) in overrides {
        let value = replace(value, path.clone());
        merge(&mut fields, &value);
        place.lay_over(path.clone(), Value::Mapping(value));
    }
    for (path, problem) in found {
        problems.push(var_problem(&place, &path, problem, vars));
    }
    let Named { name, base, cell } = named;
    let mut reader = Reader {
        place: &place,
        problems,
    };
    reader.unknown_keys(&fields, &[], &STAGE_KEYS);
    let run = reader.run(&base, &fields);
    let inputs = reader.inputs(&fields);
    let params = reader.params(&fields);
    let executor = reader.executor(&fields);
    let (threads, policy) = reader.policy(&fields);
    let shards = reader.shards(&fields, &cell);
    StageFile {
        name,
        base,
        cell,
        run,
        inputs,
        params,
        threads,
        shards,
        executor,
        policy,
        place,
    }
}

/// A reference that could not be replaced, at its place.
pub(super) fn var_problem(
    place: &Place,
    path: &[String],
    problem: VarProblem,
    vars: &Vars<'_>,
) -> Problem {
    let at = |message: String| place.document().problem_at(path, message);
    match problem {
        VarProblem::Unknown(name) => {
            at(format!("unknown variable `{name}`")).known(&name, vars.names())
        }
        VarProblem::Unclosed => at("`${` without `}`".into()),
        VarProblem::NotText(name) => at(format!(
            "`{name}` is a list or a map and cannot stand inside a text"
        )),
        VarProblem::Circle(names) => at(format!(
            "these variables need each other in a circle: {}",
            names.join(", ")
        )),
        VarProblem::Told => at("this variable has a problem".into()),
    }
}

impl Reader<'_> {
    fn run(&mut self, stage: &str, fields: &Mapping) -> Option<String> {
        match fields.get("run") {
            None => {
                self.say_key(&[], format!("stage `{stage}` does not say what to `run`"));
                None
            }
            Some(Value::String(run)) => Some(run.clone()),
            Some(other) => {
                self.say(
                    &["run"],
                    format!("`run` must be a text, not {}", type_name(other)),
                );
                None
            }
        }
    }

    fn inputs(&mut self, fields: &Mapping) -> Vec<(String, Vec<String>)> {
        let mut inputs = Vec::new();
        for (key, value) in &self.mapping_in(fields, "inputs") {
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
                    self.say(&["inputs", &name], message);
                    Vec::new()
                }
            };
            inputs.push((name, texts));
        }
        inputs
    }

    fn params(&mut self, fields: &Mapping) -> serde_json::Value {
        let params = self.mapping_in(fields, "params");
        serde_json::to_value(params).unwrap_or_else(|error| {
            self.say(
                &["params"],
                format!("parameters must be plain values: {error}"),
            );
            serde_json::Value::Object(serde_json::Map::new())
        })
    }

    fn policy(&mut self, fields: &Mapping) -> (Option<usize>, Policy) {
        let resources = self.mapping_in(fields, "resources");
        self.unknown_keys(&resources, &["resources"], &RESOURCE_KEYS);
        let mut count = |key, least| {
            self.whole_number(&resources, &["resources", key], (least, 1024))
                .and_then(|count| usize::try_from(count).ok())
        };
        let (threads, gpus) = (count("threads", 1), count("gpu", 0));
        let policy = Policy {
            gpus: gpus.unwrap_or(0),
            memory_bytes: self.bytes(&resources, &["resources", "memory"]),
            mutex: self.texts(fields, &["mutex"]),
            timeout: self.duration(fields, &["timeout"]),
            retries: self.retries(fields),
            env: self.env(fields),
            frozen: self.truth(fields, "frozen"),
            persist: self.truth(fields, "persist"),
            records: self.truth(fields, "records"),
            checks: self.checks(fields),
            tolerances: self.tolerances(fields),
            executor: Executor::default(),
        };
        (threads, policy)
    }

    fn shards(&mut self, fields: &Mapping, cell: &[(String, serde_json::Value)]) -> Option<u32> {
        let count = self.whole_number(fields, &["shards"], (1, shards::MOST))?;
        if cell.iter().any(|(key, _)| key == shards::KEY) {
            let message = format!(
                "shards are told apart by the key `{}`, which the matrix has as well",
                shards::KEY
            );
            self.say_key(&["shards"], message);
        }
        u32::try_from(count).ok()
    }

    /// `retries: 2`, or `retries: {times: 2, memory_factor: 2, time_factor: 1.5}`.
    fn retries(&mut self, fields: &Mapping) -> Retries {
        let most = (0, 100);
        let mut retries = Retries::default();
        let times = match fields.get("retries") {
            None => return retries,
            Some(Value::Mapping(mapping)) => {
                self.unknown_keys(mapping, &["retries"], &RETRY_KEYS);
                if let Some(factor) = self.number(mapping, &["retries", "memory_factor"], 1.0) {
                    retries.memory_factor = factor;
                }
                if let Some(factor) = self.number(mapping, &["retries", "time_factor"], 1.0) {
                    retries.time_factor = factor;
                }
                if !mapping.contains_key("times") {
                    self.say(&["retries"], "`retries` does not say how many `times`");
                }
                self.whole_number(mapping, &["retries", "times"], most)
            }
            Some(_) => self.whole_number(fields, &["retries"], most),
        };
        retries.times = times
            .and_then(|times| u32::try_from(times).ok())
            .unwrap_or(0);
        retries
    }

    fn env(&mut self, fields: &Mapping) -> BTreeMap<String, Option<String>> {
        let mut env = BTreeMap::new();
        for name in self.texts(fields, &["env"]) {
            let is_name = !name.is_empty()
                && !name.starts_with(|c: char| c.is_ascii_digit())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if !is_name {
                let message = format!(
                    "`{name}` is no name of an environment variable; values are not given here"
                );
                self.say(&["env"], message);
                continue;
            }
            let value = std::env::var_os(&name).map(|value| value.to_string_lossy().into_owned());
            env.insert(name, value);
        }
        env
    }

    fn checks(&mut self, fields: &Mapping) -> BTreeMap<String, OutputCheck> {
        let mut checks = BTreeMap::new();
        for (key, value) in &self.mapping_in(fields, "outputs") {
            let name = key_text(key);
            let path = ["outputs", name.as_str()];
            let mapping = self.mapping(value, &path);
            self.unknown_keys(&mapping, &path, &OUTPUT_KEYS);
            let any = (0, u64::MAX);
            let check = OutputCheck {
                min_rows: self.whole_number(&mapping, &["outputs", &name, "min_rows"], any),
                max_rows: self.whole_number(&mapping, &["outputs", &name, "max_rows"], any),
                columns: self.texts(&mapping, &["outputs", &name, "columns"]),
            };
            if let (Some(least), Some(most)) = (check.min_rows, check.max_rows)
                && least > most
            {
                let message = format!("`max_rows` {most} is less than `min_rows` {least}");
                self.say(&["outputs", &name, "max_rows"], message);
            }
            checks.insert(name, check);
        }
        checks
    }

    fn tolerances(&mut self, fields: &Mapping) -> BTreeMap<String, f64> {
        let mut tolerances = BTreeMap::new();
        for (key, value) in &self.mapping_in(fields, "metrics") {
            let name = key_text(key);
            let mapping = self.mapping(value, &["metrics", &name]);
            self.unknown_keys(&mapping, &["metrics", &name], &METRIC_KEYS);
            match self.number(&mapping, &["metrics", &name, "tolerance"], 0.0) {
                Some(tolerance) => {
                    tolerances.insert(name, tolerance);
                }
                None if mapping.contains_key("tolerance") => {}
                None => self.say(
                    &["metrics", &name],
                    format!("metric `{name}` does not say its `tolerance`"),
                ),
            }
        }
        tolerances
    }
}
