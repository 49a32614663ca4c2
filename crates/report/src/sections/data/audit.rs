//! What an audit of the reviews found, by check.

use super::Data;
use crate::count::findings::Finding;
use crate::inputs::Group;
use crate::page::{Block, Parts};
use crate::render::RenderError;
use crate::sections::{counted, text};
use crate::table::{Cell, Table};

/// Shows the counts of one table.
pub(super) fn show(
    group: &Group,
    findings: &[Finding],
    data: &mut Data,
    parts: &mut Parts,
) -> Result<(), RenderError> {
    let blocks = &mut data.section.blocks;
    let of = |severity: &str| {
        let all = findings.iter();
        let some = all.filter(|finding| finding.severity == severity);
        some.map(|finding| finding.count).sum::<u64>()
    };
    blocks.push(text(format!(
        "{} between the splits, and {}. A leak makes test figures better than they should be.",
        counted(of("leak"), "leak"),
        counted(of("warning"), "warning"),
    )));
    if findings.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(
        format!("{} findings", group.name),
        "What the audit found, the worst first",
        &["check", "severity", "splits", "found", "the first"],
    );
    for finding in findings {
        table.row([
            Cell::text(finding.check.replace('_', " ")),
            Cell::text(&finding.severity),
            Cell::text(&finding.split),
            Cell::Count(finding.count),
            Cell::text(&finding.first),
        ]);
    }
    data.summary.push(table.view());
    blocks.push(Block::Table {
        table: parts.table(table)?,
    });
    Ok(())
}
