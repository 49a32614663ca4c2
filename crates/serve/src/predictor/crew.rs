//! Several predictors of one bundle with the same weights, each on a thread of its own.
//!
//! Threads that share a pass wait for each other at every step of a text, hundreds of times in a pass: two of them rated fewer reviews
//! than one. Passes know nothing of each other, so each thread takes one at a time and does it alone: what is said of an
//! example does not depend on how many threads there are.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use cinescore_model::compute;
use cinescore_model::task;

use super::forward::Planned;
use super::{Example, PredictError, Prediction, Predictor};

/// The most threads: a pass of long texts takes tens of megabytes.
const MOST: usize = 16;

/// What is said of an example, and what figures are made of.
type Said = (task::Prediction, Prediction);

/// Predictors that share the work.
#[derive(Debug)]
pub struct Crew {
    predictors: Vec<Predictor>,
}

impl Crew {
    /// So many predictors like this one, at most 16; they have its weights and not copies of them.
    pub fn new(predictor: Predictor, threads: usize) -> Result<Self, PredictError> {
        let twins = 1..threads.clamp(1, MOST);
        let mut predictors = twins
            .map(|_| predictor.twin())
            .collect::<Result<Vec<_>, _>>()?;
        predictors.push(predictor);
        Ok(Self { predictors })
    }

    /// How many there are.
    pub fn size(&self) -> usize {
        self.predictors.len()
    }

    /// One of them, to ask about the bundle.
    pub fn any(&self) -> &Predictor {
        // There is at least one.
        &self.predictors[0]
    }

    /// What is said of each example, in their order. `between` is called after each pass with the number of its examples,
    /// and ends the work where it says false.
    ///
    /// # Errors
    /// [`PredictError::Stopped`], what LibTorch says, or what the system says where it gives no thread.
    pub fn rate_with(
        &mut self,
        examples: &[Example],
        between: impl FnMut(usize) -> bool + Send,
    ) -> Result<Vec<Prediction>, PredictError> {
        let said = self.say_with(examples, between)?;
        Ok(said.into_iter().map(|(_, prediction)| prediction).collect())
    }

    /// The same, with what the figures of a training are made of beside each prediction.
    pub(crate) fn say_with(
        &mut self,
        examples: &[Example],
        mut between: impl FnMut(usize) -> bool + Send,
    ) -> Result<Vec<Said>, PredictError> {
        let mut all = vec![None; examples.len()];
        self.each_pass(examples, |said| {
            let count = said.len();
            for (index, said) in said {
                all[index] = Some(said);
            }
            between(count)
        })?;
        Ok(all.into_iter().flatten().collect())
    }

    /// Hands out what is said of each example, by its index, as soon as its pass is done: not in their order.
    ///
    /// # Errors
    /// As of [`Crew::rate_with`]; examples whose pass was done before were handed out.
    pub fn rate_each(
        &mut self,
        examples: &[Example],
        mut take: impl FnMut(usize, Prediction) + Send,
    ) -> Result<(), PredictError> {
        self.each_pass(examples, |said| {
            for (index, (_, prediction)) in said {
                take(index, prediction);
            }
            true
        })
    }

    /// Does all passes and hands out what is said of the examples of each, by index, until `done` says false.
    fn each_pass(
        &mut self,
        examples: &[Example],
        done: impl FnMut(Vec<(usize, Said)>) -> bool + Send,
    ) -> Result<(), PredictError> {
        let plan = self.any().plan(examples);
        let shared = Shared {
            next: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
            done: Mutex::new(done),
        };
        let busy = self.predictors.len().min(plan.len());
        let [own, ..] = self.predictors.as_mut_slice() else {
            return Ok(());
        };
        // Where the network computes already, there is no need of another thread for one.
        if busy <= 1 {
            return work(own, examples, &plan, &shared);
        }
        let (plan, shared) = (&plan, &shared);
        thread::scope(|scope| {
            let threads: Vec<_> = self
                .predictors
                .iter_mut()
                .take(busy)
                .map(|own| {
                    let work = move || work(own, examples, plan, shared);
                    scope.spawn(move || compute::apart(1, work))
                })
                .collect();
            // All are waited for, whatever one of them says.
            let ended: Vec<_> = threads
                .into_iter()
                .map(|thread| {
                    thread
                        .join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
                .collect();
            for outcome in ended {
                outcome.map_err(PredictError::Thread)??;
            }
            Ok(())
        })
    }
}

/// What the threads have in common.
struct Shared<F> {
    /// The next pass that nobody does yet.
    next: AtomicUsize,
    /// Whether one of them has failed, or nobody wants more.
    ended: AtomicBool,
    done: Mutex<F>,
}

/// Does passes until there is none left.
fn work<F: FnMut(Vec<(usize, Said)>) -> bool>(
    predictor: &Predictor,
    examples: &[Example],
    plan: &[Planned],
    shared: &Shared<F>,
) -> Result<(), PredictError> {
    while !shared.ended.load(Ordering::Relaxed) {
        let index = shared.next.fetch_add(1, Ordering::Relaxed);
        let Some(pass) = plan.get(index) else {
            break;
        };
        let outcome = predictor.pass(examples, pass).and_then(|outputs| {
            let both = pass.examples.iter().zip(outputs.rows());
            let said = both
                .map(|(&index, outputs)| (index, predictor.say(&examples[index], outputs)))
                .collect();
            let mut done = shared.done.lock().unwrap_or_else(PoisonError::into_inner);
            if (*done)(said) {
                Ok(())
            } else {
                Err(PredictError::Stopped)
            }
        });
        if outcome.is_err() {
            shared.ended.store(true, Ordering::Relaxed);
            return outcome;
        }
    }
    Ok(())
}
