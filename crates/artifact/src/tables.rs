//! The tables: one schema constant each, in the file of the stage that writes it.
//!
//! Column docs give meaning, unit and null rule. Rows are sorted as `order` says before they are
//! written.

mod featurize;
mod ingest;
mod train;

use crate::table::{ColumnSpec, TableSpec};

pub use featurize::*;
pub use ingest::*;
pub use train::*;

const fn col(
    name: &'static str,
    column_type: crate::table::ColumnType,
    doc: &'static str,
) -> ColumnSpec {
    ColumnSpec::new(name, column_type, doc)
}

const fn opt(
    name: &'static str,
    column_type: crate::table::ColumnType,
    doc: &'static str,
) -> ColumnSpec {
    ColumnSpec::nullable(name, column_type, doc)
}

/// All tables, by which a reader of an unknown artifact can find its schema.
pub static ALL: &[&TableSpec] = &[
    &REVIEWS,
    &REJECTS,
    &RATINGS,
    &POPULARITY,
    &UNMATCHED,
    &FINDINGS,
    &LEANINGS,
    &TOKENS,
    &VOCABULARY,
    &BUCKETS,
    &FOLDS,
    &BAGS,
    &NGRAMS,
    &LOGITS,
    &VECTORS,
    &WINDOWS,
    &TRENDS,
    &HISTORY,
    &METRICS,
    &PREDICTIONS,
    &COMPARISONS,
    &SPREADS,
    &ATTRIBUTIONS,
    &SLICES,
];
