//! The course of the learning rate.
//!
//! A rate follows from the place in the training and the validation losses so far, and from nothing else:
//! a training that is resumed finds it without any state of its own. It depends on the number of epochs that
//! were planned, never on how many of them are made before a stop.

use std::f64::consts::PI;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much lower than the best a validation loss must be to count as lower, as a share of the best.
const PLATEAU_THRESHOLD: f64 = 1e-4;

/// How the learning rate changes in the course of a training.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RateParams {
    /// It does not.
    #[default]
    Constant,
    /// Lower by a factor every so many epochs.
    Step(StepParams),
    /// Along half a cosine from the optimizer's rate to the least, over all planned epochs (Loshchilov and
    /// Hutter, ICLR 2017, without restarts).
    Cosine(CosineParams),
    /// Up along half a cosine and down along another, over all planned steps (Smith and Topin 2018, as in
    /// PyTorch's `OneCycleLR`); the optimizer's rate is the highest.
    OneCycle(OneCycleParams),
    /// Lower by a factor when the validation loss has not fallen for a while, as PyTorch's
    /// `ReduceLROnPlateau`.
    Plateau(PlateauParams),
}

/// Parameters of `step`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StepParams {
    /// After how many epochs the rate is lowered each time.
    #[schemars(range(min = 1), extend("unit" = "epochs"))]
    pub every: u32,
    /// What it is multiplied by.
    #[schemars(range(min = 0, max = 1))]
    pub factor: f64,
}

impl Default for StepParams {
    fn default() -> Self {
        Self {
            every: 10,
            factor: 0.1,
        }
    }
}

/// Parameters of `cosine`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CosineParams {
    /// The rate at the end.
    #[schemars(range(min = 0))]
    pub least: f64,
}

/// Parameters of `one_cycle`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OneCycleParams {
    /// Share of the steps in which the rate rises.
    #[schemars(range(min = 0.001, max = 0.999))]
    pub rising: f64,
    /// The highest rate divided by the first.
    #[schemars(range(min = 1))]
    pub first_divisor: f64,
    /// The first rate divided by the last.
    #[schemars(range(min = 1))]
    pub last_divisor: f64,
}

impl Default for OneCycleParams {
    fn default() -> Self {
        Self {
            rising: 0.3,
            first_divisor: 25.0,
            last_divisor: 1e4,
        }
    }
}

/// Parameters of `plateau`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PlateauParams {
    /// Epochs without a lower validation loss that are borne before the rate is lowered.
    #[schemars(extend("unit" = "epochs"))]
    pub patience: u32,
    /// What it is multiplied by.
    #[schemars(range(min = 0, max = 1))]
    pub factor: f64,
    /// The rate below which it is never lowered.
    #[schemars(range(min = 0))]
    pub least: f64,
}

impl Default for PlateauParams {
    fn default() -> Self {
        Self {
            patience: 10,
            factor: 0.1,
            least: 0.0,
        }
    }
}

/// A place in a training.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The epoch, from 1.
    pub epoch: u32,
    /// The step in it, from 0.
    pub step: u32,
    /// Epochs planned.
    pub epochs: u32,
    /// Steps of each epoch.
    pub steps: u32,
}

impl Place {
    /// The step among those of all epochs, from 0, and how many those are.
    fn overall(self) -> (f64, f64) {
        let steps = f64::from(self.steps);
        let done = f64::from(self.epoch - 1) * steps + f64::from(self.step);
        (done, f64::from(self.epochs) * steps)
    }
}

/// The course of a training's learning rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// The optimizer's own rate.
    pub lr: f64,
    /// How it changes.
    pub params: RateParams,
    /// Epochs in which it rises evenly from near 0 to what it would be.
    pub warm_up: u32,
}

impl Rate {
    /// The learning rate of a step, after epochs with these validation losses.
    pub fn at(&self, place: Place, valid_losses: &[f64]) -> f64 {
        let passed = f64::from(place.epoch - 1);
        let rate = match self.params {
            RateParams::Constant => self.lr,
            RateParams::Step(StepParams { every, factor }) => {
                self.lr * factor.powf((passed / f64::from(every)).floor())
            }
            RateParams::Cosine(CosineParams { least }) => {
                let share = passed / f64::from(place.epochs);
                along_cosine(self.lr, least, share)
            }
            RateParams::OneCycle(params) => one_cycle(self.lr, params, place),
            RateParams::Plateau(params) => after_plateaus(self.lr, params, valid_losses),
        };
        let warming = f64::from(self.warm_up) * f64::from(place.steps);
        let (step, _all) = place.overall();
        if step < warming {
            rate * (step + 1.0) / warming
        } else {
            rate
        }
    }
}

/// From `first` to `last` along half a cosine, of which `share` is passed.
fn along_cosine(first: f64, last: f64, share: f64) -> f64 {
    last + (first - last) * (1.0 + (PI * share).cos()) / 2.0
}

fn one_cycle(highest: f64, params: OneCycleParams, place: Place) -> f64 {
    let first = highest / params.first_divisor;
    let last = first / params.last_divisor;
    let (step, all) = place.overall();
    let (top, end) = (params.rising * all - 1.0, all - 1.0);
    if step <= top && top > 0.0 {
        along_cosine(first, highest, step / top)
    } else {
        along_cosine(highest, last, (step - top) / (end - top))
    }
}

fn after_plateaus(lr: f64, params: PlateauParams, valid_losses: &[f64]) -> f64 {
    let (mut rate, mut best, mut without) = (lr, f64::INFINITY, 0);
    for &loss in valid_losses {
        if loss < best * (1.0 - PLATEAU_THRESHOLD) {
            best = loss;
            without = 0;
        } else {
            without += 1;
        }
        if without > params.patience {
            rate = f64::max(rate * params.factor, params.least);
            without = 0;
        }
    }
    rate
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rates of the first step of each of 9 epochs, of 5 planned.
    fn rates(params: RateParams, losses: &[f64]) -> Vec<f64> {
        let rate = Rate {
            lr: 0.2,
            params,
            warm_up: 0,
        };
        (1..=losses.len())
            .map(|epoch| {
                let place = Place {
                    epoch: epoch as u32,
                    step: 0,
                    epochs: 5,
                    steps: 4,
                };
                rate.at(place, &losses[..epoch - 1])
            })
            .collect()
    }

    fn assert_close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
        }
    }

    // o = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.2); s = torch.optim.lr_scheduler.X(o, ..)
    // for loss in losses: print(o.param_groups[0]["lr"]); o.step(); s.step()

    #[test]
    fn rates_of_epochs_are_those_of_pytorch() {
        // StepLR(o, 2, 0.5)
        let step = StepParams {
            every: 2,
            factor: 0.5,
        };
        assert_close(
            &rates(RateParams::Step(step), &[1.0; 5]),
            &[0.2, 0.2, 0.1, 0.1, 0.05],
        );
        // CosineAnnealingLR(o, 5, 0.02)
        let cosine = CosineParams { least: 0.02 };
        assert_close(
            &rates(RateParams::Cosine(cosine), &[1.0; 5]),
            &[
                0.2,
                0.1828115295,
                0.1378115295,
                0.08218847051,
                0.03718847051,
            ],
        );
        // ReduceLROnPlateau(o, factor=0.1, patience=1, min_lr=0.003), s.step(loss)
        let plateau = PlateauParams {
            patience: 1,
            factor: 0.1,
            least: 0.003,
        };
        let losses = [1.0, 0.9, 0.95, 0.91, 0.92, 0.9, 0.5, 0.6, 0.7];
        assert_close(
            &rates(RateParams::Plateau(plateau), &losses),
            &[0.2, 0.2, 0.2, 0.2, 0.02, 0.02, 0.003, 0.003, 0.003],
        );
        assert_close(&rates(RateParams::Constant, &losses), &[0.2; 9]);
    }

    #[test]
    fn one_cycle_is_that_of_pytorch() {
        let rate = Rate {
            lr: 0.2,
            params: RateParams::OneCycle(OneCycleParams::default()),
            warm_up: 0,
        };
        let places = (0..20).map(|step| Place {
            epoch: 1 + step / 4,
            step: step % 4,
            epochs: 5,
            steps: 4,
        });
        let found: Vec<f64> = places.map(|place| rate.at(place, &[])).collect();
        // OneCycleLR(o, 0.2, total_steps=20)
        let expected = [
            0.008,
            0.02633436854,
            0.07433436854,
            0.1336656315,
            0.1816656315,
            0.2,
            0.1974928012,
            0.1900969264,
            0.1781832355,
            0.1623491308,
            0.1433886004,
            0.1222524044,
            0.1000004,
            0.07774839561,
            0.05661219964,
            0.03765166921,
            0.02181756449,
            0.009903873597,
            0.002507998753,
            8e-07,
        ];
        assert_close(&found, &expected);
    }

    #[test]
    fn a_training_of_one_step_has_a_rate_whatever_the_course() {
        let all = [
            RateParams::Step(StepParams::default()),
            RateParams::Cosine(CosineParams::default()),
            RateParams::OneCycle(OneCycleParams::default()),
            RateParams::Plateau(PlateauParams::default()),
        ];
        for params in all {
            let rate = Rate {
                lr: 0.2,
                params,
                warm_up: 0,
            };
            let place = Place {
                epoch: 1,
                step: 0,
                epochs: 1,
                steps: 1,
            };
            assert!(rate.at(place, &[]).is_finite(), "{params:?}");
        }
    }

    #[test]
    fn the_rate_rises_evenly_while_it_warms_up() {
        let rate = Rate {
            lr: 0.8,
            params: RateParams::Constant,
            warm_up: 2,
        };
        let places = (0..10).map(|step| Place {
            epoch: 1 + step / 4,
            step: step % 4,
            epochs: 5,
            steps: 4,
        });
        let found: Vec<f64> = places.map(|place| rate.at(place, &[])).collect();
        assert_close(&found, &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.8, 0.8]);
    }
}
