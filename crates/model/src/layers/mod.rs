//! The layers, one file each: what it is, how it is built, what it does, its tests.
//!
//! Every layer is tested for its values against PyTorch, its output shape, its variables' names, and
//! that evaluating twice gives the same.

mod activation;
mod attention;
mod batch_norm;
mod cumulative;
mod dense;
mod dropout;
mod embedding;
mod embedding_bag;
mod one_hot;
mod pool;
mod recurrent;
mod regions;
mod window;

use cinescore_network::{LayerSpec, Shape, shape_after};
use tch::nn::Init;
use tch::{Kind, TchError, Tensor, nn};

pub use activation::Activation;
pub use attention::Attention;
pub use batch_norm::BatchNorm;
pub use cumulative::Cumulative;
pub use dense::Dense;
pub use dropout::Dropout;
pub use embedding::Embedding;
pub use embedding_bag::EmbeddingBag;
pub use pool::Pool;
pub use recurrent::{CellKind, Recurrent};
pub use regions::Regions;
pub use window::{Conv1d, MaxPool1d};

use crate::precision::Precision;

/// A variable that has a row for each id, and so most of a network's numbers. `drawn`: whether they begin as `init` says; else
/// they are whatever the memory holds, for whoever puts others there at once: a hundred megabytes take longer to draw, and even
/// to set to 0, than to read.
fn look_up(
    path: &nn::Path<'_>,
    name: &str,
    shape: [i64; 2],
    init: Init,
    drawn: bool,
) -> Result<Tensor, TchError> {
    if drawn {
        return path.f_var(name, &shape, init);
    }
    let mut variable = path.f_var(name, &[0], Init::Const(0.0))?;
    let room = Tensor::f_empty(shape, (Kind::Float, path.device()))?;
    tch::no_grad(|| variable.f_set_data(&room))?;
    Ok(variable)
}

/// What goes from one layer to the next.
#[derive(Debug)]
pub struct Flow {
    /// `[B, T, F]` or `[B, F]`; before the first layer of a one-hot input ids `[B, T]`.
    pub xs: Tensor,
    /// The real steps of each example, int64 `[B]`, at least 1, where padding is masked; the padding is at the end.
    pub lengths: Option<Tensor>,
    /// What the attention layers gave each step, `[B, T]` each, in the order of the layers.
    pub attention: Vec<Tensor>,
    /// Whether `xs` are ids that stand for one-hot vectors.
    pub one_hot: bool,
    /// What the layers compute in; `xs` are float32 in any case.
    pub precision: Precision,
}

impl Flow {
    /// What goes into the first layer.
    pub fn of(xs: &Tensor, lengths: Option<&Tensor>) -> Self {
        Self {
            xs: xs.shallow_clone(),
            lengths: lengths.map(Tensor::shallow_clone),
            attention: Vec::new(),
            one_hot: false,
            precision: Precision::Float32,
        }
    }

    /// What goes into the first layer of a one-hot input: ids `[B, T]`.
    pub fn of_one_hot(ids: &Tensor, lengths: Option<&Tensor>) -> Self {
        Self {
            one_hot: true,
            ..Self::of(ids, lengths)
        }
    }

    /// The same, computed in `precision` from here on.
    pub fn computed_in(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    fn with(self, xs: Tensor) -> Self {
        Self {
            xs,
            one_hot: false,
            ..self
        }
    }

    /// With one vector for each example: there are no steps any more.
    fn with_vector(self, xs: Tensor) -> Self {
        Self {
            xs,
            lengths: None,
            ..self
        }
    }
}

/// Any layer between the input and the head.
#[derive(Debug)]
pub enum Layer {
    /// See [`Dropout`].
    Dropout(Dropout),
    /// See [`Recurrent`].
    Recurrent(Recurrent),
    /// See [`Conv1d`].
    Conv1d(Conv1d),
    /// See [`MaxPool1d`].
    MaxPool1d(MaxPool1d),
    /// See [`BatchNorm`].
    BatchNorm(BatchNorm),
    /// See [`Attention`].
    Attention(Attention),
    /// See [`Pool`].
    Pool(Pool),
    /// See [`Dense`].
    Dense(Dense),
    /// See [`Activation`].
    Activation(Activation),
    /// `[B, T, F]` to `[B, F T]`: all steps of the first feature, then of the second, .., as PyTorch flattens what its
    /// convolutions give.
    Flatten,
    /// `[B, F]` to `[B, 1, F]`.
    OneStep,
    /// `[B, F]` to `[B, F, 1]`.
    ManySteps,
    /// Lists of layers, whose vectors are put one after the other.
    Concat(Vec<Vec<Self>>),
}

impl Layer {
    /// Builds a list of layers below a path, which get `shape`; returns them with what comes out of the last.
    pub fn list(
        path: &nn::Path<'_>,
        specs: &[LayerSpec],
        mut shape: Shape,
    ) -> Result<(Vec<Self>, Shape), TchError> {
        let mut layers = Vec::with_capacity(specs.len());
        for (index, spec) in specs.iter().enumerate() {
            layers.push(Self::new(&path.sub(index), spec, shape)?);
            shape = shape_after(spec, shape);
        }
        Ok((layers, shape))
    }

    fn new(path: &nn::Path<'_>, spec: &LayerSpec, shape: Shape) -> Result<Self, TchError> {
        let features = i64::from(shape.features());
        let recurrent =
            |kind, spec| Recurrent::new(path, kind, spec, features).map(Self::Recurrent);
        Ok(match spec {
            LayerSpec::Dropout(probability) => Self::Dropout(Dropout::new(*probability)),
            LayerSpec::VariationalDropout(probability) => {
                Self::Dropout(Dropout::variational(*probability))
            }
            LayerSpec::Rnn(spec) => recurrent(CellKind::Rnn, spec)?,
            LayerSpec::Lstm(spec) => recurrent(CellKind::Lstm, spec)?,
            LayerSpec::Gru(spec) => recurrent(CellKind::Gru, spec)?,
            LayerSpec::Recurrent(spec) => recurrent(spec.cell.into(), &spec.stack())?,
            LayerSpec::Conv1d(spec) => Self::Conv1d(Conv1d::new(path, spec, features)?),
            LayerSpec::MaxPool1d(spec) => Self::MaxPool1d(MaxPool1d::new(spec)),
            LayerSpec::BatchNorm => Self::BatchNorm(BatchNorm::new(path, features)?),
            LayerSpec::Attention(spec) => Self::Attention(Attention::new(path, spec, features)?),
            LayerSpec::Pool(pool) => Self::Pool(Pool::new(*pool)),
            LayerSpec::Dense(units) => Self::Dense(Dense::new(path, features, i64::from(*units))?),
            LayerSpec::Flatten => Self::Flatten,
            LayerSpec::OneStep => Self::OneStep,
            LayerSpec::ManySteps => Self::ManySteps,
            LayerSpec::Concat(branches) => Self::Concat(
                branches
                    .iter()
                    .enumerate()
                    .map(|(index, branch)| Ok(Self::list(&path.sub(index), branch, shape)?.0))
                    .collect::<Result<_, TchError>>()?,
            ),
            LayerSpec::Relu => Self::Activation(Activation::Relu),
            LayerSpec::LeakyRelu(slope) => {
                Self::Activation(Activation::LeakyRelu { slope: *slope })
            }
            LayerSpec::Elu => Self::Activation(Activation::Elu),
            LayerSpec::Gelu => Self::Activation(Activation::Gelu),
            LayerSpec::Silu => Self::Activation(Activation::Silu),
            LayerSpec::Softplus => Self::Activation(Activation::Softplus),
            LayerSpec::Sigmoid => Self::Activation(Activation::Sigmoid),
            LayerSpec::Tanh => Self::Activation(Activation::Tanh),
        })
    }

    /// One layer.
    pub fn forward(&self, flow: Flow, train: bool) -> Result<Flow, TchError> {
        let xs = &flow.xs;
        Ok(match self {
            Self::Dropout(layer) => {
                let ys = layer.forward(xs, train)?;
                flow.with(ys)
            }
            Self::Recurrent(layer) => layer.forward(flow, train)?,
            Self::Conv1d(layer) => layer.forward(flow)?,
            Self::MaxPool1d(layer) => layer.forward(flow)?,
            Self::BatchNorm(layer) => {
                let ys = layer.forward(xs, train)?;
                flow.with(ys)
            }
            Self::Attention(layer) => layer.forward(flow)?,
            Self::Pool(layer) => {
                let ys = layer.forward(xs, flow.lengths.as_ref())?;
                flow.with_vector(ys)
            }
            Self::Dense(layer) => {
                let ys = if flow.one_hot {
                    layer.forward_ids(xs)?
                } else {
                    layer.forward(xs, flow.precision)?
                };
                flow.with(ys)
            }
            Self::Activation(layer) => {
                let ys = layer.forward(xs)?;
                flow.with(ys)
            }
            Self::Flatten => {
                let ys = xs.f_transpose(1, 2)?.f_flatten(1, 2)?;
                flow.with_vector(ys)
            }
            Self::OneStep => {
                let ys = xs.f_unsqueeze(1)?;
                flow.with(ys)
            }
            Self::ManySteps => {
                let ys = xs.f_unsqueeze(2)?;
                flow.with(ys)
            }
            Self::Concat(branches) => {
                let mut vectors = Vec::with_capacity(branches.len());
                let mut attention: Vec<Tensor> = Vec::new();
                for branch in branches {
                    let start = Flow::of(xs, flow.lengths.as_ref()).computed_in(flow.precision);
                    let end = Self::all(branch, start, train)?;
                    vectors.push(end.xs);
                    attention.extend(end.attention);
                }
                let ys = Tensor::f_cat(&vectors, 1)?;
                let mut flow = flow.with_vector(ys);
                flow.attention.extend(attention);
                flow
            }
        })
    }

    /// Whether what it makes of an example in training depends on the others of its batch.
    pub fn mixes_examples(&self) -> bool {
        match self {
            Self::BatchNorm(_) => true,
            Self::Concat(branches) => branches.iter().flatten().any(Self::mixes_examples),
            Self::Dropout(_)
            | Self::Recurrent(_)
            | Self::Conv1d(_)
            | Self::MaxPool1d(_)
            | Self::Attention(_)
            | Self::Pool(_)
            | Self::Dense(_)
            | Self::Activation(_)
            | Self::Flatten
            | Self::OneStep
            | Self::ManySteps => false,
        }
    }

    /// A list of layers, one after the other.
    pub fn all(layers: &[Self], flow: Flow, train: bool) -> Result<Flow, TchError> {
        layers
            .iter()
            .try_fold(flow, |flow, layer| layer.forward(flow, train))
    }
}

/// What the tests of the layers share: tensors from plain numbers, and comparing them.
#[cfg(test)]
pub(crate) mod testing {
    use tch::{Kind, Tensor, nn};

    /// A float tensor of a shape.
    pub(crate) fn tensor(values: &[f64], shape: &[i64]) -> Tensor {
        Tensor::from_slice(values)
            .to_kind(Kind::Float)
            .reshape(shape)
    }

    /// The numbers `first, first + step, ..` in a tensor of a shape.
    pub(crate) fn ramp(first: f64, step: f64, shape: &[i64]) -> Tensor {
        let count: i64 = shape.iter().product();
        let values: Vec<f64> = (0..count)
            .map(|index| first + step * index as f64)
            .collect();
        tensor(&values, shape)
    }

    /// Sets a variable, which must be there.
    pub(crate) fn set(vars: &nn::VarStore, name: &str, value: &Tensor) {
        let mut variable = vars
            .variables()
            .remove(name)
            .unwrap_or_else(|| panic!("no variable `{name}`"));
        tch::no_grad(|| variable.copy_(value));
    }

    /// Fails if any number is further than `tolerance` from its expectation.
    pub(crate) fn assert_close(found: &Tensor, expected: &[f64], tolerance: f64) {
        let found = Vec::<f64>::try_from(found.to_kind(Kind::Double).flatten(0, -1)).unwrap();
        assert_eq!(found.len(), expected.len());
        for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
            assert!(
                (found - expected).abs() <= tolerance,
                "number {index} is {found}, not {expected}"
            );
        }
    }

    /// The names of all variables, sorted.
    pub(crate) fn names(vars: &nn::VarStore) -> Vec<String> {
        let mut names: Vec<String> = vars.variables().into_keys().collect();
        names.sort();
        names
    }
}
