//! Where a part of a stage is written: a problem found in a cell points at the text that it comes from.

use std::sync::Arc;

use cinescore_config::{Document, Problem};
use serde_yaml::{Mapping, Value};

/// Where a stage, or one cell of it, is written.
#[derive(Debug, Clone)]
pub struct Place {
    document: Arc<Document>,
    /// Keys from the document's root to the stage.
    path: Vec<String>,
    /// What is laid over the stage's own fields in this cell: where it is written, and what.
    overrides: Vec<(Vec<String>, Value)>,
}

impl Place {
    /// The place of a mapping in a document.
    pub(crate) fn new(document: &Arc<Document>, path: &[&str]) -> Self {
        Self {
            document: Arc::clone(document),
            path: path.iter().map(|&key| key.into()).collect(),
            overrides: Vec::new(),
        }
    }

    /// The same with something laid over it.
    pub(crate) fn lay_over(&mut self, path: Vec<String>, value: Value) {
        self.overrides.push((path, value));
    }

    /// The file.
    pub fn document(&self) -> &Arc<Document> {
        &self.document
    }

    /// The whole path of something below this place.
    pub(crate) fn path(&self, below: &[&str]) -> Vec<String> {
        let found = self
            .overrides
            .iter()
            .rev()
            .find(|(_, value)| !below.is_empty() && lookup(value, below).is_some());
        let base = found.map_or(&self.path, |(path, _)| path);
        base.iter()
            .cloned()
            .chain(below.iter().map(|&key| key.into()))
            .collect()
    }

    /// A problem with the value at a path below this place.
    pub fn problem_at(&self, below: &[&str], message: impl Into<String>) -> Problem {
        self.document.problem_at(&self.path(below), message)
    }

    /// A problem with the key at the end of a path below this place.
    pub fn problem_at_key(&self, below: &[&str], message: impl Into<String>) -> Problem {
        self.document.problem_at_key(&self.path(below), message)
    }
}

fn lookup<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| match value {
        Value::Sequence(items) => items.get(key.parse::<usize>().ok()?),
        other => other.get(key),
    })
}

/// Lays one mapping over another: mappings are merged key by key, anything else is replaced.
pub(crate) fn merge(below: &mut Mapping, above: &Mapping) {
    for (key, value) in above {
        match (below.get_mut(key), value) {
            (Some(Value::Mapping(below)), Value::Mapping(above)) => merge(below, above),
            (Some(below), value) => *below = value.clone(),
            (None, value) => {
                below.insert(key.clone(), value.clone());
            }
        }
    }
}
