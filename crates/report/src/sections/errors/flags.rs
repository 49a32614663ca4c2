//! The error with and without each flag of the predictions.

use std::collections::{BTreeMap, BTreeSet};

use super::Judged;
use crate::page::{Block, Parts};
use crate::render::RenderError;
use crate::sections::absent;
use crate::table::{Cell, Table};

/// Shows one row for each flag.
pub(super) fn show(
    own: &Judged<'_>,
    blocks: &mut Vec<Block>,
    parts: &mut Parts,
) -> Result<(), RenderError> {
    if own.rows.iter().all(|row| row.flags.is_none()) {
        blocks.push(absent(
            "These predictions have no flags: `cinescore predict evaluate` looks at them, and gives the error with and without each.",
        ));
        return Ok(());
    }
    let mut sums: BTreeMap<&str, (u64, f64)> = BTreeMap::new();
    let (mut n, mut total) = (0u64, 0.0);
    for row in own.rows {
        let Some(flags) = &row.flags else { continue };
        n += 1;
        total += own.error(row);
        let flags: BTreeSet<&str> = flags.iter().map(String::as_str).collect();
        for flag in flags {
            let (count, sum) = sums.entry(flag).or_default();
            *count += 1;
            *sum += own.error(row);
        }
    }
    let with = format!("{}, with the flag", own.label());
    let without = format!("{}, without it", own.label());
    let mut table = Table::new(
        format!("{} flags", own.name),
        "Test errors with and without each flag",
        &[
            "flag",
            "reviews with it",
            &with,
            "reviews without it",
            &without,
        ],
    );
    let mean = |count: u64, sum: f64| match count {
        0 => Cell::Missing,
        _ => Cell::Value(sum / count as f64),
    };
    for (flag, (count, sum)) in sums {
        table.row([
            Cell::text(flag.replace('_', " ")),
            Cell::Count(count),
            mean(count, sum),
            Cell::Count(n - count),
            mean(n - count, total - sum),
        ]);
    }
    if table.rows.is_empty() {
        blocks.push(absent("No test prediction has a flag."));
        return Ok(());
    }
    blocks.push(Block::Table {
        table: parts.table(table)?,
    });
    Ok(())
}
