//! What is known of reviews, and the slices that follow from it.
//!
//! Length, unknown words, negation and contrast are those of the ids that a network reads: of a review that was cut they are
//! those of what was left. Negation and contrast are names of the encoder's ids, nothing more.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use arrow::array::{Array as _, AsArray as _, Int32Array, ListArray, StringArray, UInt64Array};
use arrow::datatypes::Int32Type;
use cinescore_artifact::encoder::{EncoderFile, PADDING_ID, START_ID, UNKNOWN_ID};
use cinescore_artifact::table::{TableReader, column};
use cinescore_artifact::tables::{REVIEWS, TOKENS};
use cinescore_artifact::task::read_json;
use cinescore_artifact::{StageError, turns};

use super::measure::{Factor, Level};
use crate::examples::check_terms;
use crate::fit::errors::of_examples;

/// Rows read at a time.
const READ_ROWS: usize = 8192;

/// What a review's ids say.
#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    ids: u32,
    unknown: u32,
    negations: u32,
    contrasts: u32,
}

/// What a review's title says.
#[derive(Debug, Clone, Default)]
struct Title {
    genres: Vec<String>,
    decade: Option<i32>,
}

/// What is known of reviews, by id.
#[derive(Debug, Default)]
pub(super) struct Known {
    counted: BTreeMap<u64, Counted>,
    titles: BTreeMap<u64, Title>,
    /// Whether negations and contrasts were counted.
    has_words: bool,
}

impl Known {
    /// Reads what the tables say of the reviews that are wanted.
    pub(super) fn read(
        wanted: &BTreeSet<u64>,
        tokens: Option<&Path>,
        encoder: Option<&Path>,
        reviews: Option<&Path>,
    ) -> Result<Self, StageError> {
        let mut known = Self::default();
        let file: Option<EncoderFile> = encoder
            .map(|path| read_json(path).map_err(StageError::input))
            .transpose()?;
        if let Some(path) = tokens {
            known.has_words = file.is_some();
            known.read_tokens(path, wanted, file.as_ref())?;
        }
        if let Some(path) = reviews {
            known.read_titles(path, wanted)?;
        }
        Ok(known)
    }

    fn read_tokens(
        &mut self,
        path: &Path,
        wanted: &BTreeSet<u64>,
        encoder: Option<&EncoderFile>,
    ) -> Result<(), StageError> {
        let columns = ["review_id", "ids"];
        let table = TableReader::open(path, &TOKENS)?;
        if let Some(encoder) = encoder {
            check_terms(&table, path, &encoder.terms()).map_err(of_examples)?;
        }
        let turns = encoder.map(|encoder| Turns::of(&encoder.tokens));
        let turns = turns.unwrap_or_default();
        for batch in table.batches_of(READ_ROWS, &columns)? {
            let batch = batch?;
            let reviews: &UInt64Array = column(&batch, "review_id");
            let lists: &ListArray = column(&batch, "ids");
            for row in 0..batch.num_rows() {
                if wanted.contains(&reviews.value(row)) {
                    let list = lists.value(row);
                    let counted = turns.count(list.as_primitive::<Int32Type>().values());
                    self.counted.insert(reviews.value(row), counted);
                }
            }
        }
        Ok(())
    }

    fn read_titles(&mut self, path: &Path, wanted: &BTreeSet<u64>) -> Result<(), StageError> {
        let columns = ["review_id", "start_year", "genres"];
        for batch in TableReader::open(path, &REVIEWS)?.batches_of(READ_ROWS, &columns)? {
            let batch = batch?;
            let reviews: &UInt64Array = column(&batch, "review_id");
            let years: &Int32Array = column(&batch, "start_year");
            let genres: &ListArray = column(&batch, "genres");
            for row in 0..batch.num_rows() {
                if !wanted.contains(&reviews.value(row)) {
                    continue;
                }
                let own = genres.is_valid(row).then(|| genres.value(row));
                let own = own
                    .as_ref()
                    .and_then(|own| own.as_any().downcast_ref::<StringArray>());
                let mut names: Vec<String> = own
                    .into_iter()
                    .flatten()
                    .flatten()
                    .map(str::to_owned)
                    .collect();
                names.sort();
                names.dedup();
                let title = Title {
                    genres: names,
                    decade: years
                        .is_valid(row)
                        .then(|| years.value(row).div_euclid(10) * 10),
                };
                self.titles.insert(reviews.value(row), title);
            }
        }
        Ok(())
    }
}

/// The ids of words that negate, and of those that begin a contrast.
#[derive(Debug, Default)]
struct Turns {
    negations: HashSet<i32>,
    contrasts: HashSet<i32>,
}

impl Turns {
    fn of(tokens: &[String]) -> Self {
        let ids = |is: fn(&str) -> bool| {
            let named = tokens.iter().enumerate();
            named
                .filter(|(_, token)| is(&token.to_lowercase()))
                .filter_map(|(id, _)| i32::try_from(id).ok())
                .collect()
        };
        Self {
            negations: ids(turns::negates),
            contrasts: ids(turns::contrasts),
        }
    }

    fn count(&self, ids: &[i32]) -> Counted {
        let mut counted = Counted::default();
        for id in ids.iter().filter(|id| ![PADDING_ID, START_ID].contains(id)) {
            counted.ids += 1;
            counted.unknown += u32::from(*id == UNKNOWN_ID);
            counted.negations += u32::from(self.negations.contains(id));
            counted.contrasts += u32::from(self.contrasts.contains(id));
        }
        counted
    }
}

/// A level's order among its factor's, and its name.
type Place = (i32, String);

/// The factors of some reviews; one with a single level says nothing that all reviews together do not, and is left out.
pub(super) fn of(ids: &[u64], known: &Known) -> Vec<Factor> {
    let counted = |id: &u64| known.counted.get(id);
    let words = |id: &u64| known.has_words.then(|| counted(id)).flatten();
    let title = |id: &u64| known.titles.get(id);
    let one = |place: Place| vec![place];
    let mut all = vec![
        factor("length", ids, |id| Some(one(length(counted(id)?.ids)))),
        factor("unknown words", ids, |id| Some(one(unknown(counted(id)?)))),
        factor("negation", ids, |id| {
            Some(one(several(words(id)?.negations)))
        }),
        factor("contrast", ids, |id| {
            Some(one(several(words(id)?.contrasts)))
        }),
        factor("genre", ids, |id| {
            let genres = &title(id)?.genres;
            (!genres.is_empty()).then(|| genres.iter().map(|name| (0, name.clone())).collect())
        }),
        factor("decade", ids, |id| {
            let decade = title(id)?.decade?;
            Some(one((decade, format!("{decade}s"))))
        }),
    ];
    all.retain(|factor| factor.levels.len() > 1);
    all
}

fn factor(name: &'static str, ids: &[u64], places: impl Fn(&u64) -> Option<Vec<Place>>) -> Factor {
    let mut levels: BTreeMap<Place, Vec<usize>> = BTreeMap::new();
    let mut known = Vec::with_capacity(ids.len());
    for (row, id) in ids.iter().enumerate() {
        let own = places(id);
        known.push(own.is_some());
        for place in own.into_iter().flatten() {
            levels.entry(place).or_default().push(row);
        }
    }
    let level = |((_, name), rows): (Place, Vec<usize>)| Level { name, rows };
    Factor {
        name,
        known,
        levels: levels.into_iter().map(level).collect(),
    }
}

fn place((place, name): (i32, &str)) -> Place {
    (place, name.to_owned())
}

fn length(ids: u32) -> Place {
    place(match ids {
        ..=100 => (0, "to 100 ids"),
        101..=200 => (1, "101 to 200"),
        201..=400 => (2, "201 to 400"),
        _ => (3, "above 400"),
    })
}

fn unknown(counted: &Counted) -> Place {
    place(
        match f64::from(counted.unknown) / f64::from(counted.ids.max(1)) {
            0.0 => (0, "none"),
            part if part <= 0.02 => (1, "to 2 %"),
            part if part <= 0.05 => (2, "2 to 5 %"),
            part if part <= 0.1 => (3, "5 to 10 %"),
            _ => (4, "above 10 %"),
        },
    )
}

fn several(count: u32) -> Place {
    place(match count {
        0 => (0, "none"),
        1..=2 => (1, "1 or 2"),
        3..=5 => (2, "3 to 5"),
        _ => (3, "6 and more"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_counted_by_what_their_names_say() {
        let tokens = [
            "<padding>",
            "<start>",
            "<unknown>",
            "film",
            "not",
            "isn't",
            "But",
            "nothing",
        ];
        let turns = Turns::of(&tokens.map(str::to_owned));
        let counted = turns.count(&[0, 0, 1, 3, 4, 2, 5, 6, 7, 3, 2]);
        assert_eq!(
            (
                counted.ids,
                counted.unknown,
                counted.negations,
                counted.contrasts
            ),
            (8, 2, 3, 1)
        );
    }

    #[test]
    fn what_is_not_known_of_a_review_puts_it_nowhere() {
        let mut known = Known::default();
        let title = |genres: &[&str], decade| Title {
            genres: genres.iter().map(|name| (*name).to_owned()).collect(),
            decade,
        };
        known.titles.insert(1, title(&["Drama", "War"], Some(1990)));
        known.titles.insert(2, title(&["Drama"], None));
        known.titles.insert(4, title(&[], Some(1890)));
        let found = of(&[1, 2, 3, 4], &known);
        let names: Vec<_> = found.iter().map(|factor| factor.name).collect();
        assert_eq!(names, ["genre", "decade"]);
        assert_eq!(found[0].known, [true, true, false, false]);
        let levels: Vec<_> = found
            .iter()
            .flat_map(|factor| &factor.levels)
            .map(|level| (level.name.as_str(), level.rows.as_slice()))
            .collect();
        assert_eq!(
            levels,
            [
                ("Drama", &[0, 1][..]),
                ("War", &[0]),
                ("1890s", &[3]),
                ("1990s", &[0])
            ]
        );
    }
}
