//! Each feature with mean 0 and variance 1 over the batch.

use tch::nn::Init;
use tch::{TchError, Tensor, nn};

/// How much of a batch's mean and variance goes into the running ones, as in PyTorch.
const MOMENTUM: f64 = 0.1;
/// What is added to the variance, as in PyTorch.
const EPS: f64 = 1e-5;

/// Batch normalisation (Ioffe and Szegedy, ICML 2015), as PyTorch's `BatchNorm1d`.
#[derive(Debug)]
pub struct BatchNorm {
    weight: Tensor,
    bias: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
}

impl BatchNorm {
    /// Variables: `weight` begins at 1, `bias` at 0; not learned, `running_mean` at 0 and `running_var` at 1.
    pub fn new(path: &nn::Path<'_>, features: i64) -> Result<Self, TchError> {
        Ok(Self {
            weight: path.f_var("weight", &[features], Init::Const(1.0))?,
            bias: path.f_var("bias", &[features], Init::Const(0.0))?,
            running_mean: path.f_zeros_no_train("running_mean", &[features])?,
            running_var: path.f_ones_no_train("running_var", &[features])?,
        })
    }

    /// `[B, F]` or `[B, T, F]` to the same; every step counts. In training with the mean and variance of the
    /// batch, which also move the running ones; in evaluation, and for a batch of a single vector, which has no
    /// variance, with the running ones.
    pub fn forward(&self, xs: &Tensor, train: bool) -> Result<Tensor, TchError> {
        let size = xs.size();
        let steps = size.len() == 3;
        let vectors: i64 = size.iter().rev().skip(1).product();
        // LibTorch has the features second.
        let xs = if steps {
            xs.f_transpose(1, 2)?
        } else {
            xs.shallow_clone()
        };
        let ys = xs.f_batch_norm(
            Some(&self.weight),
            Some(&self.bias),
            Some(&self.running_mean),
            Some(&self.running_var),
            train && vectors > 1,
            MOMENTUM,
            EPS,
            false,
        )?;
        if steps { ys.f_transpose(1, 2) } else { Ok(ys) }
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::layers::testing::{assert_close, names, ramp, set};

    // b = torch.nn.BatchNorm1d(3); b.weight.data = ramp(0.5, 0.5, 3); b.bias.data = ramp(-1.0, 0.5, 3)
    // x = ramp(-1.0, 0.3, 4, 3).square()
    // b(x), b.running_mean, b.running_var; b.eval(); b(x)
    const TRAINED: [f64; 12] = [
        -1.0628829,
        -1.1142019,
        -1.267849,
        -1.524025,
        -1.4066789,
        -1.202831,
        -1.2305709,
        -0.64623851,
        0.032508876,
        -0.18252094,
        1.1671194,
        2.4381709,
    ];
    const MEAN: [f64; 3] = [0.1135, 0.1435, 0.19149999];
    const VARIANCE: [f64; 3] = [1.05363, 1.2156299, 1.47483];
    const EVALUATED: [f64; 12] = [
        -0.56818008,
        -0.18573157,
        -0.038907126,
        -1.0504155,
        -0.59387237,
        0.072256133,
        -0.74353838,
        0.4672938,
        2.1843581,
        0.35245115,
        2.997767,
        6.2973995,
    ];
    // torch.nn.BatchNorm1d(2) on ramp(-1.0, 0.2, 2, 3, 2).square(), the features second
    const STEPS: [f64; 12] = [
        1.3362643,
        0.275653,
        -0.26725289,
        -0.71669787,
        -1.0690116,
        -1.0474815,
        -1.0690116,
        -0.71669787,
        -0.26725289,
        0.275653,
        1.3362643,
        1.9295712,
    ];

    #[test]
    fn values_and_running_means_are_those_of_pytorch() {
        let vars = nn::VarStore::new(Device::Cpu);
        let norm = BatchNorm::new(&vars.root(), 3).unwrap();
        set(&vars, "weight", &ramp(0.5, 0.5, &[3]));
        set(&vars, "bias", &ramp(-1.0, 0.5, &[3]));
        let xs = ramp(-1.0, 0.3, &[4, 3]).square();
        assert_close(&norm.forward(&xs, true).unwrap(), &TRAINED, 1e-5);
        assert_close(&norm.running_mean, &MEAN, 1e-6);
        assert_close(&norm.running_var, &VARIANCE, 1e-6);
        for _twice in 0..2 {
            assert_close(&norm.forward(&xs, false).unwrap(), &EVALUATED, 1e-5);
        }
        assert_eq!(
            names(&vars),
            ["bias", "running_mean", "running_var", "weight"]
        );
        let learned = vars.trainable_variables().len();
        assert_eq!(learned, 2);
    }

    #[test]
    fn every_step_counts() {
        let vars = nn::VarStore::new(Device::Cpu);
        let norm = BatchNorm::new(&vars.root(), 2).unwrap();
        let xs = ramp(-1.0, 0.2, &[2, 3, 2]).square();
        let ys = norm.forward(&xs, true).unwrap();
        assert_eq!(ys.size(), [2, 3, 2]);
        assert_close(&ys, &STEPS, 1e-5);
    }

    #[test]
    fn a_single_vector_leaves_the_running_means_as_they_are() {
        let vars = nn::VarStore::new(Device::Cpu);
        let norm = BatchNorm::new(&vars.root(), 3).unwrap();
        let xs = ramp(-1.0, 0.3, &[1, 3]);
        let ys = norm.forward(&xs, true).unwrap();
        assert_close(&ys, &[-0.999_995, -0.699_996_5, -0.399_998], 1e-6);
        assert_close(&norm.running_var, &[1.0; 3], 0.0);
    }
}
