//! The section on provenance: how everything on the page came about and how it is made again.

use std::collections::BTreeSet;

use cinescore_artifact::Digest;
use cinescore_artifact::task::{Provenance, StageProvenance};
use serde_json::Value;

use super::{absent, text, times};
use crate::count::runs::Run;
use crate::inputs::Group;
use crate::number::count;
use crate::page::{Block, Parts, Section};
use crate::render::RenderError;
use crate::table::{Cell, Table};
use crate::text::visible;

/// The section.
pub(crate) fn section(
    groups: &[Group],
    provenance: Option<&Provenance>,
    runs: &[&Run],
    parts: &mut Parts,
) -> Result<Section, RenderError> {
    let mut section = parts.section("Provenance");
    let told = match provenance {
        Some(provenance) => times::told(provenance, &mut section.blocks, parts)?,
        None => false,
    };
    if runs.is_empty() && !told {
        section.blocks.push(absent(
            "Times and speeds are not in here: `records: true` at the report's stage hands over those of the runs that computed \
             its inputs. `cinescore status` and `cinescore compare` have them too.",
        ));
    }
    times::show(runs, &mut section.blocks, parts)?;
    let blocks = &mut section.blocks;
    match provenance {
        None => blocks.push(absent(
            "No provenance was given: this page was not made by a pipeline, so it cannot say how its inputs came about.",
        )),
        Some(provenance) => {
            blocks.push(text(
                "Every number above follows from these stages. A fingerprint is the digest of everything that can \
                 change a stage's result; equal fingerprints mean equal results. Digests are BLAKE3; the full ones \
                 are in tables/provenance.csv.",
            ));
            blocks.push(text(format!(
                "All of these outputs in one digest: {}. Two reports in which it is the same show the same results. \
                 `cinescore run --lock` writes every digest and figure into the lock file beside the pipeline; `make reproduce` \
                 runs everything and compares.",
                all_outputs(provenance).short()
            )));
            let mut full = Table::new("provenance", "Provenance in full", &["stage", "part", "name", "value"]);
            let mut stages = Table::new(
                "stages",
                "Stages, each after what it reads",
                &["stage", "run", "fingerprint", "code", "rows out", "refused"],
            );
            for stage in &provenance.stages {
                add_full(stage, &mut full);
                stages.row([
                    Cell::text(&stage.stage),
                    Cell::text(&stage.run),
                    Cell::text(stage.fingerprint.short()),
                    Cell::text(stage.code.short()),
                    Cell::Count(stage.result.rows_out.values().sum()),
                    Cell::Count(stage.result.rejected),
                ]);
            }
            blocks.push(Block::Table { table: parts.table(stages)? });
            for stage in &provenance.stages {
                blocks.push(stage_block(stage, parts));
            }
            // The full table is a file only: on the page it would say everything twice.
            parts.table(full)?;
        }
    }
    let mut given = Table::new(
        "inputs",
        "What this page was made from",
        &["from", "output", "what it is", "digest"],
    );
    for group in groups {
        for artifact in &group.artifacts {
            given.row([
                Cell::text(&group.name),
                Cell::text(&artifact.output),
                Cell::text(artifact.content.name()),
                artifact
                    .digest
                    .map_or(Cell::Missing, |digest| Cell::text(digest.short())),
            ]);
        }
    }
    if given.rows.is_empty() {
        blocks.push(absent("No artifact was given."));
    } else {
        blocks.push(Block::Table {
            table: parts.table(given)?,
        });
    }
    Ok(section)
}

/// The digest of the names and digests of all outputs.
fn all_outputs(provenance: &Provenance) -> Digest {
    let mut lines = Vec::new();
    for stage in &provenance.stages {
        for (output, digest) in &stage.outputs {
            lines.push(format!("{}.{output} {digest}\n", stage.stage));
        }
    }
    lines.sort();
    Digest::of_bytes(lines.concat().as_bytes())
}

/// The names of the files that the pipeline was given and that do not come with it, as its networks do.
pub(crate) fn sources(provenance: &Provenance) -> Vec<String> {
    let made: BTreeSet<Digest> = provenance
        .stages
        .iter()
        .flat_map(|stage| stage.outputs.values().copied())
        .collect();
    let inputs = provenance.stages.iter().flat_map(|stage| &stage.inputs);
    let from_outside: BTreeSet<String> = inputs
        .flat_map(|(_, artifacts)| artifacts)
        .filter(|(label, digest)| !made.contains(digest) && !label.ends_with(".yaml"))
        .map(|(label, _)| visible(label))
        .collect();
    from_outside.into_iter().collect()
}

/// The command lines that make the report again; with a place for the data where it comes from outside.
pub(crate) fn commands(pipeline: &str, has_sources: bool) -> Vec<String> {
    let pipeline = visible(pipeline);
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./".contains(character);
    let name = if !pipeline.is_empty() && pipeline.chars().all(plain) {
        pipeline
    } else {
        format!("'{}'", pipeline.replace('\'', "'\\''"))
    };
    let (data, set) = match has_sources {
        true => (" DATA=DIR", " --set vars.data=DIR"),
        false => ("", ""),
    };
    vec![
        format!("make run PIPELINE={name}{data}"),
        format!("cinescore run -p {name}{set}"),
        format!("make reproduce PIPELINE={name}{data}"),
    ]
}

/// What the stages warned of.
pub(crate) fn warnings(provenance: &Provenance) -> Vec<String> {
    let of_stage = |stage: &StageProvenance| {
        let name = stage.stage.clone();
        stage
            .result
            .warnings
            .clone()
            .into_iter()
            .map(move |warning| format!("{name}: {warning}"))
    };
    provenance.stages.iter().flat_map(of_stage).collect()
}

fn stage_block(stage: &StageProvenance, parts: &mut Parts) -> Block {
    let name = &stage.stage;
    let mut key = Table::new(format!("{name} key"), "Key", &["part", "value"]);
    key.row([
        Cell::text("fingerprint"),
        Cell::text(stage.fingerprint.short()),
    ]);
    key.row([Cell::text("code"), Cell::text(stage.code.short())]);
    for (part, value) in &stage.machine {
        key.row([Cell::text(part), Cell::text(value)]);
    }
    let mut params = Table::new(
        format!("{name} parameters"),
        "Parameters",
        &["parameter", "value"],
    );
    for (path, value) in flat(&stage.params) {
        params.row([Cell::text(path), Cell::text(value)]);
    }
    let mut inputs = Table::new(
        format!("{name} inputs"),
        "Inputs",
        &["input", "from", "digest"],
    );
    for (input, artifacts) in &stage.inputs {
        for (label, digest) in artifacts {
            inputs.row([
                Cell::text(input),
                Cell::text(label),
                Cell::text(digest.short()),
            ]);
        }
    }
    let mut outputs = Table::new(
        format!("{name} outputs"),
        "Outputs",
        &["output", "rows", "digest"],
    );
    for (output, digest) in &stage.outputs {
        let rows = stage.result.rows_out.get(output);
        outputs.row([
            Cell::text(output),
            rows.map_or(Cell::Missing, |&rows| Cell::Count(rows)),
            Cell::text(digest.short()),
        ]);
    }
    let mut said = Table::new(
        format!("{name} results"),
        "What it reported",
        &["what", "value"],
    );
    for (what, value) in reported(stage) {
        said.row([Cell::text(what), value]);
    }
    let mut tables = Vec::new();
    for table in [key, params, inputs, outputs, said] {
        // A part that a stage does not have needs no table; a file of its own would repeat
        // provenance.csv.
        if !table.rows.is_empty() {
            tables.push(parts.table_without_file(table));
        }
    }
    Block::Stage {
        name: name.clone(),
        run: stage.run.clone(),
        tables,
    }
}

fn reported(stage: &StageProvenance) -> Vec<(String, Cell)> {
    let result = &stage.result;
    let mut rows = Vec::new();
    rows.extend(
        result
            .rows_in
            .iter()
            .map(|(name, &n)| (format!("rows read, {name}"), Cell::Count(n))),
    );
    if result.rejected > 0 {
        rows.push(("rows refused".into(), Cell::Count(result.rejected)));
    }
    rows.extend(
        result
            .facts
            .iter()
            .map(|(name, value)| (name.replace('_', " "), fact(value))),
    );
    rows.extend(
        result
            .metrics
            .iter()
            .map(|(name, &value)| (name.clone(), Cell::Value(value))),
    );
    rows.extend(
        result
            .device
            .iter()
            .map(|device| ("device".into(), Cell::text(device))),
    );
    rows
}

fn fact(value: &Value) -> Cell {
    match value.as_u64() {
        Some(number) => Cell::Text(count(number)),
        None => Cell::text(plain(value)),
    }
}

fn add_full(stage: &StageProvenance, full: &mut Table) {
    let mut add = |part: &str, name: &str, value: String| {
        full.row([
            Cell::text(&stage.stage),
            Cell::text(part),
            Cell::text(name),
            Cell::text(value),
        ]);
    };
    add("run", "", stage.run.clone());
    add("fingerprint", "", stage.fingerprint.to_hex());
    add("code", "", stage.code.to_hex());
    for (part, value) in &stage.machine {
        add("machine", part, value.clone());
    }
    for (path, value) in flat(&stage.params) {
        add("parameter", &path, value);
    }
    for (input, artifacts) in &stage.inputs {
        for (label, digest) in artifacts {
            add("input", &format!("{input}: {label}"), digest.to_hex());
        }
    }
    for (output, digest) in &stage.outputs {
        add("output", output, digest.to_hex());
    }
    for (name, rows) in &stage.result.rows_in {
        add("rows in", name, rows.to_string());
    }
    for (name, rows) in &stage.result.rows_out {
        add("rows out", name, rows.to_string());
    }
    add("rows refused", "", stage.result.rejected.to_string());
    for (name, value) in &stage.result.facts {
        add("fact", name, plain(value));
    }
    for (name, value) in &stage.result.metrics {
        add("metric", name, value.to_string());
    }
}

/// Parameters by dotted path, sorted: `optimizer.adam.lr`.
fn flat(params: &Value) -> Vec<(String, String)> {
    fn walk(path: &str, value: &Value, flat: &mut Vec<(String, String)>) {
        match value.as_object() {
            Some(object) if !object.is_empty() => {
                for (key, value) in object {
                    let path = if path.is_empty() {
                        key.clone()
                    } else {
                        format!("{path}.{key}")
                    };
                    walk(&path, value, flat);
                }
            }
            _ => flat.push((path.to_owned(), plain(value))),
        }
    }
    let mut all = Vec::new();
    if params.as_object().is_some_and(|object| !object.is_empty()) {
        walk("", params, &mut all);
    }
    all.sort();
    all
}

/// JSON, but a text stays bare.
fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), String::from)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_is_quoted_for_the_shell_where_it_must_be() {
        assert_eq!(commands("demo", false)[1], "cinescore run -p demo");
        assert_eq!(
            commands("a b';rm", true)[0],
            r"make run PIPELINE='a b'\'';rm' DATA=DIR"
        );
    }

    #[test]
    fn parameters_are_flat_and_sorted() {
        let params =
            json!({"optimizer": {"adam": {"lr": 1e-3}}, "epochs": 3, "name": "x", "none": {}});
        let flat: Vec<String> = flat(&params)
            .into_iter()
            .map(|(path, value)| format!("{path}={value}"))
            .collect();
        assert_eq!(
            flat,
            ["epochs=3", "name=x", "none={}", "optimizer.adam.lr=0.001"]
        );
    }
}
