//! Ratings by movie and slot: counted on the cluster, checked here.
//!
//! Owns what is believed of a cluster's answer, which is nothing. The ratings that it counted are as many as there are, their checksum is
//! that of the ratings, and a sample of the movies has the same counts when it is counted again in this process. What there is is said
//! by whoever asks, who has read the ratings; else by the files' footers and by a query that counts nothing by movie.

use std::path::Path;

use datafusion::arrow::array::{Array as _, AsArray as _, Int64Array, RecordBatch};
use datafusion::arrow::datatypes::Int64Type;
use futures::TryStreamExt as _;

use crate::error::Error;
use crate::plan::{Answer, Sums, VERSION};
use crate::sample::Sample;
use crate::session::Session;
use crate::sums::{ROWS, Ratings};
use crate::write::Output;

/// What to count.
pub(crate) struct Wanted<'a> {
    pub(crate) ratings: &'a str,
    pub(crate) slot: &'a str,
    pub(crate) expected: Option<Sums>,
    pub(crate) verify_sample: f64,
    pub(crate) output: &'a Path,
}

/// Counts, checks and writes.
pub(crate) async fn count(wanted: &Wanted<'_>, session: &Session) -> Result<Answer, Error> {
    let schema = session.parquet("ratings", wanted.ratings).await?;
    let ratings = Ratings::of(&schema, wanted.ratings, wanted.slot)?;
    let here = Session::in_process(None)?;
    here.parquet("ratings", wanted.ratings).await?;
    let expected = match wanted.expected {
        Some(expected) => expected,
        None => sums(wanted.ratings, &ratings, session, &here).await?,
    };

    let mut output = Output::new(wanted.output)?;
    let mut sample = Sample::of(wanted.verify_sample);
    let (mut found, mut rows) = (Sums::default(), 0);
    let mut counts = session.ask(&ratings.counts()).await?;
    let failed = |source| Error::Job { source };
    while let Some(batch) = counts.try_next().await.map_err(failed)? {
        rows += batch.num_rows() as u64;
        Columns::of(&batch)?.each(|movie, slot, count| {
            found.add(movie, slot, count);
            sample.add(movie, slot, count);
        })?;
        output.write(&batch)?;
    }
    if found.items == 0 && expected.items > 0 {
        return Err(Error::Unseen {
            address: wanted.ratings.into(),
        });
    }
    if found != expected {
        return Err(Error::Sums { found, expected });
    }
    let sampled = sample.verify(&here, &ratings).await?;
    output.finish()?;
    Ok(Answer::Done {
        version: VERSION,
        rows,
        sums: found,
        sampled,
    })
}

/// What the ratings come to, by their footers and a query without groups.
async fn sums(
    address: &str,
    ratings: &Ratings,
    session: &Session,
    here: &Session,
) -> Result<Sums, Error> {
    let [footers] = one_row(here, ROWS, ["ratings"]).await?;
    let names = ["ratings", "bad", "checksum"];
    let [found, bad, checksum] = one_row(session, &ratings.sums(), names).await?;
    if found != footers {
        return Err(Error::Footers {
            found: found as u64,
            expected: footers as u64,
        });
    }
    if bad != 0 {
        return Err(Error::BadRows {
            address: address.into(),
            bad: bad as u64,
            ratings: found as u64,
        });
    }
    Ok(Sums {
        items: found as u64,
        // The same bits: the sum is modulo 2^64.
        checksum: checksum as u64,
    })
}

/// The numbers of the one row that a query answers with; null is 0.
async fn one_row<const N: usize>(
    session: &Session,
    sql: &str,
    names: [&str; N],
) -> Result<[i64; N], Error> {
    let rows = session.ask(sql).await?;
    let batches: Vec<RecordBatch> = rows
        .try_collect()
        .await
        .map_err(|source| Error::Job { source })?;
    let mut found = None;
    for batch in batches.iter().filter(|batch| batch.num_rows() > 0) {
        if batch.num_rows() > 1 || found.is_some() {
            return Err(Error::Nonsense {
                what: "several rows of sums".into(),
            });
        }
        let mut values = [0; N];
        for (value, name) in values.iter_mut().zip(names) {
            let column = numbers(batch, name)?;
            *value = if column.is_null(0) {
                0
            } else {
                column.value(0)
            };
        }
        found = Some(values);
    }
    found.ok_or_else(|| Error::Nonsense {
        what: "no row of sums".into(),
    })
}

/// A column of int64.
pub(crate) fn numbers<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a Int64Array, Error> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_primitive_opt::<Int64Type>())
        .ok_or_else(|| Error::Nonsense {
            what: format!("no column `{name}` of int64"),
        })
}

/// The columns of counts.
pub(crate) struct Columns<'a> {
    movie: &'a Int64Array,
    slot: &'a Int64Array,
    count: &'a Int64Array,
}

impl<'a> Columns<'a> {
    pub(crate) fn of(batch: &'a RecordBatch) -> Result<Self, Error> {
        Ok(Self {
            movie: numbers(batch, "movie")?,
            slot: numbers(batch, "slot")?,
            count: numbers(batch, "count")?,
        })
    }

    /// Hands over every row: movie, slot, count.
    pub(crate) fn each(&self, mut take: impl FnMut(u32, u32, u64)) -> Result<(), Error> {
        for row in 0..self.movie.len() {
            let [movie, slot, count] = [self.movie, self.slot, self.count]
                .map(|column| (!column.is_null(row)).then(|| column.value(row)));
            let number = |value: Option<i64>| value.and_then(|value| u32::try_from(value).ok());
            match (number(movie), number(slot), number(count)) {
                (Some(movie), Some(slot), Some(count)) if count > 0 => {
                    take(movie, slot, count.into())
                }
                _ => {
                    return Err(Error::Nonsense {
                        what: format!("movie {movie:?}, slot {slot:?}, count {count:?}"),
                    });
                }
            }
        }
        Ok(())
    }
}
