//! First weights of another library than PyTorch, whose layers set their own when they are built.

use std::collections::BTreeMap;

use tch::nn::Init;
use tch::{Kind, TchError, Tensor, nn};

/// Half the width of the range in which Keras' embeddings begin.
const EMBEDDING_BOUND: f64 = 0.05;

/// Sets all variables, given by name, as the layers of Keras do by default: embeddings uniform within
/// 0.05; kernels uniform within sqrt(6 / (inputs + outputs)) (Glorot and Bengio, AISTATS 2010), where a
/// recurrent layer's gates count as one kernel, and a convolution's inputs and outputs count for each step of
/// its kernel; recurrent kernels orthogonal (Saxe et al., ICLR 2014); biases 0, but 1 for the forget gate of an
/// LSTM (Jozefowicz et al., ICML 2015). A batch norm begins alike in both, and what Keras has no like of is left.
pub(crate) fn as_keras(variables: &[(String, Tensor)]) -> Result<(), TchError> {
    let shapes: BTreeMap<&str, Vec<i64>> = variables
        .iter()
        .map(|(name, variable)| (name.as_str(), variable.size()))
        .collect();
    tch::no_grad(|| {
        for (name, variable) in variables {
            let mut variable = variable.shallow_clone();
            let shape = variable.size();
            let Some(init) = keras_init(name, &shape) else {
                continue;
            };
            let first = nn::f_init(init, &shape, variable.device(), Kind::Float)?;
            variable.f_copy_(&first)?;
            let recurrent = name.replace("bias_ih", "weight_hh");
            if recurrent == *name {
                continue;
            }
            // Four gates are an LSTM's, in PyTorch's order: input, forget, cell, output.
            if let Some(&[rows, units]) = shapes.get(recurrent.as_str()).map(Vec::as_slice)
                && rows == 4 * units
            {
                let _ = variable.f_narrow(0, units, units)?.f_fill_(1.0)?;
            }
        }
        Ok(())
    })
}

fn keras_init(name: &str, shape: &[i64]) -> Option<Init> {
    let own = name.rsplit('.').next().unwrap_or(name);
    let glorot = |inputs: i64, outputs: i64| {
        let bound = (6.0 / (inputs + outputs) as f64).sqrt();
        Init::Uniform {
            lo: -bound,
            up: bound,
        }
    };
    match *shape {
        [_ids, _size] if name.starts_with("embedding") => Some(Init::Uniform {
            lo: -EMBEDDING_BOUND,
            up: EMBEDDING_BOUND,
        }),
        [_, _] if own.starts_with("weight_hh") => Some(Init::Orthogonal { gain: 1.0 }),
        [outputs, inputs] => Some(glorot(inputs, outputs)),
        [outputs, inputs, kernel] => Some(glorot(inputs * kernel, outputs * kernel)),
        [_] if own.starts_with("bias") => Some(Init::Const(0.0)),
        _ => None,
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
            variable("layers.1.bias_ih_l0", &[9]),
            variable("layers.1.weight_hh_l0", &[9, 3]),
            variable("layers.2.weight", &[4, 2, 3]),
            variable("layers.3.weight", &[4]),
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
        // A GRU's biases are all 0, a batch norm is left.
        assert_eq!((largest(7), largest(10)), (0.0, 9.0));
        within(9, (6.0_f64 / 18.0).sqrt());
    }
}
