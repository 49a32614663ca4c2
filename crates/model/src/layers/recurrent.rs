//! Recurrent layers: Elman's (1990), long short-term memory (Hochreiter and Schmidhuber 1997, with forget gates as in
//! PyTorch) and gated recurrent units (Cho et al., EMNLP 2014).

use cinescore_network::RecurrentSpec;
use tch::nn::Init;
use tch::{Kind, TchError, Tensor, nn};

use super::{Dropout, Flow};

/// What a cell computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellKind {
    /// tanh of weighted sums.
    Rnn,
    /// Gates in PyTorch's order: input, forget, cell, output.
    Lstm,
    /// Gates in PyTorch's order: reset, update, new.
    Gru,
}

impl CellKind {
    /// Weighted sums of a cell, in units.
    fn gates(self) -> i64 {
        match self {
            Self::Rnn => 1,
            Self::Gru => 3,
            Self::Lstm => 4,
        }
    }
}

/// A stack of recurrent cells.
///
/// LibTorch could stack them itself, but then the dropout between them would be a matter of how the
/// stack was built and stay on in evaluation. So each cell is a run of its own, with our dropout
/// between them.
///
/// Padding at the end needs no mask in a cell that reads forward: a step sees those before it only. One that
/// reads backward is given each example turned around within its own length.
#[derive(Debug)]
pub struct Recurrent {
    /// Of each layer the cells side by side: forward, and backward in a bidirectional layer.
    layers: Vec<Vec<Cell>>,
    between: Dropout,
}

/// One cell.
#[derive(Debug)]
struct Cell {
    kind: CellKind,
    /// `weight_ih` `[G H, F]`, `weight_hh` `[G H, H]`, `bias_ih` `[G H]`, `bias_hh` `[G H]`, for G gates.
    weights: [Tensor; 4],
    units: i64,
}

impl Recurrent {
    /// From `features` to `spec.units` for each direction. All values begin uniform within 1 / sqrt(units), as in
    /// PyTorch (and unlike tch's own). Variables, for each layer N: `weight_ih_lN`, `weight_hh_lN`, `bias_ih_lN`,
    /// `bias_hh_lN`, and the same with `_reverse` at the end.
    pub fn new(
        path: &nn::Path<'_>,
        kind: CellKind,
        spec: &RecurrentSpec,
        features: i64,
    ) -> Result<Self, TchError> {
        let units = i64::from(spec.units);
        let rows = kind.gates() * units;
        let bound = 1.0 / (units as f64).sqrt();
        let init = Init::Uniform {
            lo: -bound,
            up: bound,
        };
        let directions: &[&str] = if spec.bidirectional {
            &["", "_reverse"]
        } else {
            &[""]
        };
        let mut layers = Vec::new();
        let mut input = features;
        for layer in 0..spec.layers {
            let cell = |direction: &&str| {
                let var = |name: &str, shape: &[i64]| {
                    path.f_var(&format!("{name}_l{layer}{direction}"), shape, init)
                };
                let weights = [
                    var("weight_ih", &[rows, input])?,
                    var("weight_hh", &[rows, units])?,
                    var("bias_ih", &[rows])?,
                    var("bias_hh", &[rows])?,
                ];
                Ok(Cell {
                    kind,
                    weights,
                    units,
                })
            };
            layers.push(
                directions
                    .iter()
                    .map(cell)
                    .collect::<Result<_, TchError>>()?,
            );
            input = units * i64::from(spec.directions());
        }
        Ok(Self {
            layers,
            between: Dropout::new(spec.dropout),
        })
    }

    /// `[B, T, F]` to the hidden state of every step of the last layer, `[B, T, H]`, or `[B, T, 2 H]`: forward, then
    /// backward.
    pub fn forward(&self, flow: Flow, train: bool) -> Result<Flow, TchError> {
        let Flow {
            mut xs,
            lengths,
            attention,
        } = flow;
        for (number, cells) in self.layers.iter().enumerate() {
            if number > 0 {
                xs = self.between.forward(&xs, train)?;
            }
            let forward = match cells.first() {
                Some(cell) => cell.forward(&xs, train)?,
                None => xs.shallow_clone(),
            };
            xs = match cells.get(1) {
                None => forward,
                Some(cell) => {
                    let turned = turned_around(&xs, lengths.as_ref())?;
                    let backward = cell.forward(&turned, train)?;
                    let backward = turned_around(&backward, lengths.as_ref())?;
                    Tensor::f_cat(&[forward, backward], 2)?
                }
            };
        }
        Ok(Flow {
            xs,
            lengths,
            attention,
        })
    }
}

/// `xs` `[B, T, F]` with the steps of each example in the opposite order; padding stays where it is.
fn turned_around(xs: &Tensor, lengths: Option<&Tensor>) -> Result<Tensor, TchError> {
    let Some(lengths) = lengths else {
        return xs.f_flip([1]);
    };
    let (batch, steps, features) = xs.size3()?;
    let step = Tensor::f_arange(steps, (Kind::Int64, xs.device()))?.f_unsqueeze(0)?;
    let opposite = lengths.f_unsqueeze(1)?.f_sub_scalar(1)?.f_sub(&step)?;
    let index = opposite
        .f_where_self(&opposite.f_ge(0)?, &step)?
        .f_unsqueeze(2)?
        .f_expand([batch, steps, features], false)?;
    xs.f_gather(1, &index, false)
}

impl Cell {
    fn forward(&self, xs: &Tensor, train: bool) -> Result<Tensor, TchError> {
        let (batch, _steps, _features) = xs.size3()?;
        let start = Tensor::f_zeros([1, batch, self.units], (Kind::Float, xs.device()))?;
        let weights: Vec<&Tensor> = self.weights.iter().collect();
        Ok(match self.kind {
            CellKind::Rnn => {
                xs.f_rnn_tanh(&start, &weights, true, 1, 0.0, train, false, true)?
                    .0
            }
            CellKind::Gru => {
                xs.f_gru(&start, &weights, true, 1, 0.0, train, false, true)?
                    .0
            }
            CellKind::Lstm => {
                let starts = [&start, &start];
                xs.f_lstm(&starts, &weights, true, 1, 0.0, train, false, true)?
                    .0
            }
        })
    }
}

#[cfg(test)]
mod tests;
