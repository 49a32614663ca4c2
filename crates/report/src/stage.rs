//! The kind `report`: its parameters, its inputs, and what it does with them.

use cinescore_artifact::StageError;
use cinescore_artifact::describe::{Input, Output};
use cinescore_artifact::program::{Kind, TaskContext};
use cinescore_artifact::table::TableReader;
use cinescore_artifact::task::Provenance;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::inputs::{self, Content, Group};
use crate::metric::Subject;
use crate::page::{Page, Parts};
use crate::render::{RenderError, render};
use crate::{metric, sections};

/// The inputs that artifacts may come in.
const INPUTS: [(&str, &str); 9] = [
    (
        "reviews",
        "outputs of `ingest reviews` and `ingest audit`: reviews, rejects, findings",
    ),
    (
        "text",
        "outputs of `featurize text`: tokens, vocabulary, encoder",
    ),
    (
        "nets",
        "outputs of `train fit`, `evaluate` and `baseline`, of any number of networks: history, metrics, predictions, bundle",
    ),
    (
        "popularity",
        "outputs of `featurize windows` and `trends`: windows, encoder, trends",
    ),
    ("scores", "outputs of `train compare`: comparisons, spreads"),
    (
        "words",
        "outputs of `train explain`: attributions, and their metrics",
    ),
    (
        "slices",
        "outputs of `train slices` and `predict flags`: errors by slice and by flag",
    ),
    ("sweep", "the leaderboard of `cinescore sweep`, as JSON"),
    (
        "runs",
        "records of runs (`artifacts/logs/RUN/run.json`), for times and speeds",
    ),
];
const OUTPUT: &str = "report";

/// The parameters of `report`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReportParams {
    /// The page's title; without one, the pipeline's name.
    pub title: Option<String>,
    /// How many reviews are shown with their titles.
    #[schemars(range(min = 0, max = 100), extend("unit" = "reviews"))]
    pub sample_rows: usize,
    /// Explained reviews that are shown whatever they are, by their `review_id`, besides the best, the worst and the most
    /// uncertain.
    pub review_ids: Vec<u64>,
}

impl Default for ReportParams {
    fn default() -> Self {
        Self {
            title: None,
            sample_rows: 5,
            review_ids: Vec::new(),
        }
    }
}

/// The kind, for the program.
pub fn kind() -> Kind {
    let kind = Kind::new("report", "What a pipeline made, as one HTML page.", run);
    INPUTS
        .iter()
        .fold(kind, |kind, (name, about)| {
            kind.input(Input::any(name, about).many().optional())
        })
        .output(Output::folder(
            OUTPUT,
            "index.html, summary.md, tables and plots",
        ))
        .with_provenance()
}

fn run(params: ReportParams, context: &mut TaskContext) -> Result<(), StageError> {
    let provenance = context.provenance()?;
    let groups = inputs::collect(INPUTS.iter().flat_map(|(name, _)| context.inputs(name)))?;
    for group in &groups {
        for artifact in &group.artifacts {
            if let Content::Table(spec) = artifact.content {
                let rows = TableReader::open(&artifact.path, spec)?.rows();
                context
                    .result()
                    .rows_in
                    .insert(format!("{}.{}", group.name, artifact.output), rows);
            }
        }
    }
    context.check_interrupt()?;

    let mut parts = Parts::default();
    let mut page = page(&params, &groups, provenance.as_ref(), &mut parts)?;
    sections::popularity::put(&mut page, &groups, &mut parts)?;
    let (html, markdown) = render(&page)?;

    let folder = context.output(OUTPUT);
    parts.write(&folder, html, markdown)?;
    let networks = page.headlines.len() as u64;
    context
        .result()
        .facts
        .insert("networks_with_test_figures".into(), networks.into());
    Ok(())
}

fn page(
    params: &ReportParams,
    groups: &[Group],
    provenance: Option<&Provenance>,
    parts: &mut Parts,
) -> Result<Page, StageError> {
    let pipeline = provenance.map(|provenance| provenance.pipeline.clone());
    let title = params
        .title
        .clone()
        .or_else(|| pipeline.as_deref().map(metric::capital));
    let networks = sections::networks(groups, provenance)?;
    let data = sections::data::section(groups, params.sample_rows, parts)?;
    let training = sections::training::section(&networks, parts)?;
    let (results, summary) = sections::results::section(&networks, parts)?;
    let subjects = networks.iter().map(sections::Network::subject);
    let subject = subjects.fold(Subject::Reviews, Subject::or);
    let comparisons = sections::comparisons::section(groups, subject, parts)?;
    let words = sections::words::section(groups, &networks, provenance, &params.review_ids, parts)?;
    let errors = sections::errors::section(groups, &networks, parts)?;
    let middle = sections::middle::section(&networks, provenance, parts)?;
    let (mut boards, mut runs) = (Vec::new(), Vec::new());
    for artifact in groups.iter().flat_map(|group| &group.artifacts) {
        match &artifact.content {
            Content::Sweep(board) => boards.push(board.as_ref()),
            Content::Run(run) => runs.push(run.as_ref()),
            Content::Table(_)
            | Content::Encoder(_)
            | Content::WindowEncoder(_)
            | Content::Other => {}
        }
    }
    let sweep = sections::sweep::section(&boards, parts)?;
    let origin = sections::origin::section(groups, provenance, &runs, parts)?;
    let sources = provenance
        .map(sections::origin::sources)
        .unwrap_or_default();
    Ok(Page {
        title: title.unwrap_or_else(|| "Cinescore report".into()),
        commands: pipeline
            .as_deref()
            .map(|name| sections::origin::commands(name, !sources.is_empty()))
            .unwrap_or_default(),
        sources,
        pipeline,
        headlines: sections::results::headlines(&networks),
        without_headlines: Some(
            "No test figures: no network with metrics on the test split was given.".into(),
        ),
        warnings: provenance
            .map(sections::origin::warnings)
            .unwrap_or_default(),
        sections: [results, comparisons, training, words, errors]
            .into_iter()
            .chain(middle)
            .chain(sweep)
            .chain([data.section, origin])
            .collect(),
        summary: data.summary.into_iter().chain(summary).collect(),
    })
}

/// Templates and plots are this program's own: if they fail, the work failed.
impl From<RenderError> for StageError {
    fn from(error: RenderError) -> Self {
        Self::failed(error)
    }
}
