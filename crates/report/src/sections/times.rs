//! What the stages took, from the records of runs: those that the runner tells with the provenance where the pipeline asks for
//! `records`, and those that are given as files. Where there are none, a report has no time in it.

use std::collections::BTreeMap;

use cinescore_artifact::task::{Computed, Provenance};

use crate::count::runs::Run;
use crate::page::{Block, Parts};
use crate::render::RenderError;
use crate::sections::{counted, text};
use crate::table::{Cell, Table};

/// What a table of times says of each stage.
const COLUMNS: [&str; 7] = [
    "stage",
    "time (s)",
    "processor time (s)",
    "most memory (MB)",
    "threads",
    "device",
    "training examples per second",
];
/// Digits of a commit that are shown, and of a digest.
const SHORT: usize = 12;

/// Shows how long each stage took that the provenance tells it of; says whether there was any.
pub(crate) fn told(
    provenance: &Provenance,
    blocks: &mut Vec<Block>,
    parts: &mut Parts,
) -> Result<bool, RenderError> {
    let mut runs: BTreeMap<&str, &Computed> = BTreeMap::new();
    let mut table = Table::new("times", "Times, memory and speed by stage", &COLUMNS);
    for stage in &provenance.stages {
        let Some(computed) = &stage.computed else {
            continue;
        };
        runs.insert(&computed.run, computed);
        let speed = computed.performance.get("examples_per_sec");
        table.row([
            Cell::text(&stage.stage),
            Cell::Value(computed.wall_secs),
            Cell::Value(computed.cpu_secs),
            Cell::Value(computed.peak_memory_bytes as f64 / 1e6),
            Cell::Count(computed.threads),
            stage
                .machine
                .get("device")
                .map_or(Cell::Missing, Cell::text),
            Cell::value(speed.copied()),
        ]);
    }
    if runs.is_empty() {
        return Ok(false);
    }
    blocks.push(parts.heading("Times"));
    for run in runs.values() {
        blocks.push(text(format!(
            "Run {} began {} on {}, at commit {}{}.",
            run.run,
            run.started,
            run.host,
            run.commit
                .as_deref()
                .map_or("unknown", |commit| commit.get(..SHORT).unwrap_or(commit)),
            if run.dirty == Some(true) {
                " with changes"
            } else {
                ""
            }
        )));
    }
    let others = provenance.stages.len() - table.rows.len();
    if others > 0 {
        blocks.push(text(format!(
            "Of {}, nothing is known here of the run that computed the result.",
            counted(others as u64, "further stage")
        )));
    }
    blocks.push(Block::Table {
        table: parts.table(table)?,
    });
    Ok(true)
}

/// Shows a table for each run.
pub(crate) fn show(
    runs: &[&Run],
    blocks: &mut Vec<Block>,
    parts: &mut Parts,
) -> Result<(), RenderError> {
    for run in runs {
        blocks.push(parts.heading(format!("Times of run {}", run.id)));
        blocks.push(text(format!(
            "Pipeline {}, begun {} at commit {}{}. A stage whose result was there already took next to nothing.",
            run.pipeline,
            run.started,
            run.commit.as_deref().unwrap_or("unknown"),
            if run.dirty == Some(true) { " with changes" } else { "" }
        )));
        let mut table = Table::new(
            format!("times {}", run.id),
            "Times, memory and speed by stage",
            &COLUMNS,
        );
        for stage in &run.stages {
            table.row([
                Cell::text(&stage.stage),
                Cell::Value(stage.wall_secs),
                Cell::Value(stage.cpu_secs),
                Cell::Value(stage.peak_memory_bytes as f64 / 1e6),
                Cell::Count(stage.threads),
                stage.device.as_ref().map_or(Cell::Missing, Cell::text),
                Cell::value(stage.examples_per_sec()),
            ]);
        }
        blocks.push(Block::Table {
            table: parts.table(table)?,
        });
    }
    Ok(())
}
