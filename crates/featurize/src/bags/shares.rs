//! The kind `bags` in shares.
//!
//! Owns what a shard leaves of its reviews, and how the bags are made of that. What is cheap and needs all texts, every shard does
//! for itself: splits, word classes, the counts of terms and the sieve. So all of them number terms alike. What is dear is divided: a
//! shard writes which n-grams each of its reviews has. The merge adds up the counts, chooses the n-grams, weighs them, and
//! turns the shards' numbers into those of the vocabulary; no text is divided into words again but for the terms and classes.
//!
//! The pieces are batches of the table of reviews, dealt out in turn. A part has `rows.parquet`, the n-grams of each review in
//! the order of the table, and, where n-grams are not hashed, `seen.parquet`, what their numbers mean.

mod merge;
mod share;

use cinescore_artifact::StageError;
use cinescore_artifact::digest::Preimage;
use cinescore_artifact::encoder::ENCODER_VERSION;
use cinescore_artifact::table::{ColumnSpec, ColumnType, TableSpec};
use cinescore_artifact::task::Shard;

use super::Begun;
use super::params::BagParams;
use crate::classes::Classes;
use crate::split::Split;
use crate::tokenize::Tokenizer;

pub(super) use merge::merge;
pub(super) use share::share;

const ROWS_FILE: &str = "rows.parquet";
const SEEN_FILE: &str = "seen.parquet";
/// What the rows' metadata say: which shard's they are, and of what work.
const SHARD_KEY: &str = "cinescore.shard";
const WORK_KEY: &str = "cinescore.work";
/// What each review of a share has.
static ROWS: TableSpec = TableSpec {
    name: "bags of a share",
    version: ENCODER_VERSION,
    row: "a review with a split, of the pieces that are the shard's",
    order: "review_id",
    row_group_rows: 8192,
    columns: &[
        ColumnSpec::new(
            "ngrams",
            ColumnType::ListUInt32,
            "numbers of the shard, or what n-grams are hashed to",
        ),
        ColumnSpec::new(
            "counts",
            ColumnType::ListUInt32,
            "how often the review has each",
        ),
    ],
};

/// What the numbers of a share mean.
static SEEN: TableSpec = TableSpec {
    name: "n-grams of a share",
    version: ENCODER_VERSION,
    row: "an n-gram, whose number is the row's",
    order: "as they first appear",
    row_group_rows: 65_536,
    columns: &[
        ColumnSpec::new("first", ColumnType::UInt32, "its first term or class"),
        ColumnSpec::new(
            "second",
            ColumnType::UInt32,
            "its second; 2^32 - 1 where it has none",
        ),
        ColumnSpec::new(
            "third",
            ColumnType::UInt32,
            "its third; 2^32 - 1 where it has none",
        ),
        ColumnSpec::new(
            "count",
            ColumnType::UInt64,
            "occurrences in the share's training reviews",
        ),
    ],
};

/// Whether n-grams that are told apart by the numbers of their terms are told apart by their names too. Encoding goes by names; a
/// lemma may have a space in it, and a term may be written as a class is. Then nothing is left to the shards.
fn is_divisible(begun: &Begun) -> bool {
    let lemmas = || begun.text.terms.lemmas.values();
    let has_classes = begun.classes.is_some();
    !(lemmas().any(|lemma| lemma.contains(' ') || has_classes && lemma.contains('{'))
        || has_classes && begun.text.tokenizer == Tokenizer::Whitespace)
}

/// How a shard is written, counted from 1.
fn noted(Shard { index, count }: Shard) -> String {
    format!("{}/{count}", u64::from(index) + 1)
}

/// What tells one work from others: its parameters and reviews. The numbers of n-grams mean nothing in another one.
fn work_of(params: &BagParams, begun: &Begun) -> Result<String, StageError> {
    let settings = serde_json::to_vec(&(params, &begun.text)).map_err(StageError::failed)?;
    let splits = begun
        .splits
        .iter()
        .map(|split| split.map_or("", Split::name));
    let classes = begun.classes.iter().flat_map(Classes::words).flatten();
    let mut work = Preimage::new("cinescore bags of a share 1");
    work.field("settings", &settings);
    work.field("splits", splits.collect::<Vec<_>>().join(" ").as_bytes());
    for word in classes {
        work.field("word of a class", word.as_bytes());
    }
    Ok(work.digest().to_string())
}
