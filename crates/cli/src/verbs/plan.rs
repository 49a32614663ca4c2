//! `cinescore plan`: what would run, and why.

use std::collections::BTreeMap;

use cinescore_artifact::{StageError, exit};
use cinescore_pipeline::cost::{self, Cost};
use cinescore_pipeline::graph::Stage;
use cinescore_pipeline::plan::{self, Assessment, State};
use serde_json::json;

use crate::arguments::{PlanArguments, ProjectArguments};
use crate::display;
use crate::table::Table;

pub(crate) fn plan(given: &ProjectArguments, arguments: &PlanArguments) -> Result<u8, StageError> {
    let (project, graph) = given.open()?;
    let planned = plan::plan(&project, &graph)?;
    project.close()?;
    let costs = cost::guess(&given.runs(), &graph, &planned);
    if arguments.json {
        let stages: Vec<_> = planned
            .iter()
            .map(|(stage, assessment)| {
                json!({
                    "stage": stage.name,
                    "run": stage.run,
                    "plan": assessment.state,
                    "shards": stage.shards,
                    "fingerprint": assessment.key.as_ref().map(|key| key.fingerprint),
                    "warnings": assessment.warnings,
                    "cost": costs.get(&stage.name),
                })
            })
            .collect();
        display::data(&json!({
            "pipeline": graph.name,
            "stages": stages,
            "cost": Cost::total(costs.values()),
        }))?;
    } else {
        let width = display::width(planned.iter().map(|(stage, _)| stage.name.as_str()));
        for (stage, assessment) in &planned {
            let is_stale = matches!(assessment.state, State::Run { .. } | State::Waits { .. });
            let shards = match stage.shards {
                Some(count) if count > 1 && is_stale => format!(" (in {count} shards)"),
                _ => String::new(),
            };
            display::row(&format!(
                "{:<width$}  {}{shards}",
                stage.name,
                display::state(&assessment.state)
            ));
        }
        tell_cost(&planned, &costs);
    }
    let is_stale = planned
        .iter()
        .any(|(_, assessment)| matches!(assessment.state, State::Run { .. } | State::Waits { .. }));
    Ok(if arguments.check && is_stale {
        exit::STALE
    } else {
        exit::DONE
    })
}

/// What it will cost, cells of a matrix together.
fn tell_cost(planned: &[(&Stage, Assessment)], costs: &BTreeMap<String, Cost>) {
    let Some(total) = Cost::total(costs.values()) else {
        return;
    };
    let mut bases: Vec<(&str, Vec<&Cost>)> = Vec::new();
    let mut unknown = 0;
    for (stage, assessment) in planned {
        let base = stage.base.as_str();
        match costs.get(&stage.name) {
            Some(cost) => match bases.iter_mut().find(|(name, _)| *name == base) {
                Some((_, costs)) => costs.push(cost),
                None => bases.push((base, vec![cost])),
            },
            None if matches!(assessment.state, State::Run { .. } | State::Waits { .. }) => {
                unknown += 1;
            }
            None => {}
        }
    }
    let row = |name: String, cost: &Cost| {
        [
            name,
            display::secs(cost.wall_secs),
            display::bytes(cost.peak_memory_bytes),
            display::bytes(cost.output_bytes),
            cost.from_runs.to_string(),
        ]
    };
    let header = ["a guess", "time", "memory", "disk", "from runs"];
    let mut table = Table::new(&header, &[1, 2, 3, 4]);
    for (base, costs) in &bases {
        let name = match costs.len() {
            1 => (*base).to_owned(),
            count => format!("{base} ({count} cells)"),
        };
        if let Some(cost) = Cost::total(costs.iter().copied()) {
            table.row(row(name, &cost));
        }
    }
    if bases.len() > 1 {
        table.row(row("at most".into(), &total));
    }
    display::say("");
    table.lines().iter().for_each(|line| display::say(line));
    if unknown > 0 {
        display::say(&format!(
            "of {unknown} more stages nothing is known: none of their kind ever ran here"
        ));
    }
}
