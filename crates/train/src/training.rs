//! The training loop: epochs, early choice, and what is remembered of them.
//!
//! Every batch of an epoch is a step of the optimizer; after each epoch the validation split is
//! evaluated, and the weights of the epoch with the lowest validation loss are the ones that are chosen.
//! Between two epochs a training is its [`State`] and nothing else: whoever keeps that can go on later, and
//! gets the same bits as without the break (`checkpoint`).

use std::time::Instant;

use cinescore_model::Net;
use tch::{Device, TchError, Tensor};
use thiserror::Error;

use crate::blame::{self, Cause};
use crate::checkpoint::CheckpointError;
use crate::evaluate::Outputs;
use crate::examples::{Examples, Split};
use crate::objective::Objective;
use crate::optimizer::{Optimizer, OptimizerParams};
use crate::rate::{Place, Rate};
use crate::{batches, evaluate, random};

/// How many times the loss of an epoch's first batch a loss must be to have exploded.
const EXPLODED: f64 = 1e6;
/// The least that this first loss is taken for: one of few examples may happen to be next to nothing.
const LEAST: f64 = 1e-3;

/// How a network is trained.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// Decides first weights, the order of the examples and dropout.
    pub seed: u64,
    /// Passes over the training split that are planned, at least 1.
    pub epochs: u32,
    /// The epoch after which to stop for now, at least 1 and at most `epochs`.
    pub stop_after: u32,
    /// Examples a batch.
    pub batch: usize,
    /// Batches a step, whose gradients are added up.
    pub accumulate: usize,
    /// Training examples that are evaluated after each epoch, dropout off.
    pub evaluated: usize,
    /// How the weights follow the gradient.
    pub optimizer: OptimizerParams,
    /// How fast.
    pub rate: Rate,
    /// The longest gradient that is followed as it is.
    pub clip: Option<f64>,
    /// The training ends when this many epochs have passed without a lower validation loss.
    pub patience: Option<u32>,
}

/// How well an epoch went on one split.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Course {
    /// The mean loss, in the loss's own unit.
    pub loss: f64,
    /// Accuracy, or mean squared error in stars ([`Objective::score_name`]).
    pub score: f64,
}

/// What is remembered of an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Epoch {
    /// Its number, from 1.
    pub number: u32,
    /// The training split as the epoch's batches saw it, dropout on.
    pub trained: Course,
    /// Some of the training split after the epoch, dropout off.
    pub evaluated: Course,
    /// The validation split after the epoch, dropout off.
    pub valid: Course,
}

/// Everything that a training is between two epochs.
#[derive(Debug)]
pub struct State {
    /// The network's variables as the last epoch left them; they share their numbers with the network.
    pub weights: Vec<(String, Tensor)>,
    /// The optimizer of those that are learned.
    pub optimizer: Optimizer,
    /// All epochs, in order.
    pub epochs: Vec<Epoch>,
    /// The epoch with the lowest validation loss, the first of several, and its weights; none before the
    /// first epoch.
    pub best: Option<Best>,
}

/// The weights of the best epoch so far.
#[derive(Debug)]
pub struct Best {
    /// The epoch, from 1.
    pub number: u32,
    /// Its weights, by name.
    pub weights: Vec<(String, Tensor)>,
}

impl State {
    /// The state before the first epoch.
    pub fn new(net: &Net, schedule: &Schedule) -> Result<Self, TchError> {
        let weights = net.variables();
        let learned = weights
            .iter()
            .filter(|(_, variable)| variable.requires_grad())
            .map(|(name, variable)| (name.clone(), variable.shallow_clone()));
        Ok(Self {
            optimizer: Optimizer::new(schedule.optimizer, schedule.clip, learned)?,
            weights,
            epochs: Vec::new(),
            best: None,
        })
    }

    /// How many epochs were made.
    pub fn made(&self) -> u32 {
        u32::try_from(self.epochs.len()).unwrap_or(u32::MAX)
    }

    /// Whether no epoch is left to be made: all were, or the validation loss has not fallen for so long
    /// that the schedule's patience is at its end.
    pub fn is_over(&self, schedule: &Schedule) -> bool {
        let best = self.best.as_ref().map_or(0, |best| best.number);
        let impatient = |patience| !self.epochs.is_empty() && self.made() - best >= patience;
        self.made() >= schedule.epochs || schedule.patience.is_some_and(impatient)
    }

    /// Puts an epoch on record, and its weights if they are the best so far.
    fn remember(&mut self, epoch: Epoch) -> Result<(), TchError> {
        let lowest = self
            .epochs
            .iter()
            .map(|epoch| epoch.valid.loss)
            .fold(f64::INFINITY, f64::min);
        if epoch.valid.loss < lowest {
            let copy = |(name, weight): &(String, Tensor)| {
                Ok((name.clone(), tch::no_grad(|| weight.f_detach_copy())?))
            };
            self.best = Some(Best {
                number: epoch.number,
                weights: self
                    .weights
                    .iter()
                    .map(copy)
                    .collect::<Result<_, TchError>>()?,
            });
        }
        self.epochs.push(epoch);
        Ok(())
    }

    /// Leaves the network with the best epoch's weights, and says which that was.
    ///
    /// # Panics
    /// If no epoch was made.
    pub fn choose(&mut self) -> Result<u32, TchError> {
        let best = self.best.as_ref().expect("an epoch was made");
        for ((_, variable), (_, weight)) in self.weights.iter_mut().zip(&best.weights) {
            tch::no_grad(|| variable.f_copy_(weight))?;
        }
        Ok(best.number)
    }
}

/// How fast a training went.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Training examples a second, evaluation left out.
    pub examples_per_sec: f64,
    /// Seconds an epoch, evaluation included.
    pub epoch_secs: f64,
}

/// Why a training stopped.
#[derive(Debug, Error)]
pub enum TrainingError {
    /// The loss is no number any more, or has exploded.
    #[error("the loss of batch {batch} of epoch {epoch} is {loss}: {cause}")]
    NotFinite {
        /// The epoch, from 1.
        epoch: u32,
        /// The batch in it, from 1.
        batch: usize,
        /// The loss.
        loss: f64,
        /// Where it began.
        cause: Cause,
    },
    /// The loss of the validation split is no number any more.
    #[error("the validation loss after epoch {epoch} is {loss}")]
    NotFiniteAfter {
        /// The epoch, from 1.
        epoch: u32,
        /// The loss.
        loss: f64,
    },
    /// LibTorch refused.
    #[error("LibTorch could not go on")]
    Torch(#[from] TchError),
    /// The state could not be kept.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Somebody asked to stop.
    #[error("interrupted")]
    Interrupted,
}

/// Who is told how far a training is, and may stop it.
pub trait Watch {
    /// Of `total` examples of all epochs, validation included, so many are done.
    fn progress(&mut self, done: u64, total: u64, message: &str) -> Result<(), TrainingError>;
    /// An epoch is over, and this is what it left.
    fn epoch(&mut self, message: &str, state: &State) -> Result<(), TrainingError>;
}

/// Trains a network from a state on, which is changed and belongs to it, until the schedule stops. The
/// network is left with the last epoch's weights ([`State::choose`] has others). Gives the pace, if an epoch
/// was made.
pub fn train(
    net: &Net,
    examples: &Examples,
    objective: &Objective,
    schedule: &Schedule,
    state: &mut State,
    watch: &mut dyn Watch,
) -> Result<Option<Pace>, TrainingError> {
    let sample = evenly(examples.rows(Split::Train), schedule.evaluated);
    let per_epoch =
        examples.rows(Split::Train).len() + sample.len() + examples.rows(Split::Valid).len();
    let before = state.made();
    let mut run = Run {
        net,
        examples,
        objective,
        schedule,
        state,
        watch,
        done: per_epoch as u64 * u64::from(before),
        total: per_epoch as u64 * u64::from(schedule.stop_after),
    };
    let mut training_secs = 0.0;
    let begun = Instant::now();
    while run.state.made() < schedule.stop_after && !run.state.is_over(schedule) {
        let number = run.state.made() + 1;
        let begun = Instant::now();
        let trained = run.pass(number)?;
        let secs = begun.elapsed().as_secs_f64();
        training_secs += secs;
        let evaluated = run.evaluate(&sample, number, trained.loss)?;
        let valid = run.evaluate(examples.rows(Split::Valid), number, trained.loss)?;
        if !valid.loss.is_finite() {
            return Err(TrainingError::NotFiniteAfter {
                epoch: number,
                loss: valid.loss,
            });
        }
        let epoch = Epoch {
            number,
            trained,
            evaluated,
            valid,
        };
        run.state.remember(epoch)?;
        let line = epoch.line(
            schedule.epochs,
            objective.score_name(),
            examples.rows(Split::Train).len() as f64 / secs.max(1e-9),
        );
        run.watch.epoch(&line, run.state)?;
    }
    let made = f64::from(state.made() - before);
    let trained = examples.rows(Split::Train).len() as f64 * made;
    Ok((made > 0.0).then(|| Pace {
        examples_per_sec: trained / f64::max(training_secs, 1e-9),
        epoch_secs: begun.elapsed().as_secs_f64() / made,
    }))
}

/// A training that is going on.
struct Run<'a> {
    net: &'a Net,
    examples: &'a Examples,
    objective: &'a Objective,
    schedule: &'a Schedule,
    state: &'a mut State,
    watch: &'a mut dyn Watch,
    done: u64,
    total: u64,
}

impl Run<'_> {
    /// One pass over the training split.
    fn pass(&mut self, epoch: u32) -> Result<Course, TrainingError> {
        let Self {
            examples,
            objective,
            schedule,
            ..
        } = *self;
        random::seed_torch(schedule.seed, epoch);
        let mut rng = random::of_epoch(schedule.seed, epoch);
        let rows = examples.rows(Split::Train);
        let (mut losses, mut scores, mut seen) = (0.0, 0.0, 0);
        let batches = batches::for_training(examples, rows, schedule.batch, &mut rng);
        let valid_losses: Vec<f64> = self
            .state
            .epochs
            .iter()
            .map(|epoch| epoch.valid.loss)
            .collect();
        let divided = self.is_divided();
        let groups: Vec<&[Vec<usize>]> = batches.chunks(schedule.accumulate.max(1)).collect();
        let steps = u32::try_from(groups.len()).unwrap_or(u32::MAX);
        let mut first = None;
        let mut index = 0;
        for (step, group) in (0..steps).zip(groups) {
            let together: usize = group.iter().map(Vec::len).sum();
            // Whether the gradients that are there are still those that the step before followed.
            let mut followed = true;
            let batches = group.iter().flat_map(|batch| {
                index += 1;
                let parts: Vec<&[usize]> = match divided {
                    true => batches::parts(examples, batch).collect(),
                    false => vec![batch],
                };
                parts.into_iter().map(move |part| (index, part))
            });
            for (index, rows) in batches {
                let batch = batches::assemble(examples, rows, self.net.device())?;
                let targets = objective.targets(examples, rows, self.net.device())?;
                let said = self.net.say(&batch, true)?;
                let loss = objective.loss_of_members(&said.members, &targets)?;
                let value = loss.f_double_value(&[])? / said.members.len() as f64;
                if !value.is_finite() || value > first.get_or_insert(value).max(LEAST) * EXPLODED {
                    return Err(TrainingError::NotFinite {
                        epoch,
                        batch: index,
                        loss: value,
                        cause: blame::cause(self.net, &batch, followed)?,
                    });
                }
                // Only once the loss is known to be a number: one that is none may come of them.
                if followed {
                    self.state.optimizer.forget()?;
                    followed = false;
                }
                // The mean over all examples of the step, as if they were one batch.
                if rows.len() == together {
                    loss.f_backward()?;
                } else {
                    let share = rows.len() as f64 / together as f64;
                    loss.f_mul_scalar(share)?.f_backward()?;
                }
                // Of heads side by side what counts is what they say together.
                let value = match said.members.len() {
                    1 => value,
                    _ => tch::no_grad(|| objective.loss(&said.outputs, &targets))?
                        .f_double_value(&[])?,
                };
                losses += objective.share_of(value) * rows.len() as f64;
                scores += self.score(rows, &Outputs::of(&said.outputs)?);
                seen += rows.len();
                self.advance(rows.len(), epoch, objective.mean_of(losses, seen))?;
            }
            let place = Place {
                epoch,
                step,
                epochs: schedule.epochs,
                steps,
            };
            let rate = schedule.rate.at(place, &valid_losses);
            self.state.optimizer.follow(rate)?;
        }
        Ok(Course {
            loss: objective.mean_of(losses, seen),
            score: scores / seen as f64,
        })
    }

    /// Whether a large batch goes through the network in parts. A GPU is given all of it at once, and so is what would
    /// learn something else from parts.
    fn is_divided(&self) -> bool {
        self.net.device() == Device::Cpu && self.objective.is_a_mean() && !self.net.mixes_examples()
    }

    /// Some examples with the weights of now, dropout off.
    fn evaluate(
        &mut self,
        rows: &[usize],
        epoch: u32,
        training_loss: f64,
    ) -> Result<Course, TrainingError> {
        let (net, examples, objective) = (self.net, self.examples, self.objective);
        let outputs = evaluate::outputs::<TrainingError>(net, examples, rows, |count| {
            self.advance(count, epoch, training_loss)
        })?;
        let losses: f64 = rows
            .iter()
            .zip(outputs.rows())
            .map(|(&row, outputs)| objective.loss_of(outputs, examples.label(row)))
            .sum();
        Ok(Course {
            loss: objective.mean_of(losses, rows.len()),
            score: self.score(rows, &outputs) / rows.len() as f64,
        })
    }

    fn score(&self, rows: &[usize], outputs: &Outputs) -> f64 {
        let pairs = rows.iter().zip(outputs.rows());
        pairs
            .map(|(&row, outputs)| self.objective.score_of(outputs, self.examples.label(row)))
            .sum()
    }

    fn advance(&mut self, count: usize, epoch: u32, loss: f64) -> Result<(), TrainingError> {
        self.done += count as u64;
        let message = format!("epoch {epoch} of {}, loss {loss:.4}", self.schedule.epochs);
        self.watch.progress(self.done, self.total, &message)
    }
}

impl Epoch {
    /// The line for people.
    fn line(&self, epochs: u32, score: &str, examples_per_sec: f64) -> String {
        let Self {
            number,
            trained,
            evaluated,
            valid,
        } = self;
        format!(
            "epoch {number} of {epochs}: training loss {:.4} ({:.4} with dropout off), {score} {:.4}; validation loss {:.4}, \
             {score} {:.4}; {examples_per_sec:.0} examples/s",
            trained.loss, evaluated.loss, trained.score, valid.loss, valid.score
        )
    }
}

/// At most so many of some examples, evenly spaced.
fn evenly(rows: &[usize], most: usize) -> Vec<usize> {
    let count = rows.len().min(most.max(1));
    (0..count)
        .map(|index| rows[index * rows.len() / count])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_evenly_and_never_larger_than_what_there_is() {
        assert_eq!(evenly(&[5, 6, 7, 8, 9, 10], 3), [5, 7, 9]);
        assert_eq!(evenly(&[5, 6], 3), [5, 6]);
        assert_eq!(evenly(&[5, 6], 0), [5]);
    }
}
