//! The training loop: epochs, early choice, and what is remembered of them.
//!
//! Every batch of an epoch is a step of the optimizer; after each epoch the validation split is
//! evaluated, and the weights of the epoch with the lowest validation loss are the ones that are kept.

use std::time::Instant;

use cinescore_model::Net;
use tch::{TchError, Tensor};
use thiserror::Error;

use crate::examples::{Examples, Split};
use crate::objective::Objective;
use crate::optimizer::{Adam, OptimizerParams};
use crate::{batches, evaluate, random};

/// How a network is trained.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// Decides first weights, the order of the examples and dropout.
    pub seed: u64,
    /// Passes over the training split, at least 1.
    pub epochs: u32,
    /// Examples a step.
    pub batch: usize,
    /// How the weights follow the gradient.
    pub optimizer: OptimizerParams,
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
    /// The validation split after the epoch, dropout off.
    pub valid: Course,
}

/// What came of a training.
#[derive(Debug)]
pub struct Training {
    /// All epochs, in order.
    pub epochs: Vec<Epoch>,
    /// The number of the epoch whose weights the network now has.
    pub chosen: u32,
    /// Training examples a second, evaluation left out.
    pub examples_per_sec: f64,
    /// Seconds an epoch, evaluation included.
    pub epoch_secs: f64,
}

/// Why a training stopped.
#[derive(Debug, Error)]
pub enum TrainingError {
    /// The loss is no number any more.
    #[error("the loss of batch {batch} of epoch {epoch} is {loss}")]
    NotFinite {
        /// The epoch, from 1.
        epoch: u32,
        /// The batch in it, from 1.
        batch: usize,
        /// The loss.
        loss: f64,
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
    /// Somebody asked to stop.
    #[error("interrupted")]
    Interrupted,
}

/// Who is told how far a training is, and may stop it.
pub trait Watch {
    /// Of `total` examples of all epochs, validation included, so many are done.
    fn progress(&mut self, done: u64, total: u64, message: &str) -> Result<(), TrainingError>;
    /// An epoch is over.
    fn epoch(&mut self, message: &str);
}

/// Trains a network and leaves it with the chosen weights.
///
/// # Panics
/// If the schedule has no epoch.
pub fn train(
    net: &Net,
    examples: &Examples,
    objective: Objective,
    schedule: &Schedule,
    watch: &mut dyn Watch,
) -> Result<Training, TrainingError> {
    let OptimizerParams::Adam(adam) = schedule.optimizer;
    let variables: Vec<Tensor> = net
        .variables()
        .into_iter()
        .map(|(_, variable)| variable)
        .collect();
    let per_epoch = examples.rows(Split::Train).len() + examples.rows(Split::Valid).len();
    let mut run = Run {
        net,
        examples,
        objective,
        schedule,
        adam: Adam::new(adam, variables.iter().map(Tensor::shallow_clone))?,
        watch,
        done: 0,
        total: per_epoch as u64 * u64::from(schedule.epochs),
    };
    let mut epochs: Vec<Epoch> = Vec::new();
    let mut best: Option<(Epoch, Vec<Tensor>)> = None;
    let mut training_secs = 0.0;
    let begun = Instant::now();
    for number in 1..=schedule.epochs {
        let begun = Instant::now();
        let trained = run.pass(number)?;
        let secs = begun.elapsed().as_secs_f64();
        training_secs += secs;
        let valid = run.validate(number, trained.loss)?;
        if !valid.loss.is_finite() {
            return Err(TrainingError::NotFiniteAfter {
                epoch: number,
                loss: valid.loss,
            });
        }
        let epoch = Epoch {
            number,
            trained,
            valid,
        };
        run.watch.epoch(&epoch.line(
            schedule.epochs,
            objective.score_name(),
            examples.rows(Split::Train).len() as f64 / secs.max(1e-9),
        ));
        if best
            .as_ref()
            .is_none_or(|(best, _)| valid.loss < best.valid.loss)
        {
            let weights = tch::no_grad(|| {
                variables
                    .iter()
                    .map(Tensor::f_detach_copy)
                    .collect::<Result<_, _>>()
            })?;
            best = Some((epoch, weights));
        }
        epochs.push(epoch);
    }
    let (chosen, weights) = best.expect("a schedule has at least one epoch");
    for (mut variable, weight) in variables.into_iter().zip(&weights) {
        tch::no_grad(|| variable.f_copy_(weight))?;
    }
    let trained = examples.rows(Split::Train).len() as f64 * epochs.len() as f64;
    Ok(Training {
        chosen: chosen.number,
        examples_per_sec: trained / f64::max(training_secs, 1e-9),
        epoch_secs: begun.elapsed().as_secs_f64() / epochs.len() as f64,
        epochs,
    })
}

/// A training that is going on.
struct Run<'a> {
    net: &'a Net,
    examples: &'a Examples,
    objective: Objective,
    schedule: &'a Schedule,
    adam: Adam,
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
        for (index, rows) in batches::for_training(examples, rows, schedule.batch, &mut rng)
            .iter()
            .enumerate()
        {
            let batch = batches::assemble(examples, rows, self.net.device())?;
            let targets = objective.targets(examples, rows, self.net.device())?;
            let outputs = self.net.forward(&batch, true)?;
            let loss = objective.loss(&outputs, &targets)?;
            let value = loss.f_double_value(&[])?;
            if !value.is_finite() {
                return Err(TrainingError::NotFinite {
                    epoch,
                    batch: index + 1,
                    loss: value,
                });
            }
            self.adam.step(&loss)?;
            losses += value * rows.len() as f64;
            scores += self.score(rows, &evaluate::values(&outputs)?);
            seen += rows.len();
            self.advance(rows.len(), epoch, losses / seen as f64)?;
        }
        Ok(Course {
            loss: losses / seen as f64,
            score: scores / seen as f64,
        })
    }

    /// The validation split with the weights of now.
    fn validate(&mut self, epoch: u32, training_loss: f64) -> Result<Course, TrainingError> {
        let (net, examples, objective) = (self.net, self.examples, self.objective);
        let rows = examples.rows(Split::Valid);
        let outputs = evaluate::outputs::<TrainingError>(net, examples, rows, |count| {
            self.advance(count, epoch, training_loss)
        })?;
        let losses: f64 = rows
            .iter()
            .zip(&outputs)
            .map(|(&row, &output)| objective.loss_of(output, examples.label(row)))
            .sum();
        let count = rows.len() as f64;
        Ok(Course {
            loss: losses / count,
            score: self.score(rows, &outputs) / count,
        })
    }

    fn score(&self, rows: &[usize], outputs: &[f64]) -> f64 {
        let pairs = rows.iter().zip(outputs);
        pairs
            .map(|(&row, &output)| self.objective.score_of(output, self.examples.label(row)))
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
            valid,
        } = self;
        format!(
            "epoch {number} of {epochs}: training loss {:.4}, {score} {:.4}; validation loss {:.4}, {score} {:.4}; \
             {examples_per_sec:.0} examples/s",
            trained.loss, trained.score, valid.loss, valid.score
        )
    }
}
