//! Shapes and variables of a network, found without building it.
//!
//! This is what the built modules are tested against, and what weights are checked against before
//! they are loaded. Variables have the names that PyTorch gives to the same modules.

use thiserror::Error;

use crate::spec::{InputSpec, LayerSpec, NetworkSpec};

/// What one example is between two layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A vector of features for each step.
    Steps {
        /// Length of a vector.
        features: u32,
    },
    /// One vector.
    Vector {
        /// Its length.
        features: u32,
    },
}

impl Shape {
    /// The length of the last axis.
    pub fn features(self) -> u32 {
        match self {
            Self::Steps { features } | Self::Vector { features } => features,
        }
    }

    fn with(self, features: u32) -> Self {
        match self {
            Self::Steps { .. } => Self::Steps { features },
            Self::Vector { .. } => Self::Vector { features },
        }
    }
}

/// Why a network's layers do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ShapeError {
    /// The section of the file.
    pub section: &'static str,
    /// The layer in it, from 0, where it is about one.
    pub layer: Option<usize>,
    /// What is wrong.
    pub message: String,
}

/// A named tensor of weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// The name, as in the file of weights.
    pub name: String,
    /// The length of each axis.
    pub shape: Vec<i64>,
}

/// Checks that the layers fit together, and gives what comes out of each; or everything that is wrong.
pub fn check_shapes(spec: &NetworkSpec) -> Result<Vec<Shape>, Vec<ShapeError>> {
    let InputSpec::Tokens(input) = &spec.input;
    let mut errors = Vec::new();
    let mut wrong = |section, layer, message: String| {
        errors.push(ShapeError {
            section,
            layer,
            message,
        });
    };
    if input.embedding.size == 0 {
        wrong("input", None, "an embedding has at least one value".into());
    }
    let mut shape = Shape::Steps {
        features: input.embedding.size,
    };
    let mut shapes = Vec::with_capacity(spec.layers.len());
    let mut fits = true;
    for (index, layer) in spec.layers.iter().enumerate() {
        if let Err(message) = check_values(layer) {
            wrong("layers", Some(index), message);
        }
        shape = after(layer, shape).unwrap_or_else(|misfit| {
            wrong("layers", Some(index), misfit.message.into());
            fits = false;
            misfit.leaves
        });
        shapes.push(shape);
    }
    // A layer that does not fit has its own problem, and what comes out at the end may be due to it.
    if fits && let Shape::Steps { .. } = shape {
        let message = "the layers end with a vector for each step, the head needs one in all: end with `pool`";
        wrong("head", None, message.into());
    }
    if spec.head.dense == 0 {
        wrong("head", None, "a head has at least one output".into());
    }
    if errors.is_empty() {
        Ok(shapes)
    } else {
        Err(errors)
    }
}

/// Checks what can be said of a layer by itself.
pub(crate) fn check_values(layer: &LayerSpec) -> Result<(), String> {
    let probability = |p: f64| {
        if (0.0..1.0).contains(&p) {
            Ok(())
        } else {
            Err(format!("dropout is a probability below 1, not {p}"))
        }
    };
    match layer {
        LayerSpec::Dropout(p) => probability(*p),
        LayerSpec::LeakyRelu(slope) if !slope.is_finite() => {
            Err(format!("a slope is a number, not {slope}"))
        }
        LayerSpec::Dense(0) => Err("a dense layer has at least one unit".into()),
        LayerSpec::Lstm(lstm) => {
            probability(lstm.dropout)?;
            if lstm.units == 0 || lstm.layers == 0 {
                return Err("an LSTM has at least one unit and one layer".into());
            }
            if lstm.layers == 1 && lstm.dropout > 0.0 {
                return Err("`dropout` of an LSTM stands between its layers, and it has one: use a `dropout` layer".into());
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// A layer that cannot follow those before it.
struct Misfit {
    message: &'static str,
    /// What would come out of it if it could, so that the layers after it can be checked.
    leaves: Shape,
}

/// What comes out of one layer.
fn after(layer: &LayerSpec, shape: Shape) -> Result<Shape, Misfit> {
    let leaves = match layer {
        LayerSpec::Dropout(_)
        | LayerSpec::Relu
        | LayerSpec::LeakyRelu(_)
        | LayerSpec::Sigmoid
        | LayerSpec::Tanh => return Ok(shape),
        LayerSpec::Dense(units) => return Ok(shape.with(*units)),
        LayerSpec::Lstm(lstm) => Shape::Steps {
            features: lstm.units,
        },
        LayerSpec::Pool(_) => Shape::Vector {
            features: shape.features(),
        },
    };
    match shape {
        Shape::Steps { .. } => Ok(leaves),
        Shape::Vector { .. } => Err(Misfit {
            message: "this layer goes over the steps, and the layers before it leave one vector",
            leaves,
        }),
    }
}

/// All variables, in the order of the layers, for an encoder of so many ids.
///
/// # Panics
/// If the network was not checked (see [`check_shapes`]).
pub fn variables(spec: &NetworkSpec, ids: usize) -> Vec<Variable> {
    let shapes = check_shapes(spec).expect("a network's shapes are checked when it is read");
    let InputSpec::Tokens(input) = &spec.input;
    let ids = i64::try_from(ids).unwrap_or(i64::MAX);
    let mut features = i64::from(input.embedding.size);
    let mut variables = vec![variable("embedding.weight".into(), &[ids, features])];
    for (index, (layer, shape)) in spec.layers.iter().zip(shapes).enumerate() {
        let name = |name: &str| format!("layers.{index}.{name}");
        match layer {
            LayerSpec::Lstm(lstm) => {
                let units = i64::from(lstm.units);
                for cell in 0..lstm.layers {
                    let input = if cell == 0 { features } else { units };
                    variables.push(variable(
                        name(&format!("weight_ih_l{cell}")),
                        &[4 * units, input],
                    ));
                    variables.push(variable(
                        name(&format!("weight_hh_l{cell}")),
                        &[4 * units, units],
                    ));
                    variables.push(variable(name(&format!("bias_ih_l{cell}")), &[4 * units]));
                    variables.push(variable(name(&format!("bias_hh_l{cell}")), &[4 * units]));
                }
            }
            LayerSpec::Dense(units) => {
                variables.extend(dense(&name(""), features, i64::from(*units)))
            }
            LayerSpec::Dropout(_)
            | LayerSpec::Pool(_)
            | LayerSpec::Relu
            | LayerSpec::LeakyRelu(_)
            | LayerSpec::Sigmoid
            | LayerSpec::Tanh => {}
        }
        features = i64::from(shape.features());
    }
    variables.extend(dense("head.", features, i64::from(spec.head.dense)));
    variables
}

fn dense(prefix: &str, features: i64, units: i64) -> [Variable; 2] {
    [
        variable(format!("{prefix}weight"), &[units, features]),
        variable(format!("{prefix}bias"), &[units]),
    ]
}

fn variable(name: String, shape: &[i64]) -> Variable {
    Variable {
        name,
        shape: shape.to_vec(),
    }
}

/// How many numbers are learned.
pub fn parameter_count(spec: &NetworkSpec, ids: usize) -> u64 {
    let count = |variable: &Variable| variable.shape.iter().product::<i64>().unsigned_abs();
    variables(spec, ids).iter().map(count).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DenseHead, EmbeddingSpec, LstmSpec, PoolSpec, TokensInput};

    fn spec(layers: Vec<LayerSpec>) -> NetworkSpec {
        let input = TokensInput {
            mask: false,
            embedding: EmbeddingSpec { size: 2 },
        };
        NetworkSpec {
            name: "n".into(),
            about: String::new(),
            init: crate::InitSpec::default(),
            input: InputSpec::Tokens(input),
            layers,
            head: DenseHead { dense: 1 },
        }
    }

    #[test]
    fn every_layer_gives_its_shape() {
        let lstm = LayerSpec::Lstm(LstmSpec {
            units: 5,
            layers: 2,
            dropout: 0.1,
        });
        let layers = vec![
            LayerSpec::Dense(3),
            lstm,
            LayerSpec::Dropout(0.5),
            LayerSpec::Pool(PoolSpec::Mean),
        ];
        let shapes = check_shapes(&spec(layers)).unwrap();
        let steps = |features| Shape::Steps { features };
        assert_eq!(
            shapes,
            [steps(3), steps(5), steps(5), Shape::Vector { features: 5 }]
        );
    }

    #[test]
    fn what_does_not_fit_names_its_layer() {
        let pool = || LayerSpec::Pool(PoolSpec::Last);
        let at = |layers| check_shapes(&spec(layers)).unwrap_err()[0].layer;
        assert_eq!(at(vec![pool(), pool()]), Some(1));
        assert_eq!(at(vec![LayerSpec::Dropout(1.0), pool()]), Some(0));
        assert_eq!(
            at(vec![
                LayerSpec::Lstm(LstmSpec {
                    units: 1,
                    layers: 1,
                    dropout: 0.2
                }),
                pool()
            ]),
            Some(0)
        );
        assert_eq!(check_shapes(&spec(vec![])).unwrap_err()[0].section, "head");
    }

    #[test]
    fn variables_are_named_as_in_pytorch() {
        let lstm = LayerSpec::Lstm(LstmSpec {
            units: 3,
            layers: 2,
            dropout: 0.0,
        });
        let spec = spec(vec![
            LayerSpec::Dense(4),
            lstm,
            LayerSpec::Pool(PoolSpec::Last),
        ]);
        let listed: Vec<String> = variables(&spec, 10)
            .iter()
            .map(|variable| format!("{} {:?}", variable.name, variable.shape))
            .collect();
        assert_eq!(
            listed,
            [
                "embedding.weight [10, 2]",
                "layers.0.weight [4, 2]",
                "layers.0.bias [4]",
                "layers.1.weight_ih_l0 [12, 4]",
                "layers.1.weight_hh_l0 [12, 3]",
                "layers.1.bias_ih_l0 [12]",
                "layers.1.bias_hh_l0 [12]",
                "layers.1.weight_ih_l1 [12, 3]",
                "layers.1.weight_hh_l1 [12, 3]",
                "layers.1.bias_ih_l1 [12]",
                "layers.1.bias_hh_l1 [12]",
                "head.weight [1, 3]",
                "head.bias [1]",
            ]
        );
        assert_eq!(
            parameter_count(&spec, 10),
            20 + 8 + 4 + 48 + 36 + 24 + 36 + 36 + 24 + 3 + 1
        );
    }
}
