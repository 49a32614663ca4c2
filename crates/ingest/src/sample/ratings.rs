//! The sample's MovieLens archive and the law behind its ratings.
//!
//! Owns `ml-latest.zip`: `ratings.csv`, `movies.csv`, `links.csv`, `tags.csv`, `README.txt`. Ratings are
//! written as they are drawn, a user at a time, so memory grows with the movies and not with the ratings.
//!
//! **Who rates.** A user rates 20 movies and more, log-normal above that, in sessions of some dozens;
//! sessions are some weeks apart. The first begins anywhere between [`BEGIN`] and [`END`]. Sessions are
//! thinned by season: a year has its peak at its turn ([`YEARLY`]), a week on its weekend ([`WEEKLY`]).
//!
//! **What is rated.** Movies are ranked by fame (a normal draw plus half their quality); a movie of rank r is
//! proposed with weight 1 / (r + [`ZIPF_OFFSET`])^[`ZIPF_EXPONENT`], so that few movies get most ratings.
//! A proposal of a movie whose age is `a` years is taken with probability
//!
//! ```text
//! 0 for a < 0, else FLOOR + (1 - FLOOR) (1 - exp(-a / RISE)) exp(-a / DECAY)
//! ```
//!
//! so that popularity rises within weeks of the release, decays over years, and a little of it stays. Nobody
//! rates a movie twice.
//!
//! **How.** 3.5 stars plus 0.45 times the movie's quality, the user's own leaning and a mood, in halves from
//! 0.5 to 5.

use std::collections::BTreeMap;
use std::io::{self, Seek, Write};

use super::catalog::{Title, Wheel, cumulative};
use super::pack::{Zip, beside};
use super::random::{Random, Stream};

/// 1997-01-01 and 2018-09-01, UTC seconds: the first and last day on which somebody begins to rate.
const BEGIN: f64 = 852_076_800.0;
const END: f64 = 1_535_760_000.0;
const DAY_SECS: f64 = 86_400.0;
const YEAR_SECS: f64 = 365.2425 * DAY_SECS;
/// 1970-01-01 in years.
const EPOCH_YEAR: f64 = 1970.0;

/// How far the yearly and the weekly season go from their mean.
const YEARLY: f64 = 0.25;
const WEEKLY: f64 = 0.20;
const ZIPF_OFFSET: f64 = 2.0;
const ZIPF_EXPONENT: f64 = 1.2;
const FLOOR: f64 = 0.12;
const RISE: f64 = 0.08;
const DECAY: f64 = 1.6;
/// Fewest ratings of a user; mean and deviation of the logarithm of what comes above.
const USER_RATINGS: (usize, f64, f64) = (20, 3.6, 1.1);
/// Mean number of ratings in a session, and of days between two.
const SESSION: (f64, f64) = (30.0, 35.0);
/// Proposals after which a user has seen everything.
const PROPOSALS: usize = 400;
/// Ratings for one tag.
const RATINGS_A_TAG: usize = 30;

const TAGS: &[&str] = &[
    "funny",
    "atmospheric",
    "twist ending",
    "based on a book",
    "Highly quotable",
    "thought-provoking",
    "sci-fi",
    "surreal",
    "dark comedy",
    "visually appealing",
    "slow",
    "classic",
    "Oscar (Best Picture)",
    "stylized",
    "road trip, long",
    "quirky",
    "\"B\" movie",
    "in Netflix queue",
];

const README: &str = "\
This is sample data in the layout of MovieLens' `ml-latest` (Harper and Konstan 2015).\n\
It was made by `cinescore-ingest sample`; every movie, user and rating in it is invented.\n\n\
ratings.csv: userId,movieId,rating,timestamp (0.5 to 5 stars in halves; UTC seconds), by user, then movie\n\
movies.csv: movieId,title,genres (genres parted by |)\n\
links.csv: movieId,imdbId,tmdbId\n\
tags.csv: userId,movieId,tag,timestamp\n";

/// A movie as the law sees it.
struct Movie<'a> {
    id: u32,
    title: &'a Title,
    /// UTC seconds, may be before 1970.
    released: f64,
}

/// How many rows the archive has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) ratings: usize,
    pub(super) movies: usize,
}

/// Writes the archive with `ratings` ratings, or as many as the movies can bear; `each` is called for
/// every user.
pub(super) fn write_archive<W: Write + Seek + Send>(
    titles: &[Title],
    seed: u64,
    ratings: usize,
    out: W,
    each: &mut dyn FnMut() -> io::Result<()>,
) -> io::Result<(Written, W)> {
    let mut random = Random::new(seed, Stream::Ratings);
    let movies = movies(&mut random, titles);
    let mut zip = Zip::new(out);
    zip.begin("ml-latest/README.txt")?;
    zip.write_all(README.as_bytes())?;
    zip.begin("ml-latest/links.csv")?;
    write_links(&mut random, &movies, &mut zip)?;
    zip.begin("ml-latest/movies.csv")?;
    write_movies(&movies, &mut zip)?;
    zip.begin("ml-latest/ratings.csv")?;
    let mut law = Law::new(&mut random, &movies);
    let ((written, user), mut zip) = beside(zip, |out| {
        writeln!(out, "userId,movieId,rating,timestamp")?;
        let (mut written, mut user) = (0, 0);
        let mut row = Vec::with_capacity(64);
        while written < ratings {
            each()?;
            user += 1;
            let rows = law.user(&mut random, ratings - written);
            if rows.is_empty() {
                break;
            }
            written += rows.len();
            for (movie, (half_stars, time)) in rows {
                row.clear();
                write_number(&mut row, user as u64);
                row.push(b',');
                write_number(&mut row, movie.into());
                row.push(b',');
                write_number(&mut row, half_stars as u64 / 2);
                row.extend_from_slice(if half_stars % 2 == 0 { b".0," } else { b".5," });
                // Nobody rates before 1997.
                write_number(&mut row, time as u64);
                row.push(b'\n');
                out.write_all(&row)?;
            }
        }
        Ok((written, user))
    })?;
    zip.begin("ml-latest/tags.csv")?;
    write_tags(&movies, user, written / RATINGS_A_TAG, seed, &mut zip)?;
    Ok((
        Written {
            ratings: written,
            movies: movies.len(),
        },
        zip.finish()?,
    ))
}

/// Appends a number in decimal digits: `write!` takes several times as long, and there are a hundred million.
fn write_number(out: &mut Vec<u8>, number: u64) {
    let start = out.len();
    let mut rest = number;
    loop {
        out.push(b'0' + (rest % 10) as u8);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out[start..].reverse();
}

fn movies<'a>(random: &mut Random, titles: &'a [Title]) -> Vec<Movie<'a>> {
    let mut id = 0;
    let mut movies = Vec::new();
    for title in titles.iter().filter(|title| title.in_movielens) {
        // MovieLens' ids have gaps.
        id += random.between(1, 8) as u32;
        let released = (title.year as f64 - EPOCH_YEAR + random.unit()) * YEAR_SECS;
        movies.push(Movie {
            id,
            title,
            released,
        });
    }
    movies
}

fn write_links(random: &mut Random, movies: &[Movie<'_>], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "movieId,imdbId,tmdbId")?;
    for movie in movies {
        let tmdb = if random.chance(0.98) {
            random.between(2, 999_999).to_string()
        } else {
            String::new()
        };
        writeln!(out, "{},{:07},{tmdb}", movie.id, movie.title.number)?;
    }
    Ok(())
}

/// Of each movie its id, when it was released (UTC seconds) and the weight with which it is proposed.
pub(super) fn law(titles: &[Title], seed: u64) -> io::Result<Vec<(u32, f64, f64)>> {
    let mut random = Random::new(seed, Stream::Ratings);
    let movies = movies(&mut random, titles);
    // What is drawn for the links comes before what is drawn for the law.
    write_links(&mut random, &movies, &mut io::sink())?;
    let law = Law::new(&mut random, &movies);
    let by_fame = law.movies.iter().enumerate();
    Ok(by_fame
        .map(|(rank, movie)| (movie.id, movie.released, weight(rank)))
        .collect())
}

/// The weight of the movie of a rank, the most famous one's being 0.
fn weight(rank: usize) -> f64 {
    libm::pow(rank as f64 + ZIPF_OFFSET, -ZIPF_EXPONENT)
}

/// `Silent River, The (1995)`: the article goes behind, and a comma makes the field quoted.
fn write_movies(movies: &[Movie<'_>], out: &mut impl Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(["movieId", "title", "genres"])?;
    for movie in movies {
        let name = &movie.title.name;
        let name = match ["The ", "A "]
            .into_iter()
            .find_map(|article| Some((article, name.strip_prefix(article)?)))
        {
            Some((article, rest)) => format!("{rest}, {}", article.trim_end()),
            None => name.clone(),
        };
        let genres = &movie.title.genres;
        let genres = if genres.is_empty() {
            "(no genres listed)".to_owned()
        } else {
            genres.join("|")
        };
        csv.write_record([
            movie.id.to_string(),
            format!("{name} ({})", movie.title.year),
            genres,
        ])?;
    }
    csv.flush()
}

fn write_tags(
    movies: &[Movie<'_>],
    users: usize,
    tags: usize,
    seed: u64,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut random = Random::new(seed, Stream::Tags);
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(["userId", "movieId", "tag", "timestamp"])?;
    for tag in 0..if movies.is_empty() { 0 } else { tags } {
        // Evenly over the users, so that they come in order, as in the original.
        let user = 1 + tag * users / tags;
        let movie = movies[random.below(movies.len())].id;
        let time = (BEGIN + random.unit() * (END - BEGIN)) as i64;
        let tag = random.pick(TAGS).to_owned();
        csv.write_record([user.to_string(), movie.to_string(), tag, time.to_string()])?;
    }
    csv.flush()
}

struct Law<'a> {
    /// By fame.
    movies: Vec<&'a Movie<'a>>,
    /// Of the movies' weights.
    wheel: Wheel,
    curve: Curve,
}

impl<'a> Law<'a> {
    fn new(random: &mut Random, movies: &'a [Movie<'a>]) -> Self {
        let mut fame: Vec<(f64, &Movie<'_>)> = movies
            .iter()
            .map(|movie| (random.normal() + 0.5 * movie.title.quality, movie))
            .collect();
        fame.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.id.cmp(&b.1.id)));
        Self {
            wheel: Wheel::new(cumulative((0..fame.len()).map(weight))),
            curve: Curve::new(),
            movies: fame.into_iter().map(|(_, movie)| movie).collect(),
        }
    }

    /// The ratings of one user, at most `limit`: half stars and time by movie id.
    fn user(&mut self, random: &mut Random, limit: usize) -> BTreeMap<u32, (i64, i64)> {
        let (fewest, mean, deviation) = USER_RATINGS;
        let wanted = fewest + libm::exp(mean + deviation * random.normal()) as usize;
        // A user who knows most movies would make the law of fame flat.
        let wanted = wanted.min(self.movies.len() / 6).min(limit).max(1);
        let leaning = 0.4 * random.normal();
        let mut rows = BTreeMap::new();
        let earliest = BEGIN + random.unit() * (END - BEGIN);
        let mut time = session(random, earliest);
        while rows.len() < wanted {
            let Some(movie) = self.propose(random, time, &rows) else {
                break;
            };
            let stars = 3.5 + 0.45 * movie.title.quality + leaning + 0.8 * random.normal();
            let half_stars = libm::round(2.0 * stars).clamp(1.0, 10.0) as i64;
            rows.insert(movie.id, (half_stars, time as i64));
            time += 3.0 + random.exponential(12.0);
            let (session_ratings, pause_days) = SESSION;
            if random.chance(1.0 / session_ratings) {
                let earliest = time + random.exponential(pause_days) * DAY_SECS;
                time = session(random, earliest);
            }
        }
        rows
    }

    fn propose(
        &self,
        random: &mut Random,
        time: f64,
        seen: &BTreeMap<u32, (i64, i64)>,
    ) -> Option<&'a Movie<'a>> {
        if self.movies.is_empty() {
            return None;
        }
        for _ in 0..PROPOSALS {
            let movie = self.movies[self.wheel.draw(random)];
            let age_years = (time - movie.released) / YEAR_SECS;
            if self.curve.is_below(random.unit(), age_years) && !seen.contains_key(&movie.id) {
                return Some(movie);
            }
        }
        None
    }
}

/// The share of its height that a movie's popularity has at an age in years.
fn popularity(age_years: f64) -> f64 {
    if age_years < 0.0 {
        return 0.0;
    }
    FLOOR + (1.0 - FLOOR) * (1.0 - libm::exp(-age_years / RISE)) * libm::exp(-age_years / DECAY)
}

/// [`popularity`] between tabulated bounds, so that most draws are decided without two exponentials.
struct Curve {
    /// Lowest and highest value in each part of [`Curve::PART`] years, with room for rounding.
    bounds: Vec<(f64, f64)>,
}

impl Curve {
    /// Years of a part, small against [`RISE`].
    const PART: f64 = 1.0 / 256.0;
    /// Parts: 64 years, after which the curve is as good as flat.
    const PARTS: usize = 64 * 256;

    fn new() -> Self {
        let bounds = (0..Self::PARTS).map(|part| {
            let [start, end] = [part, part + 1].map(|part| popularity(part as f64 * Self::PART));
            // The curve has one peak, so in a part without it both ends are the bounds; the peak is lower than
            // either neighbour's end by far less than this.
            let room = 1e-3;
            (start.min(end) - room, start.max(end) + room)
        });
        Self {
            bounds: bounds.collect(),
        }
    }

    /// Whether `level < popularity(age_years)`.
    fn is_below(&self, level: f64, age_years: f64) -> bool {
        if age_years < 0.0 {
            return false;
        }
        match self.bounds.get((age_years / Self::PART) as usize) {
            Some((low, _)) if level < *low => true,
            Some((_, high)) if level >= *high => false,
            _ => level < popularity(age_years),
        }
    }
}

/// The first time from `earliest` on at which a session begins, by season; seconds.
fn session(random: &mut Random, earliest: f64) -> f64 {
    let mut time = earliest;
    loop {
        let most = (1.0 + YEARLY) * (1.0 + WEEKLY);
        if random.chance(season(time) / most) {
            return time;
        }
        time += random.exponential(2.0) * DAY_SECS;
    }
}

/// How much is rated at a time, 1 on average: most at the turn of the year and on weekends.
fn season(time: f64) -> f64 {
    let year = libm::cos(std::f64::consts::TAU * time / YEAR_SECS);
    // 1970-01-01 was a Thursday: three days later, on Sunday, the week has its peak.
    let week = libm::cos(std::f64::consts::TAU * (time / DAY_SECS - 3.0) / 7.0);
    (1.0 + YEARLY * year) * (1.0 + WEEKLY * week)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::catalog::Set;
    use crate::sample::catalog::tests::made;

    #[test]
    fn popularity_rises_and_decays() {
        assert_eq!(popularity(-0.1), 0.0);
        assert!(popularity(0.0) < popularity(0.05) && popularity(0.05) < popularity(0.25));
        assert!(popularity(0.3) > 0.7 && popularity(5.0) < 0.2);
    }

    #[test]
    fn the_tabulated_curve_says_what_the_curve_says() {
        let curve = Curve::new();
        let mut random = Random::new(5, Stream::Ratings);
        for _ in 0..200_000 {
            let age = -1.0 + 12.0 * random.unit() * random.unit() * 6.0;
            // Half of the levels close to the curve.
            let near = (popularity(age) + 0.004 * (random.unit() - 0.5)).max(0.0);
            for level in [random.unit(), near] {
                assert_eq!(
                    curve.is_below(level, age),
                    level < popularity(age),
                    "{level} at {age}"
                );
            }
        }
    }

    #[test]
    fn numbers_are_written_in_digits() {
        for number in [0, 7, 10, 99, 1_535_760_000, u64::MAX] {
            let mut text = Vec::new();
            write_number(&mut text, number);
            assert_eq!(text, number.to_string().into_bytes());
        }
    }

    #[test]
    fn few_movies_get_most_ratings_and_none_before_its_release() {
        let (titles, _text) = made(4, &[(Set::Train, 2000)], 1500);
        let mut random = Random::new(4, Stream::Ratings);
        let movies = movies(&mut random, &titles);
        let mut law = Law::new(&mut random, &movies);
        let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
        for _ in 0..200 {
            for (movie, (half_stars, time)) in law.user(&mut random, usize::MAX) {
                let released = movies
                    .iter()
                    .find(|other| other.id == movie)
                    .unwrap()
                    .released;
                assert!((1..=10).contains(&half_stars) && time as f64 >= released - 1.0);
                *counts.entry(movie).or_default() += 1;
            }
        }
        let mut counts: Vec<usize> = counts.into_values().collect();
        counts.sort_unstable();
        let all: usize = counts.iter().sum();
        let top: usize = counts.iter().rev().take(movies.len() / 10).sum();
        assert!(
            top as f64 > 0.4 * all as f64,
            "{top} of {all} by a tenth of the movies"
        );
    }
}
