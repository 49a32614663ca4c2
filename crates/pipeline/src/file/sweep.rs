//! `sweep`: which variables to search for a stage, over which ranges, and what decides.
//!
//! ```yaml
//! sweep:
//!   stage: net
//!   metric: valid.accuracy
//!   goal: maximize                # or minimize
//!   method: halving               # grid, random or halving
//!   trials: 27                    # random and halving
//!   seed: 7
//!   rungs: {at: [3, 9, 27], reduction: 3, param: stop_after, checkpoint: checkpoint}
//!   search:                       # variables of the pipeline
//!     lr: {log_uniform: [1e-4, 1e-2]}
//!     units: {choice: [50, 100, 200]}
//!     layers: {int: [1, 3]}
//!     dropout: {uniform: [0.0, 0.5]}
//! ```

use std::collections::BTreeMap;

use cinescore_config::Problems;
use serde_yaml::{Mapping, Value};

use super::place::Place;
use super::reader::{Reader, key_text, type_name};
use crate::sweep::grid_size;

pub(crate) const SWEEP_KEYS: [&str; 8] = [
    "stage", "metric", "goal", "method", "trials", "seed", "rungs", "search",
];
pub(crate) const RUNG_KEYS: [&str; 4] = ["at", "reduction", "param", "checkpoint"];
pub(crate) const RANGE_KEYS: [&str; 4] = ["choice", "int", "uniform", "log_uniform"];
pub(crate) const GOALS: [&str; 2] = ["minimize", "maximize"];
pub(crate) const METHODS: [&str; 3] = ["grid", "random", "halving"];
/// What the names of metrics begin with that may decide: never the test split's.
pub(crate) const VALIDATION: &str = "valid.";
const STEPS: &str = "steps";

/// A sweep as written.
#[derive(Debug, Clone)]
pub struct Sweep {
    /// The stage whose trials are compared.
    pub stage: String,
    /// The metric that decides, of the validation split.
    pub metric: String,
    /// Whether more is better.
    pub maximize: bool,
    /// How values are chosen.
    pub method: Method,
    /// Seed of the random choices.
    pub seed: u64,
    /// The searched variables, in the order of the file.
    pub search: Vec<(String, Range)>,
    /// Where it is written.
    pub place: Place,
}

/// How the values of a trial are chosen, and how many trials go on.
#[derive(Debug, Clone, PartialEq)]
pub enum Method {
    /// Every combination.
    Grid,
    /// So many random ones (Bergstra and Bengio, JMLR 2012).
    Random(usize),
    /// So many random ones, of which only the best go on from rung to rung: successive halving
    /// (Jamieson and Talwalkar, AISTATS 2016).
    Halving(usize, Rungs),
}

/// How far trials are taken before they are compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Rungs {
    /// The values of `param`, rising.
    pub at: Vec<u64>,
    /// One in so many goes on.
    pub reduction: u64,
    /// The stage's parameter that says how far.
    pub param: String,
    /// The output that the next rung takes as the input of the same name, so that nothing is done twice.
    pub checkpoint: String,
}

/// The values that a variable may take.
#[derive(Debug, Clone, PartialEq)]
pub enum Range {
    /// One of these.
    Choice(Vec<Value>),
    /// A whole number, both ends included.
    Int(i64, i64),
    /// A number, any as likely as any other; for a grid in so many steps.
    Uniform(f64, f64, Option<usize>),
    /// A number, any order of magnitude as likely as any other; for a grid in so many steps.
    LogUniform(f64, f64, Option<usize>),
}

/// More trials than these are no search.
const MOST_TRIALS: usize = 100_000;

/// Reads a sweep; none where too much of it is wrong.
pub(super) fn read(
    place: &Place,
    fields: &Mapping,
    vars: &BTreeMap<String, Place>,
    stages: &[&str],
    problems: &mut Problems,
) -> Option<Sweep> {
    let mut reader = Reader { place, problems };
    reader.unknown_keys(fields, &[], &SWEEP_KEYS);
    let stage = reader.required_text(fields, "stage");
    if let Some(stage) = &stage
        && !stages.contains(&stage.as_str())
    {
        let problem = reader
            .place
            .problem_at(&["stage"], format!("unknown stage `{stage}`"));
        reader.problems.push(problem.known(stage, stages));
    }
    let metric = reader.required_text(fields, "metric");
    if let Some(metric) = &metric
        && !metric.starts_with(VALIDATION)
    {
        let message = format!(
            "`{metric}` is no metric of the validation split (`{VALIDATION}...`), and nothing else may decide"
        );
        reader.say(&["metric"], message);
    }
    let goal = reader.one_of(fields, "goal", &GOALS);
    let method = reader.one_of(fields, "method", &METHODS);
    let seed = reader.whole_number(fields, &["seed"], (0, u64::MAX));
    let trials = reader.whole_number(fields, &["trials"], (1, MOST_TRIALS as u64));
    let rungs = reader.rungs(fields);
    let search = reader.search(fields, vars, method.as_deref() == Some("grid"));
    let trials = trials.and_then(|trials| usize::try_from(trials).ok());
    let method = match (method.as_deref()?, trials, rungs) {
        ("grid", None, None) => {
            if grid_size(&search).is_none_or(|size| size > MOST_TRIALS) {
                let message = format!(
                    "the grid has more than {MOST_TRIALS} trials: take fewer values, or `method: random`"
                );
                reader.say_key(&["search"], message);
                return None;
            }
            Method::Grid
        }
        ("grid", ..) => {
            let message = "a grid has neither `trials` nor `rungs`: it is every combination";
            reader.say_key(&["method"], message);
            return None;
        }
        (method, None, _) if !fields.contains_key("trials") => {
            reader.say_key(
                &["method"],
                format!("`{method}` needs a number of `trials`"),
            );
            return None;
        }
        ("random", Some(trials), None) => Method::Random(trials),
        ("random", _, Some(_)) => {
            reader.say_key(&["rungs"], "only `halving` has rungs");
            return None;
        }
        ("halving", Some(trials), Some(rungs)) => Method::Halving(trials, rungs),
        ("halving", _, None) if !fields.contains_key("rungs") => {
            reader.say_key(&["method"], "`halving` needs `rungs: {at: [...]}`");
            return None;
        }
        _ => return None,
    };
    Some(Sweep {
        stage: stage?,
        metric: metric?,
        maximize: goal? == "maximize",
        method,
        seed: seed.unwrap_or(0),
        search,
        place: place.clone(),
    })
}

impl Reader<'_> {
    fn required_text(&mut self, fields: &Mapping, key: &str) -> Option<String> {
        match fields.get(key) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(other) => {
                self.say(
                    &[key],
                    format!("`{key}` must be a text, not {}", type_name(other)),
                );
                None
            }
            None => {
                self.say_key(&[], format!("the sweep does not say its `{key}`"));
                None
            }
        }
    }

    fn one_of(&mut self, fields: &Mapping, key: &str, known: &[&str]) -> Option<String> {
        let text = self.required_text(fields, key)?;
        if known.contains(&text.as_str()) {
            return Some(text);
        }
        let message = format!("`{text}` is none of {}", known.join(", "));
        let problem = self.place.problem_at(&[key], message);
        self.problems.push(problem.known(&text, known));
        None
    }

    fn rungs(&mut self, fields: &Mapping) -> Option<Rungs> {
        let value = fields.get("rungs")?;
        let mapping = self.mapping(value, &["rungs"]);
        self.unknown_keys(&mapping, &["rungs"], &RUNG_KEYS);
        let at: Vec<u64> = mapping
            .get("at")
            .and_then(Value::as_sequence)
            .map(|items| items.iter().filter_map(Value::as_u64).collect())
            .unwrap_or_default();
        let count = mapping
            .get("at")
            .and_then(Value::as_sequence)
            .map_or(0, Vec::len);
        let is_rising = at.windows(2).all(|pair| pair[0] < pair[1]);
        if at.is_empty() || at.len() < count || at[0] == 0 || !is_rising {
            self.say(
                &["rungs", "at"],
                "`at` must be a list of rising whole numbers, such as [3, 9, 27]",
            );
            return None;
        }
        let reduction = self.whole_number(&mapping, &["rungs", "reduction"], (2, 1000));
        let mut name = |key: &str, default: &str| match mapping.get(key) {
            None => Some(default.to_owned()),
            Some(Value::String(text)) => Some(text.clone()),
            Some(other) => {
                let message = format!("`{key}` must be a text, not {}", type_name(other));
                self.say(&["rungs", key], message);
                None
            }
        };
        Some(Rungs {
            at,
            param: name("param", "stop_after")?,
            checkpoint: name("checkpoint", "checkpoint")?,
            reduction: reduction.unwrap_or(3),
        })
    }

    fn search(
        &mut self,
        fields: &Mapping,
        vars: &BTreeMap<String, Place>,
        is_grid: bool,
    ) -> Vec<(String, Range)> {
        let search = self.mapping_in(fields, "search");
        if search.is_empty() {
            self.say_key(&[], "the sweep does not say what to `search`");
        }
        let mut ranges = Vec::new();
        for (key, value) in &search {
            let name = key_text(key);
            if !vars.contains_key(&name) {
                let message = format!(
                    "`{name}` is no variable of the pipeline: give it a value in `vars` and name it in a stage"
                );
                let problem = self.place.problem_at_key(&["search", &name], message);
                self.problems.push(problem.known(&name, vars.keys()));
            }
            if let Some(range) = self.range(&name, value, is_grid) {
                ranges.push((name, range));
            }
        }
        ranges
    }

    fn range(&mut self, name: &str, value: &Value, is_grid: bool) -> Option<Range> {
        let path = ["search", name];
        let mapping = self.mapping(value, &path);
        let known: Vec<&str> = RANGE_KEYS.iter().copied().chain([STEPS]).collect();
        self.unknown_keys(&mapping, &path, &known);
        let kinds: Vec<&str> = RANGE_KEYS
            .into_iter()
            .filter(|kind| mapping.contains_key(*kind))
            .collect();
        let [kind] = kinds.as_slice() else {
            let message = format!("a range is one of {}", RANGE_KEYS.join(", "));
            self.say(&path, message);
            return None;
        };
        let items = mapping.get(*kind).and_then(Value::as_sequence);
        let path = ["search", name, kind];
        if *kind == "choice" {
            let items = items.filter(|items| !items.is_empty()).cloned();
            if items.is_none() {
                self.say(&path, "`choice` must be a list of values");
            }
            return items.map(Range::Choice);
        }
        let ends: Vec<f64> = items
            .into_iter()
            .flatten()
            .filter_map(Value::as_f64)
            .collect();
        let (low, high) = match ends.as_slice() {
            [low, high] if low < high && low.is_finite() && high.is_finite() => (*low, *high),
            _ => {
                self.say(
                    &path,
                    format!("`{kind}` must be [lowest, highest], two numbers"),
                );
                return None;
            }
        };
        let steps = self
            .whole_number(&mapping, &["search", name, STEPS], (2, 1000))
            .and_then(|steps| usize::try_from(steps).ok());
        let is_whole = |number: f64| number.fract() == 0.0 && number.abs() < 1e15;
        match *kind {
            "int" if is_whole(low) && is_whole(high) => Some(Range::Int(low as i64, high as i64)),
            "int" => {
                self.say(&path, "`int` must be [lowest, highest], two whole numbers");
                None
            }
            _ if is_grid && steps.is_none() => {
                self.say(&path, format!("for a grid, `{kind}` needs its `{STEPS}`"));
                None
            }
            "log_uniform" if low <= 0.0 => {
                self.say(&path, "`log_uniform` must lie above 0");
                None
            }
            "log_uniform" => Some(Range::LogUniform(low, high, steps)),
            _ => Some(Range::Uniform(low, high, steps)),
        }
    }
}
