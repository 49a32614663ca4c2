//! Prints the law behind the ratings of sample data: `movie_id,released_secs,weight` of each movie.
//!
//! Its parameters are the sample's: seed, ratings do not matter, reviews, unlabelled, other titles.
//! `benchmarks/popularity/oracle.py` reads it.

use std::io::{self, Write as _};

use cinescore_ingest::sample::{SampleParams, law};

fn main() -> io::Result<()> {
    let mut params = SampleParams::default();
    let mut numbers = std::env::args().skip(1).map(|text| {
        text.parse::<usize>()
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
    });
    let mut next = || {
        numbers.next().unwrap_or_else(|| {
            Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "usage: sample-law SEED REVIEWS UNLABELLED OTHER_TITLES",
            ))
        })
    };
    params.seed = next()? as u64;
    params.reviews = next()?;
    params.unlabelled = next()?;
    params.other_titles = next()?;
    let mut out = io::stdout().lock();
    writeln!(out, "movie_id,released_secs,weight")?;
    for (movie, released, weight) in law(&params)? {
        writeln!(out, "{movie},{released},{weight}")?;
    }
    Ok(())
}
