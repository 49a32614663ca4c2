//! What a network file says, with every parameter filled in.

use serde::{Deserialize, Serialize};

/// A network, resolved: the form in which a bundle keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSpec {
    /// The name by which tables and reports call it.
    pub name: String,
    /// Where the architecture comes from and what is special about it, for people.
    #[serde(default)]
    pub about: String,
    /// How its weights begin.
    #[serde(default)]
    pub init: InitSpec,
    /// What goes in.
    #[serde(with = "serde_yaml::with::singleton_map_recursive")]
    pub input: InputSpec,
    /// What it passes through, in order.
    #[serde(with = "serde_yaml::with::singleton_map_recursive")]
    pub layers: Vec<LayerSpec>,
    /// What comes out.
    #[serde(with = "serde_yaml::with::singleton_map_recursive")]
    pub head: DenseHead,
}

/// How a network's weights begin, before any training. A recurrent network of hundreds of steps learns
/// much sooner from some beginnings than from others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InitSpec {
    /// As PyTorch's modules do by default.
    #[default]
    Pytorch,
    /// As Keras' layers do by default: see `initialise`.
    Keras,
}

/// What goes into a network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum InputSpec {
    /// Token ids, looked up in an embedding.
    Tokens(TokensInput),
}

/// Token ids as input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokensInput {
    /// Whether padding is left out of every result. Without it, the examples must be padded to one
    /// length, and a padding id is a token like any other (the way of Keras' tutorial).
    #[serde(default)]
    pub mask: bool,
    /// The vector of each token.
    pub embedding: EmbeddingSpec,
}

/// A look-up of vectors; as many rows as the encoder has ids.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingSpec {
    /// Length of a vector.
    pub size: u32,
}

/// One layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerSpec {
    /// Sets each value to zero with this probability in training, and scales the others up.
    Dropout(f64),
    /// A long short-term memory over the steps.
    Lstm(LstmSpec),
    /// One vector from all steps.
    Pool(PoolSpec),
    /// So many weighted sums of the last axis, with a bias.
    Dense(u32),
    /// `max(x, 0)`.
    Relu,
    /// `x` where positive, else this slope times `x` (PyTorch's default is 0.01).
    LeakyRelu(f64),
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
}

/// A stack of LSTM cells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LstmSpec {
    /// Length of the hidden state.
    pub units: u32,
    /// Cells on top of each other.
    #[serde(default = "one")]
    pub layers: u32,
    /// Probability of dropout between two cells.
    #[serde(default)]
    pub dropout: f64,
}

fn one() -> u32 {
    1
}

/// How one vector is made from all steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolSpec {
    /// The last step; the last real one where padding is masked.
    Last,
    /// The mean of the steps.
    Mean,
    /// The greatest value of each feature.
    Max,
}

/// The last layer: dense, without an activation, since the loss and the task bring their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DenseHead {
    /// Number of outputs.
    pub dense: u32,
}
