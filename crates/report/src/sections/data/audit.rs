//! What an audit of the reviews found, by check.

use super::Data;
use crate::count::findings::Finding;
use crate::inputs::Group;
use crate::number;
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
        let some = || findings.iter().filter(|found| found.severity == severity);
        let count = counted(some().map(|finding| finding.count).sum(), severity);
        at_least(some().any(|finding| finding.cut), count)
    };
    blocks.push(text(format!(
        "{} between the splits, and {}. A leak makes test figures better than they should be.",
        of("leak"),
        of("warning"),
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
            match finding.cut {
                true => Cell::text(at_least(true, number::count(finding.count))),
                false => Cell::Count(finding.count),
            },
            Cell::text(&finding.first),
        ]);
    }
    data.summary.push(table.view());
    blocks.push(Block::Table {
        table: parts.table(table)?,
    });
    Ok(())
}

/// A count that is known exactly, or from below.
fn at_least(cut: bool, count: String) -> String {
    if cut {
        format!("at least {count}")
    } else {
        count
    }
}
