//! The course of a training in words, by rules that are stated here and nowhere else.
//!
//! Reads the losses of a `history` table; `train` says them in its log, `report` on its page. Owns the rules. Does
//! not own any figure: all of them are given.

use std::fmt;

/// How far the validation loss must have risen from its lowest, as a share of it, for a training to have gone on too
/// long.
const RISE: f64 = 0.05;
/// How many times the training loss the validation loss must be at the kept epoch for a gap.
const GAP: f64 = 1.25;
/// How much the loss must fall in the last epoch, as a share, to be falling still.
const FALL: f64 = 0.01;
/// How little the losses of both splits may fall over all epochs, as a share, for nothing to have been learned.
const FLAT: f64 = 0.01;
/// The share of the trivial predictor's loss above which a network that is trained has not fitted what it was given.
const UNFITTED: f64 = 0.9;
/// Epochs below which nothing is said of noise.
const NOISY_EPOCHS: usize = 5;
/// How large the median change of the validation loss must be, as a share of the lowest, to be noise.
const NOISE: f64 = 0.05;

/// The losses of an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EpochLosses {
    /// Of the training split as the batches saw it, dropout on.
    pub trained: f64,
    /// Of the training split after the epoch, dropout off; none where that was not measured.
    pub evaluated: Option<f64>,
    /// Of the validation split after the epoch.
    pub valid: f64,
}

impl EpochLosses {
    /// The training loss that is to be compared with the validation loss.
    fn train(self) -> f64 {
        self.evaluated.unwrap_or(self.trained)
    }
}

/// What a course shows. Its text has every number that the rule looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Finding {
    /// After the kept epoch the validation loss rose by 5 % or more while the training loss went on falling.
    Overfits {
        /// The kept epoch.
        since: u32,
        /// The validation loss there.
        lowest: f64,
        /// The validation loss of the last epoch.
        last: f64,
    },
    /// At the kept epoch the validation loss is 1.25 times the training loss or more.
    Gap {
        /// The training loss, dropout off where that was measured.
        train: f64,
        /// The validation loss.
        valid: f64,
    },
    /// At the kept epoch the training loss is above 0.9 of the trivial predictor's.
    Underfits {
        /// The training loss.
        train: f64,
        /// The trivial predictor's.
        trivial: f64,
    },
    /// The kept epoch is the last, and the validation loss fell by 1 % or more in it.
    StillFalling {
        /// The share by which it fell.
        share: f64,
    },
    /// Over three epochs or more neither loss fell by 1 %.
    Flat,
    /// Over five epochs or more the validation loss changed direction in at least half of them, by 5 % of its lowest
    /// in the median.
    Noisy {
        /// Changes of direction.
        turns: usize,
        /// The median change, as a share of the lowest loss.
        share: f64,
    },
    /// At the kept epoch the validation loss is below the training loss as trained, and not below the training loss
    /// with dropout off: dropout and the weights of earlier batches make the difference.
    TrainedHarder {
        /// The training loss as trained.
        trained: f64,
        /// With dropout off.
        evaluated: f64,
        /// The validation loss.
        valid: f64,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Overfits { since, lowest, last } => write!(
                f,
                "over-fits after epoch {since}: the validation loss rose from {lowest:.4} to {last:.4} while the training loss \
                 fell on"
            ),
            Self::Gap { train, valid } => write!(
                f,
                "a gap: at the kept epoch the validation loss is {valid:.4}, {:.1} times the training loss of {train:.4}",
                valid / train
            ),
            Self::Underfits { train, trivial } => write!(
                f,
                "under-fits: the training loss of {train:.4} is {:.0} % of the trivial predictor's {trivial:.4}",
                100.0 * train / trivial
            ),
            Self::StillFalling { share } => write!(
                f,
                "still falling: the validation loss fell by {:.1} % in the last epoch; more epochs may help",
                100.0 * share
            ),
            Self::Flat => f.write_str(
                "flat: neither loss fell by 1 % over the epochs; try another learning rate or network",
            ),
            Self::Noisy { turns, share } => write!(
                f,
                "noisy: the validation loss changed direction {turns} times, by {:.0} % in the median; a lower learning rate or \
                 a larger batch may help",
                100.0 * share
            ),
            Self::TrainedHarder {
                trained,
                evaluated,
                valid,
            } => write!(
                f,
                "the validation loss of {valid:.4} is below the training loss of {trained:.4} because of dropout and the weights \
                 of earlier batches: with dropout off, after the epoch, the training loss is {evaluated:.4}"
            ),
        }
    }
}

/// What a course shows, in a fixed order. `chosen` is the number of the kept epoch, from 1; `trivial` the loss of the
/// trivial predictor on the validation split, where it is known. Nothing is said of no epochs.
pub fn findings(epochs: &[EpochLosses], chosen: u32, trivial: Option<f64>) -> Vec<Finding> {
    let kept = usize::try_from(chosen)
        .ok()
        .and_then(|number| number.checked_sub(1))
        .and_then(|index| epochs.get(index));
    let (Some(first), Some(last), Some(kept)) = (epochs.first(), epochs.last(), kept) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    if last.valid >= kept.valid * (1.0 + RISE) && last.train() < kept.train() {
        found.push(Finding::Overfits {
            since: chosen,
            lowest: kept.valid,
            last: last.valid,
        });
    }
    if kept.valid >= kept.train() * GAP {
        found.push(Finding::Gap {
            train: kept.train(),
            valid: kept.valid,
        });
    }
    if let Some(trivial) = trivial
        && kept.train() > trivial * UNFITTED
    {
        found.push(Finding::Underfits {
            train: kept.train(),
            trivial,
        });
    }
    if let [.., before, last] = epochs
        && last == kept
        && last.valid <= before.valid * (1.0 - FALL)
    {
        found.push(Finding::StillFalling {
            share: 1.0 - last.valid / before.valid,
        });
    }
    let lowest = |loss: fn(EpochLosses) -> f64| {
        let losses = epochs.iter().map(|epoch| loss(*epoch));
        losses.fold(f64::INFINITY, f64::min)
    };
    let lowest_valid = lowest(|epoch| epoch.valid);
    if epochs.len() >= 3
        && lowest_valid > first.valid * (1.0 - FLAT)
        && lowest(EpochLosses::train) > first.train() * (1.0 - FLAT)
    {
        found.push(Finding::Flat);
    }
    found.extend(noise(epochs, lowest_valid));
    if let Some(evaluated) = kept.evaluated
        && kept.valid < kept.trained
        && kept.valid >= evaluated
    {
        found.push(Finding::TrainedHarder {
            trained: kept.trained,
            evaluated,
            valid: kept.valid,
        });
    }
    found
}

fn noise(epochs: &[EpochLosses], lowest: f64) -> Option<Finding> {
    if epochs.len() < NOISY_EPOCHS {
        return None;
    }
    let steps: Vec<f64> = epochs
        .windows(2)
        .map(|pair| pair[1].valid - pair[0].valid)
        .collect();
    let turns = steps
        .windows(2)
        .filter(|pair| pair[0] * pair[1] < 0.0)
        .count();
    let mut sizes: Vec<f64> = steps.iter().map(|step| step.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    let share = sizes[sizes.len() / 2] / lowest;
    (2 * turns >= epochs.len() - 2 && share >= NOISE).then_some(Finding::Noisy { turns, share })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The losses of an epoch: trained, evaluated, valid.
    type Losses = (f64, f64, f64);

    /// What is said of some epochs; the one with the lowest validation loss is kept.
    fn said(losses: &[Losses], trivial: Option<f64>) -> Vec<String> {
        let epochs: Vec<EpochLosses> = losses
            .iter()
            .map(|&(trained, evaluated, valid)| EpochLosses {
                trained,
                evaluated: Some(evaluated),
                valid,
            })
            .collect();
        let lowest = epochs
            .iter()
            .map(|epoch| epoch.valid)
            .fold(f64::INFINITY, f64::min);
        let chosen = epochs.iter().position(|epoch| epoch.valid == lowest);
        let chosen = chosen.map_or(0, |index| index as u32 + 1);
        let found = findings(&epochs, chosen, trivial);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_rule_speaks_of_its_own_course_and_of_no_other() {
        let cases: [(&str, &[Losses]); 6] = [
            (
                "nothing to say",
                &[(0.6, 0.5, 0.52), (0.4, 0.45, 0.451), (0.4, 0.44, 0.449)],
            ),
            ("over-fits", &[(0.45, 0.4, 0.45), (0.3, 0.2, 0.5)]),
            ("a gap", &[(0.2, 0.2, 0.4), (0.2, 0.2, 0.4)]),
            ("still falling", &[(0.5, 0.5, 0.5), (0.4, 0.4, 0.4)]),
            (
                "flat",
                &[
                    (0.69, 0.693, 0.693),
                    (0.69, 0.692, 0.693),
                    (0.69, 0.692, 0.692),
                ],
            ),
            (
                "noisy",
                &[
                    (0.5, 0.5, 0.5),
                    (0.5, 0.5, 0.6),
                    (0.5, 0.5, 0.45),
                    (0.5, 0.5, 0.6),
                    (0.5, 0.5, 0.48),
                ],
            ),
        ];
        for (name, losses) in cases {
            let said = said(losses, None);
            let expected: &[&str] = if name == "nothing to say" {
                &[]
            } else {
                &[name]
            };
            assert_eq!(said.len(), expected.len(), "{name}: {said:?}");
            assert!(said.iter().all(|text| text.starts_with(name)), "{said:?}");
        }
        assert_eq!(
            said(&[(0.68, 0.67, 0.68)], Some(0.69)),
            ["under-fits: the training loss of 0.6700 is 97 % of the trivial predictor's 0.6900"]
        );
        let harder = said(&[(0.5, 0.4, 0.45)], Some(0.69));
        assert!(
            harder[0].contains("with dropout off, after the epoch, the training loss is 0.4000")
        );
        assert!(said(&[], Some(0.69)).is_empty());
    }
}
