//! `cinescore diff`: parameters and metrics of two runs, a lock file, or what is there now.

use std::path::{Path, PathBuf};

use cinescore_artifact::{StageError, exit};
use cinescore_pipeline::diff::{Comparison, Side};
use cinescore_pipeline::lock::{LockFile, lock_path};
use cinescore_pipeline::plan;
use serde_json::{Value, json};

use crate::arguments::{DiffArguments, ProjectArguments};
use crate::display;
use crate::table::Table;

pub(crate) fn diff(
    project: &ProjectArguments,
    arguments: &DiffArguments,
) -> Result<u8, StageError> {
    let before = side(project, &arguments.before)?;
    let after = side(project, &arguments.after)?;
    let found = Comparison::of(&before, &after, arguments.all);
    if arguments.json {
        display::data(&json!(found))?;
    } else if arguments.markdown {
        markdown(&found);
    } else {
        text(&found);
    }
    Ok(exit::DONE)
}

/// What an argument names.
fn side(project: &ProjectArguments, given: &str) -> Result<Side, StageError> {
    let file = PathBuf::from(given);
    let lock = match given {
        "lock" => Some(lock_path(&project.file()?)),
        _ => file
            .extension()
            .is_some_and(|ending| ending == "lock")
            .then_some(file),
    };
    if let Some(path) = lock {
        return of_lock(&path);
    }
    if given == "now" {
        let (project, graph) = project.open()?;
        let planned = plan::plan(&project, &graph)?;
        project.close()?;
        return Ok(Side::of_plan("now", &planned));
    }
    let pipeline = project.named();
    let run = project.runs().find(given, pipeline.as_deref())?;
    Ok(Side::of_run(&run))
}

fn of_lock(path: &Path) -> Result<Side, StageError> {
    let locked = LockFile::load(path)?;
    Ok(Side::of_lock(&ProjectArguments::shown(path), &locked))
}

fn text(found: &Comparison) {
    display::say(&format!("{} -> {}", found.before, found.after));
    if found.is_empty() {
        display::say("the same parameters, metrics and outputs");
        return;
    }
    let mut first = true;
    for (_, table) in tables(found) {
        if !std::mem::take(&mut first) {
            display::row("");
        }
        table.print();
    }
}

fn markdown(found: &Comparison) {
    display::row(&format!("`{}` → `{}`", found.before, found.after));
    if found.is_empty() {
        display::row("\nThe same parameters, metrics and outputs.");
    }
    for (title, table) in tables(found) {
        display::row(&format!("\n#### {title}\n"));
        table.markdown().iter().for_each(|line| display::row(line));
    }
}

/// The tables that have rows, with their titles.
fn tables(found: &Comparison) -> Vec<(&'static str, Table)> {
    let mut metrics = Table::new(
        &["stage", "metric", "before", "after", "change"],
        &[2, 3, 4],
    );
    for row in &found.metrics {
        metrics.row([
            row.stage.clone(),
            row.metric.clone(),
            figure(row.before),
            figure(row.after),
            row.change.map_or("-".into(), signed),
        ]);
    }
    let mut params = Table::new(&["stage", "parameter", "before", "after"], &[]);
    for row in &found.params {
        params.row([
            row.stage.clone(),
            row.param.clone(),
            value(row.before.as_ref()),
            value(row.after.as_ref()),
        ]);
    }
    let mut others = Table::new(&["stage", "otherwise different"], &[]);
    for row in &found.others {
        let mut what = Vec::new();
        if row.code {
            what.push("the program's code".to_owned());
        }
        if !row.outputs.is_empty() {
            what.push(format!("bytes of {}", row.outputs.join(", ")));
        }
        others.row([row.stage.clone(), what.join("; ")]);
    }
    let mut stages = Table::new(&["stage", "only in"], &[]);
    for row in &found.stages {
        stages.row([row.stage.clone(), row.only_in.clone()]);
    }
    [
        ("Metrics", metrics),
        ("Parameters", params),
        ("Stages", stages),
        ("Other differences", others),
    ]
    .into_iter()
    .filter(|(_, table)| !table.is_empty())
    .collect()
}

fn value(value: Option<&Value>) -> String {
    match value {
        None => "-".into(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// Six significant digits: metrics differ late.
fn figure(figure: Option<f64>) -> String {
    let Some(figure) = figure else {
        return "-".into();
    };
    let digits = if figure == 0.0 || !figure.is_finite() {
        0
    } else {
        // Digits before the point; a number below 1 has as many zeros behind it.
        5 - figure.abs().log10().floor() as i32
    };
    let text = format!(
        "{figure:.*}",
        usize::try_from(digits.clamp(0, 12)).unwrap_or(0)
    );
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

fn signed(change: f64) -> String {
    let text = figure(Some(change));
    if change > 0.0 {
        format!("+{text}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_six_digits_that_count() {
        let shown = |value: f64| figure(Some(value));
        assert_eq!(shown(0.0), "0");
        assert_eq!(shown(3.0), "3");
        assert_eq!(shown(0.863_123_456), "0.863123");
        assert_eq!(shown(1_234_567.8), "1234568");
        assert_eq!(shown(0.000_012_345_678), "0.0000123457");
        assert_eq!(shown(-12.5), "-12.5");
        assert_eq!(shown(f64::NAN), "NaN");
        assert_eq!(signed(0.25), "+0.25");
        assert_eq!(signed(-0.25), "-0.25");
    }
}
