//! Long short-term memory (Hochreiter and Schmidhuber 1997, with forget gates as in PyTorch).

use tch::nn::Init;
use tch::{Kind, TchError, Tensor, nn};

use super::Dropout;
use cinescore_network::LstmSpec;

/// A stack of LSTM cells.
///
/// LibTorch could stack them itself, but then the dropout between them would be a matter of how the
/// stack was built and stay on in evaluation. So each cell is a run of its own, with our dropout
/// between them.
///
/// Padding at the end needs no mask here: a step sees those before it only.
#[derive(Debug)]
pub struct Lstm {
    cells: Vec<Cell>,
    between: Dropout,
}

/// One cell. Its gates stand in PyTorch's order: input, forget, cell, output.
#[derive(Debug)]
struct Cell {
    /// `weight_ih` `[4 H, F]`, `weight_hh` `[4 H, H]`, `bias_ih` `[4 H]`, `bias_hh` `[4 H]`.
    weights: [Tensor; 4],
    units: i64,
}

impl Lstm {
    /// From `features` to `spec.units`. All values begin uniform within 1 / sqrt(units), as in PyTorch
    /// (and unlike tch's own). Variables, for each cell N: `weight_ih_lN`, `weight_hh_lN`, `bias_ih_lN`,
    /// `bias_hh_lN`.
    pub fn new(path: &nn::Path<'_>, spec: &LstmSpec, features: i64) -> Result<Self, TchError> {
        let units = i64::from(spec.units);
        let bound = 1.0 / (units as f64).sqrt();
        let init = Init::Uniform {
            lo: -bound,
            up: bound,
        };
        let cell = |number: u32| {
            let input = if number == 0 { features } else { units };
            let var =
                |name: &str, shape: &[i64]| path.f_var(&format!("{name}_l{number}"), shape, init);
            let weights = [
                var("weight_ih", &[4 * units, input])?,
                var("weight_hh", &[4 * units, units])?,
                var("bias_ih", &[4 * units])?,
                var("bias_hh", &[4 * units])?,
            ];
            Ok(Cell { weights, units })
        };
        let cells = (0..spec.layers)
            .map(cell)
            .collect::<Result<_, TchError>>()?;
        Ok(Self {
            cells,
            between: Dropout::new(spec.dropout),
        })
    }

    /// `[B, T, F]` to the hidden state of every step of the last cell, `[B, T, H]`.
    pub fn forward(&self, xs: &Tensor, train: bool) -> Result<Tensor, TchError> {
        let mut ys = xs.shallow_clone();
        for (number, cell) in self.cells.iter().enumerate() {
            if number > 0 {
                ys = self.between.forward(&ys, train)?;
            }
            ys = cell.forward(&ys, train)?;
        }
        Ok(ys)
    }
}

impl Cell {
    fn forward(&self, xs: &Tensor, train: bool) -> Result<Tensor, TchError> {
        let (batch, _steps, _features) = xs.size3()?;
        let start = Tensor::f_zeros([1, batch, self.units], (Kind::Float, xs.device()))?;
        let [weight_ih, weight_hh, bias_ih, bias_hh] = &self.weights;
        let (ys, _last, _cell) = xs.f_lstm(
            &[&start, &start],
            &[weight_ih, weight_hh, bias_ih, bias_hh],
            true,
            1,
            0.0,
            train,
            false,
            true,
        )?;
        Ok(ys)
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::layers::testing::{assert_close, names, ramp, set};

    /// The two cells of the reference below.
    fn lstm(vars: &nn::VarStore, dropout: f64) -> Lstm {
        let lstm = Lstm::new(
            &vars.root(),
            &LstmSpec {
                units: 3,
                layers: 2,
                dropout,
            },
            2,
        )
        .unwrap();
        for cell in 0..2 {
            let input = if cell == 0 { 2 } else { 3 };
            set(
                vars,
                &format!("weight_ih_l{cell}"),
                &ramp(-0.6, 0.05, &[12, input]),
            );
            set(
                vars,
                &format!("weight_hh_l{cell}"),
                &ramp(0.5, -0.03, &[12, 3]),
            );
            set(vars, &format!("bias_ih_l{cell}"), &ramp(-0.3, 0.05, &[12]));
            set(vars, &format!("bias_hh_l{cell}"), &ramp(0.2, -0.01, &[12]));
        }
        lstm
    }

    // def ramp(first, step, *shape):
    //     return (first + step * torch.arange(math.prod(shape), dtype=torch.float64)).float().reshape(shape)
    // lstm = torch.nn.LSTM(2, 3, num_layers=2, batch_first=True)
    // for k in range(2):
    //     getattr(lstm, f"weight_ih_l{k}").data = ramp(-0.6, 0.05, 12, (2, 3)[k])
    //     getattr(lstm, f"weight_hh_l{k}").data = ramp(0.5, -0.03, 12, 3)
    //     getattr(lstm, f"bias_ih_l{k}").data = ramp(-0.3, 0.05, 12)
    //     getattr(lstm, f"bias_hh_l{k}").data = ramp(0.2, -0.01, 12)
    // x = ramp(-1.0, 0.2, 2, 3, 2).requires_grad_()
    // y, _ = lstm(x); y.sum().backward()
    const OUTPUTS: [f64; 18] = [
        0.034130681,
        0.045224238,
        0.0568722,
        0.05494117,
        0.071263507,
        0.08844275,
        0.076502927,
        0.099705741,
        0.12432411,
        0.057119425,
        0.079957418,
        0.10440043,
        0.095993757,
        0.13128689,
        0.16905542,
        0.12158377,
        0.16296579,
        0.20714211,
    ];
    const INPUT_GRADIENT: [f64; 12] = [
        0.080786914,
        0.12177168,
        0.064875506,
        0.10054106,
        0.038935069,
        0.062383655,
        0.041641429,
        0.083600037,
        0.017262157,
        0.052532163,
        0.002041758,
        0.023615729,
    ];
    const BIAS_GRADIENT: [f64; 12] = [
        0.2175453,
        0.27458209,
        0.3264792,
        0.068912178,
        0.090980709,
        0.11244555,
        2.0787535,
        2.0717232,
        2.0388322,
        0.1676973,
        0.21221001,
        0.25412959,
    ];

    #[test]
    fn values_and_gradients_are_those_of_pytorch() {
        let vars = nn::VarStore::new(Device::Cpu);
        let lstm = lstm(&vars, 0.0);
        let xs = ramp(-1.0, 0.2, &[2, 3, 2]).set_requires_grad(true);
        let ys = lstm.forward(&xs, true).unwrap();
        assert_eq!(ys.size(), [2, 3, 3]);
        assert_close(&ys, &OUTPUTS, 1e-6);
        ys.sum(None).backward();
        assert_close(&xs.grad(), &INPUT_GRADIENT, 1e-6);
        assert_close(&vars.variables()["bias_ih_l1"].grad(), &BIAS_GRADIENT, 1e-5);
    }

    #[test]
    fn evaluation_has_no_dropout_between_the_cells_and_training_has() {
        let vars = nn::VarStore::new(Device::Cpu);
        let lstm = lstm(&vars, 0.9);
        let xs = ramp(-1.0, 0.2, &[2, 3, 2]);
        for _twice in 0..2 {
            let ys = tch::no_grad(|| lstm.forward(&xs, false)).unwrap();
            assert_close(&ys, &OUTPUTS, 1e-6);
        }
        let trained = lstm.forward(&xs, true).unwrap();
        assert!(
            (trained - lstm.forward(&xs, false).unwrap())
                .abs()
                .max()
                .double_value(&[])
                > 1e-3
        );
    }

    #[test]
    fn variables_have_pytorchs_names_and_begin_within_their_bound() {
        let vars = nn::VarStore::new(Device::Cpu);
        Lstm::new(
            &vars.root(),
            &LstmSpec {
                units: 25,
                layers: 1,
                dropout: 0.0,
            },
            8,
        )
        .unwrap();
        assert_eq!(
            names(&vars),
            ["bias_hh_l0", "bias_ih_l0", "weight_hh_l0", "weight_ih_l0"]
        );
        let variables = vars.variables();
        for name in names(&vars) {
            let most = variables[&name].abs().max().double_value(&[]);
            assert!((0.15..=0.2).contains(&most), "{name}: {most}");
        }
    }
}
