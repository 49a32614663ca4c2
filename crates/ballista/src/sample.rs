//! The sample: some movies' counts as the cluster has them, and the same counted again in this process.

use datafusion::arrow::array::RecordBatch;
use futures::TryStreamExt as _;

use crate::error::Error;
use crate::plan::{movie_rank, sample_limit};
use crate::popularity::Columns;
use crate::session::Session;
use crate::sums::Ratings;

/// Counts of some movies: movie and slot in one number, and the count.
pub(crate) struct Sample {
    limit: u64,
    counts: Vec<(u64, u64)>,
}

impl Sample {
    /// An empty sample of a share of the movies.
    pub(crate) fn of(share: f64) -> Self {
        Self {
            limit: sample_limit(share),
            counts: Vec::new(),
        }
    }

    /// Takes what belongs to it.
    pub(crate) fn add(&mut self, movie: u32, slot: u32, count: u64) {
        if movie_rank(movie) < self.limit {
            self.counts
                .push((u64::from(movie) << 32 | u64::from(slot), count));
        }
    }

    /// Counts its movies again in this process and compares; returns the number of rows.
    pub(crate) async fn verify(mut self, here: &Session, ratings: &Ratings) -> Result<u64, Error> {
        if self.limit == 0 {
            return Ok(0);
        }
        let mut again = Self {
            limit: self.limit,
            counts: Vec::new(),
        };
        let mut rows = here.ask(&ratings.counts_of_sample(self.limit)).await?;
        while let Some(batch) = rows
            .try_next()
            .await
            .map_err(|source| Error::Job { source })?
        {
            again.add_all(&batch)?;
        }
        self.counts.sort_unstable();
        again.counts.sort_unstable();
        let differs = |what: String| Error::Sample {
            what,
            limit: self.limit,
            here: again.counts.len(),
            there: self.counts.len(),
        };
        let pairs = self.counts.iter().zip(&again.counts);
        for (there, here) in pairs {
            if there != here {
                let (movie, slot) = (here.0 >> 32, here.0 as u32);
                return Err(differs(if there.0 == here.0 {
                    format!(
                        "movie {movie} has {} ratings in slot {slot}, and not {}",
                        here.1, there.1
                    )
                } else {
                    format!("the rows differ from movie {movie}, slot {slot} on")
                }));
            }
        }
        if self.counts.len() != again.counts.len() {
            return Err(differs("one has more rows than the other".into()));
        }
        Ok(self.counts.len() as u64)
    }

    fn add_all(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        Columns::of(batch)?.each(|movie, slot, count| self.add(movie, slot, count))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, Int64Array};
    use datafusion::parquet::arrow::ArrowWriter;

    use super::*;

    /// Counts, as a cluster might have them, against ratings of which movie 7 has two in slot 1 and one in slot 2, and movie 8 one in slot 1.
    async fn verified(counts: &[(u32, u32, u64)]) -> Result<u64, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ratings.parquet");
        let column = |values: [i64; 4]| -> ArrayRef { Arc::new(Int64Array::from(values.to_vec())) };
        let batch = RecordBatch::try_from_iter([
            ("movie_id", column([7, 7, 7, 8])),
            ("timestamp", column([1, 86_400, 86_401, 5])),
        ])
        .unwrap();
        let file = std::fs::File::create(&path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();

        let address = path.to_str().unwrap();
        let here = Session::in_process(None).unwrap();
        let schema = here.parquet("ratings", address).await.unwrap();
        let ratings = Ratings::of(&schema, address, "day").unwrap();
        let mut sample = Sample::of(1.0);
        for (movie, slot, count) in counts {
            sample.add(*movie, *slot, *count);
        }
        let end = sample.verify(&here, &ratings).await;
        end.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_count_that_was_changed_moved_or_lost_is_found() {
        assert_eq!(
            verified(&[(8, 1, 1), (7, 2, 1), (7, 1, 2)]).await,
            Ok(3),
            "right counts, in another order"
        );
        for (counts, expected) in [
            (
                &[(7, 1, 1), (7, 2, 2), (8, 1, 1)][..],
                "movie 7 has 2 ratings in slot 1, and not 1",
            ),
            (
                &[(7, 1, 2), (7, 3, 1), (8, 1, 1)],
                "the rows differ from movie 7, slot 2 on",
            ),
            (&[(7, 1, 2), (7, 2, 1)], "one has more rows than the other"),
        ] {
            let said = verified(counts).await.unwrap_err();
            assert!(said.contains(expected), "{said}");
        }
    }
}
