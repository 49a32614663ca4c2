//! The kind `text`: reviews to token ids.
//!
//! Owns the passes over the table `reviews` (who belongs to which split; which terms the training split
//! has; the ids of all) and the facts of the result. Does not own what a pass does with a text. Reads
//! `reviews`, and where given `folds`, `stop_list` and `lemmas`; writes `tokens`, `vocabulary`,
//! `buckets` and `encoder.json`. No pass keeps more text than two
//! batches; of the reviews that were counted first their terms are kept, as numbers ([`counted`](crate::counted)),
//! so that they are not divided again.

mod params;
mod passes;
mod summary;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use cinescore_artifact::describe::Output;
use cinescore_artifact::encoder::RESERVED;
use cinescore_artifact::program::{Kind, TaskContext};
use cinescore_artifact::table::{TableError, TableSpec, TableWriter};
use cinescore_artifact::task::write_atomically;
use cinescore_artifact::{StageError, tables};

pub use params::TextParams;
pub(crate) use passes::{Throughput, count_texts, is_train, known_texts, missing};

use crate::buckets::Buckets;
use crate::count::Wanted;
use crate::counted::CountedTexts;
use crate::division;
use crate::encode::{Encoder, Settings};
use crate::lengths::Pad;
use crate::reviews::ReviewsError;
use crate::split::Split;
use crate::tokenize::Tokenizer;
use crate::tokenize::subword::train::{Learnt, train};
use crate::vocabulary::Vocabulary;

/// The kind, for the program.
pub fn kind() -> Kind {
    let kind = Kind::new(
        "text",
        "Turn reviews into token ids, split by movie, with a vocabulary from the training split",
        run,
    );
    division::inputs(kind)
        .output(Output::table(
            "tokens",
            &tables::TOKENS,
            "the ids of each review and its split",
        ))
        .output(Output::table(
            "vocabulary",
            &tables::VOCABULARY,
            "the tokens that have ids, with their counts",
        ))
        .output(Output::table(
            "buckets",
            &tables::BUCKETS,
            "groups of reviews of similar lengths",
        ))
        .output(Output::file(
            "encoder",
            "encoder.json",
            "all that turns another text into ids in the same way",
        ))
}

/// Does the work of the kind, on one of rayon's threads: called from outside, they would all have to be woken for every batch.
pub fn run(params: TextParams, context: &mut TaskContext) -> Result<(), StageError> {
    rayon::scope(|_scope| run_within(params, context))
}

fn run_within(params: TextParams, context: &mut TaskContext) -> Result<(), StageError> {
    params.check()?;
    let text = params.terms.preprocessing(context)?;
    let path = context.input("reviews")?.path.clone();
    let assignment = division::divide(&path, &params.split, context)?;
    let splits = &assignment.splits;

    let (limit, min_count) = match text.tokenizer {
        Tokenizer::Subword => (usize::MAX, 1),
        _ => (
            params.vocabulary as usize - RESERVED.len(),
            params.min_count,
        ),
    };
    let wanted = Wanted {
        limit,
        min_count,
        numbering: params.numbering,
    };
    let (counts, counted) = match text.tokenizer {
        // What is counted is words, which become several ids each.
        Tokenizer::Subword => {
            let counts = passes::count(&path, splits, &text, wanted, context)?;
            (counts, CountedTexts::default())
        }
        _ => passes::count_texts(&path, splits, &text, wanted, context)?,
    };
    if counts.distinct == 0 {
        let reviews = assignment
            .sizes
            .get(&Split::Train)
            .map_or(0, |size| size.reviews);
        return Err(StageError::input(ReviewsError::NoWords { reviews }));
    }
    let mut longest = counts.longest;
    let mut settings = Settings {
        text,
        list: params.lengths(),
        merges: None,
    };
    let vocabulary = if settings.text.tokenizer == Tokenizer::Subword {
        let ids = params.vocabulary as usize;
        let Learnt { tokens, pairs } = train(&counts.terms, &RESERVED, ids, params.min_count);
        settings.merges = Some(pairs);
        let mut vocabulary = Vocabulary::uncounted(tokens, counts.distinct);
        let whole = unlimited(&settings, &vocabulary)?;
        let recounted = passes::recount(&path, splits, &whole, context)?;
        longest = recounted.longest;
        vocabulary.recount(recounted.counts);
        vocabulary
    } else {
        Vocabulary::of(counts)
    };
    let max_length = match (params.max_length, params.pad) {
        (None, Pad::Pre | Pad::Post) => Some((longest as u32 + u32::from(params.start)).max(1)),
        (given, _) => given,
    };
    let encoder = Encoder::new(settings, max_length, Arc::clone(vocabulary.tokens()))
        .map_err(StageError::failed)?;

    let mut json = serde_json::to_vec_pretty(&encoder.to_file().map_err(StageError::failed)?)
        .map_err(StageError::failed)?;
    json.push(b'\n');
    write_atomically(&context.output("encoder"), &json)?;
    write(
        "vocabulary",
        &tables::VOCABULARY,
        vocabulary.batch(),
        context,
    )?;
    let (totals, histograms) = passes::encode(&path, splits, &encoder, &counted, context)?;
    let buckets = Buckets::choose(&histograms, params.buckets as usize);
    write(
        "buckets",
        &tables::BUCKETS,
        buckets.batch(&histograms),
        context,
    )?;
    summary::of_tokens(&vocabulary, &totals, context);
    Ok(())
}

/// An encoder that cuts nothing and fills nothing up.
fn unlimited(settings: &Settings, vocabulary: &Vocabulary) -> Result<Encoder, StageError> {
    let mut settings = settings.clone();
    settings.list.pad = Pad::None;
    Encoder::new(settings, None, Arc::clone(vocabulary.tokens())).map_err(StageError::failed)
}

/// Writes a table of one batch.
pub(crate) fn write(
    name: &str,
    spec: &'static TableSpec,
    batch: Result<RecordBatch, ArrowError>,
    context: &mut TaskContext,
) -> Result<(), StageError> {
    let path = context.output(name);
    let batch = batch.map_err(|source| TableError::Arrow {
        path: path.clone(),
        source,
    })?;
    let mut writer = TableWriter::create(&path, spec)?;
    writer.write(&batch)?;
    let rows = writer.finish()?;
    context.result().rows_out.insert(name.into(), rows);
    Ok(())
}
