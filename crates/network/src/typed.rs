//! A value of a file as its type: what serde says is wrong, at the place that it means.
//!
//! serde names the key or value that it stumbled over and no place. Its words are searched for below
//! the value that was read, and what it expected becomes what is known there.

use cinescore_config::{Document, Problem};
use serde::de::DeserializeOwned;
use serde_yaml::Value;
use serde_yaml::with::singleton_map_recursive;

/// `value`, which stands at `path` and has its parameters filled in, as a type.
pub(crate) fn read<T: DeserializeOwned>(
    document: &Document,
    value: &Value,
    path: &[String],
) -> Result<T, Box<Problem>> {
    let read: Result<T, serde_yaml::Error> = singleton_map_recursive::deserialize(value.clone());
    read.map_err(|error| Box::new(problem(document, value, path, &error.to_string())))
}

fn problem(document: &Document, value: &Value, path: &[String], message: &str) -> Problem {
    let (said, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    let Some((what, name)) = quoted(said) else {
        return document.problem_at(path, message);
    };
    let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    let found = find(value, path.to_vec(), &name);
    let at = |message: String| match &found {
        Some(Found::Key(place)) => document.problem_at_key(place, message),
        Some(Found::Value(place)) => document.problem_at(place, message),
        None => document.problem_at(path, message),
    };
    match what {
        "unknown field" => at(format!("unknown key `{name}`")).known(&name, known),
        "unknown variant" => at(format!("unknown name `{name}`")).known(&name, known),
        "missing field" => document.problem_at(path, format!("the key `{name}` is missing")),
        _ => at(message.to_owned()),
    }
}

/// Of a text such as "unknown field `units`" or "invalid type: string \"x\"" the words before the quoted
/// ones, and those.
fn quoted(text: &str) -> Option<(&str, String)> {
    let begin = text.find(['`', '"'])?;
    let mark = text[begin..].chars().next()?;
    let end = text[begin + 1..].rfind(mark)?;
    Some((
        text[..begin].trim_end(),
        text[begin + 1..begin + 1 + end].to_owned(),
    ))
}

/// Where a word stands: the path.
enum Found {
    Key(Vec<String>),
    Value(Vec<String>),
}

/// The place, below `path` where `value` stands, of the first key or scalar that is written `name`.
fn find(value: &Value, path: Vec<String>, name: &str) -> Option<Found> {
    let below = |key: String| path.iter().cloned().chain([key]).collect::<Vec<_>>();
    match value {
        Value::Mapping(entries) => entries.iter().find_map(|(key, item)| {
            let key = written(key)?;
            let place = below(key.clone());
            if key == name {
                Some(Found::Key(place))
            } else {
                find(item, place, name)
            }
        }),
        Value::Sequence(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| find(item, below(index.to_string()), name)),
        scalar => (written(scalar)? == name).then_some(Found::Value(path)),
    }
}

fn written(scalar: &Value) -> Option<String> {
    match scalar {
        Value::String(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(value) => Some(value.to_string()),
        _ => None,
    }
}
