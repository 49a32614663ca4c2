//! `${name}` in a pipeline's values, with types kept: a value that is one reference alone becomes the
//! variable's value, whatever its type; a reference inside a longer text becomes its text.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde_yaml::Value;

/// The variables of a pipeline, and which of them something has read.
#[derive(Debug, Default)]
pub(crate) struct Vars {
    values: BTreeMap<String, Value>,
    read: RefCell<BTreeSet<String>>,
}

/// A reference that could not be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum VarProblem {
    /// No such variable.
    Unknown(String),
    /// `${` without `}`.
    Unclosed,
    /// A list or a map inside a longer text.
    NotText(String),
}

impl Vars {
    pub(crate) fn new(values: BTreeMap<String, Value>) -> Self {
        Self {
            values,
            read: RefCell::default(),
        }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.values.keys()
    }

    /// The variables that nothing has read so far.
    pub(crate) fn unread(&self) -> Vec<&String> {
        let read = self.read.borrow();
        self.values
            .keys()
            .filter(|name| !read.contains(*name))
            .collect()
    }

    /// A value with every reference in it replaced. What cannot be replaced is told with its path and
    /// left out, so that it is one problem and not two.
    pub(crate) fn replace(
        &self,
        value: &Value,
        path: &mut Vec<String>,
        problems: &mut Vec<(Vec<String>, VarProblem)>,
    ) -> Option<Value> {
        let mut child = |value: &Value, key: String| {
            path.push(key);
            let replaced = self.replace(value, path, problems);
            path.pop();
            replaced
        };
        match value {
            Value::String(text) => match self.replace_text(text) {
                Ok(value) => Some(value),
                Err(problem) => {
                    problems.push((path.clone(), problem));
                    None
                }
            },
            Value::Sequence(items) => {
                let item = |(index, item): (usize, &Value)| child(item, index.to_string());
                Some(
                    items
                        .iter()
                        .enumerate()
                        .filter_map(item)
                        .collect::<Vec<_>>()
                        .into(),
                )
            }
            Value::Mapping(entries) => {
                let entry = |(key, item): (&Value, &Value)| {
                    Some((
                        key.clone(),
                        child(item, key.as_str().unwrap_or_default().to_owned())?,
                    ))
                };
                Some(Value::Mapping(entries.iter().filter_map(entry).collect()))
            }
            other => Some(other.clone()),
        }
    }

    fn replace_text(&self, text: &str) -> Result<Value, VarProblem> {
        for (name, _) in self
            .values
            .iter()
            .filter(|(name, _)| text.contains(&format!("${{{name}}}")))
        {
            self.read.borrow_mut().insert(name.clone());
        }
        let mut result = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let after = &rest[start + 2..];
            let end = after.find('}').ok_or(VarProblem::Unclosed)?;
            let name = &after[..end];
            let value = self
                .values
                .get(name)
                .ok_or_else(|| VarProblem::Unknown(name.to_owned()))?;
            if start == 0 && end + 3 == text.len() {
                return Ok(value.clone());
            }
            result.push_str(&rest[..start]);
            match value {
                Value::String(text) => result.push_str(text),
                Value::Number(number) => result.push_str(&number.to_string()),
                Value::Bool(truth) => result.push_str(&truth.to_string()),
                _ => return Err(VarProblem::NotText(name.to_owned())),
            }
            rest = &after[end + 1..];
        }
        result.push_str(rest);
        Ok(Value::String(result))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars() -> Vars {
        Vars::new(
            serde_yaml::from_str("{units: 100, data: data/sample, on: true, list: [1]}").unwrap(),
        )
    }

    #[test]
    fn types_are_kept_and_texts_are_joined() {
        let vars = vars();
        assert_eq!(vars.replace_text("${units}"), Ok(Value::from(100)));
        assert_eq!(
            vars.replace_text("${data}/x-${units}-${on}"),
            Ok(Value::from("data/sample/x-100-true"))
        );
        assert_eq!(vars.replace_text("plain"), Ok(Value::from("plain")));
        assert_eq!(vars.unread(), ["list"]);
    }

    #[test]
    fn what_cannot_be_replaced_is_told() {
        let vars = vars();
        assert_eq!(
            vars.replace_text("${unit}"),
            Err(VarProblem::Unknown("unit".into()))
        );
        assert_eq!(vars.replace_text("a ${units"), Err(VarProblem::Unclosed));
        assert_eq!(
            vars.replace_text("a ${list}"),
            Err(VarProblem::NotText("list".into()))
        );
    }
}
