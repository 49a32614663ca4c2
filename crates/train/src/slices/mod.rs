//! The kind `slices`: how wrong networks are about some of the reviews, and about the others.
//!
//! Owns the order of the work and the result. Does not own what a figure is (`measure`), nor which slices there are
//! (`factors`); the flags of a prediction are slices too, which `cinescore-predict flags` makes with the same functions.
//! Reads the predictions of any number of networks, and the tokens and titles of the reviews; writes the table `slices`.

mod factors;
mod judged;
mod measure;
mod table;

use std::collections::BTreeSet;

use cinescore_artifact::describe::{Input, Output};
use cinescore_artifact::program::{Kind, TaskContext};
use cinescore_artifact::tables::{REVIEWS, SLICES, TOKENS};
use cinescore_artifact::{Split, StageError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use judged::{Judged, JudgedError, Rows};
pub use measure::{Factor, Level, Slice, measure};
pub use table::write;

use crate::compare::{self, NETS};
use crate::splits::SplitName;
use factors::Known;

const TOKENS_INPUT: &str = "tokens";
const ENCODER: &str = "encoder";
const REVIEWS_INPUT: &str = "reviews";

/// The parameters of `slices`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SlicesParams {
    /// The splits that are measured.
    #[schemars(length(min = 1))]
    pub splits: Vec<SplitName>,
}

impl Default for SlicesParams {
    fn default() -> Self {
        Self {
            splits: vec![SplitName::Test],
        }
    }
}

impl SlicesParams {
    /// The splits, in order.
    pub fn splits(&self) -> Vec<Split> {
        let chosen: BTreeSet<Split> = self.splits.iter().map(|split| (*split).into()).collect();
        chosen.into_iter().collect()
    }
}

/// The kind, for the program.
pub fn kind() -> Kind {
    Kind::new(
        "slices",
        "Measure errors by length, unknown words, negation, contrast, genre and decade",
        run,
    )
    .input(compare::input())
    .input(
        Input::table(
            TOKENS_INPUT,
            &TOKENS,
            "the reviews as ids: length and unknown words",
        )
        .optional(),
    )
    .input(
        Input::file(
            ENCODER,
            "their encoder: negation and contrast are words of it",
        )
        .optional(),
    )
    .input(
        Input::table(
            REVIEWS_INPUT,
            &REVIEWS,
            "the reviews with their titles: genres and decades",
        )
        .optional(),
    )
    .output(Output::table(
        "slices",
        &SLICES,
        "figures of the reviews of each slice, and of the others, with intervals",
    ))
}

fn run(params: SlicesParams, context: &mut TaskContext) -> Result<(), StageError> {
    let mut all = Vec::new();
    for input in context.inputs(NETS) {
        all.push(Judged::read(input, &params.splits())?);
    }
    let wanted: BTreeSet<u64> = all
        .iter()
        .flat_map(|own| own.splits.values().flat_map(|rows| &rows.ids))
        .copied()
        .collect();
    let path = |name| context.optional_input(name).map(|input| input.path.clone());
    let tokens = path(TOKENS_INPUT);
    if tokens.is_none() && path(ENCODER).is_some() {
        return Err(
            StageError::usage("the input `encoder` says nothing without `tokens`")
                .hint("give `tokens: text.tokens` as well"),
        );
    }
    let known = Known::read(
        &wanted,
        tokens.as_deref(),
        path(ENCODER).as_deref(),
        path(REVIEWS_INPUT).as_deref(),
    )?;
    let mut slices = Vec::new();
    for own in &all {
        for (&split, rows) in &own.splits {
            context.check_interrupt()?;
            let message = format!("measuring {} on {}", own.name, split.name());
            context.progress().step(&message);
            let factors = factors::of(&rows.ids, &known);
            slices.extend(measure(&own.name, split, own.is_binary, rows, &factors));
        }
    }
    if slices.is_empty() {
        context
            .warn("there is no slice: the predictions are of none of the reviews that were given");
    }
    let written = write(&context.output("slices"), &slices)?;
    for warning in all.iter().filter_map(Judged::warning) {
        context.warn(warning);
    }
    let result = context.result();
    result
        .rows_in
        .extend(all.iter().map(|own| (own.name.clone(), own.read)));
    result.rows_out.insert("slices".into(), written);
    Ok(())
}
