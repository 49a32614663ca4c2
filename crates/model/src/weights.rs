//! A file of named tensors (safetensors), such as a network's weights: written byte for byte the same each
//! time, and checked for names, shapes and types before a single number is taken over.

use std::collections::BTreeMap;

use cinescore_network::{WeightsMismatch, check_weights};
use safetensors::Dtype;
use safetensors::tensor::{SafeTensorError, TensorView};
use tch::{Device, Kind, TchError, Tensor};
use thiserror::Error;

/// Why weights could not be saved or loaded.
#[derive(Debug, Error)]
pub enum WeightsError {
    /// The file is damaged, or of another network.
    #[error(transparent)]
    Mismatch(#[from] WeightsMismatch),
    /// The file could not be made.
    #[error("the weights cannot be written")]
    Write(#[from] SafeTensorError),
    /// LibTorch refused.
    #[error("LibTorch could not copy the weights")]
    Torch(#[from] TchError),
}

/// Tensors with their names as the bytes of a safetensors file: float32, little-endian, sorted by name.
pub fn to_bytes(named: &[(String, Tensor)]) -> Result<Vec<u8>, WeightsError> {
    let mut tensors: BTreeMap<&str, (Vec<usize>, Vec<u8>)> = BTreeMap::new();
    for (name, tensor) in named {
        let shape = shape(tensor);
        let mut values = vec![0_f32; tensor.numel()];
        tensor
            .f_to_device(tch::Device::Cpu)?
            .f_contiguous()?
            .f_copy_data(&mut values, tensor.numel())?;
        tensors.insert(
            name,
            (
                shape,
                values
                    .iter()
                    .flat_map(|value| value.to_le_bytes())
                    .collect(),
            ),
        );
    }
    let mut views = Vec::with_capacity(tensors.len());
    for (name, (shape, bytes)) in &tensors {
        views.push((*name, TensorView::new(Dtype::F32, shape.clone(), bytes)?));
    }
    Ok(safetensors::serialize(views, None)?)
}

/// Takes the numbers of a safetensors file over into tensors of the same names, all or none.
pub fn load(named: &[(String, Tensor)], bytes: &[u8]) -> Result<(), WeightsError> {
    let wanted = named
        .iter()
        .map(|(name, tensor)| (name.as_str(), shape(tensor)));
    let file = check_weights(bytes, wanted)?;
    for (name, variable) in named {
        let view = file.tensor(name)?;
        let value = Tensor::f_from_data_size(view.data(), &variable.size(), Kind::Float)?;
        let mut variable = variable.shallow_clone();
        tch::no_grad(|| match variable.device() {
            // Handed over instead of copied once more: a bundle may have hundreds of megabytes.
            Device::Cpu => variable.f_set_data(&value),
            _ => variable.f_copy_(&value).map(drop),
        })?;
    }
    Ok(())
}

/// A tensor's shape; its axes are never negative.
fn shape(tensor: &Tensor) -> Vec<usize> {
    tensor
        .size()
        .into_iter()
        .map(|axis| usize::try_from(axis).unwrap_or(0))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{Batch, Net};

    fn net(units: u32, layers: &str) -> Net {
        let text = format!(
            "name: n\ninput: {{kind: tokens, embedding: {{size: 2}}}}\n\
             layers: [{{lstm: {{units: {units}}}}}, {{pool: last}}{layers}]\nhead: {{dense: 1}}"
        );
        let spec =
            cinescore_network::parse(&text, Path::new("net.yaml"), &BTreeMap::new()).unwrap();
        Net::new(&spec, 7, Device::Cpu).unwrap()
    }

    fn output(net: &Net) -> f64 {
        let ids = Tensor::from_slice(&[1_i32, 5, 6]).view([1, 3]);
        net.forward(&Batch::of_ids(ids, None), false)
            .unwrap()
            .double_value(&[0, 0])
    }

    #[test]
    fn what_is_saved_is_loaded_and_the_bytes_are_always_the_same() {
        let (a, b) = (net(3, ""), net(3, ""));
        // Other tests seed the same random numbers: left to them, both might begin alike.
        for (_, mut variable) in b.variables() {
            let _filled = tch::no_grad(|| variable.fill_(0.25));
        }
        assert_ne!(output(&a), output(&b));
        let bytes = to_bytes(&a.variables()).unwrap();
        load(&b.variables(), &bytes).unwrap();
        assert_eq!(output(&a), output(&b));
        for _again in 0..8 {
            assert_eq!(to_bytes(&b.variables()).unwrap(), bytes);
        }
    }

    #[test]
    fn other_names_shapes_and_types_are_refused_and_change_nothing() {
        let bytes = to_bytes(&net(3, "").variables()).unwrap();
        let refused = |net: Net, bytes: &[u8]| {
            let before = output(&net);
            let text = load(&net.variables(), bytes).unwrap_err().to_string();
            assert_eq!(output(&net), before);
            text
        };
        let error = refused(net(4, ""), &bytes);
        assert_eq!(
            error,
            "`head.weight` is F32 [1, 3] in the weights and F32 [1, 4] in the network"
        );
        assert_eq!(
            refused(net(3, ", {dense: 3}"), &bytes),
            "the weights lack `layers.2.bias`"
        );
        let more = to_bytes(&net(3, ", {dense: 3}").variables()).unwrap();
        let error = refused(net(3, ""), &more);
        assert_eq!(
            error,
            "the weights hold `layers.2.bias`, which the network does not have"
        );
        let doubles = String::from_utf8_lossy(&bytes[8..]).find("F32").unwrap();
        let mut halves = bytes.clone();
        halves[8 + doubles..8 + doubles + 3].copy_from_slice(b"I32");
        assert!(refused(net(3, ""), &halves).contains("is I32"));
        assert!(refused(net(3, ""), &bytes[..40]).contains("not a readable safetensors file"));
    }
}
