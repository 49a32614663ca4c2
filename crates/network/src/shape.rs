//! Shapes and variables of a network, found without building it.
//!
//! This is what the built modules are tested against, and what weights are checked against before
//! they are loaded. Variables have the names that PyTorch gives to the same modules.

use thiserror::Error;

use crate::spec::{InputSpec, LayerSpec, NetworkSpec};
use crate::walk::Walk;

/// What one example is between two layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A vector of features for each step.
    Steps {
        /// Length of a vector.
        features: u32,
        /// How many steps there are, where all examples have as many.
        steps: Option<u32>,
    },
    /// One vector.
    Vector {
        /// Its length.
        features: u32,
    },
}

impl Shape {
    /// What an input gives to the first layer, for an encoder of so many ids.
    pub fn of_input(input: &InputSpec, ids: usize) -> Self {
        match input {
            InputSpec::OneHot(_) => Self::Steps {
                features: u32::try_from(ids).unwrap_or(u32::MAX),
                steps: None,
            },
            InputSpec::Regions(input) => Self::Vector {
                features: u32::try_from(input.sizes.len())
                    .unwrap_or(u32::MAX)
                    .saturating_mul(input.filters),
            },
            InputSpec::Bag(input) => Self::Vector {
                features: input.embedding.size,
            },
            InputSpec::Tokens(input) => Self::Steps {
                features: input.embedding.size,
                steps: None,
            },
            InputSpec::Whole(input) => Self::Vector {
                features: input.length,
            },
            InputSpec::Window(input) => Self::Steps {
                features: u32::try_from(ids).unwrap_or(u32::MAX),
                steps: input.slots,
            },
        }
    }

    /// The length of the last axis.
    pub fn features(self) -> u32 {
        match self {
            Self::Steps { features, .. } | Self::Vector { features } => features,
        }
    }

    pub(crate) fn with(self, features: u32) -> Self {
        match self {
            Self::Steps { steps, .. } => Self::Steps { features, steps },
            Self::Vector { .. } => Self::Vector { features },
        }
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Steps {
                features,
                steps: None,
            } => write!(f, "[B, T, {features}]"),
            Self::Steps {
                features,
                steps: Some(steps),
            } => write!(f, "[B, {steps}, {features}]"),
            Self::Vector { features } => write!(f, "[B, {features}]"),
        }
    }
}

/// Why a network's layers do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ShapeError {
    /// The place in the file: keys and indices.
    pub path: Vec<String>,
    /// What is wrong.
    pub message: String,
}

/// A named tensor of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// The name, as in the file of weights.
    pub name: String,
    /// The length of each axis.
    pub shape: Vec<i64>,
    /// Whether the optimizer changes it; the running means of a batch norm are kept by the layer itself.
    pub learned: bool,
}

/// What comes out of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerLine {
    /// `embedding`, `layers.0`, `head`: how its variables' names begin.
    pub place: String,
    /// What it is, as the network file calls it.
    pub kind: &'static str,
    /// What comes out of it.
    pub shape: Shape,
}

/// Checks that the layers fit together, and gives what comes out of each in the order in which they are
/// gone through, the input first and the head last; or everything that is wrong.
pub fn check_shapes(spec: &NetworkSpec) -> Result<Vec<LayerLine>, Vec<ShapeError>> {
    let walk = Walk::through(spec, 1);
    if walk.errors.is_empty() {
        Ok(walk.lines)
    } else {
        Err(walk.errors)
    }
}

/// The same of a network that fits together, for an encoder of so many ids, which are the features of one-hot words.
pub fn layer_lines(spec: &NetworkSpec, ids: usize) -> Vec<LayerLine> {
    Walk::through(spec, ids).lines
}

/// What comes out of a layer that fits what goes into it.
pub fn shape_after(layer: &LayerSpec, shape: Shape) -> Shape {
    Walk::after(layer, shape)
}

/// All variables, in the order of the layers, for an encoder of so many ids.
pub fn variables(spec: &NetworkSpec, ids: usize) -> Vec<Variable> {
    Walk::through(spec, ids).variables
}

/// How many numbers are learned, as PyTorch counts them: the running means of a batch norm are not.
pub fn parameter_count(spec: &NetworkSpec, ids: usize) -> u64 {
    let count = |variable: &Variable| {
        let axes = variable.shape.iter().map(|axis| axis.unsigned_abs());
        axes.fold(1, u64::saturating_mul)
    };
    variables(spec, ids)
        .iter()
        .filter(|variable| variable.learned)
        .map(count)
        .fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EmbeddingSpec, HeadSpec, PoolSpec, RecurrentSpec, TokensInput};

    fn spec(layers: Vec<LayerSpec>) -> NetworkSpec {
        let input = TokensInput {
            mask: false,
            word_dropout: 0.0,
            embedding: EmbeddingSpec::of(2),
        };
        NetworkSpec {
            name: "n".into(),
            about: String::new(),
            init: crate::InitSpec::default(),
            input: InputSpec::Tokens(input),
            layers,
            wide: 0,
            members: 1,
            head: HeadSpec::Dense(1),
        }
    }

    #[test]
    fn every_layer_gives_its_shape() {
        let lstm = LayerSpec::Lstm(RecurrentSpec {
            layers: 2,
            dropout: 0.1,
            ..RecurrentSpec::of(5)
        });
        let layers = vec![
            LayerSpec::Dense(3),
            lstm,
            LayerSpec::Dropout(0.5),
            LayerSpec::Pool(PoolSpec::Mean),
        ];
        let shapes = check_shapes(&spec(layers)).unwrap();
        let shapes: Vec<String> = shapes
            .iter()
            .map(|line| format!("{} {}", line.place, line.shape))
            .collect();
        assert_eq!(
            shapes,
            [
                "embedding [B, T, 2]",
                "layers.0 [B, T, 3]",
                "layers.1 [B, T, 5]",
                "layers.2 [B, T, 5]",
                "layers.3 [B, 5]",
                "head [B, 1]"
            ]
        );
    }

    #[test]
    fn what_does_not_fit_names_its_layer() {
        let pool = || LayerSpec::Pool(PoolSpec::Last);
        let at = |layers| check_shapes(&spec(layers)).unwrap_err()[0].path.join(".");
        assert_eq!(at(vec![pool(), pool()]), "layers.1");
        assert_eq!(at(vec![LayerSpec::Dropout(1.0), pool()]), "layers.0");
        assert_eq!(
            at(vec![
                LayerSpec::Lstm(RecurrentSpec {
                    dropout: 0.2,
                    ..RecurrentSpec::of(1)
                }),
                pool()
            ]),
            "layers.0"
        );
        assert_eq!(check_shapes(&spec(vec![])).unwrap_err()[0].path, ["head"]);
    }

    #[test]
    fn variables_are_named_as_in_pytorch() {
        let lstm = LayerSpec::Lstm(RecurrentSpec {
            layers: 2,
            ..RecurrentSpec::of(3)
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
