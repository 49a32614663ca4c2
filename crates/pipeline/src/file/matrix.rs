//! `matrix`: one stage for every combination of some values.
//!
//! ```yaml
//! matrix:
//!   network: [mlp_a, lstm_c]
//!   seed: [7, 8]
//!   exclude: [{network: mlp_a, seed: 8}]        # every combination that agrees with all of it
//!   include: [{network: gru_f, seed: 7}]        # further combinations, complete
//!   override:                                   # other fields for some of the cells
//!     - {when: {network: lstm_c}, params: {epochs: 30}, resources: {threads: 1}}
//! ```

use std::collections::BTreeSet;

use cinescore_config::Problems;
use serde_yaml::{Mapping, Value};

use super::place::Place;
use super::reader::{Reader, key_text, type_name};
use crate::file::is_name;
use crate::vars::{Vars, plain_text};

const INCLUDE: &str = "include";
const EXCLUDE: &str = "exclude";
const OVERRIDE: &str = "override";
const WHEN: &str = "when";
/// More cells than this are a mistake.
const MOST_CELLS: usize = 100_000;

/// A matrix as written, variables replaced.
#[derive(Debug, Default)]
pub(super) struct Matrix {
    /// Keys in the order of the file.
    pub(super) keys: Vec<String>,
    /// Combinations, the last key varying fastest, then the included ones.
    pub(super) cells: Vec<Vec<(String, Value)>>,
    /// What is laid over some cells.
    overrides: Vec<Override>,
    /// Keys by which an override chooses.
    pub(super) chosen_by: BTreeSet<String>,
}

#[derive(Debug)]
struct Override {
    when: Vec<(String, Value)>,
    /// Where it is written, from the document's root.
    path: Vec<String>,
    fields: Mapping,
}

impl Matrix {
    /// What is laid over a cell: where it is written, and what.
    pub(super) fn overrides(&self, cell: &[(String, Value)]) -> Vec<(Vec<String>, Mapping)> {
        self.overrides
            .iter()
            .filter(|over| agrees(cell, &over.when))
            .map(|over| (over.path.clone(), over.fields.clone()))
            .collect()
    }

    /// Reads a stage's matrix, in whose own values the pipeline's variables are replaced already; those
    /// of overrides are not, for they may name the cell's.
    pub(super) fn read(
        place: &Place,
        written: &Mapping,
        replaced: &Mapping,
        vars: &Vars<'_>,
        problems: &mut Problems,
    ) -> Self {
        let mut reader = Reader { place, problems };
        let axes = reader.axes(replaced, vars);
        let mut matrix = Self {
            keys: axes.iter().map(|(key, _)| key.clone()).collect(),
            ..Self::default()
        };
        if axes.is_empty() && !replaced.contains_key(INCLUDE) {
            reader.say_key(&["matrix"], "the matrix has no key");
        }
        let count = axes.iter().try_fold(1_usize, |count, (_, values)| {
            count
                .checked_mul(values.len())
                .filter(|count| *count <= MOST_CELLS)
        });
        if count.is_none() {
            let message = format!("the matrix has more than {MOST_CELLS} cells");
            reader.say_key(&["matrix"], message);
            return matrix;
        }
        if !axes.is_empty() {
            matrix.cells = product(&axes);
        }
        reader.exclude(replaced, &mut matrix);
        reader.include(replaced, &mut matrix);
        reader.overrides(written, replaced, &mut matrix);
        let has_problem = axes.iter().any(|(_, values)| values.is_empty());
        if matrix.cells.is_empty() && !has_problem && !matrix.keys.is_empty() {
            reader.say_key(&["matrix"], "the matrix has no cell left");
        }
        matrix
    }
}

/// Whether a cell has all the wanted values.
fn agrees(cell: &[(String, Value)], wanted: &[(String, Value)]) -> bool {
    wanted.iter().all(|pair| cell.contains(pair))
}

fn product(axes: &[(String, Vec<Value>)]) -> Vec<Vec<(String, Value)>> {
    let mut cells = vec![Vec::new()];
    for (key, values) in axes {
        cells = cells
            .iter()
            .flat_map(|cell| {
                values.iter().map(move |value| {
                    let mut cell = cell.clone();
                    cell.push((key.clone(), value.clone()));
                    cell
                })
            })
            .collect();
    }
    cells
}

impl Reader<'_> {
    fn axes(&mut self, matrix: &Mapping, vars: &Vars<'_>) -> Vec<(String, Vec<Value>)> {
        let mut axes = Vec::new();
        for (key, value) in matrix {
            let key = key_text(key);
            if [INCLUDE, EXCLUDE, OVERRIDE].contains(&key.as_str()) {
                continue;
            }
            let path = ["matrix", key.as_str()];
            if !is_name(&key) {
                let message = format!(
                    "`{key}` is no name: letters, digits, `_` and `-`, beginning with a letter"
                );
                self.say_key(&path, message);
                continue;
            }
            if vars.contains(&key) {
                vars.mark_read(&key);
                self.say_key(
                    &path,
                    format!("`{key}` is a variable of the pipeline as well"),
                );
            }
            let values = match value {
                Value::Sequence(values) if !values.is_empty() => values.clone(),
                Value::Sequence(_) => {
                    self.say(&path, format!("`{key}` has no value"));
                    Vec::new()
                }
                other => {
                    let message =
                        format!("`{key}` must be a list of values, not {}", type_name(other));
                    self.say(&path, message);
                    Vec::new()
                }
            };
            let values = self.plain(&values, &key);
            axes.push((key, values));
        }
        axes
    }

    /// Plain values, each once.
    fn plain(&mut self, values: &[Value], key: &str) -> Vec<Value> {
        let mut plain: Vec<Value> = Vec::new();
        for (index, value) in values.iter().enumerate() {
            let index = index.to_string();
            let path = ["matrix", key, index.as_str()];
            if plain_text(value).is_none() {
                let message = format!(
                    "a value of a matrix is a text, a number or a truth value, not {}",
                    type_name(value)
                );
                self.say(&path, message);
            } else if plain.contains(value) {
                self.say(
                    &path,
                    format!(
                        "`{key}` has {} twice",
                        plain_text(value).unwrap_or_default()
                    ),
                );
            } else {
                plain.push(value.clone());
            }
        }
        plain
    }

    /// The mappings under `include`, `exclude` or `override`, with their paths.
    fn entries<'m>(&mut self, matrix: &'m Mapping, key: &str) -> Vec<(String, &'m Mapping)> {
        let mut entries = Vec::new();
        match matrix.get(key) {
            None => {}
            Some(Value::Sequence(items)) => {
                for (index, item) in items.iter().enumerate() {
                    let index = index.to_string();
                    match item {
                        Value::Mapping(mapping) => entries.push((index, mapping)),
                        other => {
                            let message = format!(
                                "an entry of `{key}` must be a mapping, not {}",
                                type_name(other)
                            );
                            self.say(&["matrix", key, &index], message);
                        }
                    }
                }
            }
            Some(other) => {
                let message = format!(
                    "`{key}` must be a list of mappings, not {}",
                    type_name(other)
                );
                self.say(&["matrix", key], message);
            }
        }
        entries
    }

    /// Some of a cell's values; keys that the matrix lacks are problems.
    fn values(
        &mut self,
        mapping: &Mapping,
        path: &[&str],
        keys: &[String],
    ) -> Vec<(String, Value)> {
        let mut values = Vec::new();
        for (key, value) in mapping {
            let key = key_text(key);
            let path: Vec<&str> = path.iter().copied().chain([key.as_str()]).collect();
            if !keys.contains(&key) {
                let problem = self
                    .place
                    .problem_at_key(&path, format!("the matrix has no key `{key}`"));
                self.problems.push(problem.known(&key, keys));
            } else if plain_text(value).is_none() {
                let message = format!(
                    "a value of a matrix is a text, a number or a truth value, not {}",
                    type_name(value)
                );
                self.say(&path, message);
            } else {
                values.push((key, value.clone()));
            }
        }
        values
    }

    fn exclude(&mut self, replaced: &Mapping, matrix: &mut Matrix) {
        for (index, mapping) in self.entries(replaced, EXCLUDE) {
            let path = ["matrix", EXCLUDE, index.as_str()];
            let wanted = self.values(mapping, &path, &matrix.keys);
            if wanted.len() < mapping.len() {
                continue;
            }
            let before = matrix.cells.len();
            matrix.cells.retain(|cell| !agrees(cell, &wanted));
            if matrix.cells.len() == before {
                self.say(&path, "this excludes no cell");
            }
        }
    }

    fn include(&mut self, replaced: &Mapping, matrix: &mut Matrix) {
        for (index, mapping) in self.entries(replaced, INCLUDE) {
            let path = ["matrix", INCLUDE, index.as_str()];
            if matrix.keys.is_empty() {
                // A matrix of single cells only: the first one says what the keys are.
                matrix.keys = mapping.keys().map(key_text).collect();
            }
            let mut values = self.values(mapping, &path, &matrix.keys);
            let missing: Vec<&String> = matrix
                .keys
                .iter()
                .filter(|key| !mapping.contains_key(key.as_str()))
                .collect();
            if let [first, ..] = missing.as_slice() {
                self.say(&path, format!("this cell does not say its `{first}`"));
            }
            if values.len() < matrix.keys.len() {
                continue;
            }
            values.sort_by_key(|(key, _)| matrix.keys.iter().position(|known| known == key));
            if matrix.cells.contains(&values) {
                self.say(&path, "this cell is there already");
            } else {
                matrix.cells.push(values);
            }
        }
    }

    fn overrides(&mut self, written: &Mapping, replaced: &Mapping, matrix: &mut Matrix) {
        let replaced = self.entries(replaced, OVERRIDE);
        // Those that are no mappings were told of above.
        let written = written.get(OVERRIDE).and_then(Value::as_sequence);
        for (index, entry) in replaced {
            let path = ["matrix", OVERRIDE, index.as_str()];
            let raw = written
                .and_then(|written| written.get(index.parse::<usize>().ok()?))
                .and_then(Value::as_mapping);
            let Some(raw) = raw else { continue };
            let when = match entry.get(WHEN) {
                Some(Value::Mapping(when)) => when.clone(),
                _ => {
                    let message = format!("an override says for which cells: `{WHEN}: {{...}}`");
                    self.say(&path, message);
                    continue;
                }
            };
            let wanted = self.values(&when, &["matrix", OVERRIDE, &index, WHEN], &matrix.keys);
            matrix
                .chosen_by
                .extend(wanted.iter().map(|(key, _)| key.clone()));
            if wanted.len() < when.len() {
                continue;
            }
            if !matrix.cells.iter().any(|cell| agrees(cell, &wanted)) {
                self.say(&path, "this overrides no cell");
            }
            let mut fields = raw.clone();
            fields.remove(WHEN);
            for key in ["matrix", "run"] {
                if fields.remove(key).is_some() {
                    let message = format!("`{key}` is the same for all cells");
                    self.say_key(&["matrix", OVERRIDE, &index, key], message);
                }
            }
            matrix.overrides.push(Override {
                when: wanted,
                path: self.place.path(&path),
                fields,
            });
        }
    }
}
