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
    /// How many numbers more the head gets beside what the last layer gives, each the logit of a linear model over n-grams,
    /// which comes with the examples (the wide part of Cheng et al., DLRS 2016; see the kind `wide` of `train`). `true` in a file is one.
    #[serde(
        default,
        with = "crate::wide",
        skip_serializing_if = "crate::wide::is_none"
    )]
    pub wide: u32,
    /// How many heads it has side by side. Of M, the m-th reads every M-th feature of the last layer from the m-th on, and what
    /// linear models say; each learns by a loss of its own, and the outputs are their mean. Networks that share no
    /// weight below their heads are so an ensemble (Hansen and Salamon, PAMI 12, 1990), others share what is below (Lee et al.,
    /// "Why M Heads are Better than One", 2015).
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub members: u32,
    /// What comes out.
    #[serde(with = "serde_yaml::with::singleton_map_recursive")]
    pub head: HeadSpec,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_one(members: &u32) -> bool {
    *members == 1
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
    /// Token ids, looked up in an embedding: a vector for each step.
    Tokens(TokensInput),
    /// Token ids, each step a vector with a 1 at its id and 0 elsewhere. The first layer multiplies it, so
    /// its weights' columns are looked up and no such vector is ever made.
    OneHot(OneHotInput),
    /// Token ids, read in regions of neighbouring words: the greatest value of each feature over all regions.
    Regions(RegionsInput),
    /// The n-grams of a review with their values, looked up and summed up.
    Bag(BagInput),
    /// The ids of a review, padded to one length, as one vector of numbers.
    Whole(WholeInput),
    /// The slots of a window over a movie's popularity, each a vector of the encoder's features.
    Window(WindowInput),
}

impl InputSpec {
    /// Whether padding is left out of every result.
    pub fn masks(&self) -> bool {
        match self {
            Self::Tokens(input) => input.mask,
            Self::OneHot(input) => input.mask,
            Self::Regions(_) => true,
            Self::Bag(_) | Self::Whole(_) | Self::Window(_) => false,
        }
    }

    /// The name of its kind, as in a network file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Tokens(_) => "tokens",
            Self::OneHot(_) => "one_hot",
            Self::Regions(_) => "regions",
            Self::Bag(_) => "bag",
            Self::Whole(_) => "whole",
            Self::Window(_) => "window",
        }
    }

    /// The table that it reads, by name.
    pub fn table(&self) -> &'static str {
        match self {
            Self::Bag(_) => "bags",
            Self::Window(_) => "windows",
            Self::Tokens(_) | Self::OneHot(_) | Self::Regions(_) | Self::Whole(_) => "tokens",
        }
    }

    /// Whether its look-up begins with vectors that are given beside the examples.
    pub fn pretrained(&self) -> PretrainedSpec {
        match self {
            Self::Tokens(input) => input.embedding.pretrained,
            Self::OneHot(_)
            | Self::Regions(_)
            | Self::Bag(_)
            | Self::Whole(_)
            | Self::Window(_) => PretrainedSpec::None,
        }
    }
}

/// Token ids as input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokensInput {
    /// Whether padding is left out of every result. Without it, the examples must be padded to one
    /// length, and a padding id is a token like any other (the way of Keras' tutorial).
    #[serde(default)]
    pub mask: bool,
    /// Probability with which a word is replaced by the unknown one in training (Iyyer et al., ACL 2015, who leave
    /// it out).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub word_dropout: f64,
    /// The vector of each token.
    pub embedding: EmbeddingSpec,
}

/// Token ids as input, one-hot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneHotInput {
    /// As that of [`TokensInput`].
    #[serde(default)]
    pub mask: bool,
    /// As that of [`TokensInput`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub word_dropout: f64,
}

/// Token ids as input, read in regions: a convolution over one-hot words whose greatest values over the whole review are
/// kept (`seq-CNN` of Johnson and Zhang, NAACL 2015). A word has a vector for each of its places in a region, a region's
/// vector is the sum of its words' and a bias, and no one-hot vector is ever made. Regions reach over both ends of a
/// review; padding and unknown words add nothing. In training only the numbers that made a greatest value have a
/// gradient, a sparse one, so that a step costs as much as a batch has words, however large the vocabulary is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionsInput {
    /// Words of a region, for each kind of region; the features of the first size come first.
    pub sizes: Vec<u32>,
    /// Features of each size.
    pub filters: u32,
    /// As that of [`TokensInput`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub word_dropout: f64,
}

/// A bag of n-grams as input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BagInput {
    /// Probability with which an n-gram is left out in training; the values of the others are scaled up.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub word_dropout: f64,
    /// The vector of each n-gram; a review's vector is the sum of its n-grams' vectors, each times its value.
    pub embedding: BagEmbeddingSpec,
}

/// A look-up of vectors that are summed up; as many rows as the encoder has n-grams.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BagEmbeddingSpec {
    /// Length of a vector.
    pub size: u32,
    /// The number at which all values of the vectors begin: at 0 a linear model knows nothing, at 1 its sum is that of
    /// the review's values, which for log-count ratios is naive Bayes' decision. Without it they begin as `init`
    /// says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<f64>,
    /// Whether a learned vector, which begins at 0, is added to the sum.
    #[serde(default)]
    pub bias: bool,
    /// What the values of n-grams are multiplied by. Values whose Euclidean length is 1 are small, and a network that
    /// multiplies them learns with the learning rate of the others.
    #[serde(default = "unscaled", skip_serializing_if = "is_unscaled")]
    pub scale: f64,
}

/// A look-up of vectors; as many rows as the encoder has ids.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingSpec {
    /// Length of a vector.
    pub size: u32,
    /// Whether the vectors are given beside the examples, and what becomes of them.
    #[serde(default, skip_serializing_if = "PretrainedSpec::is_none")]
    pub pretrained: PretrainedSpec,
}

impl EmbeddingSpec {
    /// Vectors of this length that are learned from the beginning.
    pub fn of(size: u32) -> Self {
        Self {
            size,
            pretrained: PretrainedSpec::None,
        }
    }
}

/// Where the vectors of an embedding come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PretrainedSpec {
    /// They begin at random and are learned.
    #[default]
    None,
    /// They are given, and stay as they are.
    Frozen,
    /// They are given, and learned further.
    Tuned,
}

impl PretrainedSpec {
    /// Whether none are given.
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// A whole review as one vector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WholeInput {
    /// Length of the vector; shorter reviews are padded with 0 at the end.
    pub length: u32,
    /// What the ids are divided by.
    #[serde(default)]
    pub scale: ScaleSpec,
}

/// A window as input. The encoder decides how many features a slot has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowInput {
    /// How many slots a window has, for layers that must know it, such as `flatten`; without it any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<u32>,
}

/// What ids that are taken as numbers are divided by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScaleSpec {
    /// Nothing.
    #[default]
    None,
    /// The number of the encoder's ids, so that all are below 1.
    Vocabulary,
}

/// One layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerSpec {
    /// Sets each value to zero with this probability in training, and scales the others up.
    Dropout(f64),
    /// Sets a feature to zero in all steps of an example with this probability in training, and scales the others up
    /// (Gal and Ghahramani, NeurIPS 2016; Keras' `SpatialDropout1D`).
    VariationalDropout(f64),
    /// A plain recurrent layer with tanh over the steps (Elman 1990).
    Rnn(RecurrentSpec),
    /// A long short-term memory over the steps.
    Lstm(RecurrentSpec),
    /// A gated recurrent unit over the steps (Cho et al., EMNLP 2014).
    Gru(RecurrentSpec),
    /// One of these three, by name, so that a parameter of the network can choose it.
    Recurrent(CellsSpec),
    /// Weighted sums of neighbouring steps.
    Conv1d(Conv1dSpec),
    /// The greatest value of each feature among neighbouring steps.
    MaxPool1d(MaxPool1dSpec),
    /// Each feature with mean 0 and variance 1 over the batch, then scaled and shifted as is learned (Ioffe and
    /// Szegedy, ICML 2015); in evaluation with the running mean and variance of the training.
    BatchNorm,
    /// One vector from all steps, each weighted as is learned: additive attention with one context vector (Yang
    /// et al., NAACL 2016).
    Attention(AttentionSpec),
    /// One vector from all steps.
    Pool(PoolSpec),
    /// One vector from a known number of steps: all values of the first feature, then of the second, ..
    Flatten,
    /// One step, whose features are the vector's.
    OneStep,
    /// As many steps of one feature as the vector has values.
    ManySteps,
    /// The vectors that several lists of layers make of the same, one after the other.
    Concat(Vec<Vec<Self>>),
    /// So many weighted sums of the last axis, with a bias.
    Dense(u32),
    /// `max(x, 0)`.
    Relu,
    /// `x` where positive, else this slope times `x` (PyTorch's default is 0.01).
    LeakyRelu(f64),
    /// `x` where positive, else `exp(x) - 1`.
    Elu,
    /// `x` times the standard normal distribution function.
    Gelu,
    /// `x` times its sigmoid.
    Silu,
    /// `log(1 + exp(x))`.
    Softplus,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
}

impl LayerSpec {
    /// The name, as in a network file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Dropout(_) => "dropout",
            Self::VariationalDropout(_) => "variational_dropout",
            Self::Rnn(_) => "rnn",
            Self::Lstm(_) => "lstm",
            Self::Gru(_) => "gru",
            Self::Recurrent(_) => "recurrent",
            Self::Conv1d(_) => "conv1d",
            Self::MaxPool1d(_) => "max_pool1d",
            Self::BatchNorm => "batch_norm",
            Self::Attention(_) => "attention",
            Self::Pool(_) => "pool",
            Self::Flatten => "flatten",
            Self::OneStep => "one_step",
            Self::ManySteps => "many_steps",
            Self::Concat(_) => "concat",
            Self::Dense(_) => "dense",
            Self::Relu => "relu",
            Self::LeakyRelu(_) => "leaky_relu",
            Self::Elu => "elu",
            Self::Gelu => "gelu",
            Self::Silu => "silu",
            Self::Softplus => "softplus",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
        }
    }
}

/// A stack of recurrent cells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecurrentSpec {
    /// Length of the hidden state.
    pub units: u32,
    /// Cells on top of each other.
    #[serde(default = "one")]
    pub layers: u32,
    /// Probability of dropout between two cells.
    #[serde(default)]
    pub dropout: f64,
    /// Whether a second cell beside each reads the steps from the last to the first; what both give at a step
    /// are twice as many features.
    #[serde(default)]
    pub bidirectional: bool,
}

impl RecurrentSpec {
    /// One cell that reads forward.
    pub fn of(units: u32) -> Self {
        Self {
            units,
            layers: 1,
            dropout: 0.0,
            bidirectional: false,
        }
    }

    /// Cells side by side.
    pub fn directions(&self) -> u32 {
        if self.bidirectional { 2 } else { 1 }
    }
}

/// A kind of recurrent cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CellSpec {
    /// See [`LayerSpec::Rnn`].
    Rnn,
    /// See [`LayerSpec::Lstm`].
    Lstm,
    /// See [`LayerSpec::Gru`].
    Gru,
}

impl CellSpec {
    /// Weighted sums of a cell for each of its units.
    pub fn gates(self) -> u32 {
        match self {
            Self::Rnn => 1,
            Self::Lstm => 4,
            Self::Gru => 3,
        }
    }
}

/// A stack of recurrent cells of a kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellsSpec {
    /// The kind.
    pub cell: CellSpec,
    /// As that of [`RecurrentSpec`], as all below.
    pub units: u32,
    /// Cells on top of each other.
    #[serde(default = "one")]
    pub layers: u32,
    /// Probability of dropout between two cells.
    #[serde(default)]
    pub dropout: f64,
    /// Whether a second cell beside each reads backwards.
    #[serde(default)]
    pub bidirectional: bool,
}

impl CellsSpec {
    /// The stack, whatever its cells.
    pub fn stack(&self) -> RecurrentSpec {
        RecurrentSpec {
            units: self.units,
            layers: self.layers,
            dropout: self.dropout,
            bidirectional: self.bidirectional,
        }
    }
}

/// A convolution over the steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv1dSpec {
    /// Sums for each place: features of the result.
    pub filters: u32,
    /// Steps of a sum.
    pub kernel: u32,
    /// Steps from one place to the next.
    #[serde(default = "one")]
    pub stride: u32,
    /// Steps of zeros that are put before the first and after the last.
    #[serde(default)]
    pub padding: u32,
}

/// A maximum over neighbouring steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxPool1dSpec {
    /// Steps that are looked at together.
    pub size: u32,
    /// Steps from one place to the next; as many as `size` where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<u32>,
}

/// Attention over the steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttentionSpec {
    /// Length of the vector that each step is compared in.
    pub units: u32,
}

fn one() -> u32 {
    1
}

fn unscaled() -> f64 {
    1.0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_unscaled(value: &f64) -> bool {
    *value == 1.0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

/// How one vector is made from all steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolSpec {
    /// The last step; the last real one where padding is masked.
    Last,
    /// Of the first half of the features the last step, of the second half the first: where each direction
    /// of a bidirectional layer has read everything.
    Ends,
    /// The mean of the steps.
    Mean,
    /// The greatest value of each feature.
    Max,
}

/// What comes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadSpec {
    /// A dense layer of so many outputs, without an activation, since the loss and the task bring their own.
    Dense(u32),
    /// The last layer's own values, of which there are so many.
    Outputs(u32),
    /// A cumulative link for so many classes in an order (McCullagh 1980): one weighted sum of the last layer, compared
    /// with learned thresholds between each class and the next. The outputs are the logits of lying above each.
    Cumulative(u32),
}

impl HeadSpec {
    /// The name of its kind, as in a network file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dense(_) => "dense",
            Self::Outputs(_) => "outputs",
            Self::Cumulative(_) => "cumulative",
        }
    }

    /// How many outputs there are.
    pub fn outputs(self) -> u32 {
        match self {
            Self::Dense(outputs) | Self::Outputs(outputs) => outputs,
            Self::Cumulative(classes) => classes.saturating_sub(1),
        }
    }
}
