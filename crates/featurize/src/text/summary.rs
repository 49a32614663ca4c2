//! What the result says of the tokens: counts and shares.

use std::collections::BTreeMap;

use cinescore_artifact::program::TaskContext;

use super::passes::Totals;
use crate::split::Split;
use crate::vocabulary::Vocabulary;

/// Facts and figures of the tokens.
///
/// Facts: `ids`, how many there are, reserved ones included; `distinct_tokens` of the training split.
/// Metrics: `oov.SPLIT`, the share of tokens, before the cut, that have no id; `truncated.SPLIT`, the
/// share of reviews that were cut; `mean_tokens.SPLIT` and `longest.SPLIT`, tokens of a review before
/// the cut.
pub(super) fn of_tokens(
    vocabulary: &Vocabulary,
    totals: &BTreeMap<Split, Totals>,
    context: &mut TaskContext,
) {
    let result = context.result();
    result
        .facts
        .insert("ids".into(), vocabulary.tokens().len().into());
    result
        .facts
        .insert("distinct_tokens".into(), vocabulary.distinct().into());
    for (split, totals) in totals {
        let share = |part: u64, of: u64| part as f64 / of.max(1) as f64;
        for (name, value) in [
            ("oov", share(totals.unknown, totals.tokens)),
            ("truncated", share(totals.truncated, totals.reviews)),
            ("mean_tokens", share(totals.tokens, totals.reviews)),
            ("longest", totals.longest as f64),
        ] {
            result
                .metrics
                .insert(format!("{name}.{}", split.name()), value);
        }
    }
}
