//! The sample's titles: which there are, who reviews them, what MovieLens has of them; and IMDb's
//! `title.basics` of them.
//!
//! Owns the titles' invention and the TSV. Every other part of the sample refers to these titles, so that
//! the sources fit together as the real ones do: nearly all reviewed titles are in `title.basics`, some
//! two thirds in MovieLens, and most titles are reviewed by nobody.
//!
//! Titles are made one by one, and only those that the other sources refer to are kept, so that memory does
//! not grow with IMDb's ten million.

use std::io::{self, Write};

use super::random::Random;

/// A title.
pub(super) struct Title {
    /// The number in the IMDb id.
    pub(super) number: u64,
    pub(super) name: String,
    original_name: String,
    title_type: &'static str,
    pub(super) year: i64,
    end_year: Option<i64>,
    runtime_minutes: Option<i64>,
    pub(super) genres: Vec<&'static str>,
    is_adult: bool,
    /// How good it is, standard normal: decides stars and ratings.
    pub(super) quality: f64,
    /// Whether `title.basics` has it.
    listed: bool,
    /// Whether MovieLens has it.
    pub(super) in_movielens: bool,
    /// The set that its reviews are in; no title is in two.
    pub(super) reviewed: Option<Reviewed>,
}

/// Where a title's reviews are, and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reviewed {
    pub(super) set: Set,
    pub(super) count: u8,
}

/// The parts of the review archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Set {
    Train,
    Test,
    Unsup,
}

/// Reviews of one title at most, as in the original.
const MOST_REVIEWS: u8 = 30;
/// The exponent of the law of reviews per title: few have many. Gives some 7 on average, as the original.
const REVIEWS_EXPONENT: f64 = 0.95;
/// Reviewed titles that `title.basics` has.
const LISTED: f64 = 0.97;
/// Reviewed titles, and others, that MovieLens has.
const IN_MOVIELENS: (f64, f64) = (0.65, 0.25);
/// Titles that nobody reviewed and MovieLens has, about, where there are very many: all of MovieLens has some
/// 60,000 movies.
const MOST_IN_MOVIELENS: f64 = 50_000.0;
/// Numbers of IMDb ids are spread below this; seven digits.
const NUMBERS: u64 = 9_900_000;
/// The last ids of `title.basics` have eight digits, as since 2019: one title in so many.
const EIGHT_DIGITS: usize = 50;

const GENRES: &[&str] = &[
    "Action",
    "Adventure",
    "Animation",
    "Biography",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Family",
    "Fantasy",
    "History",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
];
const ADJECTIVES: &[&str] = &[
    "Silent",
    "Last",
    "Golden",
    "Broken",
    "Hidden",
    "Long",
    "Crimson",
    "Distant",
    "Second",
    "Winter",
    "Hollow",
    "Burning",
    "Forgotten",
    "Quiet",
    "Restless",
    "Electric",
    "Paper",
    "Midnight",
    "Northern",
    "Stolen",
    "Empty",
    "Blue",
];
const NOUNS: &[&str] = &[
    "River",
    "Harbor",
    "Garden",
    "Letter",
    "Train",
    "Mirror",
    "Kingdom",
    "Summer",
    "Island",
    "Witness",
    "Orchard",
    "Bridge",
    "Stranger",
    "Promise",
    "Shadow",
    "Carnival",
    "Lighthouse",
    "Journey",
    "Winter",
    "Horizon",
    "Colony",
    "Piano",
    "Hotel",
    "Passenger",
    "Cathedral",
    "Season",
    "Engine",
    "Fortune",
    "Signal",
    "Valley",
];
const NAMES: &[&str] = &[
    "Amelia",
    "Oscar",
    "Vera",
    "Johnny",
    "Am\u{e9}lie",
    "Nikola",
    "Br\u{fc}der",
    "Marta",
    "Zo\u{eb}",
    "Captain Hale",
    "Doctor Moss",
    "Sister Ruth",
];
/// Titles in other languages with what they are called in English.
const FOREIGN: &[(&str, &str)] = &[
    ("Le ch\u{e2}teau oubli\u{e9}", "The Forgotten Castle"),
    ("Der l\u{e4}ngste Fr\u{fc}hling", "The Longest Spring"),
    ("La ni\u{f1}a del puerto", "The Girl of the Harbor"),
    ("Vyhnan\u{ed} z m\u{11b}sta", "Driven from Town"),
    ("\u{6771}\u{4eac}\u{306e}\u{590f}", "Tokyo Summer"),
    (
        "\u{417}\u{438}\u{43c}\u{43d}\u{438}\u{439} \u{43f}\u{43e}\u{435}\u{437}\u{434}",
        "Winter Train",
    ),
];

/// What is made: how many titles each set's reviews need is drawn first.
pub(super) struct Catalog<'r> {
    random: &'r mut Random,
    /// Of each title, in the order of their numbers.
    reviewed: Vec<Option<Reviewed>>,
    unreviewed: usize,
}

impl<'r> Catalog<'r> {
    /// Titles so that each set has as many reviews as asked for, and some that nobody reviewed.
    pub(super) fn new(random: &'r mut Random, sets: &[(Set, usize)], unreviewed: usize) -> Self {
        let weights = cumulative(
            (1..=MOST_REVIEWS).map(|count| libm::pow(f64::from(count), -REVIEWS_EXPONENT)),
        );
        let mut reviewed: Vec<Option<Reviewed>> = Vec::new();
        for &(set, reviews) in sets {
            let mut left = reviews;
            while left > 0 {
                let count = (draw(random, &weights) + 1).min(left);
                // At most MOST_REVIEWS.
                reviewed.push(Some(Reviewed {
                    set,
                    count: count as u8,
                }));
                left -= count;
            }
        }
        reviewed.resize(reviewed.len() + unreviewed, None);
        // So that neither set nor number of reviews can be told from the id.
        random.shuffle(&mut reviewed);
        Self {
            random,
            reviewed,
            unreviewed,
        }
    }

    /// Makes the titles, writes `title.basics` of those that are listed, and returns those that are reviewed or
    /// in MovieLens, by number, with the number of rows written. `each` is called for every title.
    pub(super) fn write(
        self,
        out: &mut impl Write,
        each: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<(Vec<Title>, u64)> {
        let Self {
            random,
            reviewed,
            unreviewed,
        } = self;
        let others = IN_MOVIELENS
            .1
            .min(MOST_IN_MOVIELENS / unreviewed.max(1) as f64);
        let step = (2 * NUMBERS / (reviewed.len() as u64 + 1)).max(2);
        let recent = reviewed.len() - reviewed.len() / EIGHT_DIGITS;
        writeln!(out, "{HEADER}")?;
        let (mut kept, mut rows) = (Vec::new(), 0);
        // The recent ones that nobody reviewed have the largest numbers and come last.
        let (mut last_kept, mut last_rows) = (Vec::new(), Vec::new());
        let mut number = 0;
        for (place, reviewed) in reviewed.into_iter().enumerate() {
            each()?;
            // On average half a step, so that the last number stays about where it shall be.
            number =
                (number + 1 + random.below(step as usize - 1) as u64).min(NUMBERS + place as u64);
            let mut title = title(random, number, reviewed, others);
            let is_last = place >= recent && title.reviewed.is_none();
            if is_last {
                title.number += 10_000_000;
            }
            if title.listed {
                rows += 1;
                if is_last {
                    write_row(&title, &mut last_rows)?;
                } else {
                    write_row(&title, out)?;
                }
            }
            if title.reviewed.is_some() || title.in_movielens {
                if is_last { &mut last_kept } else { &mut kept }.push(title);
            }
        }
        out.write_all(&last_rows)?;
        kept.append(&mut last_kept);
        Ok((kept, rows))
    }
}

/// `others` is the share of titles without reviews that MovieLens has.
fn title(random: &mut Random, number: u64, reviewed: Option<Reviewed>, others: f64) -> Title {
    let (name, original_name) = names(random);
    // The review archive is of 2011.
    let year =
        if reviewed.is_some() { 2010 } else { 2018 } - (random.exponential(16.0) as i64).min(95);
    let (series, shorter) = (random.chance(0.12), random.chance(0.15));
    let title_type = match (reviewed.is_some(), series, shorter) {
        (true, _, true) => random.pick(&["tvMovie", "video", "short"]),
        (false, true, _) => random.pick(&["tvSeries", "tvEpisode", "tvMiniSeries"]),
        (false, false, true) => random.pick(&["short", "video", "tvMovie", "videoGame"]),
        _ => "movie",
    };
    let ended = title_type == "tvSeries" && random.chance(0.7);
    let runtime = if title_type == "short" {
        random.between(3, 40)
    } else {
        70 + (random.exponential(28.0) as i64).min(200)
    };
    let mut genres: Vec<&'static str> = Vec::new();
    for _ in 0..random.between(0, 3).max(random.between(0, 1)) {
        let genre = random.pick(GENRES);
        if !genres.contains(&genre) {
            genres.push(genre);
        }
    }
    genres.sort_unstable();
    let in_movielens = random.chance(if reviewed.is_some() {
        IN_MOVIELENS.0
    } else {
        others
    });
    Title {
        number,
        name,
        original_name,
        title_type,
        year,
        end_year: ended.then(|| year + random.between(0, 9)),
        runtime_minutes: random.chance(0.8).then_some(runtime),
        genres,
        is_adult: reviewed.is_none() && random.chance(0.01),
        quality: random.normal(),
        listed: reviewed.is_none() || random.chance(LISTED),
        in_movielens: in_movielens && matches!(title_type, "movie" | "tvMovie" | "short"),
        reviewed,
    }
}

/// The English and the original name.
fn names(random: &mut Random) -> (String, String) {
    let (adjective, noun) = (random.pick(ADJECTIVES), random.pick(NOUNS));
    let (other, name) = (random.pick(NOUNS), random.pick(NAMES));
    let english = match random.below(12) {
        0 | 1 => format!("The {adjective} {noun}"),
        2 => format!("{adjective} {noun}"),
        3 => format!("The {noun} of the {other}"),
        4 => format!("{name} and the {noun}"),
        5 => format!("{name}'s {noun}"),
        6 => format!("A {adjective} {noun}"),
        // A quote inside a field of a format without quoting, as IMDb has it.
        7 => format!("\"{adjective} {noun}\" {other}"),
        8 => format!("{noun}, {other} & {name}"),
        9 => format!("{noun} {}", random.between(2, 9)),
        10 => format!("{noun}: The {adjective} {other}"),
        _ => {
            let (original, english) = FOREIGN[random.below(FOREIGN.len())];
            let part = random.between(1, 40);
            return (format!("{english} {part}"), format!("{original} {part}"));
        }
    };
    (english.clone(), english)
}

const HEADER: &str = "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\truntimeMinutes\tgenres";

/// Writes a title's row of `title.basics`.
fn write_row(title: &Title, out: &mut impl Write) -> io::Result<()> {
    let null = || "\\N".to_owned();
    let number = |value: Option<i64>| value.map_or_else(null, |value| value.to_string());
    let genres = if title.genres.is_empty() {
        null()
    } else {
        title.genres.join(",")
    };
    writeln!(
        out,
        "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{genres}",
        title.tconst(),
        title.title_type,
        title.name,
        title.original_name,
        u8::from(title.is_adult),
        title.year,
        number(title.end_year),
        number(title.runtime_minutes),
    )
}

impl Title {
    /// `tt0111161`: at least seven digits.
    pub(super) fn tconst(&self) -> String {
        format!("tt{:07}", self.number)
    }
}

/// Places drawn by weight, like [`draw`] of the same weights and the same generator, but with a table that tells
/// about where a draw falls: of 50,000 weights nearly all draws are found at once.
pub(super) struct Wheel {
    cumulative: Vec<f64>,
    /// For each of as many equal parts of the total: the first place that a point in it can fall on.
    first: Vec<u32>,
}

impl Wheel {
    pub(super) fn new(cumulative: Vec<f64>) -> Self {
        let total = cumulative.last().copied().unwrap_or_default();
        let parts = 4 * cumulative.len();
        let first = (0..=parts)
            .map(|part| {
                let point = part as f64 / parts as f64 * total;
                // One place less, against rounding.
                let place = cumulative.partition_point(|&sum| sum <= point);
                place.saturating_sub(1) as u32
            })
            .collect();
        Self { cumulative, first }
    }

    /// A place; there must be one.
    pub(super) fn draw(&self, random: &mut Random) -> usize {
        let total = self.cumulative.last().copied().unwrap_or_default();
        let part = random.unit();
        let point = part * total;
        let parts = self.first.len() - 1;
        let mut place = self.first[(part * parts as f64) as usize] as usize;
        while place < self.cumulative.len() && self.cumulative[place] <= point {
            place += 1;
        }
        place.min(self.cumulative.len().saturating_sub(1))
    }
}

/// Sums of the weights up to each place, for [`draw`].
pub(super) fn cumulative(weights: impl Iterator<Item = f64>) -> Vec<f64> {
    weights
        .scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        })
        .collect()
}

/// A place drawn by weight.
pub(super) fn draw(random: &mut Random, cumulative: &[f64]) -> usize {
    let total = cumulative.last().copied().unwrap_or_default();
    let point = random.unit() * total;
    cumulative
        .partition_point(|&sum| sum <= point)
        .min(cumulative.len().saturating_sub(1))
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;

    use super::super::random::Stream;
    use super::*;

    /// The kept titles and the text of `title.basics`.
    pub(in crate::sample) fn made(
        seed: u64,
        sets: &[(Set, usize)],
        unreviewed: usize,
    ) -> (Vec<Title>, String) {
        let mut random = Random::new(seed, Stream::Catalog);
        let mut text = Vec::new();
        let (titles, rows) = Catalog::new(&mut random, sets, unreviewed)
            .write(&mut text, &mut || Ok(()))
            .unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text.lines().count() as u64, rows + 1);
        (titles, text)
    }

    #[test]
    fn every_review_has_a_title_and_ids_are_unique() {
        let (titles, text) = made(1, &[(Set::Train, 2000), (Set::Test, 1999)], 3000);
        for (set, expected) in [(Set::Train, 2000), (Set::Test, 1999)] {
            let counts = titles
                .iter()
                .filter_map(|title| title.reviewed)
                .filter(|reviewed| reviewed.set == set);
            let counts: Vec<usize> = counts.map(|reviewed| reviewed.count.into()).collect();
            assert_eq!(counts.iter().sum::<usize>(), expected);
            assert!(
                counts
                    .iter()
                    .all(|count| (1..=MOST_REVIEWS.into()).contains(count))
            );
            // The original has 7.1 reviews a title.
            let mean = expected as f64 / counts.len() as f64;
            assert!((5.5..9.0).contains(&mean), "{mean}");
        }
        assert!(titles.is_sorted_by(|a, b| a.number < b.number));
        assert!(
            titles
                .iter()
                .all(|title| title.reviewed.is_none() || title.number < 10_000_000)
        );
        let numbers: Vec<u64> = text
            .lines()
            .skip(1)
            .map(|line| line[2..].split('\t').next().unwrap().parse().unwrap())
            .collect();
        assert!(numbers.is_sorted_by(|a, b| a < b));
        assert!(*numbers.last().unwrap() >= 10_000_000);
        let kept: BTreeSet<u64> = titles.iter().map(|title| title.number).collect();
        let listed = numbers
            .iter()
            .filter(|number| kept.contains(number))
            .count();
        // Some of the reviewed ones are in no list.
        assert!(listed < kept.len() && 10 * listed > 9 * kept.len());
    }

    #[test]
    fn a_wheel_draws_what_plain_drawing_draws() {
        for count in [1, 2, 7, 5000] {
            let weights = (0..count).map(|rank| libm::pow(f64::from(rank) + 2.0, -1.2));
            let wheel = Wheel::new(cumulative(weights));
            let [mut a, mut b] = [
                Random::new(3, Stream::Ratings),
                Random::new(3, Stream::Ratings),
            ];
            for _ in 0..20_000 {
                assert_eq!(wheel.draw(&mut a), draw(&mut b, &wheel.cumulative));
            }
        }
    }

    #[test]
    fn title_basics_has_imdb_s_oddities() {
        let (_titles, text) = made(2, &[(Set::Train, 100)], 500);
        assert!(text.lines().all(|line| line.split('\t').count() == 9));
        for oddity in ["\\N", "\t\"", "\u{e9}", "tvSeries"] {
            assert!(text.contains(oddity), "{oddity}");
        }
    }
}
