//! What a pipeline demands of a stage's outputs, whenever a result is used: one that was just made and
//! one out of the store alike.

use cinescore_artifact::store::Record;
use cinescore_artifact::table::TableFooter;

use crate::error::PipelineError;
use crate::graph::Stage;
use crate::policy::OutputCheck;
use crate::project::Project;

/// An error that names everything that a result fails.
pub(super) fn check(
    project: &Project,
    stage: &Stage,
    record: &Record,
) -> Result<(), PipelineError> {
    let mut failed = Vec::new();
    for (output, check) in &stage.policy.checks {
        let rows = record.result.rows_out.get(output).copied();
        // The columns stand in the file only; the common check of rows reads nothing.
        let columns = if check.columns.is_empty() {
            None
        } else {
            record.outputs.get(output).map(|object| {
                TableFooter::read(&project.store.object_path(object.digest))
                    .map(|footer| footer.columns)
            })
        };
        let columns = match columns {
            Some(Ok(columns)) => columns,
            Some(Err(error)) => {
                failed.push(format!("`{output}` has no columns: {error}"));
                continue;
            }
            None => Vec::new(),
        };
        failed.extend(
            failures(check, rows, &columns)
                .into_iter()
                .map(|how| format!("`{output}` {how}")),
        );
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(PipelineError::CheckFailed {
        stage: stage.name.clone(),
        failed,
    })
}

fn failures(check: &OutputCheck, rows: Option<u64>, columns: &[String]) -> Vec<String> {
    let mut failures = Vec::new();
    match rows {
        None if check.min_rows.is_some() || check.max_rows.is_some() => {
            failures.push("has no count of rows".to_owned());
        }
        None => {}
        Some(rows) => {
            if let Some(least) = check.min_rows.filter(|least| rows < *least) {
                failures.push(format!("has {rows} rows, fewer than min_rows {least}"));
            }
            if let Some(most) = check.max_rows.filter(|most| rows > *most) {
                failures.push(format!("has {rows} rows, more than max_rows {most}"));
            }
        }
    }
    for column in &check.columns {
        if !columns.contains(column) {
            failures.push(format!("lacks the column `{column}`"));
        }
    }
    failures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_inclusive_and_everything_that_fails_is_named() {
        let check = OutputCheck {
            min_rows: Some(10),
            max_rows: Some(20),
            columns: vec!["text".into()],
        };
        let text = ["text".to_owned()];
        for rows in [10, 15, 20] {
            assert_eq!(failures(&check, Some(rows), &text), [""; 0]);
        }
        assert_eq!(
            failures(&check, Some(9), &[]),
            [
                "has 9 rows, fewer than min_rows 10",
                "lacks the column `text`"
            ]
        );
        assert_eq!(
            failures(&check, Some(21), &text),
            ["has 21 rows, more than max_rows 20"]
        );
        assert_eq!(failures(&check, None, &text), ["has no count of rows"]);
    }
}
