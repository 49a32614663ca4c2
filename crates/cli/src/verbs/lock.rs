//! `cinescore lock`: writes the lock file or compares with it; also the part of `run --locked` that does.

use std::path::Path;

use cinescore_artifact::{StageError, exit};
use cinescore_pipeline::Project;
use cinescore_pipeline::graph::{Graph, Stage};
use cinescore_pipeline::lock::{Difference, LockFile, lock_path};
use cinescore_pipeline::plan::{self, Assessment};
use serde_json::json;

use crate::amounts;
use crate::arguments::{LockArguments, ProjectArguments};
use crate::display;
use crate::table::{Table, shown};

pub(crate) fn lock(
    project: &ProjectArguments,
    arguments: &LockArguments,
) -> Result<u8, StageError> {
    let path = lock_path(&project.file()?);
    let (project, graph) = project.open()?;
    let planned = plan::plan(&project, &graph)?;
    project.close()?;
    if let Some(code) = refuse_stale(&graph, &planned) {
        return Ok(code);
    }
    if arguments.check {
        let locked = LockFile::load(&path)?;
        let differences = locked.differences(&graph, &planned, &|_| true);
        let check = Check::new(&graph, &path, &locked, &planned, differences);
        return check.tell(arguments.json);
    }
    let is_changed = write(&graph, &planned, &path)?;
    if arguments.json {
        display::data(&json!({
            "pipeline": graph.name,
            "lock": path,
            "stages": planned.len(),
            "changed": is_changed,
        }))?;
    }
    Ok(exit::DONE)
}

/// Says which stages have no result, if any has none.
fn refuse_stale(graph: &Graph, planned: &[(&Stage, Assessment)]) -> Option<u8> {
    let stale: Vec<&str> = planned
        .iter()
        .filter(|(_, assessment)| assessment.record.is_none())
        .map(|(stage, _)| stage.name.as_str())
        .collect();
    if stale.is_empty() {
        return None;
    }
    display::say(&format!(
        "these stages of `{}` have no result yet: {}\nhint: `cinescore run -p {} --lock` computes them first",
        graph.name,
        stale.join(", "),
        graph.name
    ));
    Some(exit::STALE)
}

/// Writes the lock file of a pipeline whose results are all there.
pub(crate) fn write(
    graph: &Graph,
    planned: &[(&Stage, Assessment)],
    path: &Path,
) -> Result<bool, StageError> {
    let locked = LockFile::of(graph, planned).map_err(|missing| {
        StageError::failed(format!("no result of {} to lock", missing.join(", ")))
    })?;
    let is_changed = locked.write(path, &graph.name)?;
    let what = if is_changed { "wrote" } else { "unchanged:" };
    display::say(&format!("{what} {}", ProjectArguments::shown(path)));
    Ok(is_changed)
}

/// A comparison with the lock file.
pub(crate) struct Check<'a> {
    graph: &'a Graph,
    path: &'a Path,
    differences: Vec<Difference>,
    notes: Vec<String>,
    compared: usize,
}

impl<'a> Check<'a> {
    pub(crate) fn new(
        graph: &'a Graph,
        path: &'a Path,
        locked: &LockFile,
        planned: &[(&Stage, Assessment)],
        differences: Vec<Difference>,
    ) -> Self {
        Self {
            graph,
            path,
            differences,
            notes: locked.notes(planned),
            compared: locked.stages.len(),
        }
    }

    /// Compares what is known before anything runs: whether the pipeline is the one that was locked.
    pub(crate) fn before(
        project: &Project,
        graph: &'a Graph,
        path: &'a Path,
        locked: &LockFile,
    ) -> Result<Option<Self>, StageError> {
        let planned = plan::plan(project, graph)?;
        let mut differences = locked.differences(graph, &planned, &|_| true);
        differences.retain(|difference| difference.is_recipe);
        let differs = !differences.is_empty();
        Ok(differs.then(|| Self::new(graph, path, locked, &planned, differences)))
    }

    /// Prints the table, and gives the exit code.
    pub(crate) fn tell(&self, as_json: bool) -> Result<u8, StageError> {
        let is_equal = self.differences.is_empty();
        if as_json {
            display::data(&json!({
                "pipeline": self.graph.name,
                "lock": self.path,
                "reproduced": is_equal,
                "differences": self.differences,
                "notes": self.notes,
            }))?;
        } else if !is_equal {
            let mut table = Table::new(&["stage", "what", "locked", "found", "tolerance"], &[]);
            for difference in &self.differences {
                table.row([
                    difference.stage.clone(),
                    difference.what.clone(),
                    shown(&difference.locked),
                    shown(&difference.found),
                    difference
                        .tolerance
                        .map_or("-".into(), |tolerance| tolerance.to_string()),
                ]);
            }
            table.print();
        }
        for note in &self.notes {
            display::say(&format!("note: {note}"));
        }
        let path = ProjectArguments::shown(self.path);
        if is_equal {
            let count = self.compared;
            display::say(&format!(
                "{}: {count} stages as locked in {path}",
                self.graph.name
            ));
            return Ok(exit::DONE);
        }
        let is_recipe = self
            .differences
            .iter()
            .any(|difference| difference.is_recipe);
        let hint = if is_recipe {
            "the pipeline or its data is not the one that was locked"
        } else {
            "the results are not the locked ones"
        };
        display::say(&format!(
            "{}: {} from {path}: {hint}\nhint: where they are meant, `cinescore lock -p {}` and commit it",
            self.graph.name,
            amounts::counted(self.differences.len(), "difference"),
            self.graph.name
        ));
        Ok(exit::STALE)
    }
}
