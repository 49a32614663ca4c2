//! The section on words that decided: coloured reviews, and whether the words named do decide.

use cinescore_artifact::StageError;
use cinescore_artifact::tables::{ATTRIBUTIONS, METRICS};

use super::{absent, text};
use crate::count::attributions::{Explained, first};
use crate::count::metrics;
use crate::inputs::Group;
use crate::metric;
use crate::page::{Block, Parts, Section, Word};
use crate::table::{Cell, Table};

/// Reviews that are shown.
const REVIEWS: usize = 4;
/// Tokens of a review that are shown; the others are in the table only.
const TOKENS: usize = 250;
/// The methods, best first: the one that adds up, the one that needs no gradient, the one without a sign.
const METHODS: [&str; 3] = ["integrated_gradients", "occlusion", "attention"];
/// The darkest shade, per cent: the word on top stays readable.
const DARKEST: f64 = 60.0;

/// The section.
pub(crate) fn section(groups: &[Group], parts: &mut Parts) -> Result<Section, StageError> {
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
        reviews(&first(path, REVIEWS)?, &mut section);
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

fn reviews(all: &[Explained], section: &mut Section) {
    let method = METHODS
        .iter()
        .find(|method| all.iter().any(|own| own.method == **method));
    let Some(method) = method else {
        section
            .blocks
            .push(absent("The table of attributions is empty."));
        return;
    };
    let words = match *method {
        "attention" => "the darker, the more attention",
        _ => {
            "blue words raise the prediction, orange and underlined ones lower it, darker ones more"
        }
    };
    section.blocks.push(text(format!(
        "The first reviews by {}: {words}.",
        method.replace('_', " ")
    )));
    for own in all.iter().filter(|own| own.method == *method) {
        section.blocks.push(Block::Words {
            name: format!("Review {}", own.review_id),
            words: shades(own),
            more: own.tokens.len().saturating_sub(TOKENS) as u64,
        });
    }
}

/// Each token with a shade by the review's greatest weight.
fn shades(own: &Explained) -> Vec<Word> {
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
    own.tokens.iter().take(TOKENS).map(word).collect()
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
        let found: Vec<_> = shades(&own)
            .iter()
            .map(|word| (word.shade, word.lowers))
            .collect();
        assert_eq!(found, [(0, false), (30, false), (60, true)]);
    }
}
