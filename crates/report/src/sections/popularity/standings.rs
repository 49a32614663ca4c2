//! In a sentence each: which network beats every baseline, and which does not.

use std::collections::BTreeMap;
use std::path::Path;

use cinescore_artifact::StageError;

use super::{Forecaster, TEST, main_figure, short_names};
use crate::count::comparisons::{Comparison, comparisons};
use crate::metric;
use crate::page::Block;
use crate::sections::text;

/// What the comparison with each baseline came to.
#[derive(Debug, Default, PartialEq)]
struct Standing {
    beats: Vec<String>,
    unclear: Vec<String>,
    loses: Vec<String>,
}

/// Adds the sentences.
pub(super) fn show(
    path: &Path,
    forecasters: &[Forecaster<'_>],
    blocks: &mut Vec<Block>,
) -> Result<(), StageError> {
    let Some(figure) = main_figure(forecasters) else {
        return Ok(());
    };
    let stage = |name: &str| name.split('[').next().unwrap_or(name).to_owned();
    let networks: Vec<String> = forecasters
        .iter()
        .filter(|own| own.is_network)
        .map(|own| stage(own.name))
        .collect();
    let is_network = |name: &str| networks.contains(&stage(name));
    let rows = comparisons(path)?;
    let own: Vec<&Comparison> = rows
        .iter()
        .filter(|row| row.split == TEST && row.metric == figure)
        .collect();
    let standings = standings(&own, is_network);
    if standings.is_empty() {
        return Ok(());
    }
    let label = metric::label(figure);
    blocks.push(text(format!(
        "By {label} on the test windows, each pair on the same resamples, smaller differences than those between seeds not counted:"
    )));
    for (name, standing) in standings {
        blocks.push(text(sentence(&name, &standing)));
    }
    Ok(())
}

/// How each network stands to the baselines, by name.
fn standings(
    rows: &[&Comparison],
    is_network: impl Fn(&str) -> bool,
) -> BTreeMap<String, Standing> {
    let names = rows.iter().flat_map(|row| [&*row.a, &*row.b]);
    let names = short_names(names);
    let short = |name: &str| names.get(name).cloned().unwrap_or_default();
    let mut all: BTreeMap<String, Standing> = BTreeMap::new();
    for row in rows {
        let (network, baseline, sign) = match (is_network(&row.a), is_network(&row.b)) {
            (true, false) => (&row.a, &row.b, 1.0),
            (false, true) => (&row.b, &row.a, -1.0),
            _ => continue,
        };
        let standing = all.entry(short(network)).or_default();
        let place = match (&*row.verdict, row.difference * sign > 0.0) {
            ("higher" | "lower", true) => &mut standing.beats,
            ("higher" | "lower", false) => &mut standing.loses,
            _ => &mut standing.unclear,
        };
        place.push(short(baseline));
    }
    all
}

fn sentence(name: &str, standing: &Standing) -> String {
    let Standing {
        beats,
        unclear,
        loses,
    } = standing;
    let list = |names: &[String]| names.join(", ");
    if unclear.is_empty() && loses.is_empty() {
        return format!("{name} beats every baseline.");
    }
    let mut words = format!("{name} does not beat every baseline:");
    for (what, names) in [
        ("it is worse than", loses),
        ("not told apart from", unclear),
        ("better than", beats),
    ] {
        if !names.is_empty() {
            words += &format!(" {what} {};", list(names));
        }
    }
    words.pop();
    words + "."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_does_not_beat_a_baseline_is_said_to_be_so() {
        let row = |a: &str, b: &str, difference: f64, verdict: &str| Comparison {
            a: a.into(),
            b: b.into(),
            split: TEST.into(),
            metric: "r2".into(),
            difference,
            interval: None,
            p: None,
            spread: None,
            verdict: verdict.into(),
        };
        let rows = [
            row("net[network=gru]", "baseline[model=ridge]", 0.1, "higher"),
            row("baseline[model=mean]", "net[network=gru]", -0.1, "lower"),
            row("net[network=rnn]", "baseline[model=ridge]", 0.1, "higher"),
            row(
                "net[network=rnn]",
                "baseline[model=mean]",
                0.1,
                "within seeds",
            ),
            row("net[network=rnn]", "baseline[model=last]", -0.1, "lower"),
            row("net[network=rnn]", "net[network=gru]", -0.1, "lower"),
            row("net[network=rnn]", "wide[model=mean]", 0.1, "no difference"),
        ];
        let rows: Vec<&Comparison> = rows.iter().collect();
        let found = standings(&rows, |name| name.starts_with("net["));
        let said: Vec<String> = found
            .iter()
            .map(|(name, own)| sentence(name, own))
            .collect();
        assert_eq!(
            said,
            [
                "gru beats every baseline.",
                "rnn does not beat every baseline: it is worse than last; not told apart from mean of baseline, mean of wide; better than ridge."
            ]
        );
    }
}
