//! `cinescore explain`: what a stage's key is made of, and what changed.

use cinescore_artifact::{StageError, exit};
use cinescore_pipeline::explain::{self, Explanation, FieldChange, InRun, RunsExplanation};
use serde_json::{Value, json};

use crate::arguments::{ExplainArguments, ProjectArguments};
use crate::display;
use crate::table::shown;

pub(crate) fn explain(
    project: &ProjectArguments,
    arguments: &ExplainArguments,
) -> Result<u8, StageError> {
    if let [before, after] = arguments.runs.as_slice() {
        let (runs, pipeline) = (project.runs(), project.named());
        let before = runs.find(before, pipeline.as_deref())?;
        let after = runs.find(after, pipeline.as_deref())?;
        let found = explain::runs(&before, &after, &arguments.stage)?;
        if arguments.json {
            display::data(&json!(found))?;
        } else {
            between(&found);
        }
        return Ok(exit::DONE);
    }
    let (project, graph) = project.open()?;
    let found = explain::now(&project, &graph, &arguments.stage)?;
    project.close()?;
    if arguments.json {
        display::data(&json!(found))?;
    } else {
        now(&found);
    }
    Ok(exit::DONE)
}

fn now(found: &Explanation) {
    display::row(&format!("{}: {}", found.stage, found.run));
    display::row(&format!("  state    {}", display::state(&found.plan)));
    let key = found.fingerprint.as_ref().map_or_else(
        || format!("not known before {} has run", found.waits_for.join(", ")),
        |key| short(key),
    );
    display::row(&format!("  key      {key}"));
    if found.results > 1 {
        display::row(&format!(
            "  results  {} different ones for this key: the stage is not deterministic",
            found.results
        ));
    }
    match &found.on_view {
        Some(view) => display::row(&format!(
            "  on view  {}, made by run {}",
            short(&view.fingerprint),
            view.made_by
        )),
        None => display::row("  on view  nothing"),
    }
    if found.on_view.is_some() {
        display::row("");
        if found.changes.is_empty() && found.waits_for.is_empty() {
            display::row("Nothing changed since the result on view.");
        } else if found.changes.is_empty() {
            display::row("Nothing changed since the result on view but, perhaps, the inputs.");
        } else {
            display::row("Changed since the result on view:");
            changed(&found.changes);
        }
    }
    for stage in &found.waits_for {
        hint(stage, "says why that one must run");
    }
    display::row("\nIn the key:");
    let width = display::width(found.key.keys().map(String::as_str));
    for (field, value) in &found.key {
        display::row(&format!("  {field:<width$}  {}", cut(value)));
    }
}

fn between(found: &RunsExplanation) {
    display::row(&found.stage);
    for (word, side) in [("before", &found.before), ("after", &found.after)] {
        display::row(&format!("  {word:<6}  {}", in_run(side)));
    }
    display::row("");
    if found.changes.is_empty() {
        display::row("The keys are the same.");
    } else {
        display::row("Changed:");
        changed(&found.changes);
    }
    if !found.outputs.is_empty() {
        let outputs = found.outputs.join(", ");
        display::row(&format!("\nOther bytes: {outputs}"));
        if found.changes.is_empty() {
            display::row("The same key gave other bytes: this stage is not deterministic.");
        }
    }
}

fn in_run(side: &InRun) -> String {
    let key = side.fingerprint.as_deref().map_or("-".into(), short);
    format!("{key}  {} in run {}", side.how, side.run)
}

fn changed(changes: &[FieldChange]) {
    let width = display::width(changes.iter().map(|change| change.field.as_str()));
    for change in changes {
        let side = |value: &Option<Value>| value.as_ref().map_or("none".into(), cut);
        display::row(&format!(
            "  {:<width$}  {} -> {}",
            change.field,
            side(&change.before),
            side(&change.after)
        ));
    }
    let mut told: Vec<&String> = Vec::new();
    for change in changes {
        for stage in &change.upstream {
            if !told.contains(&stage) {
                told.push(stage);
                hint(stage, &format!("says why `{}` changed", change.field));
            }
        }
    }
}

fn hint(stage: &str, what: &str) {
    // A shell would take the brackets of a cell for a pattern.
    let quote = if stage.contains('[') { "'" } else { "" };
    display::say(&format!(
        "hint: `cinescore explain {quote}{stage}{quote}` {what}"
    ));
}

fn short(digest: &str) -> String {
    shown(&Value::from(digest))
}

/// A value on one line: digests short, texts quoted.
fn cut(value: &Value) -> String {
    match value {
        Value::String(_) => {
            let short = shown(value);
            if short.len() == 12 && value.as_str().is_some_and(|text| text.len() == 64) {
                short
            } else {
                value.to_string()
            }
        }
        other => other.to_string(),
    }
}
