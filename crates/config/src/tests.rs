//! Positions and messages.

use std::collections::BTreeSet;

use insta::assert_snapshot;
use serde::Deserialize;

use super::*;

fn document(text: &str) -> Document {
    Document::parse(text, Path::new("demo.yaml")).unwrap()
}

#[test]
fn a_problem_points_at_its_value_or_key() {
    let document = document("version: 1\nstages:\n  net:\n    params: {epochs: 3, batchs: 64}\n");
    let path = ["stages", "net", "params", "batchs"];
    let problem = document
        .problem_at_key(&path, "unknown parameter `batchs`")
        .known("batchs", ["batch", "epochs"]);
    assert_snapshot!(problem, @r"
    unknown parameter `batchs`
      --> demo.yaml:4:25
       |
     4 |     params: {epochs: 3, batchs: 64}
       |                         ^^^^^^
      known: batch, epochs
      did you mean `batch`?
    ");
    assert!(
        document
            .problem_at(&path, "")
            .to_string()
            .contains("demo.yaml:4:33")
    );
    assert!(
        document
            .problem_at(&["stages", "nix"], "")
            .to_string()
            .contains("demo.yaml:3:3")
    );
}

#[test]
fn all_problems_are_shown_in_the_order_of_their_places() {
    let document = document("a: 1\nb: 2\n");
    let mut problems = Problems::from(document.problem_at(&["b"], "second"));
    problems.push(document.problem_at(&["a"], "first"));
    assert_snapshot!(problems, @r"
    first
      --> demo.yaml:1:4
       |
     1 | a: 1
       |    ^

    error: second
      --> demo.yaml:2:4
       |
     2 | b: 2
       |    ^
    ");
}

#[test]
fn syntax_errors_and_duplicate_keys_have_places() {
    let text = |yaml: &str| {
        Document::parse(yaml, Path::new("demo.yaml"))
            .unwrap_err()
            .to_string()
    };
    assert_snapshot!(text("a: [1, 2\nb: 3\n"), @r"
    did not find expected ',' or ']' at line 2 column 2, while parsing a flow sequence
      --> demo.yaml:2:2
       |
     2 | b: 3
       |  ^
    ");
    assert_snapshot!(text("a: 1\na: 2\n"), @r#"
    duplicate entry with key "a"
      --> demo.yaml:1:1
       |
     1 | a: 1
       | ^
    "#);
}

#[test]
fn a_typed_value_says_where_it_is_wrong() {
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape counts")]
    struct Network {
        layers: Vec<u32>,
    }
    let problem = document("layers: [1, two]\n")
        .typed::<Network>()
        .unwrap_err();
    assert_snapshot!(problem, @r#"
    layers[1]: invalid type: string "two", expected u32
      --> demo.yaml:1:13
       |
     1 | layers: [1, two]
       |             ^
    "#);
}

#[test]
fn both_parsers_agree_on_every_yaml_file_of_the_repository() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for folder in ["pipelines", "pipelines/networks", "data"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path
                .extension()
                .is_some_and(|extension| extension == "yaml")
            {
                files.push(path);
            }
        }
    }
    assert!(files.len() >= 4, "found only {files:?}");
    for file in files {
        let document = Document::load(&file).unwrap();
        let mut paths = BTreeSet::new();
        collect(document.value(), &mut Vec::new(), &mut paths);
        let placed: BTreeSet<Vec<String>> = document.positions.paths().cloned().collect();
        assert_eq!(paths, placed, "{}", file.display());
    }
}

fn collect(value: &Value, path: &mut Vec<String>, paths: &mut BTreeSet<Vec<String>>) {
    paths.insert(path.clone());
    let children: Vec<(String, &Value)> = match value {
        Value::Sequence(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| (index.to_string(), item))
            .collect(),
        Value::Mapping(entries) => {
            let name = |key: &Value| {
                key.as_str().map_or_else(
                    || serde_yaml::to_string(key).unwrap().trim().to_owned(),
                    String::from,
                )
            };
            entries
                .iter()
                .map(|(key, item)| (name(key), item))
                .collect()
        }
        _ => Vec::new(),
    };
    for (key, child) in children {
        path.push(key);
        collect(child, path, paths);
        path.pop();
    }
}
