//! The section on words that decided: coloured reviews, and whether the words named do decide.

use std::ops::Range;

use cinescore_artifact::StageError;
use cinescore_artifact::tables::{ATTRIBUTIONS, METRICS};
use cinescore_artifact::task::Provenance;

use super::{Network, absent, text};
use crate::count::attributions::{Explained, all, phrases};
use crate::count::metrics;
use crate::count::predictions::Evaluated;
use crate::inputs::Group;
use crate::metric;
use crate::number;
use crate::page::{Block, Parts, Section, Word};
use crate::plot::{Point, Points};
use crate::render::RenderError;
use crate::table::{Cell, Table};

/// Reviews that are shown of each kind.
const REVIEWS: usize = 3;
/// Words and neighbours that are listed, and how often they must occur.
const STRONGEST: usize = 15;
const LEAST: u64 = 3;
/// Tokens of a review that are shown: those in a row that weigh most. The others are in the table only.
const TOKENS: usize = 250;
/// The methods, best first: the one that adds up, the one that needs no gradient, the one without a sign.
const METHODS: [&str; 3] = ["integrated_gradients", "occlusion", "attention"];
/// The darkest shade, per cent: the word on top stays readable.
const DARKEST: f64 = 60.0;

/// The section.
///
/// `review_ids`: reviews that are shown whatever they are.
pub(crate) fn section(
    groups: &[Group],
    networks: &[Network],
    provenance: Option<&Provenance>,
    review_ids: &[u64],
    parts: &mut Parts,
) -> Result<Section, StageError> {
    let mut section = parts.section("Words that decided");
    let mut given = false;
    for group in groups {
        let Some(path) = group.table(&ATTRIBUTIONS) else {
            continue;
        };
        given = true;
        let found = group.table(&METRICS).map(metrics::count).transpose()?;
        let subject = found.as_ref().and_then(|found| found.subject.clone());
        let name = subject.unwrap_or_else(|| group.name.clone());
        section.blocks.push(parts.heading(&name));
        match found {
            None => section.blocks.push(absent("No deletion test was given.")),
            Some(found) => {
                section.blocks.push(text(
                    "The deletion test: the words with the most weight are made unknown, and as many random ones. A method that \
                     names words that decide takes the prediction back further than chance.",
                ));
                let table = deletion(&name, &found);
                section.blocks.push(Block::Table {
                    table: parts.table(table)?,
                });
            }
        }
        let explained = all(path)?;
        strongest(&name, &explained, &mut section, parts)?;
        let network = explained_network(networks, &group.name, &name, provenance);
        reviews(&explained, network, review_ids, &mut section);
    }
    if !given {
        let words = "No explanations were given: a stage `train explain` makes them.";
        section.blocks.push(absent(words));
    }
    Ok(section)
}

fn deletion(name: &str, found: &metrics::Metrics) -> Table {
    let columns = [
        "figure",
        "method",
        "value",
        "lower, 95 %",
        "upper, 95 %",
        "reviews",
    ];
    let caption = "Deletion test, in the unit of the prediction";
    let mut table = Table::new(format!("{name} deletion"), caption, &columns);
    for row in &found.rows {
        let own = METHODS.iter().find_map(|method| {
            let figure = row.metric.strip_suffix(method)?.strip_suffix('_')?;
            Some((figure, *method))
        });
        let (figure, method) = own.unwrap_or((&row.metric, ""));
        table.row([
            Cell::text(metric::label(figure)),
            Cell::text(method.replace('_', " ")),
            Cell::value(row.model),
            Cell::value(row.interval.map(|ends| ends.0)),
            Cell::value(row.interval.map(|ends| ends.1)),
            Cell::Count(row.n),
        ]);
    }
    table
}

/// The network that was explained: by the bundle that the stage was given, else by its name.
fn explained_network<'a>(
    networks: &'a [Network],
    stage: &str,
    subject: &str,
    provenance: Option<&Provenance>,
) -> Option<&'a Network> {
    let mut stages = provenance.iter().flat_map(|provenance| &provenance.stages);
    let own = stages.find(|own| own.stage == stage);
    let bundle = own
        .and_then(|own| own.inputs.get("bundle")?.first())
        .and_then(|(label, _)| label.strip_suffix(".bundle"));
    let is = |network: &&Network| match bundle {
        Some(label) => network.stage == label,
        None => network.name == subject,
    };
    networks.iter().find(is)
}

/// The words and neighbours with the most weight over all reviews, in a plot for each way.
fn strongest(
    name: &str,
    all: &[Explained],
    section: &mut Section,
    parts: &mut Parts,
) -> Result<(), StageError> {
    let Some(method) = best_method(all) else {
        return Ok(());
    };
    let mut figures = Vec::new();
    for (length, what, title) in [
        (1, "words", "Strongest words"),
        (2, "pairs", "Strongest pairs of words"),
    ] {
        let found = phrases(all, method, length, LEAST);
        if found.is_empty() {
            continue;
        }
        let mut table = Table::new(
            format!("{name} strongest {what}"),
            format!(
                "{title} over all explained reviews, by {}",
                method.replace('_', " ")
            ),
            &["words", "occurrences", "mean weight"],
        );
        for own in &found {
            table.row([
                Cell::text(&own.words),
                Cell::Count(own.count),
                Cell::Value(own.mean),
            ]);
        }
        let mut drawn: Vec<_> = found.iter().take(STRONGEST).collect();
        drawn.sort_by(|a, b| b.mean.total_cmp(&a.mean));
        let plot = Points {
            title: title.into(),
            description: format!(
                "The mean of what each adds to the prediction, by {}, of those that occur {LEAST} times and more.",
                method.replace('_', " ")
            ),
            row_label: format!("{what} (occurrences)"),
            value_label: "mean weight, unit of the prediction".into(),
            points: drawn
                .iter()
                .map(|own| Point {
                    name: format!("{} ({})", own.words, own.count),
                    value: own.mean,
                    interval: None,
                    kind: usize::from(own.mean < 0.0),
                })
                .collect(),
            mark: Some((0.0, "no effect".into())),
            wide: false,
        };
        // The page has the strongest; the file has all.
        let mut shown = table.clone();
        shown.rows.truncate(4 * STRONGEST);
        let plot = plot.draw().map_err(RenderError::from)?;
        let figure = parts.figure_of(&plot, table, shown)?;
        figures.push(figure);
    }
    section.blocks.push(Block::Figures { figures });
    Ok(())
}

fn best_method(all: &[Explained]) -> Option<&'static str> {
    let given = |method: &&&str| all.iter().any(|own| own.method == ***method);
    METHODS.iter().find(given).copied()
}

fn reviews(
    all: &[Explained],
    network: Option<&Network>,
    review_ids: &[u64],
    section: &mut Section,
) {
    let Some(method) = best_method(all) else {
        section
            .blocks
            .push(absent("The table of attributions is empty."));
        return;
    };
    let chosen = choose(all, network, review_ids);
    if network.is_none_or(|network| network.predictions.is_none()) {
        section.blocks.push(absent(
            "The predictions of the explained network were not given: shown are the first reviews, not the best and worst.",
        ));
    }
    for wanted in review_ids {
        if all.iter().all(|own| own.review_id != *wanted) {
            let words = format!("Review {wanted} was asked for and is not among those explained.");
            section.blocks.push(absent(words));
        }
    }
    section.blocks.push(text(format!(
        "Blue words raise the prediction, orange and underlined ones lower it, darker ones more, by {}; the first review has \
         the other methods too. Attention has no sign: the darker, the more.",
        method.replace('_', " ")
    )));
    for (index, (why, id)) in chosen.iter().enumerate() {
        let own = all.iter().filter(|own| own.review_id == *id);
        for own in own.filter(|own| index == 0 || own.method == method) {
            let shown = shown(own);
            section.blocks.push(Block::Words {
                name: format!("Review {id}, {why}; {}", own.method.replace('_', " ")),
                words: shades(own, &shown),
                before: shown.start as u64,
                more: (own.tokens.len() - shown.end) as u64,
            });
        }
    }
}

/// What reviews are shown for, and what puts them first.
type Kind<'a> = (&'static str, &'a dyn Fn(&Evaluated) -> f64);

/// Which reviews are shown, and why: those asked for, the worst, the most uncertain and the best; without predictions the first.
fn choose(all: &[Explained], network: Option<&Network>, review_ids: &[u64]) -> Vec<(String, u64)> {
    let mut ids: Vec<u64> = all.iter().map(|own| own.review_id).collect();
    ids.dedup();
    let mut chosen: Vec<(String, u64)> = Vec::new();
    let every: Vec<&Evaluated> = network
        .and_then(|network| network.predictions.as_ref())
        .into_iter()
        .flat_map(|splits| splits.values())
        .flat_map(|split| &split.rows)
        .collect();
    let is_explained = |row: &&Evaluated| ids.binary_search(&row.id).is_ok();
    let rows: Vec<&Evaluated> = every.iter().copied().filter(is_explained).collect();
    let said = |row: &Evaluated| {
        let interval = row.interval.map_or_else(String::new, |(lower, upper)| {
            format!(" ({} to {})", number::value(lower), number::value(upper))
        });
        format!(
            "true {}, predicted {}{interval}",
            number::plain(row.target),
            number::value(row.predicted)
        )
    };
    let mut add = |why: &str, row: &Evaluated| {
        if chosen.iter().all(|(_, id)| *id != row.id) {
            chosen.push((format!("{why}: {}", said(row)), row.id));
        }
    };
    for row in rows.iter().filter(|row| review_ids.contains(&row.id)) {
        add("asked for", row);
    }
    let off = |row: &Evaluated| (row.predicted - row.target).abs();
    // The widest interval; of probabilities, which have none, the nearest to a half.
    let doubt = |row: &Evaluated| match row.interval {
        Some((lower, upper)) => upper - lower,
        None => -(row.predicted - 0.5).abs(),
    };
    let kinds: [Kind<'_>; 3] = [
        ("worst", &off),
        ("least certain", &doubt),
        ("best", &|row| -off(row)),
    ];
    for (kind, rank) in kinds {
        // Stable sorts: ties stay in the order of their ids, as where `train explain` chose.
        let first = |rows: &[&'_ Evaluated]| -> Vec<u64> {
            let mut sorted = rows.to_vec();
            sorted.sort_by(|a, b| rank(b).total_cmp(&rank(a)));
            sorted.iter().take(REVIEWS).map(|row| row.id).collect()
        };
        let of_all = first(&every);
        for id in first(&rows) {
            let why = match of_all.iter().position(|other| *other == id) {
                Some(place) => format!(
                    "{kind} {} of {}",
                    place + 1,
                    number::count(every.len() as u64)
                ),
                None => format!("{kind} of those explained"),
            };
            if let Some(row) = rows.iter().find(|row| row.id == id) {
                add(&why, row);
            }
        }
    }
    if rows.is_empty() {
        let wanted = ids.iter().filter(|id| review_ids.contains(id));
        let first = ids.iter().take(4);
        for id in wanted.chain(first) {
            if chosen.iter().all(|(_, other)| other != id) {
                chosen.push(("explained".into(), *id));
            }
        }
    }
    chosen
}

/// Each token with a shade by the review's greatest weight.
fn shades(own: &Explained, shown: &Range<usize>) -> Vec<Word> {
    let greatest = own.tokens.iter().map(|(_, weight)| weight.abs());
    let greatest = greatest.fold(0.0, f64::max);
    let word = |(token, weight): &(String, f64)| {
        let part = if greatest > 0.0 {
            weight.abs() / greatest
        } else {
            0.0
        };
        Word {
            text: token.clone(),
            // A cast of NaN gives 0: no shade.
            shade: (DARKEST * part).round() as u32,
            lowers: *weight < 0.0,
            weight: crate::number::value(*weight),
        }
    };
    own.tokens[shown.clone()].iter().map(word).collect()
}

/// Which of a review's tokens are shown: of many those in a row with the greatest sum of weights, the first of equal ones.
fn shown(own: &Explained) -> Range<usize> {
    let weight = |index: usize| own.tokens[index].1.abs();
    let count = own.tokens.len();
    if count <= TOKENS {
        return 0..count;
    }
    let mut sum: f64 = (0..TOKENS).map(weight).sum();
    let (mut start, mut greatest) = (0, sum);
    for begin in 1..=count - TOKENS {
        sum += weight(begin + TOKENS - 1) - weight(begin - 1);
        // What is left by rounding is no weight.
        if sum > greatest * (1.0 + 1e-9) {
            (start, greatest) = (begin, sum);
        }
    }
    start..start + TOKENS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_weight_is_the_darkest_and_signs_are_kept() {
        let tokens = [("<start>", 0.0), ("good", 0.5), ("bad", -1.0)];
        let own = Explained {
            review_id: 1,
            method: "occlusion".into(),
            tokens: tokens.map(|(token, weight)| (token.into(), weight)).into(),
        };
        let found: Vec<_> = shades(&own, &shown(&own))
            .iter()
            .map(|word| (word.shade, word.lowers))
            .collect();
        assert_eq!(found, [(0, false), (30, false), (60, true)]);
    }

    #[test]
    fn of_a_long_review_the_part_that_decides_is_shown() {
        let of = |heavy: &[usize]| {
            let token = |index| {
                (
                    "word".to_owned(),
                    f64::from(u8::from(heavy.contains(&index))),
                )
            };
            shown(&Explained {
                review_id: 1,
                method: "occlusion".into(),
                tokens: (0..400).map(token).collect(),
            })
        };
        assert_eq!(of(&[]), 0..250);
        assert_eq!(of(&[10]), 0..250);
        assert_eq!(of(&[10, 300, 399]), 150..400);
        assert_eq!(of(&[399]), 150..400);
    }
}
