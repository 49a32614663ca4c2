//! What a trained network says of the splits that it did not learn from.

use cinescore_artifact::program::TaskContext;
use cinescore_model::Net;
use cinescore_model::task::Decoder;

use crate::evaluate;
use crate::examples::{Examples, Split};
use crate::results::Evaluated;
use crate::training::TrainingError;

/// What the network says of every split but the one it learned from. `decoder`: as the bundle has it.
pub(super) fn evaluate_all(
    net: &Net,
    examples: &Examples,
    decoder: &Decoder,
    context: &TaskContext,
) -> Result<Vec<Evaluated>, TrainingError> {
    evaluate::splits(
        net,
        examples,
        decoder,
        &Split::ALL[1..],
        |done, total, split| {
            let message = format!("evaluating {}", split.name());
            context
                .progress()
                .update(done, Some(total), "evaluated examples", &message);
            context
                .check_interrupt()
                .map_err(|_interrupted| TrainingError::Interrupted)
        },
    )
}
