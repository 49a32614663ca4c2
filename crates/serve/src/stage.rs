//! The kind `flags`: how wrong predictions with each flag are, and those without it.
//!
//! A kind of work for a pipeline, beside `file` (`crate::file`): flags need the text, which no other stage reads once it is encoded. Owns
//! which reviews have which flag; the network is not asked again, its predictions are read. Does not own a figure nor its
//! interval (`cinescore_train::slices`). Reads a bundle, its predictions and the reviews; writes the table `slices`, with
//! a row of each flag, raised or not, and `any`.

use std::collections::BTreeMap;

use arrow::array::{StringArray, UInt64Array};
use cinescore_artifact::StageError;
use cinescore_artifact::describe::{Input, Output};
use cinescore_artifact::program::{Kind, Program, TaskContext};
use cinescore_artifact::table::{TableReader, column};
use cinescore_artifact::tables::{PREDICTIONS, REVIEWS, SLICES};
use cinescore_model::compute;
use cinescore_train::slices::{Factor, Judged, Level, SlicesParams, measure, write};

use crate::flags::{Flag, Flags};
use crate::predictor::Predictor;

const BUNDLE: &str = "bundle";
const PREDICTED: &str = "predictions";
const REVIEWS_INPUT: &str = "reviews";
/// Rows read at a time.
const READ_ROWS: usize = 4096;

/// What the runner and people call with the name of a kind.
pub(crate) fn program() -> Program {
    let about = "Rates written reviews with a trained network.";
    Program::new("cinescore-predict", about, env!("CINESCORE_CODE_DIGEST"))
        .kind(kind())
        .kind(crate::file::kind())
}

/// The kind.
fn kind() -> Kind {
    Kind::new(
        "flags",
        "Measure the errors of predictions with and without each flag",
        run,
    )
    .input(Input::folder(BUNDLE, "the trained model"))
    .input(Input::table(PREDICTED, &PREDICTIONS, "its predictions"))
    .input(Input::table(REVIEWS_INPUT, &REVIEWS, "the reviews' texts"))
    .output(Output::table(
        "slices",
        &SLICES,
        "figures of the reviews with each flag, and of the others, with intervals",
    ))
}

fn run(params: SlicesParams, context: &mut TaskContext) -> Result<(), StageError> {
    // LibTorch only reads the weights: one thread is enough.
    compute::apart(1, || flags(&params, context))?
}

fn flags(params: &SlicesParams, context: &mut TaskContext) -> Result<(), StageError> {
    let predictor = Predictor::open(&context.input(BUNDLE)?.path)?;
    let judged = Judged::read(context.input(PREDICTED)?, &params.splits())?;
    let mut places = BTreeMap::new();
    let mut flags = BTreeMap::new();
    for (split, rows) in &judged.splits {
        places.extend(
            rows.ids
                .iter()
                .enumerate()
                .map(|(row, id)| (*id, (*split, row))),
        );
        flags.insert(*split, vec![None; rows.ids.len()]);
    }
    let path = context.input(REVIEWS_INPUT)?.path.clone();
    let reader = predictor.reader();
    let mut read = 0;
    let columns = ["review_id", "text"];
    for batch in TableReader::open(&path, &REVIEWS)?.batches_of(READ_ROWS, &columns)? {
        context.check_interrupt()?;
        let batch = batch?;
        read += batch.num_rows() as u64;
        let ids: &UInt64Array = column(&batch, "review_id");
        let texts: &StringArray = column(&batch, "text");
        let found: Vec<_> = (0..batch.num_rows())
            .filter_map(|row| Some((row, *places.get(&ids.value(row))?)))
            .collect();
        let own: Vec<&str> = found.iter().map(|(row, _)| texts.value(*row)).collect();
        for ((_, (split, row)), example) in found.iter().zip(reader.read_all(&own)) {
            let said = &judged.splits[split].predicted[*row];
            if let Some(all) = flags.get_mut(split) {
                all[*row] = Some(predictor.flags(&example, said));
            }
        }
        context
            .progress()
            .update(read, None, "reviews", "reading texts");
    }
    let unread = flags.values().flatten().filter(|own| own.is_none()).count();
    if unread > 0 {
        context.warn(format!(
            "{unread} predictions are of no review that was given: they are with no flag and among no others"
        ));
    }
    let mut slices = Vec::new();
    for (&split, rows) in &judged.splits {
        let factors = [factor(&flags[&split])];
        slices.extend(measure(
            &judged.name,
            split,
            judged.is_binary,
            rows,
            &factors,
        ));
    }
    let written = write(&context.output("slices"), &slices)?;
    if let Some(warning) = judged.warning() {
        context.warn(warning);
    }
    let result = context.result();
    result.rows_in.insert(REVIEWS_INPUT.into(), read);
    result.rows_in.insert(PREDICTED.into(), judged.read);
    result.rows_out.insert("slices".into(), written);
    Ok(())
}

/// Each flag and `any` as levels.
fn factor(flags: &[Option<Flags>]) -> Factor {
    let level = |name: &str, has: &dyn Fn(Flags) -> bool| Level {
        name: name.to_owned(),
        rows: (0..flags.len())
            .filter(|row| flags[*row].is_some_and(has))
            .collect(),
    };
    let mut levels: Vec<Level> = Flag::ALL
        .iter()
        .map(|flag| level(flag.name(), &|own| own.has(*flag)))
        .collect();
    levels.push(level("any", &|own| !own.is_empty()));
    Factor {
        name: "flag",
        known: flags.iter().map(Option::is_some).collect(),
        levels,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_is_a_level_raised_or_not() {
        let of = |flags: &[Flag]| Some(flags.iter().copied().collect::<Flags>());
        let found = factor(&[
            of(&[]),
            of(&[Flag::Short, Flag::Middle]),
            None,
            of(&[Flag::Middle]),
        ]);
        assert_eq!(found.known, [true, true, false, true]);
        let levels: Vec<_> = found
            .levels
            .iter()
            .map(|level| (level.name.as_str(), level.rows.as_slice()))
            .collect();
        assert_eq!(
            levels,
            [
                ("unknown_words", &[][..]),
                ("short", &[1]),
                ("long", &[]),
                ("not_english", &[]),
                ("wide_interval", &[]),
                ("middle", &[1, 3]),
                ("any", &[1, 3]),
            ]
        );
    }
}
