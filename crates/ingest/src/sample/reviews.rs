//! The sample's review archive: who gives how many stars to what, and `aclImdb_v1.tar.gz` of it.
//!
//! Owns the assignment of stars and the archive's layout. Does not own the texts (`grammar`).
//!
//! **Stars.** In each half as many reviews are negative as positive, and within either the stars come in the
//! proportions of the real training half. Better titles get more stars: reviews are ranked by the title's
//! quality plus a taste of the writer's own, and the ranks are cut at the proportions.

use std::io::{self, Write};
use std::ops::RangeInclusive;

use super::catalog::{Set, Title};
use super::grammar;
use super::pack::TarGz;
use super::random::{Random, Stream};

/// How much the title decides, compared with the writer's taste.
const QUALITY_WEIGHT: f64 = 0.8;
/// Counts of 1 to 4 and 7 to 10 stars in the real training half.
const STARS: [(u8, u64); 8] = [
    (1, 5100),
    (2, 2284),
    (3, 2420),
    (4, 2696),
    (7, 2496),
    (8, 3009),
    (9, 2263),
    (10, 4732),
];

const README: &str = "\
This is sample data in the layout of the Large Movie Review Dataset v1.0 (Maas et al., ACL 2011).\n\
It was made by `cinescore-ingest sample`; every title, person and review in it is invented.\n\n\
train and test hold labelled reviews in pos and neg, train/unsup holds unlabelled ones. A file is named\n\
[id]_[stars].txt; stars are 1 to 4 in neg, 7 to 10 in pos and 0, for none, in unsup. Line i of\n\
urls_[pos, neg, unsup].txt, counted from 0, is the address of the title that file id i is about.\n";

/// A review to be written.
struct Planned<'a> {
    title: &'a Title,
    stars: u8,
}

/// Writes the archive; `each` is called for every review.
pub(super) fn write_archive<W: Write>(
    titles: &[Title],
    seed: u64,
    out: W,
    each: &mut dyn FnMut() -> io::Result<()>,
) -> io::Result<W> {
    let mut random = Random::new(seed, Stream::Reviews);
    let mut archive = TarGz::new(out);
    archive.add("aclImdb/README", README.as_bytes())?;
    let mut number = 0;
    for (set, half) in [
        (Set::Test, "test"),
        (Set::Train, "train"),
        (Set::Unsup, "train"),
    ] {
        let planned = plan(&mut random, titles, set);
        let classes: &[(&str, RangeInclusive<u8>)] = match set {
            Set::Unsup => &[("unsup", 1..=10)],
            _ => &[("neg", 1..=4), ("pos", 7..=10)],
        };
        for (class, stars) in classes {
            let mut urls = String::new();
            let members = planned
                .iter()
                .filter(|review| stars.contains(&review.stars));
            for (id, review) in members.enumerate() {
                each()?;
                let mut random = Random::numbered(seed, Stream::Texts, number);
                number += 1;
                let text = grammar::review(&mut random, &review.title.name, review.stars);
                let shown = if set == Set::Unsup { 0 } else { review.stars };
                archive.add(
                    &format!("aclImdb/{half}/{class}/{id}_{shown}.txt"),
                    text.as_bytes(),
                )?;
                urls.push_str(&format!(
                    "http://www.imdb.com/title/{}/usercomments\n",
                    review.title.tconst()
                ));
            }
            archive.add(&format!("aclImdb/{half}/urls_{class}.txt"), urls.as_bytes())?;
        }
    }
    archive.finish()
}

/// The reviews of a set with their stars, by title, as the original's file ids are.
fn plan<'a>(random: &mut Random, titles: &'a [Title], set: Set) -> Vec<Planned<'a>> {
    let of_title = |title: &'a Title| {
        let count = title
            .reviewed
            .filter(|reviewed| reviewed.set == set)
            .map_or(0, |reviewed| reviewed.count.into());
        std::iter::repeat_n(title, count)
    };
    let mut liking: Vec<(f64, usize, &Title)> = titles
        .iter()
        .flat_map(of_title)
        .enumerate()
        .map(|(place, title)| {
            (
                QUALITY_WEIGHT * title.quality + random.normal(),
                place,
                title,
            )
        })
        .collect();
    liking.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let count = liking.len();
    let mut planned: Vec<(usize, Planned<'_>)> = liking
        .into_iter()
        .enumerate()
        .map(|(rank, (_, place, title))| {
            (
                place,
                Planned {
                    title,
                    stars: stars_of_rank(rank, count),
                },
            )
        })
        .collect();
    planned.sort_by_key(|(place, _)| *place);
    planned.into_iter().map(|(_, review)| review).collect()
}

/// The stars of the review of this rank among `count`, the worst having rank 0.
fn stars_of_rank(rank: usize, count: usize) -> u8 {
    let negative = count / 2;
    let (side, rank, size) = if rank < negative {
        (&STARS[..4], rank, negative)
    } else {
        (&STARS[4..], rank - negative, count - negative)
    };
    let total: u64 = side.iter().map(|(_, weight)| weight).sum();
    let mut sum = 0;
    for (stars, weight) in side {
        sum += weight;
        if (rank as u64) * total < sum * size as u64 {
            return *stars;
        }
    }
    side[3].0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_come_in_the_real_proportions() {
        let mut counts = [0_u64; 11];
        for rank in 0..25_000 {
            counts[usize::from(stars_of_rank(rank, 25_000))] += 1;
        }
        for (stars, expected) in STARS {
            assert_eq!(counts[usize::from(stars)], expected, "{stars} stars");
        }
        assert_eq!([0, 1, 2].map(|rank| stars_of_rank(rank, 3)), [1, 7, 9]);
    }
}
