//! The section on the data: reviews, what was joined to them, what was refused, what an audit found, what was encoded.

mod audit;
mod encoded;
mod leanings;
mod rejects;
mod reviews;

use cinescore_artifact::StageError;
use cinescore_artifact::tables::{FINDINGS, LEANINGS, REJECTS, REVIEWS, TOKENS, VOCABULARY};

use super::{absent, text};
use crate::count;
use crate::inputs::Group;
use crate::page::{Parts, Section};
use crate::plot::BarSeries;
use crate::table::TableView;

/// Frequent tokens that are named.
const FREQUENT: usize = 12;

/// The section, and what of it the Markdown summary shows.
pub(crate) struct Data {
    pub(crate) section: Section,
    pub(crate) summary: Vec<TableView>,
}

/// Counts the tables of all groups and shows them.
pub(crate) fn section(
    groups: &[Group],
    sample_rows: usize,
    parts: &mut Parts,
) -> Result<Data, StageError> {
    let section = parts.section("Data");
    let mut data = Data {
        section,
        summary: Vec::new(),
    };
    let with = |spec| {
        groups
            .iter()
            .filter_map(move |group: &Group| Some((group, group.table(spec)?)))
    };

    // A group's name is said only where it tells tables apart.
    let title = |topic: &str, group: &Group, spec| match with(spec).count() {
        1 => topic.to_owned(),
        _ => format!("{topic} ({})", group.name),
    };

    for (group, path) in with(&REVIEWS) {
        let heading = parts.heading(title("Reviews", group, &REVIEWS));
        data.section.blocks.push(heading);
        let counts = count::reviews::count(path, sample_rows)?;
        reviews::show(group, &counts, &mut data, parts)?;
    }
    if with(&REVIEWS).next().is_none() {
        data.section
            .blocks
            .push(absent("No table of reviews was given."));
    }
    for (group, path) in with(&LEANINGS) {
        let heading = parts.heading(title("Who is liked", group, &LEANINGS));
        data.section.blocks.push(heading);
        leanings::show(group, &count::leanings::all(path)?, &mut data, parts)?;
    }
    if with(&LEANINGS).next().is_none() {
        data.section.blocks.push(absent(
            "No tests of genres, years and running times were given: a stage `ingest leanings` makes them.",
        ));
    }
    for (group, path) in with(&REJECTS) {
        let heading = parts.heading(title("Refused rows", group, &REJECTS));
        data.section.blocks.push(heading);
        rejects::show(group, &count::rejects::count(path)?, &mut data, parts)?;
    }
    if with(&REJECTS).next().is_none() {
        data.section
            .blocks
            .push(absent("No table of refused rows was given."));
    }
    for (group, path) in with(&FINDINGS) {
        let heading = parts.heading(title("Audit", group, &FINDINGS));
        data.section.blocks.push(heading);
        audit::show(group, &count::findings::count(path)?, &mut data, parts)?;
    }
    for (group, path) in with(&TOKENS) {
        let heading = parts.heading(title("Encoded reviews", group, &TOKENS));
        data.section.blocks.push(heading);
        encoded::show(group, &count::tokens::count(path)?, &mut data, parts)?;
    }
    if with(&TOKENS).next().is_none() {
        data.section
            .blocks
            .push(absent("No encoded reviews were given."));
    }
    for (group, path) in with(&VOCABULARY) {
        let heading = parts.heading(title("Vocabulary", group, &VOCABULARY));
        let counts = count::vocabulary::count(path, FREQUENT)?;
        let words = text(encoded::vocabulary_in_words(&counts));
        data.section.blocks.extend([heading, words]);
    }
    Ok(data)
}

fn series(name: &str, values: impl IntoIterator<Item = u64>) -> BarSeries {
    BarSeries {
        name: name.into(),
        values: values.into_iter().map(|value| value as f64).collect(),
    }
}
