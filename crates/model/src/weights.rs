//! A file of named tensors (safetensors), such as a network's weights: written byte for byte the same each
//! time, and checked for names, shapes and types before a single number is read.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};

use cinescore_artifact::digest::{Digest, Parts};
use cinescore_artifact::large_pages;
use cinescore_network::{WeightsMismatch, check_header};
use safetensors::Dtype;
use safetensors::tensor::{Metadata, SafeTensorError, TensorView};
use tch::{Device, Kind, TchError, Tensor};
use thiserror::Error;

/// Bytes in front of the header, which say how long it is.
const LENGTH: usize = 8;
/// The most bytes of a file beside its numbers: the header of a million tensors.
pub(crate) const MOST_HEADER: u64 = 64 << 20;
/// Bytes that are read and hashed at a time: the processor's cache holds them.
const PART: usize = 256 << 10;

/// Why weights could not be saved or loaded.
#[derive(Debug, Error)]
pub enum WeightsError {
    /// The file is damaged, or of another network.
    #[error(transparent)]
    Mismatch(#[from] WeightsMismatch),
    /// The file could not be made.
    #[error("the weights cannot be written")]
    Write(#[from] SafeTensorError),
    /// The file could not be read.
    #[error("the weights cannot be read")]
    Read(#[from] io::Error),
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
    let file = WeightsFile::open(bytes, bytes.len() as u64, wanted)?;
    file.read_into(named).map(drop)
}

/// An opened file of weights whose names, shapes and types are those that were asked for; its numbers are still to be read.
#[derive(Debug)]
pub struct WeightsFile<R> {
    file: R,
    metadata: Metadata,
    /// Of what was read.
    digest: Parts,
}

impl<R: Read> WeightsFile<R> {
    /// Reads the header of a file of so many bytes and compares it with the tensors that are wanted, by name and shape.
    pub fn open<'n>(
        mut file: R,
        bytes: u64,
        wanted: impl IntoIterator<Item = (&'n str, Vec<usize>)>,
    ) -> Result<Self, WeightsError> {
        let format = |error| WeightsError::Mismatch(WeightsMismatch::Format(error));
        let mut length = [0; LENGTH];
        if bytes < LENGTH as u64 {
            return Err(format(SafeTensorError::HeaderTooSmall));
        }
        file.read_exact(&mut length)?;
        let header = u64::from_le_bytes(length);
        let numbers = (bytes - LENGTH as u64).checked_sub(header);
        // As of the file that is written here, and before room is made for as much as the file says.
        let Some(numbers) = numbers.filter(|_| header <= MOST_HEADER) else {
            return Err(format(SafeTensorError::InvalidHeaderLength));
        };
        let mut json = Vec::new();
        (&mut file).take(header).read_to_end(&mut json)?;
        let mut digest = Parts::default();
        digest.add(&length);
        digest.add(&json);
        let metadata: Metadata = serde_json::from_slice(&json)
            .map_err(|error| format(SafeTensorError::InvalidHeaderDeserialization(error)))?;
        if metadata.data_len() as u64 != numbers {
            return Err(format(SafeTensorError::MetadataIncompleteBuffer));
        }
        check_header(&metadata, wanted)?;
        Ok(Self {
            file,
            metadata,
            digest,
        })
    }

    /// Reads the numbers into tensors of the same names, float32 and in one piece, and gives the digest of the whole file. Each
    /// goes from the file straight to where it stays, and is hashed while the processor still has it: a bundle may have
    /// hundreds of megabytes. Where reading ends with an error, some tensors hold other numbers than before.
    pub fn read_into(mut self, named: &[(String, Tensor)]) -> Result<Digest, WeightsError> {
        let by_name: HashMap<&str, &Tensor> = named
            .iter()
            .map(|(name, tensor)| (name.as_str(), tensor))
            .collect();
        for name in self.metadata.offset_keys() {
            let missing = || WeightsMismatch::Extra { name: name.clone() };
            let tensor = by_name.get(name.as_str()).ok_or_else(missing)?;
            match tensor.device() {
                Device::Cpu => self.fill(tensor)?,
                _ => {
                    let own = Tensor::f_empty(tensor.size(), (Kind::Float, Device::Cpu))?;
                    self.fill(&own)?;
                    let mut tensor = tensor.shallow_clone();
                    tch::no_grad(|| tensor.f_copy_(&own))?;
                }
            }
        }
        Ok(self.digest.digest())
    }

    /// Reads the next numbers into a tensor of this machine's memory.
    fn fill(&mut self, tensor: &Tensor) -> Result<(), WeightsError> {
        if tensor.kind() != Kind::Float || !tensor.is_contiguous() {
            let message = "weights are read into contiguous tensors of float32 alone";
            return Err(TchError::Kind(message.into()).into());
        }
        let bytes = tensor.numel() * size_of::<f32>();
        if bytes == 0 {
            return Ok(());
        }
        #[expect(
            unsafe_code,
            reason = "tch copies into tensors, and does not read into them"
        )]
        // SAFETY: the tensor is contiguous and so has that many bytes at its pointer, of which any are float32 numbers; it
        // lives until the end of the function, and nobody else reads or writes it meanwhile: whoever loads weights has the
        // only network that has it.
        let memory =
            unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast::<u8>(), bytes) };
        large_pages::prefer(memory);
        for part in memory.chunks_mut(PART) {
            self.file.read_exact(part)?;
            self.digest.add(part);
        }
        if cfg!(target_endian = "big") {
            for number in memory.as_chunks_mut::<4>().0 {
                number.reverse();
            }
        }
        Ok(())
    }
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
    fn a_file_has_its_digest_and_one_that_ends_too_soon_is_refused() {
        let net = net(3, "");
        let bytes = to_bytes(&net.variables()).unwrap();
        let read = |file: &[u8]| {
            let named = net.variables();
            let wanted = named
                .iter()
                .map(|(name, tensor)| (name.as_str(), shape(tensor)));
            // As it was measured, whatever is left of it by now.
            WeightsFile::open(file, bytes.len() as u64, wanted)?.read_into(&named)
        };
        assert_eq!(read(&bytes).unwrap(), Digest::of_bytes(&bytes));
        for end in [0, 4, 40, bytes.len() - 1] {
            read(&bytes[..end]).unwrap_err();
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
