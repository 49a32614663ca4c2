//! The kind `compare`: which of several networks is better, and whether that is more than luck.
//!
//! Owns the order of the work and the result. Does not own any figure or the bootstrap (`figures`). Reads the
//! predictions of any number of networks and baselines for the same examples; writes the tables `comparisons` and `spreads`.
//!
//! **Draw of the examples.** Each resample of the examples measures all networks, and a difference's interval is
//! that of its values over the resamples: paired, so that what makes an example hard for both does not count (Efron
//! and Tibshirani 1993; Koehn, EMNLP 2004, for systems that are compared on a test set). p is two-sided: twice the smaller part of
//! the resamples on either side of 0, a resample counted on each side for the data themselves. It is not corrected for the number of pairs.
//!
//! **Luck of the training.** Networks that differ in their seed only are one configuration, whose figure is the mean over its
//! seeds. Its spread is their standard deviation, that of a difference the root of the sum of both squares. A
//! difference that is smaller is called so, whatever its p.

mod configuration;
mod differences;
mod given;
mod params;
mod tables;

use cinescore_artifact::StageError;
use cinescore_artifact::describe::{Input, Output};
use cinescore_artifact::program::{Kind, TaskContext};
use cinescore_artifact::tables::{COMPARISONS, PREDICTIONS, SPREADS, WINDOWS};

use configuration::configurations;
use differences::{Comparison, Measurement, Spread, Verdict};
pub(crate) use given::name_of;
use given::{Given, GivenError, Windows};

use crate::fit::errors::of_windows;
pub use params::CompareParams;

/// The input of [`input`].
pub(crate) const NETS: &str = "nets";
/// The windows, where there are any.
const WINDOWS_INPUT: &str = "windows";

/// The input of kinds that take several networks.
pub(crate) fn input() -> Input {
    let about = "the predictions of each network or baseline, `net[*].predictions`";
    Input::table(NETS, &PREDICTIONS, about).many()
}

/// The kind, for the program.
pub fn kind() -> Kind {
    Kind::new("compare", "Compare networks on the same examples", run)
        .input(input())
        .input(
            Input::table(
                WINDOWS_INPUT,
                &WINDOWS,
                "the windows that predictions of popularity are of: figures that need more than the truth are compared as well",
            )
            .optional(),
        )
        .output(Output::table(
            "comparisons",
            &COMPARISONS,
            "the difference of each pair in each figure, with its interval",
        ))
        .output(Output::table(
            "spreads",
            &SPREADS,
            "mean and spread of each configuration over its seeds",
        ))
}

fn run(params: CompareParams, context: &mut TaskContext) -> Result<(), StageError> {
    let mut all = Vec::new();
    for input in context.inputs(NETS) {
        all.push(Given::read(input).map_err(of_given)?);
    }
    if all.len() < 2 {
        let message = format!(
            "there is nothing to compare: {} of at least 2 tables of predictions",
            all.len()
        );
        return Err(StageError::usage(message).hint("give it `nets: \"net[*].predictions\"`"));
    }
    given::check(&all, &params.splits()).map_err(of_given)?;
    if let Some(input) = context.optional_input(WINDOWS_INPUT) {
        let classes = all.iter().any(Given::has_classes);
        let windows = Windows::read(&input.path, classes).map_err(of_given)?;
        for own in &mut all {
            own.know(&windows).map_err(of_given)?;
        }
    }
    let notes: Vec<String> = all.iter().filter_map(Given::note).collect();
    for note in notes {
        context.warn(note);
    }
    let configurations = configurations(all.iter().map(|own| own.name.as_str()), &params.seed_key);

    let mut comparisons: Vec<Comparison> = Vec::new();
    let mut spreads: Vec<Spread> = Vec::new();
    for split in params.splits() {
        let mut measured = Vec::with_capacity(all.len());
        for own in &all {
            context.check_interrupt()?;
            let message = format!("measuring {} on {}", own.name, split.name());
            context.progress().step(&message);
            measured.push(Measurement::of(own, split, &params));
        }
        let chosen = params.choose(&measured).map_err(StageError::usage)?;
        spreads.extend(differences::spreads(
            &configurations,
            &measured,
            split,
            &chosen,
        ));
        comparisons.extend(differences::compare(
            &configurations,
            &measured,
            split,
            &chosen,
        ));
    }
    comparisons.sort_by_key(|own| own.pair);
    spreads.sort_by_key(|own| own.configuration);
    let rows = [
        (
            "comparisons",
            tables::write_comparisons(
                &context.output("comparisons"),
                &configurations,
                &comparisons,
            )?,
        ),
        (
            "spreads",
            tables::write_spreads(&context.output("spreads"), &configurations, &spreads)?,
        ),
    ];
    let rows_in: Vec<(String, u64)> = all
        .iter()
        .map(|own| (own.name.clone(), own.rows()))
        .collect();
    let told_apart = comparisons
        .iter()
        .filter(|own| matches!(own.verdict, Verdict::Higher | Verdict::Lower))
        .count();
    let result = context.result();
    result.rows_in.extend(rows_in);
    result
        .rows_out
        .extend(rows.map(|(name, rows)| (name.to_owned(), rows)));
    result
        .facts
        .insert("configurations".into(), configurations.len().into());
    result.facts.insert("told_apart".into(), told_apart.into());
    Ok(())
}

fn of_given(error: GivenError) -> StageError {
    match error {
        GivenError::Table(error) => error.into(),
        GivenError::Windows(error) => of_windows(error),
        GivenError::OtherTruth { .. } => StageError::input(error)
            .hint("compare networks of one task; another task needs a stage of its own"),
        GivenError::OtherExamples { .. } => StageError::input(error)
            .hint("train and evaluate them on the same table, or leave one of them out"),
        other => StageError::input(other),
    }
}
