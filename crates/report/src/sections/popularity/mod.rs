//! The sections on popularity: how it looks, and how well it is forecast.
//!
//! Owns what a report on windows has beside the sections that all reports have, and that it has none on reviews. Every statistic
//! is in a table that a stage made; only the choice of the movies that are shown is made here, by their ratings.

mod forecasts;
mod groups;
mod standings;
mod trends;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cinescore_artifact::StageError;
use cinescore_artifact::slots::SlotUnit;
use cinescore_artifact::tables::{
    ATTRIBUTIONS, COMPARISONS, HISTORY, METRICS, PREDICTIONS, REVIEWS, TOKENS, TRENDS, WINDOWS,
};

use crate::count::metrics::{self, Metrics};
use crate::inputs::{Content, Group};
use crate::metric::Subject;
use crate::page::{Block, Page, Parts};

/// The split that may choose.
const VALID: &str = "valid";
/// The split of the figures.
const TEST: &str = "test";
/// Sections that have nothing to say of windows.
const OF_REVIEWS: [&str; 2] = ["Data", "Words that decided"];

/// A network or a baseline with its figures.
struct Forecaster<'a> {
    /// Its stage or cell.
    name: &'a str,
    /// Its name for a legend.
    short: String,
    metrics: Metrics,
    predictions: Option<&'a Path>,
    /// Whether it was trained epoch by epoch; a baseline was not.
    is_network: bool,
}

impl Forecaster<'_> {
    fn figure(&self, split: &str, metric: &str) -> Option<f64> {
        self.metrics.find(split, metric).and_then(|row| row.model)
    }
}

/// Names for legends: what cells say, and the stage too where two stages have such a cell.
fn short_names<'n>(names: impl Iterator<Item = &'n str>) -> BTreeMap<&'n str, String> {
    let names: BTreeSet<&str> = names.collect();
    let of = |name: &str| {
        let own = cell(name);
        let several = names.iter().filter(|other| cell(other) == own).count() > 1;
        match name.split_once('[') {
            Some((stage, _)) if several => format!("{own} of {stage}"),
            _ => own,
        }
    };
    names.iter().map(|name| (*name, of(name))).collect()
}

/// `popularity_gru, seed 7` of `net[network=popularity_gru,seed=7]`.
fn cell(name: &str) -> String {
    let Some((_, cell)) = name.split_once('[') else {
        return name.to_owned();
    };
    let parts = cell.trim_end_matches(']').split(',');
    let parts: Vec<String> = parts
        .map(|part| match part.split_once('=') {
            Some(("network" | "model", value)) => value.to_owned(),
            Some((key, value)) => format!("{key} {value}"),
            None => part.to_owned(),
        })
        .collect();
    parts.join(", ")
}

/// Puts the sections into a page, where it is about windows.
pub(crate) fn put(page: &mut Page, groups: &[Group], parts: &mut Parts) -> Result<(), StageError> {
    let with = |spec| groups.iter().filter_map(move |group| group.table(spec));
    let forecasters = forecasters(groups)?;
    let trends = with(&TRENDS).next();
    let windows = with(&WINDOWS).next();
    if trends.is_none() && windows.is_none() && forecasters.is_empty() {
        return Ok(());
    }
    let mut about = parts.section("Popularity");
    if let Some(path) = trends {
        trends::show(path, &mut about.blocks, parts)?;
    }
    let mut forecasts = parts.section("Forecasts");
    if let Some(path) = with(&COMPARISONS).next() {
        standings::show(path, &forecasters, &mut forecasts.blocks)?;
    }
    groups::show(&forecasters, &mut forecasts.blocks, parts)?;
    if let Some(path) = windows {
        forecasts::show(
            path,
            Axes::of(groups),
            &forecasters,
            &mut forecasts.blocks,
            parts,
        )?;
    }
    let of_reviews = [&REVIEWS, &TOKENS, &ATTRIBUTIONS]
        .iter()
        .any(|spec| with(spec).next().is_some());
    if !of_reviews {
        let says = |block: &Block| !matches!(block, Block::Absent { .. });
        page.sections.retain(|section| {
            !OF_REVIEWS.contains(&&*section.title) || section.blocks.iter().any(says)
        });
    }
    let is_data = |title: &str| title == OF_REVIEWS[0];
    let at = page
        .sections
        .iter()
        .position(|section| !is_data(&section.title));
    let own = [about, forecasts].into_iter();
    let own = own.filter(|section| !section.blocks.is_empty());
    let at = at.unwrap_or(page.sections.len());
    page.sections.splice(at..at, own);
    Ok(())
}

/// Everything with figures of windows, in the order given.
fn forecasters(groups: &[Group]) -> Result<Vec<Forecaster<'_>>, StageError> {
    let mut all: Vec<Forecaster<'_>> = Vec::new();
    for group in groups {
        let Some(path) = group.table(&METRICS) else {
            continue;
        };
        let metrics = metrics::count(path)?;
        if metrics.subject_of() == Subject::Windows {
            all.push(Forecaster {
                name: &group.name,
                short: String::new(),
                metrics,
                predictions: group.table(&PREDICTIONS),
                is_network: group.table(&HISTORY).is_some(),
            });
        }
    }
    let short = short_names(all.iter().map(|own| own.name));
    for own in &mut all {
        own.short = short.get(own.name).cloned().unwrap_or_default();
    }
    Ok(all)
}

/// How the windows were made, where their encoder was given.
#[derive(Debug, Clone, Copy, Default)]
struct Axes {
    /// How long a slot is.
    unit: Option<SlotUnit>,
    /// What is forecast.
    measure: Option<&'static str>,
}

impl Axes {
    fn of(groups: &[Group]) -> Self {
        let artifacts = groups.iter().flat_map(|group| &group.artifacts);
        let encoder = artifacts.into_iter().find_map(|own| match &own.content {
            Content::WindowEncoder(encoder) => Some(encoder),
            _ => None,
        });
        let setting = |name: &str| encoder.and_then(|own| own.window.get(name));
        let target = setting("target").and_then(|own| own.as_str());
        Self {
            unit: setting("slot").and_then(|own| serde_json::from_value(own.clone()).ok()),
            measure: target.map(|target| match target {
                "share" => "share of all ratings",
                "log1p_count" => "log(1 + ratings)",
                _ => "ratings",
            }),
        }
    }
}

/// The figure by which forecasts are judged: R², or of classes the accuracy.
fn main_figure(forecasters: &[Forecaster<'_>]) -> Option<&'static str> {
    let mut names = ["r2", "accuracy"].into_iter();
    names.find(|name| {
        forecasters
            .iter()
            .any(|own| own.figure(VALID, name).is_some())
    })
}

/// The best on validation among some.
fn best<'a, 'b>(
    forecasters: &'b [Forecaster<'a>],
    is_network: bool,
    figure: &str,
) -> Option<&'b Forecaster<'a>> {
    let own = forecasters
        .iter()
        .filter(|own| own.is_network == is_network);
    let with = own.filter_map(|own| Some((own, own.figure(VALID, figure)?)));
    with.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(own, _)| own)
}
