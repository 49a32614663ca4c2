//! Whether a file of weights (safetensors) belongs to a network, said without building it.
//!
//! Owns the comparison of names, shapes and types. Does not own taking the numbers over
//! (`cinescore_model::weights`). Nothing is copied, so a file that does not fit costs no memory but its own.

use std::collections::BTreeMap;

use safetensors::Dtype;
use safetensors::tensor::{Metadata, SafeTensorError, SafeTensors};
use thiserror::Error;

/// Why weights are not those of a network.
#[derive(Debug, Error)]
pub enum WeightsMismatch {
    /// It is no safetensors file, or a damaged one.
    #[error("the weights are not a readable safetensors file")]
    Format(#[from] SafeTensorError),
    /// A variable of the network is not in the file.
    #[error("the weights lack `{name}`")]
    Missing {
        /// The variable.
        name: String,
    },
    /// The file has a variable that the network does not have.
    #[error("the weights hold `{name}`, which the network does not have")]
    Extra {
        /// The variable.
        name: String,
    },
    /// A variable has another shape or type.
    #[error("`{name}` is {found} in the weights and {wanted} in the network")]
    Other {
        /// The variable.
        name: String,
        /// Shape and type in the file.
        found: String,
        /// Shape and type in the network.
        wanted: String,
    },
}

/// Checks that a safetensors file holds float32 tensors of these names and shapes, and no others. Gives the file.
pub fn check_weights<'a, 'n>(
    bytes: &'a [u8],
    variables: impl IntoIterator<Item = (&'n str, Vec<usize>)>,
) -> Result<SafeTensors<'a>, WeightsMismatch> {
    let (_header, metadata) = SafeTensors::read_metadata(bytes)?;
    check_header(&metadata, variables)?;
    Ok(SafeTensors::deserialize(bytes)?)
}

/// The same by the file's header alone.
pub fn check_header<'n>(
    header: &Metadata,
    variables: impl IntoIterator<Item = (&'n str, Vec<usize>)>,
) -> Result<(), WeightsMismatch> {
    let mut found: BTreeMap<String, _> = header.tensors().into_iter().collect();
    for (name, wanted) in variables {
        let Some(own) = found.remove(name) else {
            return Err(WeightsMismatch::Missing { name: name.into() });
        };
        if own.shape != wanted || own.dtype != Dtype::F32 {
            return Err(WeightsMismatch::Other {
                name: name.into(),
                found: format!("{:?} {:?}", own.dtype, own.shape),
                wanted: format!("F32 {wanted:?}"),
            });
        }
    }
    match found.pop_first() {
        Some((name, _)) => Err(WeightsMismatch::Extra { name }),
        None => Ok(()),
    }
}
