//! Reviews and what was joined to them.

use std::collections::BTreeMap;

use super::{Data, series};
use crate::count::reviews::{ByPolarity, LONGEST, ReviewCounts, SampleRow, SplitCounts};
use crate::count::split_order;
use crate::inputs::Group;
use crate::number::{count, percent};
use crate::page::{Block, Figure, Parts};
use crate::plot::{Bars, Direction};
use crate::render::RenderError;
use crate::sections::{counted, text};
use crate::table::{Cell, Table};

/// Genres that are drawn one by one.
const GENRES: usize = 10;

/// Shows the counts of one table.
pub(super) fn show(
    group: &Group,
    counts: &ReviewCounts,
    data: &mut Data,
    parts: &mut Parts,
) -> Result<(), RenderError> {
    let blocks = &mut data.section.blocks;
    let mut splits: Vec<(&String, &SplitCounts)> = counts.splits.iter().collect();
    splits.sort_by(|a, b| split_order(a.0).cmp(&split_order(b.0)));
    let sum = |of: fn(&SplitCounts) -> u64| splits.iter().map(|(_, split)| of(split)).sum::<u64>();
    let (total, titles, movies) = (
        sum(SplitCounts::total),
        sum(|split| split.titles),
        sum(|split| split.movies),
    );
    blocks.push(text(format!(
        "{}. IMDb's title was found for {} ({}), a MovieLens movie for {} ({}).",
        counted(total, "review"),
        count(titles),
        percent(titles, total),
        count(movies),
        percent(movies, total)
    )));
    let table = coverage(group, &splits);
    data.summary.push(table.view());
    blocks.push(Block::Table {
        table: parts.table(table)?,
    });

    let mut figures = Vec::new();
    figures.extend(score_histogram(group, &splits, parts)?);
    figures.extend(decades(group, &counts.decades, parts)?);
    figures.extend(runtimes(group, &counts.runtimes, parts)?);
    figures.extend(genres(group, &counts.genres, parts)?);
    blocks.push(Block::Figures { figures });

    if !counts.sample.is_empty() {
        blocks.push(Block::Table {
            table: parts.table(sample(group, &counts.sample))?,
        });
    }
    Ok(())
}

fn sample(group: &Group, rows: &[SampleRow]) -> Table {
    let mut table = Table::new(
        format!("{} sample", group.name),
        "Some reviews with the titles that were joined to them, as written",
        &["title", "year", "score", "member", "beginning of the text"],
    );
    for row in rows {
        table.row([
            row.title.as_ref().map_or(Cell::Missing, Cell::text),
            // A year is a name more than a number: no comma.
            row.year
                .map_or(Cell::Missing, |year| Cell::text(year.to_string())),
            row.score
                .map_or(Cell::Missing, |score| Cell::Count(score.into())),
            Cell::text(&row.member),
            Cell::text(&row.text),
        ]);
    }
    table
}

fn coverage(group: &Group, splits: &[(&String, &SplitCounts)]) -> Table {
    let mut table = Table::new(
        format!("{} counts", group.name),
        "Reviews by split and class, and how many were joined",
        &[
            "split",
            "negative",
            "positive",
            "no class",
            "all",
            "title found",
            "MovieLens found",
        ],
    );
    for (name, split) in splits {
        table.row([
            Cell::text(*name),
            Cell::Count(split.classes.negative),
            Cell::Count(split.classes.positive),
            Cell::Count(split.unlabelled),
            Cell::Count(split.total()),
            Cell::Part(split.titles, split.total()),
            Cell::Part(split.movies, split.total()),
        ]);
    }
    table
}

fn score_histogram(
    group: &Group,
    splits: &[(&String, &SplitCounts)],
    parts: &mut Parts,
) -> Result<Option<Figure>, RenderError> {
    let scored: Vec<_> = splits
        .iter()
        .filter(|(_, split)| split.scores.iter().any(|&n| n > 0))
        .collect();
    if scored.is_empty() {
        return Ok(None);
    }
    let mut table = Table::new(
        format!("{} scores", group.name),
        "Reviews by score and split",
        &["score (stars)"],
    );
    table
        .columns
        .extend(scored.iter().map(|(name, _)| (*name).clone()));
    for stars in 1..=10u64 {
        let mut cells = vec![Cell::Count(stars)];
        cells.extend(
            scored
                .iter()
                .map(|(_, split)| Cell::Count(split.scores[stars as usize - 1])),
        );
        table.row(cells);
    }
    let (mut most, mut at) = (0, 0);
    for stars in 0..10 {
        let n: u64 = scored.iter().map(|(_, split)| split.scores[stars]).sum();
        if n > most {
            (most, at) = (n, stars + 1);
        }
    }
    let plot = Bars {
        title: "Scores".into(),
        description: format!(
            "Bars by stars. The most frequent score is {at}, with {}.",
            counted(most, "review")
        ),
        category_label: "score (stars)".into(),
        value_label: "reviews".into(),
        categories: (1..=10).map(|stars| stars.to_string()).collect(),
        series: scored
            .iter()
            .map(|(name, split)| series(name, split.scores))
            .collect(),
        direction: Direction::Up,
    };
    parts.figure(&plot.draw()?, table).map(Some)
}

fn decades(
    group: &Group,
    decades: &BTreeMap<i32, ByPolarity>,
    parts: &mut Parts,
) -> Result<Option<Figure>, RenderError> {
    let (Some((&first, _)), Some((&last, _))) =
        (decades.first_key_value(), decades.last_key_value())
    else {
        return Ok(None);
    };
    let all: Vec<(String, ByPolarity)> = (first..=last)
        .step_by(10)
        .map(|decade| {
            (
                format!("{decade}s"),
                decades.get(&decade).copied().unwrap_or_default(),
            )
        })
        .collect();
    let table_name = format!("{} decades", group.name);
    by_polarity(
        "Decade of the title",
        "decade of the start year",
        &table_name,
        &all,
        Direction::Up,
        parts,
    )
    .map(Some)
}

fn runtimes(
    group: &Group,
    runtimes: &BTreeMap<i32, ByPolarity>,
    parts: &mut Parts,
) -> Result<Option<Figure>, RenderError> {
    let (Some((&first, _)), Some((&last, _))) =
        (runtimes.first_key_value(), runtimes.last_key_value())
    else {
        return Ok(None);
    };
    let name = |from: i32| match from {
        LONGEST.. => format!("{LONGEST}+"),
        _ => format!("{from}–{}", from + 19),
    };
    let all: Vec<(String, ByPolarity)> = (first..=last)
        .step_by(20)
        .map(|from| (name(from), runtimes.get(&from).copied().unwrap_or_default()))
        .collect();
    let table_name = format!("{} runtimes", group.name);
    by_polarity(
        "Running time of the title",
        "running time (minutes)",
        &table_name,
        &all,
        Direction::Up,
        parts,
    )
    .map(Some)
}

fn genres(
    group: &Group,
    genres: &BTreeMap<String, ByPolarity>,
    parts: &mut Parts,
) -> Result<Option<Figure>, RenderError> {
    if genres.is_empty() {
        return Ok(None);
    }
    let mut all: Vec<(String, ByPolarity)> = genres
        .iter()
        .map(|(name, counts)| (name.clone(), *counts))
        .collect();
    // A stable sort: ties stay in alphabetical order.
    all.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.total()));
    if all.len() > GENRES {
        let rest = all.split_off(GENRES - 1);
        let mut others = ByPolarity::default();
        for (_, counts) in &rest {
            others.negative += counts.negative;
            others.positive += counts.positive;
        }
        all.push((format!("{} others", rest.len()), others));
    }
    let table_name = format!("{} genres", group.name);
    by_polarity(
        "Genres of the title",
        "genre",
        &table_name,
        &all,
        Direction::Right,
        parts,
    )
    .map(Some)
}

fn by_polarity(
    title: &str,
    category: &str,
    table_name: &str,
    all: &[(String, ByPolarity)],
    direction: Direction,
    parts: &mut Parts,
) -> Result<Figure, RenderError> {
    let mut table = Table::new(
        table_name,
        format!("{title}: reviews by class"),
        &[category, "negative", "positive"],
    );
    for (name, counts) in all {
        table.row([
            Cell::text(name),
            Cell::Count(counts.negative),
            Cell::Count(counts.positive),
        ]);
    }
    let most = all.iter().max_by_key(|(_, counts)| counts.total());
    let plot = Bars {
        title: title.into(),
        description: format!(
            "Bars by {category} and class. Most reviews: {}.",
            most.map_or_else(String::new, |(name, counts)| format!(
                "{name}, {}",
                count(counts.total())
            ))
        ),
        category_label: category.into(),
        value_label: "reviews".into(),
        categories: all.iter().map(|(name, _)| name.clone()).collect(),
        series: vec![
            series("negative", all.iter().map(|(_, counts)| counts.negative)),
            series("positive", all.iter().map(|(_, counts)| counts.positive)),
        ],
        direction,
    };
    parts.figure(&plot.draw()?, table)
}
