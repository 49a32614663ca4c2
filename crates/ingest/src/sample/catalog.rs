//! The sample's titles: which there are, who reviews them, what MovieLens has of them; and IMDb's
//! `title.basics` of them.
//!
//! Owns the titles' invention and the TSV. Every other part of the sample refers to these titles, so that
//! the sources fit together as the real ones do: nearly all reviewed titles are in `title.basics`, some
//! two thirds in MovieLens, and most titles are reviewed by nobody.

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
    pub(super) count: usize,
}

/// The parts of the review archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Set {
    Train,
    Test,
    Unsup,
}

/// Reviews of one title at most, as in the original.
const MOST_REVIEWS: usize = 30;
/// The exponent of the law of reviews per title: few have many. Gives some 7 on average, as the original.
const REVIEWS_EXPONENT: f64 = 0.95;
/// Reviewed titles that `title.basics` has.
const LISTED: f64 = 0.97;
/// Reviewed titles, and others, that MovieLens has.
const IN_MOVIELENS: (f64, f64) = (0.65, 0.25);
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

/// Titles so that each set has as many reviews as asked for, and some that nobody reviewed, by number.
pub(super) fn titles(random: &mut Random, sets: &[(Set, usize)], unreviewed: usize) -> Vec<Title> {
    let weights =
        cumulative((1..=MOST_REVIEWS).map(|count| libm::pow(count as f64, -REVIEWS_EXPONENT)));
    let mut reviewed: Vec<Option<Reviewed>> = Vec::new();
    for &(set, reviews) in sets {
        let mut left = reviews;
        while left > 0 {
            let count = (draw(random, &weights) + 1).min(left);
            reviewed.push(Some(Reviewed { set, count }));
            left -= count;
        }
    }
    reviewed.resize(reviewed.len() + unreviewed, None);
    // So that neither set nor number of reviews can be told from the id.
    random.shuffle(&mut reviewed);

    let step = (2 * NUMBERS / (reviewed.len() as u64 + 1)).max(2);
    let mut number = 0;
    let mut titles: Vec<Title> = Vec::with_capacity(reviewed.len());
    for reviewed in reviewed {
        // On average half a step, so that the last number stays about where it shall be.
        number = (number + 1 + random.below(step as usize - 1) as u64)
            .min(NUMBERS + titles.len() as u64);
        titles.push(title(random, number, reviewed));
    }
    let recent = titles.len() / EIGHT_DIGITS;
    for title in titles
        .iter_mut()
        .rev()
        .take(recent)
        .filter(|title| title.reviewed.is_none())
    {
        title.number += 10_000_000;
    }
    titles.sort_by_key(|title| title.number);
    titles
}

fn title(random: &mut Random, number: u64, reviewed: Option<Reviewed>) -> Title {
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
        IN_MOVIELENS.1
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

/// Writes `title.basics` of the titles that are listed; returns the number of rows.
pub(super) fn write_title_basics(titles: &[Title], out: &mut impl Write) -> io::Result<u64> {
    let null = || "\\N".to_owned();
    let number = |value: Option<i64>| value.map_or_else(null, |value| value.to_string());
    writeln!(
        out,
        "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\truntimeMinutes\tgenres"
    )?;
    let mut rows = 0;
    for title in titles.iter().filter(|title| title.listed) {
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
        )?;
        rows += 1;
    }
    Ok(rows)
}

impl Title {
    /// `tt0111161`: at least seven digits.
    pub(super) fn tconst(&self) -> String {
        format!("tt{:07}", self.number)
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
mod tests {
    use std::collections::BTreeSet;

    use super::super::random::Stream;
    use super::*;

    #[test]
    fn every_review_has_a_title_and_ids_are_unique() {
        let mut random = Random::new(1, Stream::Catalog);
        let titles = titles(&mut random, &[(Set::Train, 2000), (Set::Test, 1999)], 3000);
        for (set, expected) in [(Set::Train, 2000), (Set::Test, 1999)] {
            let counts = titles
                .iter()
                .filter_map(|title| title.reviewed)
                .filter(|reviewed| reviewed.set == set);
            let counts: Vec<usize> = counts.map(|reviewed| reviewed.count).collect();
            assert_eq!(counts.iter().sum::<usize>(), expected);
            assert!(
                counts
                    .iter()
                    .all(|count| (1..=MOST_REVIEWS).contains(count))
            );
            // The original has 7.1 reviews a title.
            let mean = expected as f64 / counts.len() as f64;
            assert!((5.5..9.0).contains(&mean), "{mean}");
        }
        let numbers: BTreeSet<u64> = titles.iter().map(|title| title.number).collect();
        assert_eq!(numbers.len(), titles.len());
        assert!(
            titles
                .iter()
                .all(|title| title.reviewed.is_none() || title.number < 10_000_000)
        );
        assert!(titles.iter().any(|title| title.number >= 10_000_000));
    }

    #[test]
    fn title_basics_has_imdb_s_oddities() {
        let mut random = Random::new(2, Stream::Catalog);
        let titles = titles(&mut random, &[(Set::Train, 100)], 500);
        let mut text = Vec::new();
        let rows = write_title_basics(&titles, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text.lines().count() as u64, rows + 1);
        assert!(text.lines().all(|line| line.split('\t').count() == 9));
        for oddity in ["\\N", "\t\"", "\u{e9}", "tvSeries"] {
            assert!(text.contains(oddity), "{oddity}");
        }
    }
}
