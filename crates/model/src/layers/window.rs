//! Layers over neighbouring steps: convolution and maximum.
//!
//! Where padding is masked, each example gives what it would give alone: a convolution sees zeros behind the
//! last real step, a maximum does not see it, and the lengths shrink as the steps do. An example that is shorter
//! than the window gives one step.

use cinescore_network::{Conv1dSpec, MaxPool1dSpec};
use tch::nn::Init;
use tch::{TchError, Tensor, nn};

use super::Flow;
use super::pool::padding;

/// A convolution over the steps.
#[derive(Debug)]
pub struct Conv1d {
    /// `[O, F, K]`.
    weight: Tensor,
    bias: Tensor,
    kernel: i64,
    stride: i64,
    padding: i64,
}

impl Conv1d {
    /// From `features` to `spec.filters`. Weight and bias begin uniform within 1 / sqrt(features times kernel),
    /// which is what PyTorch's `Conv1d` does. Variables: `weight`, `bias`.
    pub fn new(path: &nn::Path<'_>, spec: &Conv1dSpec, features: i64) -> Result<Self, TchError> {
        let (filters, kernel) = (i64::from(spec.filters), i64::from(spec.kernel));
        let bound = 1.0 / ((features * kernel) as f64).sqrt();
        let init = Init::Uniform {
            lo: -bound,
            up: bound,
        };
        Ok(Self {
            weight: path.f_var("weight", &[filters, features, kernel], init)?,
            bias: path.f_var("bias", &[filters], init)?,
            kernel,
            stride: spec.stride.into(),
            padding: spec.padding.into(),
        })
    }

    /// `[B, T, F]` to `[B, T', O]`.
    pub fn forward(&self, flow: Flow) -> Result<Flow, TchError> {
        let xs = filled(&flow, 0.0)?;
        let xs = at_least(&xs, self.kernel - 2 * self.padding, 0.0)?;
        let precision = flow.precision;
        let bias = precision.narrow(&self.bias)?;
        let ys = precision.narrow(&xs)?.f_transpose(1, 2)?.f_conv1d(
            &precision.narrow(&self.weight)?,
            Some(&bias),
            self.stride,
            self.padding,
            1,
            1,
        )?;
        let ys = precision.widen(ys)?;
        let lengths = shrunk(
            flow.lengths.as_ref(),
            self.kernel - 2 * self.padding,
            self.stride,
        )?;
        Ok(Flow {
            xs: ys.f_transpose(1, 2)?,
            lengths,
            attention: flow.attention,
            one_hot: false,
            precision: flow.precision,
        })
    }
}

/// A maximum over neighbouring steps. No variables.
#[derive(Debug)]
pub struct MaxPool1d {
    size: i64,
    stride: i64,
}

impl MaxPool1d {
    /// See [`MaxPool1dSpec`].
    pub fn new(spec: &MaxPool1dSpec) -> Self {
        Self {
            size: spec.size.into(),
            stride: spec.stride.unwrap_or(spec.size).into(),
        }
    }

    /// `[B, T, F]` to `[B, T', F]`.
    pub fn forward(&self, flow: Flow) -> Result<Flow, TchError> {
        let xs = filled(&flow, f64::NEG_INFINITY)?;
        let xs = at_least(&xs, self.size, f64::NEG_INFINITY)?;
        let ys = xs
            .f_transpose(1, 2)?
            .f_max_pool1d(self.size, self.stride, 0, 1, false)?
            .f_transpose(1, 2)?;
        let lengths = shrunk(flow.lengths.as_ref(), self.size, self.stride)?;
        let pooled = Flow {
            xs: ys,
            lengths,
            attention: flow.attention,
            one_hot: false,
            precision: flow.precision,
        };
        // A window of padding alone has no greatest value, and what comes next may reckon with it.
        Ok(Flow {
            xs: filled(&pooled, 0.0)?,
            ..pooled
        })
    }
}

/// The steps with a number in place of the padding.
fn filled(flow: &Flow, number: f64) -> Result<Tensor, TchError> {
    match &flow.lengths {
        None => Ok(flow.xs.shallow_clone()),
        Some(lengths) => flow.xs.f_masked_fill(&padding(&flow.xs, lengths)?, number),
    }
}

/// `xs` `[B, T, F]` with steps of one number added at the end until there are so many.
fn at_least(xs: &Tensor, steps: i64, number: f64) -> Result<Tensor, TchError> {
    let (batch, found, features) = xs.size3()?;
    if found >= steps {
        return Ok(xs.shallow_clone());
    }
    let more = Tensor::f_full(
        [batch, steps - found, features],
        number,
        (xs.kind(), xs.device()),
    )?;
    Tensor::f_cat(&[xs, &more], 1)
}

/// How many windows lie in each example's real steps, at least 1.
fn shrunk(lengths: Option<&Tensor>, size: i64, stride: i64) -> Result<Option<Tensor>, TchError> {
    lengths
        .map(|lengths| {
            lengths
                .f_sub_scalar(size)?
                .f_div_scalar_mode(stride, "floor")?
                .f_add_scalar(1)?
                .f_clamp_min(1)
        })
        .transpose()
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::layers::testing::{assert_close, names, ramp, set, tensor};

    fn conv(vars: &nn::VarStore) -> Conv1d {
        let spec = Conv1dSpec {
            filters: 3,
            kernel: 3,
            stride: 2,
            padding: 1,
        };
        let conv = Conv1d::new(&vars.root(), &spec, 2).unwrap();
        set(vars, "weight", &ramp(-0.5, 0.1, &[3, 2, 3]));
        set(vars, "bias", &ramp(0.1, 0.2, &[3]));
        conv
    }

    // c = torch.nn.Conv1d(2, 3, 3, stride=2, padding=1)
    // c.weight.data = ramp(-0.5, 0.1, 3, 2, 3); c.bias.data = ramp(0.1, 0.2, 3)
    // x = ramp(-1.0, 0.2, 2, 5, 2).requires_grad_()
    // y = c(x.transpose(1, 2)).transpose(1, 2); y.square().sum().backward()
    const OUTPUTS: [f64; 18] = [
        0.76000005,
        -0.72000009,
        -2.2,
        0.50000006,
        0.34,
        0.17999995,
        -0.40000001,
        1.0,
        2.4000001,
        -0.84000003,
        2.48,
        5.8000002,
        -2.5000002,
        4.5400004,
        11.58,
        -2.8000002,
        3.3999999,
        9.6000004,
    ];
    const GRADIENT: [f64; 20] = [
        -4.4160004,
        -5.7120004,
        -5.0280004,
        -5.7120004,
        0.023999862,
        0.63599986,
        4.1880002,
        6.5999999,
        4.5600004,
        6.3600001,
        10.944,
        15.408001,
        32.051998,
        44.688,
        22.344,
        30.516001,
        41.987999,
        56.280003,
        18.960001,
        25.080002,
    ];
    // c(x[1:2, :3].transpose(1, 2)).transpose(1, 2)
    const THREE_STEPS: [f64; 6] = [-0.84000003, 2.48, 5.8000002, -1.84, 2.4400001, 6.7200003];

    #[test]
    fn sums_and_gradients_are_those_of_pytorch() {
        let vars = nn::VarStore::new(Device::Cpu);
        let conv = conv(&vars);
        let xs = ramp(-1.0, 0.2, &[2, 5, 2]).set_requires_grad(true);
        for _twice in 0..2 {
            let ys = conv.forward(Flow::of(&xs, None)).unwrap().xs;
            assert_eq!(ys.size(), [2, 3, 3]);
            assert_close(&ys, &OUTPUTS, 1e-5);
        }
        let ys = conv.forward(Flow::of(&xs, None)).unwrap().xs;
        ys.square().sum(None).backward();
        assert_close(&xs.grad(), &GRADIENT, 1e-4);
        assert_eq!(names(&vars), ["bias", "weight"]);
    }

    #[test]
    fn a_convolution_sees_no_padding() {
        let vars = nn::VarStore::new(Device::Cpu);
        let lengths = Tensor::from_slice(&[5_i64, 3]);
        let flow = Flow::of(&ramp(-1.0, 0.2, &[2, 5, 2]), Some(&lengths));
        let flow = conv(&vars).forward(flow).unwrap();
        assert_close(&flow.xs.get(0), &OUTPUTS[..9], 1e-5);
        assert_close(&flow.xs.get(1).narrow(0, 0, 2), &THREE_STEPS, 1e-5);
        let lengths = Vec::<i64>::try_from(flow.lengths.unwrap()).unwrap();
        assert_eq!(lengths, [3, 2]);
    }

    fn steps() -> Tensor {
        tensor(
            &[1.0, -1.0, 5.0, 2.0, 3.0, 0.0, 9.0, 9.0, 7.0, 8.0],
            &[1, 5, 2],
        )
    }

    #[test]
    fn the_greatest_values_are_those_of_pytorch() {
        // torch.nn.MaxPool1d(2), torch.nn.MaxPool1d(3, 1)
        for (size, stride, expected) in [
            (2, None, vec![5.0, 2.0, 9.0, 9.0]),
            (3, Some(1), vec![5.0, 2.0, 9.0, 9.0, 9.0, 9.0]),
        ] {
            let pool = MaxPool1d::new(&MaxPool1dSpec { size, stride });
            for _twice in 0..2 {
                let ys = pool.forward(Flow::of(&steps(), None)).unwrap().xs;
                assert_close(&ys, &expected, 0.0);
            }
        }
    }

    #[test]
    fn a_maximum_sees_no_padding_and_a_short_example_gives_one_step() {
        let both = Tensor::cat(&[steps(), -steps()], 0);
        for (second, expected) in [(3_i64, [-1.0, 1.0]), (1, [-1.0, 1.0])] {
            let lengths = Tensor::from_slice(&[5, second]);
            let pool = MaxPool1d::new(&MaxPool1dSpec {
                size: 2,
                stride: None,
            });
            let flow = pool.forward(Flow::of(&both, Some(&lengths))).unwrap();
            assert_close(&flow.xs.get(1).get(0), &expected, 0.0);
            assert_close(&flow.xs.get(1).get(1), &[0.0, 0.0], 0.0);
            let lengths = Vec::<i64>::try_from(flow.lengths.unwrap()).unwrap();
            assert_eq!(lengths, [2, 1]);
        }
    }
}
