//! The kind `text`: reviews to token ids.
//!
//! Owns the three passes over the table `reviews` (who belongs to which split; which tokens the
//! training split has; the ids of all) and the facts of the result. Does not own what a pass does
//! with a text. Reads `reviews`; writes `tokens`, `vocabulary` and `encoder.json`. No pass keeps
//! more text than one batch.

mod params;
mod passes;
mod summary;

use cinescore_artifact::describe::{Input, Output};
use cinescore_artifact::program::{Kind, TaskContext};
use cinescore_artifact::table::{TableError, TableWriter};
use cinescore_artifact::task::write_atomically;
use cinescore_artifact::{StageError, tables};
use thiserror::Error;

pub use params::TextParams;

use crate::encode::Encoder;
use crate::split::{self, Split};
use crate::vocabulary::Vocabulary;

/// Why reviews could not be turned into ids.
#[derive(Debug, Error)]
pub enum TextError {
    /// A review has a split that no source has.
    #[error(
        "review {review_id} has the split `{split}`; known are `train`, `test` and `unlabelled`"
    )]
    Split {
        /// The review.
        review_id: u64,
        /// Its split.
        split: String,
    },
    /// The table is not sorted by its key, or has a key twice.
    #[error(
        "review {review_id} comes after review {before}: the table is not sorted by `review_id`"
    )]
    Order {
        /// The review.
        review_id: u64,
        /// The review before it.
        before: u64,
    },
    /// Nothing is left to train on.
    #[error(
        "no review is left for the training split, of {source_reviews} training reviews in the table"
    )]
    NoTraining {
        /// Training reviews of the source.
        source_reviews: u64,
    },
    /// The training split has no token.
    #[error("the {reviews} reviews of the training split have no words")]
    NoWords {
        /// Reviews of the training split.
        reviews: u64,
    },
}

/// The kind, for the program.
pub fn kind() -> Kind {
    Kind::new(
        "text",
        "Turn reviews into token ids, split by movie, with a vocabulary from the training split",
        run,
    )
    .input(Input::table("reviews", &tables::REVIEWS, "the reviews"))
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
    .output(Output::file(
        "encoder",
        "encoder.json",
        "all that turns another text into ids in the same way",
    ))
}

/// Does the work of the kind.
pub fn run(params: TextParams, context: &mut TaskContext) -> Result<(), StageError> {
    params.check()?;
    let path = context.input("reviews")?.path.clone();
    let reviews = passes::read_keys(&path, context)?;
    let assignment = split::assign(&reviews, &params.split_rule());
    let training = assignment
        .sizes
        .get(&Split::Train)
        .map_or(0, |size| size.reviews);
    summary::of_split(&reviews, &assignment, context);
    if training == 0 {
        let source_reviews = summary::source_reviews(&reviews, split::Source::Train);
        return Err(StageError::input(TextError::NoTraining { source_reviews }));
    }
    drop(reviews);

    let counts = passes::count(&path, &assignment.splits, params.preprocessing(), context)?;
    if counts.is_empty() {
        return Err(StageError::input(TextError::NoWords { reviews: training }));
    }
    let vocabulary = Vocabulary::choose(counts, params.vocabulary as usize);
    let encoder = Encoder::new(
        params.preprocessing(),
        params.max_length,
        vocabulary.tokens().to_vec(),
    )
    .map_err(StageError::failed)?;

    let mut json = serde_json::to_vec_pretty(&encoder.to_file().map_err(StageError::failed)?)
        .map_err(StageError::failed)?;
    json.push(b'\n');
    write_atomically(&context.output("encoder"), &json)?;
    let vocabulary_rows = write_vocabulary(&vocabulary, context)?;
    let totals = passes::encode(&path, &assignment.splits, &encoder, context)?;
    summary::of_tokens(&vocabulary, &totals, context);
    context
        .result()
        .rows_out
        .insert("vocabulary".into(), vocabulary_rows);
    Ok(())
}

fn write_vocabulary(vocabulary: &Vocabulary, context: &TaskContext) -> Result<u64, StageError> {
    let path = context.output("vocabulary");
    let broken = |source| TableError::Arrow {
        path: path.clone(),
        source,
    };
    let mut writer = TableWriter::create(&path, &tables::VOCABULARY)?;
    writer.write(&vocabulary.batch().map_err(broken)?)?;
    Ok(writer.finish()?)
}
