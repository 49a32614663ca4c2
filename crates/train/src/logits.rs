//! What linear models say of the examples, for networks that read it beside their input.
//!
//! Owns reading the table `logits` and saying where it is missing or too much. Does not own the model (`baseline::wide`).

use std::collections::HashMap;

use arrow::array::{Float64Array, StringArray, UInt64Array};
use cinescore_artifact::describe::Input;
use cinescore_artifact::digest::Digest;
use cinescore_artifact::program::TaskContext;
use cinescore_artifact::table::{TableError, TableReader, column};
use cinescore_artifact::tables::{LOGITS, MODEL_KEY};
use cinescore_artifact::{Split, StageError};
use cinescore_network::NetworkSpec;

use crate::examples::Examples;

/// The input.
const INPUT: &str = "logits";
/// Rows read at a time.
const READ_ROWS: usize = 8192;

/// The input, for kinds that take examples.
pub(crate) fn input() -> Input {
    let about = "what the linear models say of the reviews, for a network with `wide: true`, or with `wide: 2` what each says, in the order of the input `wide`";
    Input::table(INPUT, &LOGITS, about).optional().many()
}

/// Gives the examples what the linear models say of them, where the network reads it. `wide`: the digests of the bundles of the
/// models that the network has beside it, where they are known; the logits of another one are refused.
pub(crate) fn give(
    spec: &NetworkSpec,
    wide: &[Option<&Digest>],
    examples: &mut Examples,
    context: &TaskContext,
) -> Result<(), StageError> {
    let inputs = context.inputs(INPUT);
    check_count(spec, INPUT, INPUT, inputs.len())?;
    for (input, wide) in inputs.iter().zip(wide) {
        let table = TableReader::open(&input.path, &LOGITS)?;
        if let (Some(wide), Some(own)) = (wide, table.note(MODEL_KEY))
            && own != wide.to_string()
        {
            let message = format!(
                "the logits of `{}` are those of another linear model than the one beside the network `{}`",
                input.label, spec.name
            );
            let hint = "give it `bundle` and `logits` of one `train wide`, several in the same order: a network that is trained has the `bundle` \
                        that it was trained with";
            return Err(StageError::input(message).hint(hint));
        }
        let logits = read(table)?;
        examples.add_logits(&logits).map_err(|review| {
            let message = format!(
                "`{}` has no logit of the review {review} in the split that the examples have it in",
                input.label
            );
            let hint =
                "divide bags and tokens alike (seed, shares, folds), and take the logits of these bags";
            StageError::input(message).hint(hint)
        })?;
    }
    Ok(())
}

/// Checks that an input has as many artifacts as the network has linear models beside it; `output` of `train wide` is what it takes.
pub(crate) fn check_count(
    spec: &NetworkSpec,
    input: &str,
    output: &str,
    found: usize,
) -> Result<(), StageError> {
    let wanted = spec.wide as usize;
    if found == wanted {
        return Ok(());
    }
    let name = &spec.name;
    let (message, hint) = match (wanted, found) {
        (0, _) => (
            format!(
                "the network `{name}` has no linear model beside it, and the input `{input}` is given"
            ),
            "leave the input away, or write `wide: true` into the network file".to_owned(),
        ),
        (1, 0) => (
            format!(
                "the network `{name}` has a linear model beside it, and the input `{input}` is missing"
            ),
            format!("give it the output `{output}` of `train wide`"),
        ),
        _ => (
            format!(
                "the network `{name}` has {wanted} linear models beside it (`wide`), and the input `{input}` has {found}"
            ),
            format!("give it the output `{output}` of each `train wide`, in one order"),
        ),
    };
    Err(StageError::usage(message).hint(hint))
}

/// The logit of each review. One that is no number is as one that is missing.
fn read(table: TableReader) -> Result<HashMap<u64, (Option<Split>, f32)>, TableError> {
    let mut logits = HashMap::new();
    for batch in table.batches(READ_ROWS)? {
        let batch = batch?;
        let ids: &UInt64Array = column(&batch, "review_id");
        let values: &Float64Array = column(&batch, "logit");
        let splits: &StringArray = column(&batch, "split");
        let pairs = ids.values().iter().zip(values.values()).enumerate();
        logits.extend(
            pairs
                .filter(|(_row, (_id, value))| value.is_finite())
                .map(|(row, (&id, &value))| {
                    (id, (Split::of_name(splits.value(row)), value as f32))
                }),
        );
    }
    Ok(logits)
}
