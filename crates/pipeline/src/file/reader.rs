//! Reading one mapping of a pipeline's file: typed values, unknown keys, quantities with units. Whatever
//! is wrong becomes a problem, and reading goes on.

use std::time::Duration;

use bytesize::ByteSize;
use cinescore_config::Problems;
use jiff::SignedDuration;
use serde_yaml::{Mapping, Value};

use super::place::Place;

/// A mapping that is being read.
pub(super) struct Reader<'a> {
    pub(super) place: &'a Place,
    pub(super) problems: &'a mut Problems,
}

impl Reader<'_> {
    pub(super) fn say(&mut self, path: &[&str], message: impl Into<String>) {
        self.problems.push(self.place.problem_at(path, message));
    }

    pub(super) fn say_key(&mut self, path: &[&str], message: impl Into<String>) {
        self.problems.push(self.place.problem_at_key(path, message));
    }

    /// A mapping; anything else is a problem and counts as an empty one. Null is an empty one.
    pub(super) fn mapping(&mut self, value: &Value, path: &[&str]) -> Mapping {
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

    /// The mapping under a key, if there is one.
    pub(super) fn mapping_in(&mut self, fields: &Mapping, key: &str) -> Mapping {
        fields
            .get(key)
            .map(|value| self.mapping(value, &[key]))
            .unwrap_or_default()
    }

    pub(super) fn unknown_keys(&mut self, mapping: &Mapping, path: &[&str], known: &[&str]) {
        for key in mapping.keys() {
            let name = key_text(key);
            if !known.contains(&name.as_str()) {
                let path: Vec<&str> = path.iter().copied().chain([name.as_str()]).collect();
                let problem = self
                    .place
                    .problem_at_key(&path, format!("unknown key `{name}`"));
                self.problems.push(problem.known(&name, known));
            }
        }
    }

    pub(super) fn whole_number(
        &mut self,
        mapping: &Mapping,
        path: &[&str],
        (least, most): (u64, u64),
    ) -> Option<u64> {
        let (value, key) = at(mapping, path)?;
        let number = value
            .as_u64()
            .filter(|number| (least..=most).contains(number));
        if number.is_none() {
            let message = if most == u64::MAX {
                format!("`{key}` must be a whole number, at least {least}")
            } else {
                format!("`{key}` must be a number from {least} to {most}")
            };
            self.say(path, message);
        }
        number
    }

    pub(super) fn number(&mut self, mapping: &Mapping, path: &[&str], least: f64) -> Option<f64> {
        let (value, key) = at(mapping, path)?;
        let number = value
            .as_f64()
            .filter(|number| number.is_finite() && *number >= least);
        if number.is_none() {
            self.say(path, format!("`{key}` must be a number, at least {least}"));
        }
        number
    }

    pub(super) fn truth(&mut self, mapping: &Mapping, key: &str) -> bool {
        match mapping.get(key) {
            None => false,
            Some(Value::Bool(truth)) => *truth,
            Some(other) => {
                let message = format!("`{key}` must be true or false, not {}", type_name(other));
                self.say(&[key], message);
                false
            }
        }
    }

    /// A list of texts, or one text.
    pub(super) fn texts(&mut self, mapping: &Mapping, path: &[&str]) -> Vec<String> {
        let Some((value, key)) = at(mapping, path) else {
            return Vec::new();
        };
        match value {
            Value::String(text) => vec![text.clone()],
            Value::Sequence(items) if items.iter().all(Value::is_string) => items
                .iter()
                .filter_map(Value::as_str)
                .map(String::from)
                .collect(),
            other => {
                let message = format!(
                    "`{key}` must be a text or a list of texts, not {}",
                    type_name(other)
                );
                self.say(path, message);
                Vec::new()
            }
        }
    }

    /// A time such as `2h 30m`, longer than nothing. A bare number is refused: nobody knows its unit.
    pub(super) fn duration(&mut self, mapping: &Mapping, path: &[&str]) -> Option<Duration> {
        let (value, key) = at(mapping, path)?;
        let duration = value
            .as_str()
            .and_then(|text| text.parse::<SignedDuration>().ok())
            .and_then(|duration| Duration::try_from(duration).ok())
            .filter(|duration| !duration.is_zero());
        if duration.is_none() {
            self.say(
                path,
                format!("`{key}` must be a time with its unit, such as `90s` or `2h 30m`"),
            );
        }
        duration
    }

    /// A size such as `4GB` (1000³) or `512 MiB` (1024²).
    pub(super) fn bytes(&mut self, mapping: &Mapping, path: &[&str]) -> Option<u64> {
        let (value, key) = at(mapping, path)?;
        let bytes = value
            .as_str()
            .filter(|text| text.ends_with(['b', 'B']))
            .and_then(|text| text.parse::<ByteSize>().ok())
            .map(|size| size.as_u64())
            .filter(|bytes| *bytes > 0);
        if bytes.is_none() {
            self.say(
                path,
                format!("`{key}` must be a size with its unit, such as `512MB` or `4GiB`"),
            );
        }
        bytes
    }
}

fn at<'m, 'p>(mapping: &'m Mapping, path: &[&'p str]) -> Option<(&'m Value, &'p str)> {
    let key = path.last()?;
    Some((mapping.get(key)?, key))
}

pub(crate) fn key_text(key: &Value) -> String {
    match key {
        Value::String(text) => text.clone(),
        other => serde_yaml::to_string(other)
            .unwrap_or_default()
            .trim()
            .to_owned(),
    }
}

pub(crate) fn type_name(value: &Value) -> &'static str {
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
