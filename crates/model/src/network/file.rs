//! Reading a network file, with all of its problems at once.

use std::collections::BTreeMap;
use std::path::Path;

use cinescore_config::{Document, Problems};
use serde::de::DeserializeOwned;
use serde_yaml::Value;
use serde_yaml::with::singleton_map_recursive;

use super::params::Params;
use super::shape::check_shapes;
use super::spec::{InitSpec, LayerSpec, NetworkSpec};

/// The keys of a network file.
const KEYS: [&str; 7] = ["name", "about", "init", "params", "input", "layers", "head"];

/// Reads a network file's text; `file` is its name in messages, `overrides` are values for its
/// parameters. The result's shapes are checked.
pub fn parse(
    text: &str,
    file: &Path,
    overrides: &BTreeMap<String, Value>,
) -> Result<NetworkSpec, Problems> {
    let document = Document::parse(text, file)?;
    let Some(map) = document.value().as_mapping() else {
        return Err(document
            .problem_at::<&str>(&[], "a network file is a map")
            .into());
    };
    let (mut params, mut problems) = Params::read(&document, overrides);
    for key in map.keys() {
        let name = key.as_str().unwrap_or_default();
        if !KEYS.contains(&name) {
            let problem = document.problem_at_key(&[name], format!("unknown key `{name}`"));
            problems.push(problem.known(name, KEYS));
        }
    }
    let mut reader = Reader {
        document: &document,
        params: &mut params,
        problems,
    };
    let name: Option<String> = reader.section("name");
    let about = if map.contains_key("about") {
        reader.section("about")
    } else {
        Some(String::new())
    };
    let init = if map.contains_key("init") {
        reader.section("init")
    } else {
        Some(InitSpec::default())
    };
    let input = reader.section("input");
    let layers = reader.layers();
    let head = reader.section("head");
    let mut problems = reader.problems;
    // After another problem, a parameter may be unread because of it.
    if problems.is_empty() {
        params.unused(&mut problems);
    }
    let (Some(name), Some(about), Some(init), Some(input), Some(layers), Some(head)) =
        (name, about, init, input, layers, head)
    else {
        return Err(problems);
    };
    let spec = problems.or(NetworkSpec {
        name,
        about,
        init,
        input,
        layers,
        head,
    })?;
    check_shapes(&spec).map_err(|error| {
        let path: Vec<String> = match error.layer {
            Some(layer) => vec!["layers".to_owned(), layer.to_string()],
            None => vec![error.section.to_owned()],
        };
        document.problem_at(&path, error.message)
    })?;
    Ok(spec)
}

/// Reads the sections of a file, one after the other, and keeps what is wrong with them.
struct Reader<'a, 'd> {
    document: &'d Document,
    params: &'a mut Params<'d>,
    problems: Problems,
}

impl Reader<'_, '_> {
    /// The value of a key at the top.
    fn section<T: DeserializeOwned>(&mut self, key: &str) -> Option<T> {
        match self.document.value().get(key) {
            Some(value) => self.value(value, &[key.to_owned()]),
            None => {
                self.problems.push(
                    self.document
                        .problem_at::<&str>(&[], format!("the key `{key}` is missing")),
                );
                None
            }
        }
    }

    fn layers(&mut self) -> Option<Vec<LayerSpec>> {
        match self.document.value().get("layers") {
            Some(Value::Sequence(items)) => {
                let layers: Vec<Option<LayerSpec>> = items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| {
                        self.value(item, &["layers".to_owned(), index.to_string()])
                    })
                    .collect();
                layers.into_iter().collect()
            }
            _ => {
                self.problems.push(
                    self.document
                        .problem_at(&["layers"], "`layers` is a list of layers"),
                );
                None
            }
        }
    }

    /// One value as its type: the problem stands at the value, since serde tells no place in it.
    fn value<T: DeserializeOwned>(&mut self, value: &Value, path: &[String]) -> Option<T> {
        let before = self.problems.iter().count();
        let filled = self.params.fill(value, path, &mut self.problems);
        if self.problems.iter().count() > before {
            return None;
        }
        match singleton_map_recursive::deserialize(filled) {
            Ok(read) => Some(read),
            Err(error) => {
                let error: serde_yaml::Error = error;
                self.problems
                    .push(self.document.problem_at(path, error.to_string()));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{DenseHead, InputSpec, LstmSpec, PoolSpec, parameter_count};

    const KERAS: &str = include_str!("../../../../pipelines/networks/keras_lstm.yaml");
    const MASKED: &str = include_str!("../../../../pipelines/networks/keras_lstm_masked.yaml");

    fn read(text: &str, overrides: &[(&str, Value)]) -> Result<NetworkSpec, String> {
        let overrides = overrides
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        parse(text, Path::new("net.yaml"), &overrides).map_err(|problems| problems.to_string())
    }

    #[test]
    fn the_tutorial_network_has_the_known_number_of_parameters() {
        let spec = read(KERAS, &[]).unwrap();
        assert_eq!(spec.name, "keras_lstm");
        assert_eq!(parameter_count(&spec, 5000), 213_701);
        let masked = read(MASKED, &[]).unwrap();
        assert_eq!(parameter_count(&masked, 5000), 213_701);
        let InputSpec::Tokens(input) = &masked.input;
        assert!(input.mask);
    }

    #[test]
    fn parameters_keep_their_types_and_can_be_set() {
        let text = r#"
name: n
params: {units: 8, dropout: 0.5, mask: true}
input: {kind: tokens, mask: "${mask}", embedding: {size: 4}}
layers: [{lstm: {units: "${units}", layers: 2, dropout: "${dropout}"}}, {pool: max}, {leaky_relu: 0.01}, tanh]
head: {dense: 1}
"#;
        let spec = read(text, &[("units", 3.into())]).unwrap();
        let lstm = LstmSpec {
            units: 3,
            layers: 2,
            dropout: 0.5,
        };
        assert_eq!(
            spec.layers,
            [
                LayerSpec::Lstm(lstm),
                LayerSpec::Pool(PoolSpec::Max),
                LayerSpec::LeakyRelu(0.01),
                LayerSpec::Tanh
            ]
        );
        assert_eq!(spec.head, DenseHead { dense: 1 });
        // What a bundle keeps is a network file as well.
        let resolved = serde_yaml::to_string(&spec).unwrap();
        assert_eq!(read(&resolved, &[]).unwrap(), spec);
    }

    #[test]
    fn all_problems_are_told_at_their_places() {
        let text = r#"name: n
params: {units: 8, unread: 1}
input: {kind: tokens, embedding: {size: 4, dim: 3}}
layers:
  - lstm: {units: "${unit}"}
  - dropout: "x${units}"
  - convolution: 3
heads: {dense: 1}
"#;
        insta::assert_snapshot!(read(text, &[("unts", 1.into())]).unwrap_err(), @r#"
        the network has no parameter `unts`
          --> net.yaml
          known: units, unread
          did you mean `units`?

        error: the key `head` is missing
          --> net.yaml:1:1
           |
         1 | name: n
           | ^

        error: unknown field `dim`, expected `size`
          --> net.yaml:3:8
           |
         3 | input: {kind: tokens, embedding: {size: 4, dim: 3}}
           |        ^

        error: unknown parameter `unit`
          --> net.yaml:5:19
           |
         5 |   - lstm: {units: "${unit}"}
           |                   ^^^^^^^^^
          known: units, unread
          did you mean `units`?

        error: `${..}` stands for a whole value and cannot be part of a text
          --> net.yaml:6:14
           |
         6 |   - dropout: "x${units}"
           |              ^^^^^^^^^^^

        error: unknown variant `convolution`, expected one of `dropout`, `lstm`, `pool`, `dense`, `relu`, `leaky_relu`, `sigmoid`, `tanh`
          --> net.yaml:7:5
           |
         7 |   - convolution: 3
           |     ^

        error: unknown key `heads`
          --> net.yaml:8:1
           |
         8 | heads: {dense: 1}
           | ^^^^^
          known: name, about, init, params, input, layers, head
          did you mean `head`?
        "#);
    }

    #[test]
    fn a_parameter_that_nothing_reads_is_a_mistake() {
        let text = "
name: n
params: {units: 8}
input: {kind: tokens, embedding: {size: 4}}
layers: [{pool: last}]
head: {dense: 1}
";
        assert!(
            read(text, &[])
                .unwrap_err()
                .starts_with("nothing reads the parameter `units`\n  --> net.yaml:3:10")
        );
    }

    #[test]
    fn a_layer_that_does_not_fit_is_told_at_its_place() {
        let text = "
name: n
input: {kind: tokens, embedding: {size: 4}}
layers: [{pool: last}, {lstm: {units: 3}}]
head: {dense: 1}
";
        insta::assert_snapshot!(read(text, &[]).unwrap_err(), @r"
        this layer goes over the steps, and the layers before it leave one vector
          --> net.yaml:4:24
           |
         4 | layers: [{pool: last}, {lstm: {units: 3}}]
           |                        ^
        ");
    }
}
