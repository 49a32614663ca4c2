//! First weights of another library than PyTorch, whose layers set their own when they are built.

use tch::nn::Init;
use tch::{Kind, TchError, Tensor, nn};

/// Half the width of the range in which Keras' embeddings begin.
const EMBEDDING_BOUND: f64 = 0.05;

/// Sets all variables, given by name, as the layers of Keras do by default: embeddings uniform within
/// 0.05; kernels uniform within sqrt(6 / (inputs + outputs)) (Glorot and Bengio, AISTATS 2010), where a
/// recurrent layer's four gates count as one kernel; recurrent kernels orthogonal (Saxe et al., ICLR
/// 2014); biases 0, but 1 for the forget gate (Jozefowicz et al., ICML 2015).
pub(crate) fn as_keras(variables: &[(String, Tensor)]) -> Result<(), TchError> {
    tch::no_grad(|| {
        for (name, variable) in variables {
            let mut variable = variable.shallow_clone();
            let shape = variable.size();
            let first = nn::f_init(
                keras_init(name, &shape),
                &shape,
                variable.device(),
                Kind::Float,
            )?;
            variable.f_copy_(&first)?;
            if own_name(name).starts_with("bias_ih") {
                // The gates stand in PyTorch's order: input, forget, cell, output.
                let units = shape[0] / 4;
                let _ = variable.f_narrow(0, units, units)?.f_fill_(1.0)?;
            }
        }
        Ok(())
    })
}

fn own_name(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

fn keras_init(name: &str, shape: &[i64]) -> Init {
    let own = own_name(name);
    match *shape {
        [_ids, _size] if name.starts_with("embedding") => Init::Uniform {
            lo: -EMBEDDING_BOUND,
            up: EMBEDDING_BOUND,
        },
        [_, _] if own.starts_with("weight_hh") => Init::Orthogonal { gain: 1.0 },
        [outputs, inputs] => {
            let bound = (6.0 / (inputs + outputs) as f64).sqrt();
            Init::Uniform {
                lo: -bound,
                up: bound,
            }
        }
        _ => Init::Const(0.0),
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    fn variable(name: &str, shape: &[i64]) -> (String, Tensor) {
        let values = Tensor::full(shape, 9.0, (Kind::Float, Device::Cpu));
        (name.to_owned(), values.set_requires_grad(true))
    }

    #[test]
    fn every_kind_of_variable_begins_as_in_keras() {
        let variables = [
            variable("embedding.weight", &[50, 4]),
            variable("layers.0.weight_ih_l0", &[12, 4]),
            variable("layers.0.weight_hh_l0", &[12, 3]),
            variable("layers.0.bias_ih_l0", &[12]),
            variable("layers.0.bias_hh_l0", &[12]),
            variable("head.weight", &[1, 64]),
            variable("head.bias", &[1]),
        ];
        as_keras(&variables).unwrap();
        let largest = |index: usize| variables[index].1.abs().max().double_value(&[]);
        let within = |index: usize, bound: f64| {
            assert!(
                (0.5 * bound..=bound).contains(&largest(index)),
                "{index}: {}",
                largest(index)
            );
        };
        within(0, 0.05);
        within(1, (6.0_f64 / 16.0).sqrt());
        within(5, (6.0_f64 / 65.0).sqrt());
        let recurrent = &variables[2].1;
        let product = recurrent.tr().matmul(recurrent);
        let distance = (product - Tensor::eye(3, (Kind::Float, Device::Cpu)))
            .abs()
            .max();
        assert!(distance.double_value(&[]) < 1e-5);
        let bias: Vec<f32> = Vec::try_from(&variables[3].1.detach()).unwrap();
        assert_eq!(bias, [0., 0., 0., 1., 1., 1., 0., 0., 0., 0., 0., 0.]);
        assert_eq!((largest(4), largest(6)), (0.0, 0.0));
    }
}
