//! Rows that were refused, by reason.

use super::Data;
use crate::count::rejects::Reason;
use crate::inputs::Group;
use crate::page::{Block, Parts};
use crate::render::RenderError;
use crate::sections::text;
use crate::table::{Cell, Table};

/// Reasons that are listed one by one.
const REASONS: usize = 20;

/// Shows the counts of one table.
pub(super) fn show(
    group: &Group,
    reasons: &[Reason],
    data: &mut Data,
    parts: &mut Parts,
) -> Result<(), RenderError> {
    let blocks = &mut data.section.blocks;
    if reasons.is_empty() {
        blocks.push(text("No row was refused."));
        return Ok(());
    }
    let mut table = Table::new(
        format!("{} rejects", group.name),
        "Refused rows by source and reason",
        &["reason", "source", "rows", "the first"],
    );
    for reason in reasons.iter().take(REASONS) {
        table.row([
            Cell::text(&reason.reason),
            Cell::text(&reason.source),
            Cell::Count(reason.count),
            Cell::text(&reason.first_place),
        ]);
    }
    let others = reasons.get(REASONS..).unwrap_or_default();
    if !others.is_empty() {
        table.row([
            Cell::text(format!("{} other reasons", others.len())),
            Cell::Missing,
            Cell::Count(others.iter().map(|reason| reason.count).sum()),
            Cell::Missing,
        ]);
    }
    data.summary.push(table.view());
    blocks.push(Block::Table {
        table: parts.table(table)?,
    });
    Ok(())
}
