//! The kind `compare`: the reports of two runs side by side, for a pull request.
//!
//! Owns which tables and plots belong together, and what differs. Reads the folders of two reports (`tables/*.csv`,
//! `plots/*.svg`) and the records of both runs where they are given; writes a folder like a report's. Computes
//! differences of numbers that the reports have, nothing else.

mod tables;

use std::collections::BTreeSet;
use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use cinescore_artifact::StageError;
use cinescore_artifact::describe::{Input, Output};
use cinescore_artifact::program::{Kind, TaskContext};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::count::runs;
use crate::page::{Block, Page, Pair, Parts, Section};
use crate::render::render;
use crate::sections::{absent, counted, text, times};
use crate::table::{Cell, Table};
use tables::{Change, changes};

const OUTPUT: &str = "comparison";
/// Differences that are on the page; all are in the file.
const SHOWN: usize = 200;
/// Pairs of plots that are on the page.
const PLOTS: usize = 60;
/// Larger plots are left out.
const LARGEST: u64 = 300_000;

/// The parameters of `compare`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CompareParams {
    /// What the first report is called.
    pub before_name: String,
    /// What the second one is called.
    pub after_name: String,
}

impl Default for CompareParams {
    fn default() -> Self {
        Self {
            before_name: "before".into(),
            after_name: "after".into(),
        }
    }
}

/// The kind, for the program.
pub fn kind() -> Kind {
    Kind::new("compare", "The reports of two runs side by side.", run)
        .input(Input::folder("before", "the report of the first run"))
        .input(Input::folder("after", "the report of the second run"))
        .input(
            Input::any("runs", "the records of both runs, for their times")
                .many()
                .optional(),
        )
        .output(Output::folder(OUTPUT, "index.html, summary.md and tables"))
}

fn run(params: CompareParams, context: &mut TaskContext) -> Result<(), StageError> {
    let before = context.input("before")?.path.clone();
    let after = context.input("after")?.path.clone();
    let records: Vec<runs::Run> = context
        .inputs("runs")
        .iter()
        .filter_map(|input| runs::read(&input.path))
        .collect();
    let mut parts = Parts::default();
    let page = page(&params, &before, &after, &records, &mut parts)?;
    let (html, markdown) = render(&page)?;
    parts.write(&context.output(OUTPUT), html, markdown)?;
    Ok(())
}

fn page(
    params: &CompareParams,
    before: &Path,
    after: &Path,
    records: &[runs::Run],
    parts: &mut Parts,
) -> Result<Page, StageError> {
    let (one, other) = (&params.before_name, &params.after_name);
    let (tables_before, tables_after) = (
        names(before, "tables", "csv")?,
        names(after, "tables", "csv")?,
    );
    let mut figures = Vec::new();
    let mut others = Vec::new();
    for name in tables_before.intersection(&tables_after) {
        let read = |folder: &Path| fs_err::read(folder.join("tables").join(name));
        let found = changes(name, &read(before)?, &read(after)?);
        // A table of metrics is what a reader looks for first.
        if name.ends_with("-metrics.csv") {
            figures.extend(found);
        } else if !name.starts_with("provenance") && !name.starts_with("times") {
            others.extend(found);
        }
    }
    let mut sections = Vec::new();
    let mut summary = Vec::new();
    let mut section = parts.section("Figures");
    section.blocks.push(text(format!(
        "{one} and {other}: {} of the networks' figures and {} in other tables. A difference by itself does not say that it is \
         more than chance: the section on comparisons of each report does.",
        counted(figures.len() as u64, "difference"),
        count_of(&others),
    )));
    match figures.is_empty() {
        true => section.blocks.push(absent(
            "All figures of networks that both have are the same.",
        )),
        false => {
            let test: Vec<&Change> = figures
                .iter()
                .filter(|change| change.row.starts_with("test"))
                .collect();
            let shown = if test.is_empty() {
                figures.iter().collect()
            } else {
                test
            };
            let table = table("figures", "Test figures that differ", &shown, params);
            summary.push(table.view());
            push(table, &mut section, parts)?;
        }
    }
    push_all("all figures", &figures, params, parts)?;
    sections.push(section);
    sections.push(plots(before, after, params, parts)?);

    let mut section = parts.section("Other tables");
    if others.is_empty() {
        section
            .blocks
            .push(absent("All numbers that both have are the same."));
    } else {
        let shown: Vec<&Change> = others.iter().take(SHOWN).collect();
        let caption = format!("{} of {} numbers that differ", shown.len(), others.len());
        push(
            table("others", &caption, &shown, params),
            &mut section,
            parts,
        )?;
    }
    push_all("all others", &others, params, parts)?;
    let mut only = Table::new(
        "only in one",
        "Tables that only one of them has",
        &["table", "only in"],
    );
    for (name, whose) in tables_before
        .difference(&tables_after)
        .map(|name| (name, one))
        .chain(
            tables_after
                .difference(&tables_before)
                .map(|name| (name, other)),
        )
    {
        only.row([Cell::text(name), Cell::text(whose)]);
    }
    if !only.rows.is_empty() {
        push(only, &mut section, parts)?;
    }
    sections.push(section);
    if !records.is_empty() {
        let mut section = parts.section("Times");
        times::show(
            &records.iter().collect::<Vec<_>>(),
            &mut section.blocks,
            parts,
        )?;
        sections.push(section);
    }
    Ok(Page {
        title: format!("{one} and {other}"),
        pipeline: None,
        commands: Vec::new(),
        sources: Vec::new(),
        headlines: Vec::new(),
        without_headlines: None,
        warnings: Vec::new(),
        sections,
        summary,
    })
}

fn count_of(others: &[Change]) -> String {
    match others.len() {
        0 => "none".into(),
        count => crate::number::count(count as u64),
    }
}

fn push(table: Table, section: &mut Section, parts: &mut Parts) -> Result<(), StageError> {
    section.blocks.push(Block::Table {
        table: parts.table(table)?,
    });
    Ok(())
}

/// For its file alone.
fn push_all(
    name: &str,
    all: &[Change],
    params: &CompareParams,
    parts: &mut Parts,
) -> Result<(), StageError> {
    parts.table(table(name, name, &all.iter().collect::<Vec<_>>(), params))?;
    Ok(())
}

fn table(name: &str, caption: &str, all: &[&Change], params: &CompareParams) -> Table {
    let columns = [
        "table",
        "row",
        "figure",
        &params.before_name,
        &params.after_name,
        "change",
    ];
    let mut table = Table::new(name, caption, &columns);
    for change in all {
        table.row([
            Cell::text(&change.table),
            Cell::text(&change.row),
            Cell::text(&change.column),
            Cell::value(change.before),
            Cell::value(change.after),
            Cell::value(
                change
                    .before
                    .zip(change.after)
                    .map(|(before, after)| after - before),
            ),
        ]);
    }
    table
}

/// The names of a report's files of a kind.
fn names(report: &Path, folder: &str, ending: &str) -> Result<BTreeSet<String>, StageError> {
    let folder = report.join(folder);
    if !report.join("index.html").is_file() {
        let message = format!(
            "`{}` is no report: it has no `index.html`",
            report.display()
        );
        return Err(
            StageError::input(message).hint("name the folder that the stage `report` wrote")
        );
    }
    if !folder.is_dir() {
        return Ok(BTreeSet::new());
    }
    let mut names = BTreeSet::new();
    for entry in fs_err::read_dir(&folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if Path::new(&name)
            .extension()
            .is_some_and(|own| own == ending)
        {
            names.insert(name);
        }
    }
    Ok(names)
}

/// The plots that both have and that differ, in pairs. As pictures they are inert: no script in them runs.
fn plots(
    before: &Path,
    after: &Path,
    params: &CompareParams,
    parts: &mut Parts,
) -> Result<Section, StageError> {
    let mut section = parts.section("Plots");
    let (one, other) = (
        names(before, "plots", "svg")?,
        names(after, "plots", "svg")?,
    );
    let (mut pairs, mut more) = (Vec::new(), 0u64);
    for name in one.intersection(&other) {
        let path = |folder: &Path| folder.join("plots").join(name);
        if fs_err::metadata(path(before))?
            .len()
            .max(fs_err::metadata(path(after))?.len())
            > LARGEST
        {
            more += 1;
            continue;
        }
        let (left, right) = (fs_err::read(path(before))?, fs_err::read(path(after))?);
        if left == right {
            continue;
        }
        if pairs.len() == PLOTS {
            more += 1;
            continue;
        }
        let data = |bytes: &[u8]| {
            format!(
                "data:image/svg+xml;base64,{}",
                BASE64_STANDARD.encode(bytes)
            )
        };
        pairs.push(Pair {
            name: name.trim_end_matches(".svg").replace('-', " "),
            before_name: params.before_name.clone(),
            after_name: params.after_name.clone(),
            before: data(&left),
            after: data(&right),
        });
    }
    if pairs.is_empty() {
        section
            .blocks
            .push(absent("All plots that both have are the same."));
    } else {
        section.blocks.push(Block::Pairs { pairs });
    }
    if more > 0 {
        let words = format!("{} that differ too are not shown.", counted(more, "plot"));
        section.blocks.push(absent(words));
    }
    Ok(section)
}
