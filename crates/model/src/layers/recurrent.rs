//! Recurrent layers: Elman's (1990), long short-term memory (Hochreiter and Schmidhuber 1997, with forget gates as in
//! PyTorch) and gated recurrent units (Cho et al., EMNLP 2014).

use cinescore_network::{CellSpec, RecurrentSpec};
use tch::nn::Init;
use tch::{Kind, TchError, Tensor, nn};

use super::{Dropout, Flow, one_hot};
use crate::precision::Precision;

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

impl From<CellSpec> for CellKind {
    fn from(cell: CellSpec) -> Self {
        match cell {
            CellSpec::Rnn => Self::Rnn,
            CellSpec::Lstm => Self::Lstm,
            CellSpec::Gru => Self::Gru,
        }
    }
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
            one_hot,
            precision,
        } = flow;
        for (number, cells) in self.layers.iter().enumerate() {
            // Behind the first layer there are sums and no ids any more.
            let one_hot = one_hot && number == 0;
            if number > 0 {
                xs = self.between.forward(&xs, train)?;
            }
            let forward = match cells.first() {
                Some(cell) => cell.forward(&xs, one_hot, precision, train)?,
                None => xs.shallow_clone(),
            };
            xs = match cells.get(1) {
                None => forward,
                Some(cell) => {
                    let turned = turned_around(&xs, lengths.as_ref())?;
                    let backward = cell.forward(&turned, one_hot, precision, train)?;
                    let backward = turned_around(&backward, lengths.as_ref())?;
                    Tensor::f_cat(&[forward, backward], 2)?
                }
            };
        }
        Ok(Flow {
            xs,
            lengths,
            attention,
            one_hot: false,
            precision,
        })
    }
}

/// `xs` `[B, T, F]`, or `[B, T]`, with the steps of each example in the opposite order; padding stays where it is.
fn turned_around(xs: &Tensor, lengths: Option<&Tensor>) -> Result<Tensor, TchError> {
    let Some(lengths) = lengths else {
        return xs.f_flip([1]);
    };
    let size = xs.size();
    let steps = size.get(1).copied().unwrap_or(0);
    let step = Tensor::f_arange(steps, (Kind::Int64, xs.device()))?.f_unsqueeze(0)?;
    let opposite = lengths.f_unsqueeze(1)?.f_sub_scalar(1)?.f_sub(&step)?;
    let index = opposite.f_where_self(&opposite.f_ge(0)?, &step)?;
    let index = match size.len() {
        2 => index,
        _ => index.f_unsqueeze(2)?.f_expand(size, false)?,
    };
    xs.f_gather(1, &index, false)
}

impl Cell {
    /// `xs` `[B, T, F]`, or ids `[B, T]` that stand for one-hot vectors.
    fn forward(
        &self,
        xs: &Tensor,
        one_hot: bool,
        precision: Precision,
        train: bool,
    ) -> Result<Tensor, TchError> {
        let [weight_ih, weight_hh, bias_ih, bias_hh] = &self.weights;
        let sums;
        let unity;
        let (xs, weight_ih) = if one_hot {
            // LibTorch wants something to multiply: the sums are there already.
            let rows = weight_ih.size2()?.0;
            sums = one_hot::sums(weight_ih, xs)?;
            unity = Tensor::f_eye(rows, (Kind::Float, xs.device()))?;
            (&sums, &unity)
        } else {
            (xs, weight_ih)
        };
        let batch = xs.size3()?.0;
        let narrow = |tensor: &Tensor| precision.narrow(tensor);
        let xs = &narrow(xs)?;
        let start = Tensor::f_zeros([1, batch, self.units], (precision.kind(), xs.device()))?;
        let weights = [
            narrow(weight_ih)?,
            narrow(weight_hh)?,
            narrow(bias_ih)?,
            narrow(bias_hh)?,
        ];
        // Without it LibTorch's fused kernels keep nothing to go back by. There is no dropout in them.
        let train = train || xs.requires_grad();
        let ys = match self.kind {
            CellKind::Rnn => {
                xs.f_rnn_tanh(&start, &weights, true, 1, 0.0, train, false, true)?
                    .0
            }
            CellKind::Gru => {
                xs.f_gru(&start, &weights, true, 1, 0.0, train, false, true)?
                    .0
            }
            CellKind::Lstm => {
                let starts = [start.shallow_clone(), start];
                xs.f_lstm(&starts, &weights, true, 1, 0.0, train, false, true)?
                    .0
            }
        };
        precision.widen(ys)
    }
}

#[cfg(test)]
mod tests;
