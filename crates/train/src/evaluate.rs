//! What a network says of examples, without dropout.

use cinescore_model::Net;
use tch::{Kind, TchError};

use crate::batches;
use crate::examples::Examples;

/// Examples that go through a network together; four times as many were no faster and took more memory.
const BATCH: usize = 64;

/// The output for each of `rows`, in their order. `between` is called after each batch with the number of
/// examples done, and can end it with an error.
pub fn outputs<E: From<TchError>>(
    net: &Net,
    examples: &Examples,
    rows: &[usize],
    mut between: impl FnMut(usize) -> Result<(), E>,
) -> Result<Vec<f64>, E> {
    // Batches need not come in the order of the rows.
    let mut by_row = vec![f64::NAN; examples.len()];
    for batch in batches::for_evaluation(examples, rows, BATCH) {
        let tensors = batches::assemble(examples, &batch, net.device())?;
        let outputs = tch::no_grad(|| net.forward(&tensors, false))?;
        for (&row, output) in batch.iter().zip(values(&outputs)?) {
            by_row[row] = output;
        }
        between(batch.len())?;
    }
    Ok(rows.iter().map(|&row| by_row[row]).collect())
}

/// Outputs `[B, 1]` as numbers.
pub fn values(outputs: &tch::Tensor) -> Result<Vec<f64>, TchError> {
    Vec::try_from(
        outputs
            .f_detach()?
            .f_to_kind(Kind::Double)?
            .f_squeeze_dim(1)?,
    )
}
