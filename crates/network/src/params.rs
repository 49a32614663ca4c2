//! The parameters of a network file: `${name}` is replaced by the value, its type kept.

use std::collections::{BTreeMap, BTreeSet};

use cinescore_config::{Document, Problem, Problems};
use serde_yaml::Value;

/// The parameters of one reading of a file, and which of them were used.
pub(super) struct Params<'a> {
    document: &'a Document,
    values: BTreeMap<String, Value>,
    used: BTreeSet<String>,
}

impl<'a> Params<'a> {
    /// The file's own `params`, with `overrides` put in their places.
    pub(super) fn read(
        document: &'a Document,
        overrides: &BTreeMap<String, serde_json::Value>,
    ) -> (Self, Problems) {
        let mut problems = Problems::default();
        let mut values = BTreeMap::new();
        match document.value().get("params") {
            None | Some(Value::Null) => {}
            Some(Value::Mapping(given)) => {
                for (key, value) in given {
                    match (key.as_str(), is_scalar(value)) {
                        (Some(key), true) => {
                            values.insert(key.to_owned(), value.clone());
                        }
                        (key, _) => {
                            let path = ["params", key.unwrap_or_default()];
                            problems.push(document.problem_at(
                                &path,
                                "a parameter is a name with a number, a text or a truth value",
                            ));
                        }
                    }
                }
            }
            Some(_other) => problems
                .push(document.problem_at(&["params"], "`params` is a map of names to values")),
        }
        for (name, value) in overrides {
            // A number, a text or a truth value is the same in both.
            let value = serde_yaml::to_value(value).unwrap_or_default();
            match values.get_mut(name) {
                Some(default) if is_scalar(&value) => *default = value,
                Some(_default) => {
                    let message = format!(
                        "the value given for the network parameter `{name}` is no number, text or truth value"
                    );
                    problems.push(document.problem_at(&["params", name], message));
                }
                None => {
                    let problem = Problem::of_file(
                        document.file(),
                        format!("the network has no parameter `{name}`"),
                    );
                    problems.push(problem.known(name, values.keys()));
                }
            }
        }
        (
            Self {
                document,
                values,
                used: BTreeSet::new(),
            },
            problems,
        )
    }

    /// `value`, which stands at `path`, with every `${name}` in it replaced.
    pub(super) fn fill(
        &mut self,
        value: &Value,
        path: &[String],
        problems: &mut Problems,
    ) -> Value {
        let below = |key: String| -> Vec<String> { path.iter().cloned().chain([key]).collect() };
        match value {
            Value::String(text) => match reference(text) {
                Reference::None => value.clone(),
                Reference::To(name) => match self.values.get(name) {
                    Some(found) => {
                        self.used.insert(name.to_owned());
                        found.clone()
                    }
                    None => {
                        let problem = self
                            .document
                            .problem_at(path, format!("unknown parameter `{name}`"));
                        problems.push(problem.known(name, self.values.keys()));
                        Value::Null
                    }
                },
                Reference::Within => {
                    let message = "`${..}` stands for a whole value and cannot be part of a text";
                    problems.push(self.document.problem_at(path, message));
                    Value::Null
                }
            },
            Value::Sequence(items) => {
                let items = items.iter().enumerate();
                Value::Sequence(
                    items
                        .map(|(index, item)| self.fill(item, &below(index.to_string()), problems))
                        .collect(),
                )
            }
            Value::Mapping(entries) => {
                let mut filled = serde_yaml::Mapping::new();
                for (key, item) in entries {
                    let name = key.as_str().unwrap_or_default().to_owned();
                    filled.insert(key.clone(), self.fill(item, &below(name), problems));
                }
                Value::Mapping(filled)
            }
            _ => value.clone(),
        }
    }

    /// A problem for each parameter that nothing read.
    pub(super) fn unused(&self, problems: &mut Problems) {
        for name in self.values.keys().filter(|name| !self.used.contains(*name)) {
            problems.push(self.document.problem_at_key(
                &["params", name],
                format!("nothing reads the parameter `{name}`"),
            ));
        }
    }
}

fn is_scalar(value: &Value) -> bool {
    matches!(value, Value::Bool(_) | Value::Number(_) | Value::String(_))
}

enum Reference<'a> {
    None,
    To(&'a str),
    Within,
}

fn reference(text: &str) -> Reference<'_> {
    match text
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
    {
        Some(name) if !name.contains(['$', '{', '}']) => Reference::To(name),
        _ if text.contains("${") => Reference::Within,
        _ => Reference::None,
    }
}
