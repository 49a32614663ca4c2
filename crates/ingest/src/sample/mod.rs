//! The kind `sample`: the three sources in their public formats, invented, so that the demo and the tests
//! need no download.
//!
//! Owns the invention. Does not own the reading of these formats. Reads nothing; writes
//! `aclImdb_v1.tar.gz`, `title.basics.tsv.gz` and `ml-latest.zip`, byte for byte the same for a seed on
//! every machine. What the reviews' law is stands in `grammar`, that of the ratings in `ratings`.
//!
//! How hard the reviews are was measured (`benchmarks/sample_difficulty.py`, and a test): words without order
//! decide 0.75 to 0.88 of the test reviews, and order is worth at least 0.03 more.

mod catalog;
mod grammar;
mod pack;
mod random;
mod ratings;
mod reviews;
mod words;

use std::io::{self, BufWriter, Write as _};

use cinescore_artifact::StageError;
use cinescore_artifact::describe::Output;
use cinescore_artifact::program::{Kind, TaskContext};
use fs_err::File;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use catalog::{Catalog, Set};
use random::{Random, Stream};

/// Parameters of `sample`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SampleParams {
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// Labelled reviews, half of them for training and half for test.
    #[schemars(range(min = 16, max = 1_000_000), extend("unit" = "reviews"))]
    pub reviews: usize,
    /// Unlabelled reviews.
    #[schemars(range(min = 0, max = 1_000_000), extend("unit" = "reviews"))]
    pub unlabelled: usize,
    /// Titles that nobody reviewed.
    #[schemars(range(min = 0, max = 12_000_000), extend("unit" = "titles"))]
    pub other_titles: usize,
    /// MovieLens ratings; fewer are made where the movies cannot bear so many.
    #[schemars(range(min = 0, max = 100_000_000), extend("unit" = "ratings"))]
    pub ratings: usize,
}

impl SampleParams {
    /// How many reviews each set has.
    fn sets(&self) -> [(Set, usize); 3] {
        let train = self.reviews.div_ceil(2);
        [
            (Set::Train, train),
            (Set::Test, self.reviews - train),
            (Set::Unsup, self.unlabelled),
        ]
    }
}

impl Default for SampleParams {
    fn default() -> Self {
        Self {
            seed: 1,
            reviews: 4000,
            unlabelled: 500,
            other_titles: 3000,
            ratings: 40_000,
        }
    }
}

/// The description of this kind.
pub fn kind() -> Kind {
    Kind::new(
        "sample",
        "Makes sample data in the public formats of the three sources.",
        run,
    )
    .output(Output::file(
        "aclimdb",
        "aclImdb_v1.tar.gz",
        "reviews, in the layout of Stanford's data set",
    ))
    .output(Output::file(
        "titles",
        "title.basics.tsv.gz",
        "titles, in IMDb's layout",
    ))
    .output(Output::file(
        "movielens",
        "ml-latest.zip",
        "ratings, in MovieLens' layout",
    ))
}

/// What was made.
struct Made {
    reviews: u64,
    titles: u64,
    titles_reviewed: usize,
    movielens: ratings::Written,
}

fn run(params: SampleParams, context: &mut TaskContext) -> Result<(), StageError> {
    let made = make(&params, context).map_err(|error| match error.kind() {
        // The archives' writers know I/O errors only: this one is the meter's.
        io::ErrorKind::Interrupted => StageError::interrupted(),
        _ => error.into(),
    })?;
    let result = context.result();
    let ratings = made.movielens.ratings as u64;
    for (output, rows) in [
        ("aclimdb", made.reviews),
        ("titles", made.titles),
        ("movielens", ratings),
    ] {
        result.rows_out.insert(output.into(), rows);
    }
    result
        .facts
        .insert("titles.reviewed".into(), json!(made.titles_reviewed));
    result
        .facts
        .insert("movielens.movies".into(), json!(made.movielens.movies));
    Ok(())
}

fn make(params: &SampleParams, context: &TaskContext) -> io::Result<Made> {
    let &SampleParams {
        seed,
        reviews,
        unlabelled,
        other_titles,
        ratings,
    } = params;
    let create = |output: &str| -> io::Result<BufWriter<File>> {
        Ok(BufWriter::with_capacity(
            1 << 20,
            File::create(context.output(output))?,
        ))
    };

    let mut random = Random::new(seed, Stream::Catalog);
    let catalog = Catalog::new(&mut random, &params.sets(), other_titles);
    let mut each = meter(context, "titles", None);
    let out = pack::gzip(create("titles")?);
    let ((titles, rows), out) = pack::beside(out, |out| catalog.write(out, &mut each))?;
    out.finish()?.flush()?;

    let reviews = (reviews + unlabelled) as u64;
    let mut each = meter(context, "reviews", Some(reviews));
    reviews::write_archive(&titles, seed, create("aclimdb")?, &mut each)?.flush()?;

    let mut each = meter(context, "users", None);
    let (movielens, mut out) =
        ratings::write_archive(&titles, seed, ratings, create("movielens")?, &mut each)?;
    out.flush()?;
    let titles_reviewed = titles
        .iter()
        .filter(|title| title.reviewed.is_some())
        .count();
    Ok(Made {
        reviews,
        titles: rows,
        titles_reviewed,
        movielens,
    })
}

/// Of each movie of the sample that these parameters make: its MovieLens id, when it was released (UTC seconds) and the weight
/// with which it is proposed to whoever rates. For those who want to know what there was to be forecast
/// (`examples/sample-law.rs`); no stage reads it.
///
/// # Errors
/// None of a disk: nothing is written.
pub fn law(params: &SampleParams) -> io::Result<Vec<(u32, f64, f64)>> {
    let mut random = Random::new(params.seed, Stream::Catalog);
    let catalog = Catalog::new(&mut random, &params.sets(), params.other_titles);
    let (titles, _rows) = catalog.write(&mut io::sink(), &mut || Ok(()))?;
    ratings::law(&titles, params.seed)
}

/// Counts what is made, passes it on, and fails once the work shall stop.
fn meter(
    context: &TaskContext,
    unit: &'static str,
    total: Option<u64>,
) -> impl FnMut() -> io::Result<()> {
    let mut done = 0;
    move || {
        done += 1;
        context
            .progress()
            .update(done, total, unit, "making sample data");
        context
            .check_interrupt()
            .map_err(|_stop| io::ErrorKind::Interrupted.into())
    }
}
