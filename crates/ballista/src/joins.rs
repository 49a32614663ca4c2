//! The joins of reviews: made on the cluster, handed on with what they come to.
//!
//! Owns the query. Whether each review is there once, and whether its matches are right, is checked by whoever asks, who has the keys.

use std::path::Path;

use datafusion::arrow::array::{Array as _, AsArray as _, Float64Array, RecordBatch};
use datafusion::arrow::datatypes::Float64Type;
use futures::TryStreamExt as _;

use crate::error::Error;
use crate::plan::{Answer, Match, Sums, VERSION};
use crate::popularity::numbers;
use crate::session::Session;
use crate::write::Output;

/// A movie without ratings has 0 of them; a review without a movie has no number at all.
const JOINS: &str = "\
    select r.review_row as review_row, t.title_row as title_row, l.movie_id as movie_id, \
    case when l.movie_id is null then null else coalesce(s.\"count\", 0) end as \"count\", s.mean as mean \
    from reviews r \
    left join titles t on r.tconst = t.tconst \
    left join links l on r.imdb_id = l.imdb_id \
    left join ratings s on l.movie_id = s.movie_id";

/// What to join.
pub(crate) struct Wanted<'a> {
    /// Names of tables, and where they lie.
    pub(crate) tables: [(&'a str, &'a str); 4],
    /// Reviews.
    pub(crate) expected: u64,
    pub(crate) output: &'a Path,
}

/// Joins and writes.
pub(crate) async fn join(wanted: &Wanted<'_>, session: &Session) -> Result<Answer, Error> {
    for (name, address) in wanted.tables {
        session.parquet(name, address).await?;
    }
    let mut output = Output::new(wanted.output)?;
    let mut sums = Sums::default();
    let failed = |source| Error::Job { source };
    let mut rows = session.ask(JOINS).await?;
    while let Some(batch) = rows.try_next().await.map_err(failed)? {
        each(&batch, |found| sums.add_match(&found))?;
        output.write(&batch)?;
    }
    if sums.items == 0 && wanted.expected > 0 {
        return Err(Error::Unseen {
            address: wanted.tables[0].1.into(),
        });
    }
    if sums.items != wanted.expected {
        return Err(Error::Rows {
            found: sums.items,
            expected: wanted.expected,
        });
    }
    output.finish()?;
    Ok(Answer::Done {
        version: VERSION,
        rows: sums.items,
        sums,
        sampled: 0,
    })
}

/// Hands over every row.
fn each(batch: &RecordBatch, mut take: impl FnMut(Match)) -> Result<(), Error> {
    let [review, title, movie, count] = [
        numbers(batch, "review_row")?,
        numbers(batch, "title_row")?,
        numbers(batch, "movie_id")?,
        numbers(batch, "count")?,
    ];
    let mean: &Float64Array = batch
        .column_by_name("mean")
        .and_then(|column| column.as_primitive_opt::<Float64Type>())
        .ok_or_else(|| Error::Nonsense {
            what: "no column `mean` of float64".into(),
        })?;
    for row in 0..batch.num_rows() {
        let value = |column: &datafusion::arrow::array::Int64Array| {
            (!column.is_null(row))
                .then(|| column.value(row))
                .map(|value| {
                    u64::try_from(value).map_err(|_| Error::Nonsense {
                        what: format!("the number {value}"),
                    })
                })
                .transpose()
        };
        let review = value(review)?.ok_or_else(|| Error::Nonsense {
            what: "a row without a review".into(),
        })?;
        take(Match {
            review,
            title: value(title)?,
            movie: value(movie)?,
            count: value(count)?,
            mean: (!mean.is_null(row)).then(|| mean.value(row)),
        });
    }
    Ok(())
}
