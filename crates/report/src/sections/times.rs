//! What the stages took, from the records of runs. Where none is given, a report has no time in it.

use crate::count::runs::Run;
use crate::page::{Block, Parts};
use crate::render::RenderError;
use crate::sections::text;
use crate::table::{Cell, Table};

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
            &[
                "stage",
                "time (s)",
                "processor time (s)",
                "most memory (MB)",
                "threads",
                "device",
                "training examples per second",
            ],
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
