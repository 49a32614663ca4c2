//! One vector from all steps, each weighted as is learned.

use cinescore_network::AttentionSpec;
use tch::nn::Init;
use tch::{TchError, Tensor, nn};

use super::Flow;
use super::pool::padding;

/// Additive attention with one context vector (Yang et al., NAACL 2016): each step is compared with the
/// context as `context . tanh(weight x + bias)`, the softmax of that over the steps weights them, and the result is their
/// weighted sum.
#[derive(Debug)]
pub struct Attention {
    /// `[A, F]`.
    weight: Tensor,
    bias: Tensor,
    context: Tensor,
}

impl Attention {
    /// Compares in `spec.units` dimensions. Weight and bias begin as PyTorch's `Linear` does, the context uniform
    /// within 1 / sqrt(units). Variables: `weight`, `bias`, `context`.
    pub fn new(path: &nn::Path<'_>, spec: &AttentionSpec, features: i64) -> Result<Self, TchError> {
        let units = i64::from(spec.units);
        let within = |count: i64| {
            let bound = 1.0 / (count as f64).sqrt();
            Init::Uniform {
                lo: -bound,
                up: bound,
            }
        };
        Ok(Self {
            weight: path.f_var("weight", &[units, features], within(features))?,
            bias: path.f_var("bias", &[units], within(features))?,
            context: path.f_var("context", &[units], within(units))?,
        })
    }

    /// `[B, T, F]` to `[B, F]`; adds the weights of the steps, `[B, T]`, to the flow's. Padding has the weight 0.
    pub fn forward(&self, flow: Flow) -> Result<Flow, TchError> {
        let Flow {
            xs,
            lengths,
            mut attention,
            precision,
            ..
        } = flow;
        let compared = precision
            .linear(&xs, &self.weight, &self.bias)?
            .f_tanh()?
            .f_matmul(&self.context)?;
        let compared = match &lengths {
            None => compared,
            Some(lengths) => {
                let padding = padding(&xs, lengths)?.f_squeeze_dim(2)?;
                compared.f_masked_fill(&padding, f64::NEG_INFINITY)?
            }
        };
        let weights = compared.f_softmax(1, xs.kind())?;
        let sum = weights.f_unsqueeze(1)?.f_bmm(&xs)?.f_squeeze_dim(1)?;
        attention.push(weights);
        Ok(Flow {
            xs: sum,
            lengths: None,
            attention,
            one_hot: false,
            precision,
        })
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::layers::testing::{assert_close, names, ramp, set};

    // W, b, u = ramp(-0.4, 0.1, 3, 2), ramp(0.1, 0.1, 3), ramp(-0.5, 0.4, 3)
    // x = ramp(-1.0, 0.2, 2, 3, 2).requires_grad_()
    // a = torch.softmax(torch.tanh(x @ W.T + b) @ u, 1); y = (a.unsqueeze(2) * x).sum(1); y.sum().backward()
    const WEIGHTS: [f64; 6] = [
        0.29092589, 0.32833526, 0.38073888, 0.28611872, 0.33376542, 0.38011581,
    ];
    const OUTPUTS: [f64; 4] = [-0.56407481, -0.36407483, 0.63759881, 0.8375988];
    const GRADIENT: [f64; 12] = [
        0.25621408, 0.2586551, 0.32407421, 0.32458138, 0.43966466, 0.43123516, 0.23159736,
        0.23975521, 0.32890415, 0.32959107, 0.4222174, 0.41729715,
    ];
    // the same of x[1:2, :2]
    const TWO_WEIGHTS: [f64; 2] = [0.46156812, 0.53843194];
    const TWO_STEPS: [f64; 2] = [0.41537279, 0.61537284];

    fn attention(vars: &nn::VarStore) -> Attention {
        let layer = Attention::new(&vars.root(), &AttentionSpec { units: 3 }, 2).unwrap();
        set(vars, "weight", &ramp(-0.4, 0.1, &[3, 2]));
        set(vars, "bias", &ramp(0.1, 0.1, &[3]));
        set(vars, "context", &ramp(-0.5, 0.4, &[3]));
        layer
    }

    #[test]
    fn weights_sums_and_gradients_are_those_of_pytorch() {
        let vars = nn::VarStore::new(Device::Cpu);
        let layer = attention(&vars);
        let xs = ramp(-1.0, 0.2, &[2, 3, 2]).set_requires_grad(true);
        for _twice in 0..2 {
            let flow = layer.forward(Flow::of(&xs, None)).unwrap();
            assert_close(&flow.attention[0], &WEIGHTS, 1e-6);
            assert_close(&flow.xs, &OUTPUTS, 1e-6);
        }
        let flow = layer.forward(Flow::of(&xs, None)).unwrap();
        flow.xs.sum(None).backward();
        assert_close(&xs.grad(), &GRADIENT, 1e-6);
        assert_eq!(names(&vars), ["bias", "context", "weight"]);
    }

    #[test]
    fn padding_has_no_weight() {
        let vars = nn::VarStore::new(Device::Cpu);
        let lengths = Tensor::from_slice(&[3_i64, 2]);
        let flow = Flow::of(&ramp(-1.0, 0.2, &[2, 3, 2]), Some(&lengths));
        let flow = attention(&vars).forward(flow).unwrap();
        assert_close(&flow.attention[0].get(0), &WEIGHTS[..3], 1e-6);
        let expected = [TWO_WEIGHTS[0], TWO_WEIGHTS[1], 0.0];
        assert_close(&flow.attention[0].get(1), &expected, 1e-6);
        assert_close(&flow.xs.get(1), &TWO_STEPS, 1e-6);
    }
}
