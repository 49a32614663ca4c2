//! What is said of a movie's next slots, for programs and for people.

use std::fmt::Write as _;

use cinescore_featurize::windows::{Ahead, Feature, Measure, Mode, Rated, Series};
use cinescore_model::calibration::LEVEL;
use cinescore_model::task::{Prediction, Task};
use serde::Serialize;

use super::Forecaster;
use super::dates::label;
use super::errors::{Held, Measured};

/// Known slots that people see before the forecast ones.
const SHOWN: usize = 4;

/// The forecast of a movie.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    /// MovieLens' number.
    pub movie_id: i32,
    /// The network.
    pub network: String,
    /// Its task.
    pub task: Task,
    /// What is forecast, per slot: `share`, `count`, `log1p_count`, or `class`.
    pub measure: &'static str,
    /// The same in words, with its unit.
    pub unit: String,
    /// How long a slot is.
    pub slot: &'static str,
    /// The part of the truths that intervals are to hold.
    pub level: f64,
    /// The slots that the network read, oldest first.
    pub past: Vec<Past>,
    /// The slots that are forecast.
    pub steps: Vec<Step>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// A slot that is known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Past {
    /// Its number.
    pub slot: u32,
    /// Its name.
    pub name: String,
    /// The popularity, in the unit of the forecast; of classes the number of the class.
    pub popularity: f64,
    /// Ratings of the movie.
    pub count: u64,
    /// All ratings of the slot.
    pub total: u64,
}

/// A slot that is forecast.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// 1 for the slot after the last known one.
    pub step: u32,
    /// Its number; where only slots with ratings count nobody knows it.
    pub slot: Option<u32>,
    /// Its name.
    pub name: Option<String>,
    /// The popularity, in the unit of the forecast.
    pub forecast: f64,
    /// The lower end of the interval.
    pub lower: Option<f64>,
    /// The upper end.
    pub upper: Option<f64>,
    /// Where the width is from: `calib` of the training, or `measured` on the same slots for this step.
    pub interval: Option<&'static str>,
    /// Whether such intervals held in slots after those.
    pub held: Option<Held>,
    /// What the unfinished slot has so far.
    pub so_far: Option<Past>,
    /// The probability of each class of popularity, for a network that says classes.
    pub probabilities: Option<Vec<f64>>,
}

/// Puts together what is said.
#[expect(
    clippy::too_many_arguments,
    reason = "each is another part of what is said"
)]
pub(super) fn put(
    forecaster: &Forecaster,
    series: &Series,
    ahead: &Ahead<'_>,
    movie: usize,
    until: u32,
    past: &[Rated],
    said: &[Prediction],
    measured: &Measured,
) -> Forecast {
    let params = forecaster.params();
    let unit = params.slot;
    let own = &series.movies()[movie];
    let by_class = said.iter().any(|said| said.probabilities.is_some());
    let known = |rated: Rated| {
        let popularity = ahead.popularity(rated);
        Past {
            slot: rated.slot,
            name: label(unit, rated.slot),
            popularity: match by_class {
                true => ahead.class(popularity).into(),
                false => popularity,
            },
            count: rated.count as u64,
            total: rated.total as u64,
        }
    };
    let (_, last) = series.span();
    let step = |(index, said): (u32, &Prediction)| {
        let slot = (params.mode == Mode::Calendar).then_some(until + index);
        let errors = measured.steps.get(index as usize - 1);
        let calibration = match errors {
            Some(errors) => errors.calibration.as_ref(),
            None => forecaster.manifest.calibration.as_ref(),
        };
        let interval = calibration.map(|own| own.interval(said.value));
        Step {
            step: index,
            slot,
            name: slot.map(|slot| label(unit, slot)),
            forecast: said.value,
            lower: interval.map(|own| own.0),
            upper: interval.map(|own| own.1),
            interval: interval.map(|_| if index == 1 { "calib" } else { "measured" }),
            held: errors.and_then(|errors| errors.held),
            so_far: slot.filter(|slot| *slot <= last).map(|slot| {
                known(Rated {
                    slot,
                    count: series.count(own, slot).into(),
                    total: series.total(slot) as f64,
                })
            }),
            probabilities: said.probabilities.clone(),
        }
    };
    let steps: Vec<Step> = (1..).zip(said).map(step).collect();
    let (measure, words) = match params.target {
        _ if by_class => ("class", "class of popularity, 0 to 5, of a".to_owned()),
        Measure::Share => ("share", "share of the movie in all ratings of a".to_owned()),
        Measure::Count => ("count", "ratings of the movie in a".to_owned()),
        Measure::Log1pCount => (
            "log1p_count",
            "log(1 + ratings of the movie) in a".to_owned(),
        ),
    };
    Forecast {
        movie_id: own.id,
        network: forecaster.network.clone(),
        task: forecaster.manifest.decoder.task(),
        measure,
        unit: format!("{words} {}", unit.name()),
        slot: unit.name(),
        level: LEVEL,
        past: past.iter().map(|rated| known(*rated)).collect(),
        notes: notes(forecaster, ahead, movie, until, last, &steps),
        steps,
    }
}

fn notes(
    forecaster: &Forecaster,
    ahead: &Ahead<'_>,
    movie: usize,
    until: u32,
    last: u32,
    steps: &[Step],
) -> Vec<String> {
    let params = forecaster.params();
    let unit = params.slot;
    let mut notes = Vec::new();
    if until < last {
        notes.push(format!(
            "{} is held to be unfinished and is not read; --whole reads it",
            label(unit, last)
        ));
    }
    if !ahead.is_chosen(movie) {
        let when = ahead.train().map_or(String::new(), |train| {
            format!(" up to {}", label(unit, train))
        });
        notes.push(format!(
            "the network learned from movies with {} ratings and more{when}; this one has fewer",
            params.min_ratings
        ));
    }
    if let Some((first, calib)) = ahead.calib() {
        if until < calib {
            notes.push(format!(
                "slots up to {} were seen in the training: intervals, and the choice of its epoch, are by them",
                label(unit, calib)
            ));
        }
        let promise = steps.iter().any(|step| step.interval.is_some());
        if promise {
            notes.push(format!(
                "intervals are fitted to the errors from {} to {}; `held` is how often they held the truth since, for other movies and slots",
                label(unit, first),
                label(unit, calib)
            ));
        }
    }
    if steps.iter().any(|step| step.interval.is_none()) {
        notes.push("a step without an interval: there are too few ratings in the slots on which one is fitted".into());
    }
    let by_total = |feature: &Feature| {
        matches!(
            feature,
            Feature::Count | Feature::Log1pCount | Feature::Log1pTotal
        )
    };
    if steps.len() > 1 && params.target == Measure::Share && params.features.iter().any(by_total) {
        notes.push("from the second step on, slots are taken to have as many ratings in all as the last known one".into());
    }
    notes
}

impl Forecast {
    /// One object of JSON.
    ///
    /// # Errors
    /// If a number cannot be written.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// A table for people, and the notes.
    pub fn lines(&self) -> String {
        let mut text = format!(
            "movie {}, network {}: {}\n\n",
            self.movie_id, self.network, self.unit
        );
        let percent = format!("{:.0} % interval", 100.0 * self.level);
        let mut rows = vec![[
            self.slot.to_owned(),
            String::new(),
            self.measure.to_owned(),
            percent,
            "held".into(),
            "ratings".into(),
        ]];
        let ratings = |own: &Past| format!("{} of {}", own.count, own.total);
        for own in self.past.iter().rev().take(SHOWN).rev() {
            rows.push([
                own.name.clone(),
                "known".into(),
                self.number(own.popularity),
                String::new(),
                String::new(),
                ratings(own),
            ]);
        }
        for step in &self.steps {
            let interval = match (step.lower, step.upper) {
                (Some(lower), Some(upper)) => {
                    format!("{} to {}", self.number(lower), self.number(upper))
                }
                _ => "-".into(),
            };
            let held = step.held.map_or("-".into(), |held| {
                format!("{:.1} % of {}", 100.0 * held.part, held.of)
            });
            rows.push([
                step.name.clone().unwrap_or_else(|| "next rated".into()),
                "forecast".into(),
                self.number(step.forecast),
                interval,
                held,
                step.so_far
                    .as_ref()
                    .map_or(String::new(), |own| format!("{} so far", ratings(own))),
            ]);
        }
        table(&mut text, &rows);
        for (class, probability) in self.probabilities() {
            writeln!(text, "class {class}  {probability:.3}").ok();
        }
        for (index, note) in self.notes.iter().enumerate() {
            let before = if index == 0 { "\n" } else { "" };
            writeln!(text, "{before}- {note}").ok();
        }
        text
    }

    fn probabilities(&self) -> impl Iterator<Item = (usize, f64)> {
        let first = self.steps.first();
        let own = first.and_then(|step| step.probabilities.clone());
        own.unwrap_or_default().into_iter().enumerate()
    }

    /// A popularity with as many digits as its measure deserves.
    fn number(&self, popularity: f64) -> String {
        match self.measure {
            "share" => format!("{popularity:.5}"),
            "log1p_count" => format!("{popularity:.3}"),
            _ => format!("{popularity:.2}"),
        }
    }
}

/// Columns as wide as their widest cell, two spaces apart.
fn table(text: &mut String, rows: &[[String; 6]]) {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths = [0, 1, 2, 3, 4, 5].map(|column| width(column).unwrap_or(0));
    for row in rows {
        let cells = row.iter().zip(widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        writeln!(text, "{}", cells.join("  ").trim_end()).ok();
    }
}
