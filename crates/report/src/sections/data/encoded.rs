//! Encoded reviews and their vocabulary.

use super::{Data, series};
use crate::count::split_order;
use crate::count::tokens::TokenCounts;
use crate::count::vocabulary::VocabularyCounts;
use crate::inputs::Group;
use crate::number::{count, percent};
use crate::page::{Block, Figure, Parts};
use crate::plot::{Bars, Direction};
use crate::render::RenderError;
use crate::sections::text;
use crate::table::{Cell, Table};

/// Bars of the histogram of lengths, about.
const LENGTH_BINS: u32 = 12;

/// Shows the counts of one table.
pub(super) fn show(
    group: &Group,
    counts: &TokenCounts,
    data: &mut Data,
    parts: &mut Parts,
) -> Result<(), RenderError> {
    let blocks = &mut data.section.blocks;
    let mut table = Table::new(
        format!("{} encoded", group.name),
        "Encoded reviews by split and class",
        &["split", "negative", "positive", "no class", "all"],
    );
    let mut splits: Vec<&String> = counts.classes.keys().collect();
    splits.sort_by_key(|split| split_order(split));
    for split in &splits {
        let [negative, positive, neither] = counts.classes[*split];
        table.row([
            Cell::text(*split),
            Cell::Count(negative),
            Cell::Count(positive),
            Cell::Count(neither),
            Cell::Count(negative + positive + neither),
        ]);
    }
    data.summary.push(table.view());
    blocks.push(Block::Table {
        table: parts.table(table)?,
    });
    let limit = group.encoder().and_then(|encoder| encoder.max_length);
    if let Some(limit) = limit {
        blocks.push(text(format!(
            "Longer reviews were cut to {} ids, so that the last bar holds them.",
            count(limit.into())
        )));
    }
    if counts.longest() > 0 {
        blocks.push(Block::Figures {
            figures: vec![lengths(group, counts, &splits, parts)?],
        });
    }
    Ok(())
}

fn lengths(
    group: &Group,
    counts: &TokenCounts,
    splits: &[&String],
    parts: &mut Parts,
) -> Result<Figure, RenderError> {
    let width = bin_width(counts.longest());
    let bins = (counts.longest() - 1) / width + 1;
    let names: Vec<String> = (0..bins)
        .map(|bin| format!("{}–{}", bin * width + 1, (bin + 1) * width))
        .collect();
    let binned: Vec<Vec<u64>> = splits
        .iter()
        .map(|split| {
            let mut binned = vec![0; bins as usize];
            for (&length, &n) in &counts.lengths[*split] {
                // A review without a single id stands with the shortest.
                binned[(length.saturating_sub(1) / width) as usize] += n;
            }
            binned
        })
        .collect();
    let mut table = Table::new(
        format!("{} lengths", group.name),
        "Reviews by length and split",
        &["length (ids)"],
    );
    table
        .columns
        .extend(splits.iter().map(|split| (*split).clone()));
    for (bin, name) in names.iter().enumerate() {
        let mut cells = vec![Cell::text(name)];
        cells.extend(binned.iter().map(|binned| Cell::Count(binned[bin])));
        table.row(cells);
    }
    let plot = Bars {
        title: "Lengths of encoded reviews".into(),
        description: format!(
            "Bars of {} ids. The longest review has {} ids.",
            count(width.into()),
            count(counts.longest().into())
        ),
        category_label: "length (ids without padding)".into(),
        value_label: "reviews".into(),
        categories: names,
        series: splits
            .iter()
            .zip(&binned)
            .map(|(split, binned)| series(split, binned.iter().copied()))
            .collect(),
        direction: Direction::Up,
    };
    parts.figure(&plot.draw()?, table)
}

/// The least of 1, 2, 5, 10, 20, 50, .. that gives few enough bins.
fn bin_width(longest: u32) -> u32 {
    let mut tens = 1;
    loop {
        for digit in [1, 2, 5] {
            if longest.div_ceil(digit * tens) <= LENGTH_BINS {
                return digit * tens;
            }
        }
        tens *= 10;
    }
}

/// A vocabulary in a few sentences.
pub(super) fn vocabulary_in_words(counts: &VocabularyCounts) -> String {
    let tokens: Vec<String> = counts
        .frequent
        .iter()
        .map(|(token, n)| format!("{token} ({})", count(*n)))
        .collect();
    format!(
        "{} ids, with which {} of the training split's tokens are known. Most frequent: {}.",
        count(counts.ids),
        percent(counts.known, counts.known + counts.unknown),
        tokens.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_few_and_round() {
        assert_eq!(
            [1, 12, 13, 100, 500, 2470].map(bin_width),
            [1, 1, 2, 10, 50, 500]
        );
    }
}
