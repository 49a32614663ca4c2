//! How far forecasts stray, step by step: intervals, and whether they hold.
//!
//! The interval of the first step is the bundle's, fitted on the slots of `calib`. A forecast of a later step is made of forecasts
//! and strays further; how far is measured here, in the same way and on the same slots: from each slot some steps before,
//! the slots of `calib` are forecast for every movie that was learned from, and the widths are fitted to those errors
//! (split-conformal, `cinescore_model::calibration`). Nothing was learned from these slots, and nothing is chosen by them here.
//! The promise is for slots like those of `calib`. Slots that have come since show whether it is kept: [`Held`].

use cinescore_featurize::windows::{Ahead, Rated, Series};
use cinescore_model::calibration::Calibration;
use cinescore_model::task::Quantity;
use serde::Serialize;
use tch::TchError;

use super::Forecaster;

/// Forecasts that are measured at most, over all steps: more tell no more. Of more movies every second, third, .. counts.
const MOST: usize = 400_000;
/// Later slots that are looked at, the last ones.
const LATER: u32 = 24;

/// What was measured of each step.
#[derive(Debug, Default)]
pub struct Measured {
    /// By step, from the first one on; the first one is the bundle's.
    pub steps: Vec<StepErrors>,
}

/// What was measured of a step.
#[derive(Debug, Default)]
pub struct StepErrors {
    /// The widths; none where there were too few examples.
    pub calibration: Option<Calibration>,
    /// Whether they hold; none where there are no slots after those of `calib`.
    pub held: Option<Held>,
}

/// How often intervals held the truth in slots that came after those on which they were fitted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Held {
    /// The part.
    pub part: f64,
    /// Of so many pairs of movie and slot.
    pub of: u64,
}

/// A window, and the slot before the first one that is forecast from it.
struct Origin {
    movie: usize,
    slot: u32,
    past: Vec<Rated>,
}

/// Measures the forecasts of so many steps, up to a slot.
pub(super) fn measure(
    forecaster: &Forecaster,
    ahead: &Ahead<'_>,
    series: &Series,
    steps: u32,
    until: u32,
) -> Result<Measured, TchError> {
    let bundle = forecaster.manifest.calibration.clone();
    let mut measured = Measured {
        steps: (0..steps).map(|_| StepErrors::default()).collect(),
    };
    if let Some(step) = measured.steps.first_mut() {
        step.calibration = bundle;
    }
    let Some((first, last)) = ahead.calib() else {
        return Ok(measured);
    };
    let later = (last + 1).max(until.saturating_sub(LATER - 1));
    let is_wanted = |slot: u32| (first..=last).contains(&slot) || (later..=until).contains(&slot);
    // The slots before one that is wanted, by up to so many steps.
    let origins: Vec<u32> = (first.saturating_sub(steps)..until)
        .filter(|origin| (1..=steps).any(|step| is_wanted(origin + step)))
        .collect();
    let movies: Vec<usize> = (0..series.movies().len())
        .filter(|&movie| ahead.is_chosen(movie))
        .collect();
    let all = movies.len() * origins.len() * steps as usize;
    let every = all.div_ceil(MOST).max(1);
    let mut errors: Vec<[(Vec<f64>, Vec<f64>); 2]> =
        (0..steps).map(|_| Default::default()).collect();
    // A slot at a time, so that memory does not grow with the slots.
    for &slot in &origins {
        let of_slot = movies.iter().step_by(every);
        let open: Vec<Origin> = of_slot
            .filter_map(|&movie| {
                let past = ahead.past(movie, slot)?;
                Some(Origin { movie, slot, past })
            })
            .collect();
        let pasts = open.iter().map(|own| (own.movie, own.past.clone()));
        let reach = steps.min(until - slot);
        let said = forecaster.iterate(ahead, pasts.collect(), reach)?;
        for (origin, said) in open.iter().zip(&said) {
            for ((step, errors), said) in (1..).zip(&mut errors).zip(said) {
                let slot = origin.slot + step;
                if !is_wanted(slot) {
                    continue;
                }
                let movie = &series.movies()[origin.movie];
                let truth = ahead.popularity(Rated {
                    slot,
                    count: series.count(movie, slot).into(),
                    total: series.total(slot) as f64,
                });
                let (values, truths) = &mut errors[usize::from(slot > last)];
                values.push(said.value);
                truths.push(truth);
            }
        }
    }
    for (index, (step, [calib, later])) in measured.steps.iter_mut().zip(&errors).enumerate() {
        if index > 0 {
            step.calibration = Calibration::fit(Quantity::Popularity, &calib.0, &calib.1);
        }
        step.held = step.calibration.as_ref().and_then(|own| held(own, later));
    }
    Ok(measured)
}

fn held(calibration: &Calibration, (said, truths): &(Vec<f64>, Vec<f64>)) -> Option<Held> {
    let own = said.iter().zip(truths).filter(|(said, truth)| {
        let (lower, upper) = calibration.interval(**said);
        (lower..=upper).contains(truth)
    });
    (!said.is_empty()).then(|| Held {
        part: own.count() as f64 / said.len() as f64,
        of: said.len() as u64,
    })
}
