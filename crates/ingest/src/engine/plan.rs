//! What `cinescore-ingest` asks of the program `cinescore-ballista`, what that answers, and the arithmetic by which both
//! check a distributed count.
//!
//! This one file is compiled into both programs, which are built apart (`crates/ballista` is no member of the workspace),
//! so that they cannot disagree about it. It stands on serde alone.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The version of plan and answer: either program refuses another one.
pub const VERSION: u32 = 1;

/// The address that means the program's own process: DataFusion without a cluster.
pub const IN_PROCESS: &str = "in-process";

/// What is to be done, as JSON in a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`VERSION`].
    pub version: u32,
    /// The scheduler, `df://HOST:PORT`, or [`IN_PROCESS`].
    pub url: String,
    /// Parts into which the rows are dealt; the engine's own number where it is not said.
    #[serde(default)]
    pub partitions: Option<u32>,
    /// The share of the movies that is counted again in the program's own process, 0 to 1. What is joined is checked by whoever asks.
    pub verify_sample: f64,
    /// What to count.
    pub work: Work,
    /// The Parquet file to write; it must not be there. Rows in no order.
    pub output: PathBuf,
}

/// Kinds of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Work {
    /// Ratings by movie and slot: the output's columns are `movie`, `slot` and `count`, all int64.
    Popularity {
        /// Parquet, a file or folder or `s3://` address that all nodes see under this name, with the columns `movie_id` (or
        /// `movieId`) and `timestamp`, whole numbers.
        ratings: String,
        /// `hour`, `day`, `week`, `month`, `quarter` or `year`.
        slot: String,
        /// What the ratings hold, where whoever asks has read them.
        #[serde(default)]
        expected: Option<Sums>,
    },
    /// The joins of reviews with titles, and with MovieLens' movies and their ratings, each a left join from the reviews. The output has one
    /// row for each review: `review_row`, `title_row`, `movie_id` and `count`, all int64, and `mean`, float64. Without a title `title_row` is
    /// null; without a movie `movie_id`, `count` and `mean` are; of a movie without ratings `count` is 0 and `mean` null.
    ///
    /// Parquet files that all nodes see under these names, each key once in those that are joined.
    Reviews {
        /// `review_row` (int64), `tconst` (text), `imdb_id` (uint64); the last two may be null.
        reviews: String,
        /// `title_row` (int64), `tconst` (text).
        titles: String,
        /// `imdb_id` (uint64), `movie_id` (int64).
        links: String,
        /// `movie_id`, `count`, both int64, and `mean` (float64).
        ratings: String,
        /// Reviews.
        expected: u64,
    },
}

/// What an answer comes to, whatever the order of its rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sums {
    /// Ratings that were counted, or reviews that were joined.
    pub items: u64,
    /// The sum of [`pair_hash`] over all ratings, or of [`match_hash`] over all reviews, modulo 2^64.
    pub checksum: u64,
}

impl Sums {
    /// Adds `count` ratings of a movie in a slot.
    pub fn add(&mut self, movie: u32, slot: u32, count: u64) {
        let hash = pair_hash(movie, slot).wrapping_mul(count);
        self.items += count;
        self.checksum = self.checksum.wrapping_add(hash);
    }

    /// Adds a review with what belongs to it.
    pub fn add_match(&mut self, found: &Match) {
        self.items += 1;
        self.checksum = self.checksum.wrapping_add(match_hash(found));
    }

    /// The sums of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            items: self.items + other.items,
            checksum: self.checksum.wrapping_add(other.checksum),
        }
    }
}

/// The answer, as JSON on standard output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// The output is there, and was checked as far as the program can.
    Done {
        /// [`VERSION`].
        version: u32,
        /// Rows of the output.
        rows: u64,
        /// What they come to; of counts, equal to that of the ratings.
        sums: Sums,
        /// Rows that were counted again in the program's own process, and were the same; 0 of joins.
        sampled: u64,
    },
    /// Nothing was written.
    Failed {
        /// [`VERSION`].
        version: u32,
        /// What kind of failure it is.
        reason: Reason,
        /// For people: causes follow after `: `.
        message: String,
    },
}

/// Why nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The plan is of another version, or asks for what the program does not know.
    Plan,
    /// The ratings cannot be read, or hold what no rating can.
    Input,
    /// The engine cannot be reached, or it gave up.
    Engine,
    /// The engine answered, and the answer is wrong.
    Mismatch,
    /// The output cannot be written.
    Output,
    /// The program was told to stop.
    Stopped,
}

/// The prime 2^31 - 1: products of two numbers below it, and sums of two of those, fit into int64, in SQL too.
pub const PRIME: u64 = (1 << 31) - 1;
/// What a movie's number is taken times.
pub const MOVIE_FACTOR: u64 = 1_664_525_173;
/// What a slot's number is taken times.
pub const SLOT_FACTOR: u64 = 1_013_904_223;
/// What is added to both.
pub const OFFSET: u64 = 1_442_695_041;

/// A number below [`PRIME`] for a movie (below 2^31) in a slot (below 2^22): the cube of a linear form, which every engine can
/// compute in whole numbers of 64 bits with a sign.
///
/// The sum over all ratings is the sum over the counted pairs of hash times count. If one pair has too many ratings and
/// another one too few, if a part is lost or taken twice, the two differ but for one chance in some 2^31 - 1.
pub fn pair_hash(movie: u32, slot: u32) -> u64 {
    let linear = (u64::from(movie) * MOVIE_FACTOR + u64::from(slot) * SLOT_FACTOR + OFFSET) % PRIME;
    linear * linear % PRIME * linear % PRIME
}

/// A row of the joins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// The review's row.
    pub review: u64,
    /// The row of its title.
    pub title: Option<u64>,
    /// Its MovieLens movie.
    pub movie: Option<u64>,
    /// How many ratings the movie has.
    pub count: Option<u64>,
    /// Their mean, stars.
    pub mean: Option<f64>,
}

/// A number for a row of the joins; every bit of the mean is in it. What is not there differs from 0.
pub fn match_hash(found: &Match) -> u64 {
    let number = |value: Option<u64>| value.map_or(0, |value| value.wrapping_add(1));
    let parts = [
        found.review,
        number(found.title),
        number(found.movie),
        number(found.count),
        number(found.mean.map(f64::to_bits)),
    ];
    // The finalizer of SplitMix64 (Steele, Lea and Flood 2014) after each part.
    parts.into_iter().fold(OFFSET, |hash, part| {
        let mut mixed = (hash ^ part).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}

/// Below which [`movie_rank`] a movie belongs to the sample of a share.
pub fn sample_limit(share: f64) -> u64 {
    (share.clamp(0.0, 1.0) * PRIME as f64).ceil() as u64
}

/// A number below [`PRIME`] by which movies are sampled.
pub fn movie_rank(movie: u32) -> u64 {
    (u64::from(movie) * MOVIE_FACTOR + OFFSET) % PRIME
}
