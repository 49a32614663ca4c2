//! `${name}` in a pipeline's values, with types kept: a value that is one reference alone becomes the
//! variable's value, whatever its type; a reference inside a longer text becomes its text. `${a.b}` is
//! the value under `b` of the map `a`, and `$${` stands for `${` itself.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde_yaml::Value;

/// The variables that values may name, and which of them something has read.
#[derive(Debug, Default)]
pub(crate) struct Vars<'a> {
    values: BTreeMap<String, Value>,
    /// Those whose own value could not be made out, which is told already.
    failed: BTreeSet<String>,
    read: RefCell<BTreeSet<String>>,
    /// The variables around these: a pipeline's, around a cell's.
    outer: Option<&'a Vars<'a>>,
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
    /// Variables that name each other.
    Circle(Vec<String>),
    /// A variable that has a problem of its own, which is told at its place.
    Told,
}

/// What could not be replaced, with the path of keys and indices to it.
pub(crate) type Found = Vec<(Vec<String>, VarProblem)>;

impl<'a> Vars<'a> {
    /// Variables whose values may name each other, in any order.
    pub(crate) fn new(written: BTreeMap<String, Value>, problems: &mut Found) -> Self {
        let mut resolver = Resolver {
            written: &written,
            vars: Self::default(),
            open: Vec::new(),
            problems,
        };
        for name in written.keys() {
            resolver.resolve(name);
        }
        resolver.vars
    }

    /// The values of a cell, within a pipeline's variables.
    pub(crate) fn of_cell(outer: &'a Vars<'a>, cell: &[(String, Value)]) -> Self {
        Self {
            values: cell.iter().cloned().collect(),
            failed: BTreeSet::new(),
            read: RefCell::default(),
            outer: Some(outer),
        }
    }

    /// All names, for messages.
    pub(crate) fn names(&self) -> Vec<String> {
        let outer = self.outer.map(Vars::names).unwrap_or_default();
        self.values.keys().cloned().chain(outer).collect()
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Takes a variable as read: something is wrong where it is named.
    pub(crate) fn mark_read(&self, name: &str) {
        self.read.borrow_mut().insert(name.to_owned());
        if let Some(outer) = self.outer {
            outer.mark_read(name);
        }
    }

    fn has_failed(&self, reference: &str) -> bool {
        let name = reference.split('.').next().unwrap_or_default();
        self.failed.contains(name) || self.outer.is_some_and(|outer| outer.has_failed(name))
    }

    /// The variables of its own that nothing has read so far.
    pub(crate) fn unread(&self) -> Vec<&String> {
        let read = self.read.borrow();
        self.values
            .keys()
            .filter(|name| !read.contains(*name))
            .collect()
    }

    fn get(&self, reference: &str) -> Option<&Value> {
        let mut parts = reference.split('.');
        let name = parts.next().unwrap_or_default();
        match self.values.get(name) {
            Some(value) => {
                self.read.borrow_mut().insert(name.to_owned());
                parts.try_fold(value, |value, part| value.get(part))
            }
            None => self.outer?.get(reference),
        }
    }

    /// A value with every reference in it replaced. What cannot be replaced is told with its path and
    /// left out, so that it is one problem and not two.
    pub(crate) fn replace(
        &self,
        value: &Value,
        path: &mut Vec<String>,
        problems: &mut Found,
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
                Err(VarProblem::Told) => None,
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
        let mut result = String::new();
        let mut problem = None;
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            if rest[..start].ends_with('$') {
                result.push_str(&rest[..start - 1]);
                result.push_str("${");
                rest = &rest[start + 2..];
                continue;
            }
            let after = &rest[start + 2..];
            let Some(end) = after.find('}') else {
                let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
                self.mark_read(after.split(|c| !is_of_name(c)).next().unwrap_or_default());
                return Err(VarProblem::Unclosed);
            };
            let name = &after[..end];
            result.push_str(&rest[..start]);
            match self.get(name) {
                _ if self.has_failed(name) => problem = problem.or(Some(VarProblem::Told)),
                Some(value) if start == 0 && end + 3 == text.len() => return Ok(value.clone()),
                Some(value) => match plain_text(value) {
                    Some(text) => result.push_str(&text),
                    None => problem = problem.or(Some(VarProblem::NotText(name.to_owned()))),
                },
                None => problem = problem.or(Some(VarProblem::Unknown(name.to_owned()))),
            }
            rest = &after[end + 1..];
        }
        result.push_str(rest);
        problem.map_or(Ok(Value::String(result)), Err)
    }
}

/// A scalar as it stands inside a longer text.
pub(crate) fn plain_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

struct Resolver<'w, 'v, 'p> {
    written: &'w BTreeMap<String, Value>,
    vars: Vars<'v>,
    open: Vec<String>,
    problems: &'p mut Found,
}

impl Resolver<'_, '_, '_> {
    fn resolve(&mut self, name: &str) {
        let (false, Some(value)) = (self.vars.values.contains_key(name), self.written.get(name))
        else {
            return;
        };
        self.open.push(name.to_owned());
        let mut named = Vec::new();
        names_in(value, &mut named);
        for other in named {
            match self.open.iter().position(|open| *open == other) {
                Some(start) => {
                    let circle = self.open[start..].to_vec();
                    let is_told = self
                        .problems
                        .iter()
                        .any(|(_, problem)| matches!(problem, VarProblem::Circle(_)));
                    if !is_told {
                        let path = vec!["vars".to_owned(), name.to_owned()];
                        self.problems.push((path, VarProblem::Circle(circle)));
                    }
                    // It is known, whatever it is: one problem is enough.
                    self.vars.failed.insert(other.clone());
                    self.vars.values.insert(other, Value::Null);
                }
                None => self.resolve(&other),
            }
        }
        let mut path = vec!["vars".to_owned(), name.to_owned()];
        let replaced = self.vars.replace(value, &mut path, self.problems);
        if replaced.is_none() {
            self.vars.failed.insert(name.to_owned());
        }
        self.vars
            .values
            .entry(name.to_owned())
            .or_insert(replaced.unwrap_or(Value::Null));
        self.open.pop();
    }
}

/// The variables that a value names, first parts only.
fn names_in(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let references = text.match_indices("${").filter_map(|(start, _)| {
                let is_escaped = text[..start].ends_with('$');
                let name = text[start + 2..].split(['}', '.']).next()?;
                (!is_escaped).then(|| name.to_owned())
            });
            names.extend(references);
        }
        Value::Sequence(items) => items.iter().for_each(|item| names_in(item, names)),
        Value::Mapping(entries) => entries.values().for_each(|item| names_in(item, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(yaml: &str) -> (Vars<'static>, Found) {
        let mut problems = Vec::new();
        let vars = Vars::new(serde_yaml::from_str(yaml).unwrap(), &mut problems);
        (vars, problems)
    }

    fn vars() -> Vars<'static> {
        written("{data: data/sample, units: 100, on: true, list: [1, 2], map: {a: {b: 3}}}").0
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
        assert_eq!(vars.replace_text("${map.a.b}"), Ok(Value::from(3)));
        assert_eq!(
            vars.replace_text("$${units} ${units}"),
            Ok(Value::from("${units} 100"))
        );
        assert_eq!(vars.unread(), ["list"]);
    }

    #[test]
    fn what_cannot_be_replaced_is_told() {
        let vars = vars();
        for (text, problem) in [
            ("${unit}", VarProblem::Unknown("unit".into())),
            ("${map.x}", VarProblem::Unknown("map.x".into())),
            ("a ${units", VarProblem::Unclosed),
            ("a ${list}", VarProblem::NotText("list".into())),
        ] {
            assert_eq!(vars.replace_text(text), Err(problem), "{text}");
        }
    }

    #[test]
    fn variables_may_name_each_other() {
        let (vars, problems) = written("{a: '${b}/x', b: '${c}', c: top}");
        assert_eq!(problems, []);
        assert_eq!(vars.unread(), ["a"]);
        assert_eq!(vars.replace_text("${a}"), Ok(Value::from("top/x")));
    }

    #[test]
    fn circles_and_unknown_names_in_variables_are_told_once() {
        let (_, problems) = written("{a: '${b}', b: '${a}', c: '${d}'}");
        let path = |name: &str| vec!["vars".to_owned(), name.to_owned()];
        let circle = VarProblem::Circle(vec!["a".into(), "b".into()]);
        assert_eq!(
            problems,
            [
                (path("b"), circle),
                (path("c"), VarProblem::Unknown("d".into()))
            ]
        );
    }

    #[test]
    fn a_cell_hides_nothing_of_the_pipeline() {
        let outer = vars();
        let inner = Vars::of_cell(&outer, &[("seed".into(), Value::from(7))]);
        assert_eq!(inner.replace_text("${seed}"), Ok(Value::from(7)));
        assert_eq!(inner.replace_text("${units}"), Ok(Value::from(100)));
        assert!(inner.unread().is_empty());
        assert!(!outer.unread().contains(&&"units".to_owned()));
    }
}
