//! Differences of figures over the same resamples.

use cinescore_artifact::Split;

use super::configuration::Configuration;
use super::given::Given;
use super::params::CompareParams;
use crate::figures::{Sample, bootstrap};

/// A network's figures on a split.
#[derive(Debug)]
pub(super) struct Measurement {
    /// The figures.
    pub(super) names: Vec<String>,
    /// How many examples.
    pub(super) examples: usize,
    /// Of all examples, in the order of the names.
    values: Vec<f64>,
    /// Of each resample.
    resampled: Vec<Vec<f64>>,
}

/// What a difference means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The figure of `a` is higher.
    Higher,
    /// It is lower.
    Lower,
    /// 0 is in the interval.
    NotToldApart,
    /// The difference is smaller than the spread between seeds.
    WithinSeeds,
}

impl Verdict {
    /// As the table has it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Higher => "higher",
            Self::Lower => "lower",
            Self::NotToldApart => "not told apart",
            Self::WithinSeeds => "within the spread of seeds",
        }
    }
}

/// Two configurations in a figure.
#[derive(Debug)]
pub(super) struct Comparison {
    /// Their numbers.
    pub(super) pair: (usize, usize),
    pub(super) split: Split,
    pub(super) metric: String,
    pub(super) difference: f64,
    pub(super) interval: Option<(f64, f64)>,
    pub(super) p: Option<f64>,
    /// Of the difference, between seeds.
    pub(super) spread: Option<f64>,
    pub(super) verdict: Verdict,
}

/// A configuration's seeds in a figure.
#[derive(Debug)]
pub(super) struct Spread {
    /// Its number.
    pub(super) configuration: usize,
    pub(super) split: Split,
    pub(super) metric: String,
    pub(super) mean: f64,
    /// The standard deviation between seeds; none of one.
    pub(super) spread: Option<f64>,
    pub(super) least: f64,
    pub(super) greatest: f64,
    pub(super) runs: u32,
}

impl Measurement {
    /// Measures a network; a split without examples has no figures.
    pub(super) fn of(given: &Given, split: Split, params: &CompareParams) -> Self {
        let own = given.split(split).filter(|own| !own.ids.is_empty());
        let Some(own) = own else {
            return Self {
                names: Vec::new(),
                examples: 0,
                values: Vec::new(),
                resampled: Vec::new(),
            };
        };
        let sample = Sample::with(
            &given.decoder(),
            &own.targets,
            &own.predicted,
            own.knowledge.as_ref(),
        );
        let measure = |weights: &[u32]| sample.values(weights);
        Self {
            names: sample.names().into_iter().map(|name| name.text).collect(),
            examples: sample.len(),
            values: sample.values(&vec![1; sample.len()]),
            resampled: bootstrap::resampled(sample.len(), params.resamples, params.seed, measure),
        }
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|own| own == name)
    }

    /// A figure, if it has it and it is defined.
    fn value(&self, name: &str) -> Option<f64> {
        let value = self.values[self.place(name)?];
        Some(value).filter(|value| !value.is_nan())
    }
}

/// The mean over a configuration's seeds of a figure, with its values over the resamples; none where one of them
/// lacks it.
fn mean_of(own: &Configuration, measured: &[Measurement], metric: &str) -> Option<(f64, Vec<f64>)> {
    let runs = own.members.len() as f64;
    let mut mean = 0.0;
    let mut resampled = Vec::new();
    for &member in &own.members {
        let run = &measured[member];
        mean += run.value(metric)? / runs;
        let place = run.place(metric)?;
        resampled.resize(run.resampled.len(), 0.0);
        for (sum, values) in resampled.iter_mut().zip(&run.resampled) {
            *sum += values[place] / runs;
        }
    }
    Some((mean, resampled))
}

/// The spread of each configuration in each figure that all its networks have.
pub(super) fn spreads(
    configurations: &[Configuration],
    measured: &[Measurement],
    split: Split,
    metrics: &[String],
) -> Vec<Spread> {
    let mut all = Vec::new();
    for (number, own) in configurations.iter().enumerate() {
        for metric in metrics {
            let values: Option<Vec<f64>> = own
                .members
                .iter()
                .map(|&member| measured[member].value(metric))
                .collect();
            let Some(values) = values else { continue };
            all.push(Spread {
                configuration: number,
                split,
                metric: metric.clone(),
                mean: values.iter().sum::<f64>() / values.len() as f64,
                spread: deviation(&values),
                least: values.iter().copied().fold(f64::INFINITY, f64::min),
                greatest: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                runs: u32::try_from(values.len()).unwrap_or(u32::MAX),
            });
        }
    }
    all
}

/// The standard deviation of a sample (over n - 1); none of fewer than two.
fn deviation(values: &[f64]) -> Option<f64> {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt())
}

/// Each pair of configurations in each figure that both have.
pub(super) fn compare(
    configurations: &[Configuration],
    measured: &[Measurement],
    split: Split,
    metrics: &[String],
) -> Vec<Comparison> {
    let examples = measured.first().map_or(0, |own| own.examples);
    let spreads = spreads(configurations, measured, split, metrics);
    let spread_of = |number: usize, metric: &str| {
        let own = spreads
            .iter()
            .find(|own| own.configuration == number && own.metric == metric);
        own.and_then(|own| own.spread)
    };
    let mut all = Vec::new();
    for metric in metrics {
        let means: Vec<_> = configurations
            .iter()
            .map(|own| mean_of(own, measured, metric))
            .collect();
        for (a, mean_a) in means.iter().enumerate() {
            for (b, mean_b) in means.iter().enumerate().skip(a + 1) {
                let (Some((value_a, of_a)), Some((value_b, of_b))) = (mean_a, mean_b) else {
                    continue;
                };
                let difference = value_a - value_b;
                let values: Vec<f64> = of_a.iter().zip(of_b).map(|(a, b)| a - b).collect();
                let spread = match (spread_of(a, metric), spread_of(b, metric)) {
                    (None, None) => None,
                    (a, b) => Some(a.unwrap_or(0.0).hypot(b.unwrap_or(0.0))),
                };
                let p = p_value(&values);
                let interval = bootstrap::interval(values, examples);
                all.push(Comparison {
                    pair: (a, b),
                    split,
                    metric: metric.clone(),
                    difference,
                    p: p.filter(|_| interval.is_some()),
                    verdict: verdict(difference, interval, spread),
                    interval,
                    spread,
                });
            }
        }
    }
    all
}

fn verdict(difference: f64, interval: Option<(f64, f64)>, spread: Option<f64>) -> Verdict {
    match (interval, spread) {
        (_, Some(spread)) if difference.abs() < spread => Verdict::WithinSeeds,
        (Some((lower, _)), _) if lower > 0.0 => Verdict::Higher,
        (Some((_, upper)), _) if upper < 0.0 => Verdict::Lower,
        _ => Verdict::NotToldApart,
    }
}

/// Twice the smaller part of the values on either side of 0, at most 1, with the data themselves counted on each side:
/// never 0, since so few resamples cannot show that.
fn p_value(values: &[f64]) -> Option<f64> {
    let defined = values.iter().filter(|value| !value.is_nan()).count() as f64;
    let below = values.iter().filter(|value| **value <= 0.0).count() as f64;
    let above = values.iter().filter(|value| **value >= 0.0).count() as f64;
    (defined > 0.0).then(|| (2.0 * (below.min(above) + 1.0) / (defined + 1.0)).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_counts_the_smaller_side_twice() {
        let values: Vec<f64> = (0..99).map(|index| f64::from(index) - 3.5).collect();
        assert_eq!(p_value(&values), Some(0.1));
        assert_eq!(p_value(&[1.0; 99]), Some(0.02));
        assert_eq!(p_value(&[0.0; 99]), Some(1.0));
        assert_eq!(p_value(&[f64::NAN]), None);
    }

    #[test]
    fn a_difference_below_the_spread_between_seeds_is_called_that() {
        let interval = Some((0.01, 0.03));
        assert_eq!(verdict(0.02, interval, Some(0.03)), Verdict::WithinSeeds);
        assert_eq!(verdict(0.02, interval, Some(0.01)), Verdict::Higher);
        assert_eq!(verdict(-0.02, Some((-0.03, -0.01)), None), Verdict::Lower);
        assert_eq!(
            verdict(0.02, Some((-0.01, 0.03)), None),
            Verdict::NotToldApart
        );
        // numpy.std([1, 2, 4], ddof=1)
        assert!((deviation(&[1.0, 2.0, 4.0]).unwrap() - 1.5275252316519468).abs() < 1e-12);
        assert_eq!(deviation(&[1.0]), None);
    }
}
