//! Nested values as dotted paths, so that two of them can be set side by side.

use std::collections::BTreeMap;

use serde_json::Value;

/// Every value below a value by its path. Lists count as one value: an item that moved is not two
/// changes. An empty mapping is a value too.
pub(crate) fn flat(prefix: &str, value: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    add(prefix, value, &mut found);
    found
}

fn add(path: &str, value: &Value, found: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            for (key, value) in entries {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                add(&path, value, found);
            }
        }
        other => {
            found.insert(path.to_owned(), other.clone());
        }
    }
}

/// The paths at which two values differ, with the value of each, in order.
pub(crate) fn changes(
    before: &BTreeMap<String, Value>,
    now: &BTreeMap<String, Value>,
) -> Vec<(String, Option<Value>, Option<Value>)> {
    let mut paths: Vec<&String> = before.keys().chain(now.keys()).collect();
    paths.sort();
    paths.dedup();
    let change = |path: &String| {
        let (old, new) = (before.get(path).cloned(), now.get(path).cloned());
        (old != new).then(|| (path.clone(), old, new))
    };
    paths.into_iter().filter_map(change).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_found_by_path_and_compared() {
        let before = flat("params", &json!({"a": {"b": 1, "c": [1, 2]}, "d": {}}));
        let paths: Vec<&String> = before.keys().collect();
        assert_eq!(paths, ["params.a.b", "params.a.c", "params.d"]);
        let now = flat("params", &json!({"a": {"b": 2, "c": [1, 2]}, "e": null}));
        assert_eq!(
            changes(&before, &now),
            [
                ("params.a.b".into(), Some(json!(1)), Some(json!(2))),
                ("params.d".into(), Some(json!({})), None),
                ("params.e".into(), None, Some(json!(null))),
            ]
        );
    }
}
