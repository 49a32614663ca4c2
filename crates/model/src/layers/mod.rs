//! The layers, one file each: what it is, how it is built, what it does, its tests.
//!
//! Every layer is tested for its values against PyTorch, its output shape, its variables' names, and
//! that evaluating twice gives the same.

mod activation;
mod dense;
mod dropout;
mod embedding;
mod lstm;
mod pool;

use tch::{TchError, Tensor, nn};

pub use activation::Activation;
pub use dense::Dense;
pub use dropout::Dropout;
pub use embedding::Embedding;
pub use lstm::Lstm;
pub use pool::Pool;

use cinescore_network::LayerSpec;

/// Any layer between the input and the head.
#[derive(Debug)]
pub enum Layer {
    /// See [`Dropout`].
    Dropout(Dropout),
    /// See [`Lstm`].
    Lstm(Lstm),
    /// See [`Pool`].
    Pool(Pool),
    /// See [`Dense`].
    Dense(Dense),
    /// See [`Activation`].
    Activation(Activation),
}

impl Layer {
    /// Builds a layer whose input has so many `features`; returns it with those of its output.
    pub fn new(
        path: &nn::Path<'_>,
        spec: &LayerSpec,
        features: i64,
    ) -> Result<(Self, i64), TchError> {
        Ok(match spec {
            LayerSpec::Dropout(probability) => {
                (Self::Dropout(Dropout::new(*probability)), features)
            }
            LayerSpec::Lstm(lstm) => (
                Self::Lstm(Lstm::new(path, lstm, features)?),
                i64::from(lstm.units),
            ),
            LayerSpec::Pool(pool) => (Self::Pool(Pool::new(*pool)), features),
            LayerSpec::Dense(units) => (
                Self::Dense(Dense::new(path, features, i64::from(*units))?),
                i64::from(*units),
            ),
            LayerSpec::Relu => (Self::Activation(Activation::Relu), features),
            LayerSpec::LeakyRelu(slope) => (
                Self::Activation(Activation::LeakyRelu { slope: *slope }),
                features,
            ),
            LayerSpec::Sigmoid => (Self::Activation(Activation::Sigmoid), features),
            LayerSpec::Tanh => (Self::Activation(Activation::Tanh), features),
        })
    }

    /// `xs`: `[B, T, F]` or, after a pool, `[B, F]`. `lengths`: the real steps of each example,
    /// int64 `[B]`, at least 1, where padding is masked.
    pub fn forward(
        &self,
        xs: &Tensor,
        lengths: Option<&Tensor>,
        train: bool,
    ) -> Result<Tensor, TchError> {
        match self {
            Self::Dropout(layer) => layer.forward(xs, train),
            Self::Lstm(layer) => layer.forward(xs, train),
            Self::Pool(layer) => layer.forward(xs, lengths),
            Self::Dense(layer) => layer.forward(xs),
            Self::Activation(layer) => layer.forward(xs),
        }
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
