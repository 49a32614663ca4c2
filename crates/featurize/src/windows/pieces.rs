//! Which windows there are: of each movie, by split.
//!
//! Owns the boundaries of the splits and the choice of the movies. Does not own what is in a window.
//!
//! By time, the slots of the table, from its first to its last, are divided once for all movies: the last ones, as
//! many as the share of `test` says, are `test`, those before them `calib`, then `valid`, and the rest `train`. A window is
//! of the split in which the slot lies that it forecasts; all that it reads lies before that slot.
//! By movie, movies are shuffled by a digest of seed and movie, and the first ones are `test`, then `calib`, then `valid`.

use std::collections::{BTreeMap, BTreeSet};

use cinescore_artifact::Split;
use cinescore_artifact::digest::Preimage;
use thiserror::Error;

use super::params::{Crossing, Mode, SplitBy, WindowParams};
use super::series::{Movie, Series};

/// Why there are no windows.
#[derive(Debug, Error)]
pub(super) enum PiecesError {
    /// The shares leave nothing to learn from.
    #[error(
        "`valid`, `calib` and `test` take {taken} of the {all} {unit}: nothing is left for `train`"
    )]
    NoTraining {
        /// Slots or movies of the three.
        taken: u64,
        /// Slots or movies.
        all: u64,
        /// Which.
        unit: &'static str,
    },
}

/// Windows of one movie in one split that forecast positions that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    /// The number of the movie.
    pub(super) movie: usize,
    pub(super) split: Split,
    /// The first position that is forecast, and the one behind the last; positions are those of the movie's slots.
    pub(super) from: usize,
    pub(super) to: usize,
}

impl Piece {
    /// How many windows.
    pub(super) fn windows(&self) -> usize {
        self.to - self.from
    }
}

/// The slots of a movie that follow each other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Positions<'a> {
    series: &'a Series,
    movie: &'a Movie,
    mode: Mode,
}

impl<'a> Positions<'a> {
    pub(super) fn new(series: &'a Series, movie: &'a Movie, mode: Mode) -> Self {
        Self {
            series,
            movie,
            mode,
        }
    }

    fn rated(&self) -> &'a [u32] {
        &self.series.slots[self.movie.rows.clone()]
    }

    /// How many there are up to a slot, that one included.
    pub(super) fn until(&self, slot: u32) -> usize {
        let rated = self.rated();
        match self.mode {
            Mode::Observed => rated.partition_point(|own| *own <= slot),
            Mode::Calendar => {
                let last = slot.min(self.series.span().1);
                (u64::from(last) + 1).saturating_sub(u64::from(rated[0])) as usize
            }
        }
    }

    /// Slots and ratings of the positions from one to another.
    pub(super) fn values(&self, from: usize, to: usize) -> Vec<(u32, u32)> {
        let rated = self.rated();
        let counts = &self.series.counts[self.movie.rows.clone()];
        match self.mode {
            Mode::Observed => {
                let pairs = rated[from..to].iter().zip(&counts[from..to]);
                pairs.map(|(slot, count)| (*slot, *count)).collect()
            }
            Mode::Calendar => {
                let first = rated[0] + from as u32;
                let mut all: Vec<(u32, u32)> = (first..rated[0] + to as u32)
                    .map(|slot| (slot, 0))
                    .collect();
                let begin = rated.partition_point(|slot| *slot < first);
                for (slot, count) in rated[begin..].iter().zip(&counts[begin..]) {
                    match all.get_mut((slot - first) as usize) {
                        Some(own) => own.1 = *count,
                        None => break,
                    }
                }
                all
            }
        }
    }
}

/// All windows.
#[derive(Debug)]
pub(super) struct Pieces {
    /// By movie, then by time.
    pub(super) all: Vec<Piece>,
    /// The last slot of each split, by time.
    pub(super) last_slots: BTreeMap<Split, u32>,
    /// The last slot up to which a movie's ratings count for its choice and its decile.
    pub(super) known_until: u32,
    /// Divided by movie, the numbers of those of `train`.
    pub(super) train: Option<BTreeSet<usize>>,
    /// Movies that have too few ratings.
    pub(super) movies_left_out: u64,
    /// Windows that were left out because they begin in an earlier split.
    pub(super) crossing: u64,
}

impl Pieces {
    /// Those of all movies.
    pub(super) fn of(series: &Series, params: &WindowParams) -> Result<Self, PiecesError> {
        match params.split_by {
            SplitBy::Time => by_time(series, params),
            SplitBy::Movie => by_movie(series, params),
        }
    }
}

/// How many of `all` are train, valid, calib and test.
fn sizes(params: &WindowParams, all: u64, unit: &'static str) -> Result<[u64; 4], PiecesError> {
    let share = |share: f64| (share * all as f64).round() as u64;
    let (valid, calib, test) = (share(params.valid), share(params.calib), share(params.test));
    let taken = valid + calib + test;
    if taken >= all {
        return Err(PiecesError::NoTraining { taken, all, unit });
    }
    Ok([all - taken, valid, calib, test])
}

fn by_time(series: &Series, params: &WindowParams) -> Result<Pieces, PiecesError> {
    let last_slots = last_slots(series, params)?;
    Ok(Pieces::until(series, params, last_slots))
}

/// The last slot of each split, by time.
fn last_slots(series: &Series, params: &WindowParams) -> Result<BTreeMap<Split, u32>, PiecesError> {
    let (first, last) = series.span();
    let sizes = sizes(params, u64::from(last - first) + 1, "slots")?;
    let mut last_slots = BTreeMap::new();
    let mut end = first;
    for (split, size) in Split::ALL.into_iter().zip(sizes) {
        end += size as u32;
        last_slots.insert(split, end - 1);
    }
    Ok(last_slots)
}

impl Pieces {
    /// Those of all movies, where the splits end with these slots.
    fn until(series: &Series, params: &WindowParams, last_slots: BTreeMap<Split, u32>) -> Self {
        let known_until = last_slots[&Split::Train];
        let slots = params.slots as usize;
        let mut pieces = Pieces {
            all: Vec::new(),
            last_slots,
            known_until,
            train: None,
            movies_left_out: 0,
            crossing: 0,
        };
        for (number, movie) in series.movies.iter().enumerate() {
            // A movie without any demand is not left out, and costs no look at its ratings.
            if params.min_ratings > 0
                && series.ratings_until(movie, known_until) < params.min_ratings
            {
                pieces.movies_left_out += 1;
                continue;
            }
            let positions = Positions::new(series, movie, params.mode);
            let mut begin = 0;
            for (&split, &last) in &pieces.last_slots {
                let to = positions.until(last);
                let keep = begin.max(slots);
                let from = match (params.crossing, split) {
                    (Crossing::Drop, Split::Valid | Split::Calib | Split::Test) => begin + slots,
                    _ => keep,
                };
                pieces.crossing += (from.min(to).saturating_sub(keep)) as u64;
                if from < to {
                    pieces.all.push(Piece {
                        movie: number,
                        split,
                        from,
                        to,
                    });
                }
                begin = to;
            }
        }
        pieces
    }
}

fn by_movie(series: &Series, params: &WindowParams) -> Result<Pieces, PiecesError> {
    let sizes = sizes(params, series.movies.len() as u64, "movies")?;
    let mut order: Vec<usize> = (0..series.movies.len()).collect();
    order.sort_by_cached_key(|&number| {
        let mut preimage = Preimage::new("cinescore featurize: order of rated movies");
        preimage.field("seed", &params.seed.to_le_bytes());
        preimage.field("movie", &series.movies[number].id.to_le_bytes());
        preimage.digest()
    });
    let mut splits = vec![Split::Train; order.len()];
    let mut next = order.into_iter();
    for (split, size) in Split::ALL.into_iter().zip(sizes).rev() {
        for number in next.by_ref().take(size as usize) {
            splits[number] = split;
        }
    }
    let (_, last) = series.span();
    let train = (0..splits.len()).filter(|&number| splits[number] == Split::Train);
    let mut pieces = Pieces {
        all: Vec::new(),
        last_slots: BTreeMap::new(),
        known_until: last,
        train: Some(train.collect()),
        movies_left_out: 0,
        crossing: 0,
    };
    for (number, movie) in series.movies.iter().enumerate() {
        let positions = Positions::new(series, movie, params.mode);
        let known = slot_of_rating(series, movie, params.min_ratings);
        let from = known.map(|slot| positions.until(slot).max(params.slots as usize));
        let to = positions.until(last);
        match from {
            None => pieces.movies_left_out += 1,
            Some(from) if from < to => pieces.all.push(Piece {
                movie: number,
                split: splits[number],
                from,
                to,
            }),
            Some(_) => {}
        }
    }
    Ok(pieces)
}

/// The slot in which a movie has so many ratings; none where it never has. Its first slot for 0.
fn slot_of_rating(series: &Series, movie: &Movie, ratings: u64) -> Option<u32> {
    let mut sum = 0;
    movie.rows.clone().find_map(|row| {
        sum += u64::from(series.counts[row]);
        (sum >= ratings).then(|| series.slots[row])
    })
}

/// The tenth of the movies that each movie is in, by its ratings up to a slot, 1 to 10; movies without windows have
/// none and do not count. Divided by movie, the tenths are those of the movies of `train`, and each other movie is where it
/// would be among them.
pub(super) fn deciles(series: &Series, pieces: &Pieces) -> Vec<u8> {
    let ratings = |number: usize| series.ratings_until(&series.movies[number], pieces.known_until);
    let mut movies: Vec<usize> = pieces.all.iter().map(|piece| piece.movie).collect();
    movies.dedup();
    let (mut known, others): (Vec<usize>, Vec<usize>) = match &pieces.train {
        Some(train) => movies
            .into_iter()
            .partition(|number| train.contains(number)),
        None => (movies, Vec::new()),
    };
    known.sort_by_cached_key(|&number| ratings(number));
    let mut deciles = vec![0; series.movies.len()];
    let tenth = |rank: usize| 1 + (rank * 10 / known.len()).min(9) as u8;
    for (rank, &number) in known.iter().enumerate() {
        deciles[number] = tenth(rank);
    }
    for number in others {
        let own = ratings(number);
        deciles[number] = tenth(known.partition_point(|&other| ratings(other) < own));
    }
    deciles
}
