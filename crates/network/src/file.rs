//! Reading a network file, with all of its problems at once.

use std::collections::BTreeMap;
use std::path::Path;

use cinescore_config::{Document, Problems};
use serde::de::DeserializeOwned;
use serde_yaml::Value;

use crate::params::Params;
use crate::shape::check_shapes;
use crate::spec::{InitSpec, LayerSpec, NetworkSpec};
use crate::typed;
use crate::values::check_values;
use crate::wide::Count;

/// The keys of a network file.
const KEYS: [&str; 9] = [
    "name", "about", "init", "params", "input", "layers", "wide", "members", "head",
];

/// Reads a network file's text; `file` is its name in messages, `overrides` are values for its
/// parameters. The result's shapes are checked.
pub fn parse(
    text: &str,
    file: &Path,
    overrides: &BTreeMap<String, serde_json::Value>,
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
    let wide = if map.contains_key("wide") {
        reader.section("wide").map(|Count(count)| count)
    } else {
        Some(0)
    };
    let members = if map.contains_key("members") {
        reader.section("members")
    } else {
        Some(1)
    };
    let input = reader.section("input");
    let layers = reader.layers();
    let head = reader.section("head");
    let mut problems = reader.problems;
    // After another problem, a parameter may be unread because of it.
    if problems.is_empty() {
        params.unused(&mut problems);
    }
    let (
        Some(name),
        Some(about),
        Some(init),
        Some(input),
        Some(layers),
        Some(wide),
        Some(members),
        Some(head),
    ) = (name, about, init, input, layers, wide, members, head)
    else {
        return Err(problems);
    };
    let spec = problems.or(NetworkSpec {
        name,
        about,
        init,
        input,
        layers,
        wide,
        members,
        head,
    })?;
    let mut problems = Problems::default();
    for error in check_shapes(&spec).err().unwrap_or_default() {
        problems.push(document.problem_at(&error.path, error.message));
    }
    problems.or(spec)
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
                    .map(|(index, item)| self.layer(item, index))
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

    fn layer(&mut self, item: &Value, index: usize) -> Option<LayerSpec> {
        let path = ["layers".to_owned(), index.to_string()];
        let layer: LayerSpec = self.value(item, &path)?;
        check_values(&layer)
            .map_err(|message| self.problems.push(self.document.problem_at(&path, message)))
            .ok()?;
        Some(layer)
    }

    /// One value as its type.
    fn value<T: DeserializeOwned>(&mut self, value: &Value, path: &[String]) -> Option<T> {
        let before = self.problems.iter().count();
        let filled = self.params.fill(value, path, &mut self.problems);
        if self.problems.iter().count() > before {
            return None;
        }
        match typed::read(self.document, &filled, path) {
            Ok(read) => Some(read),
            Err(problem) => {
                self.problems.push(*problem);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HeadSpec, PoolSpec, RecurrentSpec, parameter_count};

    const KERAS: &str = include_str!("../../../pipelines/networks/keras_lstm.yaml");
    const MASKED: &str = include_str!("../../../pipelines/networks/keras_lstm_masked.yaml");

    fn read(text: &str, overrides: &[(&str, serde_json::Value)]) -> Result<NetworkSpec, String> {
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
        assert!(masked.input.masks());
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
        let lstm = RecurrentSpec {
            layers: 2,
            dropout: 0.5,
            ..RecurrentSpec::of(3)
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
        assert_eq!(spec.head, HeadSpec::Dense(1));
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

        error: unknown key `dim`
          --> net.yaml:3:44
           |
         3 | input: {kind: tokens, embedding: {size: 4, dim: 3}}
           |                                            ^^^
          known: size, pretrained

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

        error: unknown name `convolution`
          --> net.yaml:7:5
           |
         7 |   - convolution: 3
           |     ^^^^^^^^^^^
          known: dropout, variational_dropout, rnn, lstm, gru, recurrent, conv1d, max_pool1d, batch_norm, attention, pool, flatten, one_step, many_steps, concat, dense, relu, leaky_relu, elu, gelu, silu, softplus, sigmoid, tanh

        error: unknown key `heads`
          --> net.yaml:8:1
           |
         8 | heads: {dense: 1}
           | ^^^^^
          known: name, about, init, params, input, layers, wide, members, head
          did you mean `head`?
        "#);
    }

    #[test]
    fn heads_side_by_side_share_the_features_evenly() {
        let text = |members: &str, head: &str| {
            format!(
                "name: n\ninput: {{kind: tokens, mask: true, embedding: {{size: 6}}}}\nlayers: [{{pool: mean}}]\nmembers: {members}\nhead: {{{head}}}\n"
            )
        };
        let spec = read(&text("3", "dense: 2"), &[]).unwrap();
        let listed = crate::variables(&spec, 10);
        let names = |part: &str| {
            let own = listed.iter().filter(|own| own.name.starts_with(part));
            own.map(|own| (own.name.as_str(), own.shape.as_slice()))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            names("head.2"),
            [("head.2.weight", &[2, 2][..]), ("head.2.bias", &[2])]
        );
        assert_eq!(names("head.").len(), 6);
        let told = |members, head| read(&text(members, head), &[]).unwrap_err();
        assert!(told("4", "dense: 2").starts_with(
            "4 heads cannot share the 6 features of the last layer evenly\n  --> net.yaml:4:10"
        ));
        assert!(told("0", "dense: 2").starts_with("`members` is a number from 1 to 16\n"));
        assert!(told("17", "dense: 2").starts_with("`members` is a number from 1 to 16\n"));
        assert!(told("2", "outputs: 6").starts_with("a head `outputs` gives"));
    }

    #[test]
    fn layers_that_do_not_fit_are_told_at_their_places_within_a_concat_too() {
        let text = "
name: n
input: {kind: tokens, mask: true, embedding: {size: 3}}
layers:
  - flatten
  - one_step
  - conv1d: {filters: 2, kernel: 3}
  - batch_norm
  - concat:
      - [{pool: ends}, {gru: {units: 2}}]
      - [{lstm: {units: 4}}]
      - [{dense: 0}, {pool: max}]
head: {outputs: 2}
";
        insta::assert_snapshot!(read(text, &[]).unwrap_err(), @r"
        `flatten` needs a known number of steps, and there is none: use `pool`, or say `slots` of a window
          --> net.yaml:5:5
           |
         5 |   - flatten
           |     ^^^^^^^

        error: it takes 3 steps together, and there are 1
          --> net.yaml:7:5
           |
         7 |   - conv1d: {filters: 2, kernel: 3}
           |     ^

        error: `batch_norm` over steps would count padding, which this network masks: put it behind `pool`
          --> net.yaml:8:5
           |
         8 |   - batch_norm
           |     ^^^^^^^^^^

        error: this layer goes over the steps, and the layers before it leave one vector
          --> net.yaml:10:24
            |
         10 |       - [{pool: ends}, {gru: {units: 2}}]
            |                        ^

        error: a list of layers in `concat` ends with one vector: end with `pool`
          --> net.yaml:11:9
            |
         11 |       - [{lstm: {units: 4}}]
            |         ^

        error: units of a dense layer: from 1 to 1000000, not 0
          --> net.yaml:12:10
            |
         12 |       - [{dense: 0}, {pool: max}]
            |          ^
        ");
    }

    #[test]
    fn an_input_that_its_layers_or_numbers_do_not_fit_is_told() {
        let text = |input: &str, layers: &str| {
            format!("name: n\ninput: {input}\nlayers: {layers}\nhead: {{dense: 1}}\n")
        };
        let wrong = [
            (
                "{kind: one_hot}",
                "[{dropout: 0.1}, {gru: {units: 2}}, {pool: last}]",
            ),
            (
                "{kind: one_hot, word_dropout: 1.0}",
                "[{dense: 2}, {pool: last}]",
            ),
            ("{kind: bag, embedding: {size: 0}}", "[]"),
            ("{kind: bag, embedding: {size: 1, scale: 0}}", "[]"),
            (
                "{kind: bag, embedding: {size: 2}}",
                "[{lstm: {units: 2}}, {pool: last}]",
            ),
            (
                "{kind: tokens, embedding: {size: 2, pretrained: thawed}}",
                "[{pool: last}]",
            ),
            (
                "{kind: tokens, embedding: {size: 2}}",
                "[{pool: last}, {variational_dropout: 0.1}]",
            ),
        ];
        let told = wrong.map(|(input, layers)| {
            let text = read(&text(input, layers), &[]).unwrap_err();
            text.lines().next().unwrap().to_owned()
        });
        insta::assert_snapshot!(told.join("\n"), @r"
        a `one_hot` input is looked up by the first layer, which must be `dense`, `rnn`, `lstm` or `gru`
        dropout is a probability below 1, not 1
        `size` of an embedding: from 1 to 1000000, not 0
        `scale` of an embedding is a number above 0
        this layer goes over the steps, and the layers before it leave one vector
        unknown name `thawed`
        this layer goes over the steps, and the layers before it leave one vector
        ");
    }

    #[test]
    fn what_is_looked_up_counts_by_the_encoders_ids() {
        let count = |input: &str, layers: &str| {
            let text = format!("name: n\ninput: {input}\nlayers: {layers}\nhead: {{dense: 1}}\n");
            parameter_count(&read(&text, &[]).unwrap(), 100)
        };
        let layers = "[{pool: mean}]";
        assert_eq!(
            count(
                "{kind: tokens, embedding: {size: 2, pretrained: tuned}}",
                layers
            ),
            203
        );
        assert_eq!(
            count(
                "{kind: tokens, embedding: {size: 2, pretrained: frozen}}",
                layers
            ),
            3
        );
        assert_eq!(
            count("{kind: bag, embedding: {size: 2, bias: true}}", "[]"),
            205
        );
        let gru = 3 * 4 * (100 + 4 + 2) + 5;
        assert_eq!(
            count("{kind: one_hot}", "[{gru: {units: 4}}, {pool: last}]"),
            gru
        );
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
    fn values_of_a_wrong_type_and_names_that_are_nearly_right_are_told_at_their_places() {
        let text = r#"
name: 7
init: kerras
params: {units: many, mask: 1}
input: {kind: tokens, mask: "${mask}", embedding: {size: -4}}
layers:
  - lstm: {units: "${units}"}
  - lstm: {layers: 2}
  - lsmt: {units: 3}
  - pool: lastt
  - dropout: 1.5
head: {dense: [1]}
"#;
        insta::assert_snapshot!(read(text, &[]).unwrap_err(), @r#"
        invalid type: integer `7`, expected a string
          --> net.yaml:2:7
           |
         2 | name: 7
           |       ^

        error: unknown name `kerras`
          --> net.yaml:3:7
           |
         3 | init: kerras
           |       ^^^^^^
          known: pytorch, keras
          did you mean `keras`?

        error: invalid type: integer `1`, expected a boolean
          --> net.yaml:5:29
           |
         5 | input: {kind: tokens, mask: "${mask}", embedding: {size: -4}}
           |                             ^^^^^^^^^

        error: invalid type: string "many", expected u32
          --> net.yaml:7:19
           |
         7 |   - lstm: {units: "${units}"}
           |                   ^^^^^^^^^^

        error: the key `units` is missing
          --> net.yaml:8:5
           |
         8 |   - lstm: {layers: 2}
           |     ^

        error: unknown name `lsmt`
          --> net.yaml:9:5
           |
         9 |   - lsmt: {units: 3}
           |     ^^^^
          known: dropout, variational_dropout, rnn, lstm, gru, recurrent, conv1d, max_pool1d, batch_norm, attention, pool, flatten, one_step, many_steps, concat, dense, relu, leaky_relu, elu, gelu, silu, softplus, sigmoid, tanh
          did you mean `lstm`?

        error: unknown name `lastt`
          --> net.yaml:10:11
            |
         10 |   - pool: lastt
            |           ^^^^^
          known: last, ends, mean, max
          did you mean `last`?

        error: dropout is a probability below 1, not 1.5
          --> net.yaml:11:5
            |
         11 |   - dropout: 1.5
            |     ^

        error: invalid type: sequence, expected u32
          --> net.yaml:12:7
            |
         12 | head: {dense: [1]}
            |       ^
        "#);
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
