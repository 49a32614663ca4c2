//! One crew for all connections: what they ask at the same time goes through the network together.
//!
//! One thread takes what waits and has a [`Crew`] rate it, on as many threads as there are passes. It takes up to [`TOGETHER`]
//! texts; while there are fewer than [`ENOUGH`] and fewer requests wait than there are clients, it waits for others, but no
//! longer than the window. So a client that is alone never waits, and many share the passes through the network. A request is
//! answered as soon as the pass with its last text is done: its client is at work while the network goes on. Explanations cost some
//! fifty ratings each: they are given one at a time between batches, so that they hold no rating up for longer than one of them.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use cinescore_model::task::Task;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::metrics::Metrics;
use crate::predictor::{Crew, PredictError, Prediction, Predictor, Word};

/// Texts that are rated together at most: two of the network's batches, so that those of similar length find each other.
pub(super) const TOGETHER: usize = 128;
/// Texts that are not worth waiting for more: a pass with as many costs each of them hardly more than one with all.
const ENOUGH: usize = 16;
/// Words of a text that is rated at the start: more than most networks read.
const LONGEST: usize = 512;
/// Characters of a digest that are shown.
const SHOWN: usize = 16;

/// What clients are told of a bundle.
#[derive(Debug)]
pub(super) struct Facts {
    /// Where it lies, links resolved.
    pub(super) folder: PathBuf,
    /// The digest of its manifest, which has those of its files.
    pub(super) digest: String,
    pub(super) task: Task,
    /// The part of the truths that intervals hold.
    pub(super) level: Option<f64>,
}

/// The bundle in use, for those who only tell about it.
#[derive(Debug)]
pub(super) struct Current(RwLock<Arc<Facts>>);

impl Current {
    pub(super) fn new(facts: Arc<Facts>) -> Self {
        Self(RwLock::new(facts))
    }

    pub(super) fn get(&self) -> Arc<Facts> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set(&self, facts: Arc<Facts>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = facts;
    }
}

/// A predictor with its facts.
#[derive(Debug)]
pub(super) struct Served {
    crew: Crew,
    pub(super) facts: Arc<Facts>,
}

impl Served {
    /// Opens a bundle and rates a text with it, where LibTorch computes: a bundle that cannot do that is refused here.
    pub(super) fn open(folder: &Path, threads: usize) -> Result<Self, PredictError> {
        // Resolved once, so that a link that changes meanwhile does not mix two bundles.
        let folder = fs_err::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        let mut crew = Crew::new(Predictor::open(&folder)?, threads)?;
        // As much as goes through the network together at most, so that its memory is taken now, and not when many come to ask.
        let longest = "film ".repeat(LONGEST);
        let examples = vec![crew.any().reader().read(&longest); TOGETHER / 2 * crew.size()];
        crew.rate_each(&examples, |_index, _said| {})?;
        let manifest = crew.any().manifest();
        let bytes = serde_json::to_vec(manifest)?;
        let digest = blake3::hash(&bytes).to_hex();
        let facts = Facts {
            folder,
            digest: digest.chars().take(SHOWN).collect(),
            task: manifest.decoder.task(),
            level: manifest
                .calibration
                .as_ref()
                .map(|calibration| calibration.level),
        };
        Ok(Self {
            facts: Arc::new(facts),
            crew,
        })
    }
}

/// Texts with what is said of them, by which bundle.
#[derive(Debug)]
pub(super) struct Rated {
    pub(super) texts: Vec<String>,
    pub(super) said: Vec<Prediction>,
    pub(super) bundle: Arc<Facts>,
}

/// A text with what is said of it and why.
#[derive(Debug)]
pub(super) struct Explained {
    pub(super) text: String,
    pub(super) said: Prediction,
    pub(super) words: Vec<Word>,
    pub(super) bundle: Arc<Facts>,
}

/// Something to do, whom to tell, and its place in the queue, which it gives back when it is gone.
#[derive(Debug)]
pub(super) struct Job<T, R> {
    pub(super) what: T,
    pub(super) reply: oneshot::Sender<Result<R, PredictError>>,
    pub(super) room: OwnedSemaphorePermit,
}

/// Texts to rate.
pub(super) type RateJob = Job<Vec<String>, Rated>;
/// A text to explain.
pub(super) type ExplainJob = Job<String, Explained>;

/// What the thread is sent.
#[derive(Debug)]
pub(super) enum Work {
    Rate(RateJob),
    Explain(ExplainJob),
    /// Another bundle for all that comes after.
    Take(Box<Served>),
}

/// A request some of whose texts are rated.
struct Open {
    job: RateJob,
    said: Vec<Option<Prediction>>,
    left: usize,
}

impl Open {
    fn new(job: RateJob) -> Self {
        Self {
            said: vec![None; job.what.len()],
            left: job.what.len(),
            job,
        }
    }

    /// What is said of one of its texts; whether it was the last.
    fn take(&mut self, place: usize, said: Prediction) -> bool {
        self.said[place] = Some(said);
        self.left -= 1;
        self.left == 0
    }
}

/// The thread's work.
pub(super) struct Batcher {
    pub(super) served: Served,
    pub(super) waiting: Receiver<Work>,
    pub(super) window: Duration,
    pub(super) metrics: Arc<Metrics>,
    pub(super) current: Arc<Current>,
}

impl Batcher {
    /// Works until nobody can send anything more, and all that was sent is done.
    pub(super) fn run(mut self) {
        let mut explanations = VecDeque::new();
        loop {
            let first = if explanations.is_empty() {
                match self.waiting.recv() {
                    Ok(work) => Some(work),
                    Err(_all_senders_are_gone) => return,
                }
            } else {
                self.waiting.try_recv().ok()
            };
            let (jobs, new) = self.gather(first, &mut explanations);
            self.rate(jobs);
            if let Some(new) = new {
                self.current.set(Arc::clone(&new.facts));
                self.served = *new;
            }
            if let Some(job) = explanations.pop_front() {
                self.explain(job);
            }
        }
    }

    /// What is rated together, and the bundle for what comes after it.
    fn gather(
        &self,
        first: Option<Work>,
        explanations: &mut VecDeque<ExplainJob>,
    ) -> (Vec<RateJob>, Option<Box<Served>>) {
        let until = Instant::now() + self.window;
        let (mut jobs, mut texts) = (Vec::new(), 0);
        let mut next = first;
        while let Some(work) = next {
            match work {
                Work::Rate(job) => {
                    texts += job.what.len();
                    jobs.push(job);
                }
                Work::Explain(job) => explanations.push_back(job),
                Work::Take(new) => return (jobs, Some(new)),
            }
            if texts >= TOGETHER {
                break;
            }
            next = self.waiting.try_recv().ok().or_else(|| {
                let asking = (jobs.len() + explanations.len()) as i64;
                let clients = self.metrics.connections.load(Ordering::Relaxed);
                if jobs.is_empty() || texts >= ENOUGH || asking >= clients {
                    return None;
                }
                let left = until.saturating_duration_since(Instant::now());
                self.waiting.recv_timeout(left).ok()
            });
        }
        (jobs, None)
    }

    fn rate(&mut self, mut jobs: Vec<RateJob>) {
        // Nobody waits for these any more.
        jobs.retain(|job| !job.reply.is_closed());
        if jobs.is_empty() {
            return;
        }
        let Served { crew, facts } = &mut self.served;
        let texts: Vec<&str> = jobs
            .iter()
            .flat_map(|job| job.what.iter().map(String::as_str))
            .collect();
        let examples = crew.any().reader().read_all(&texts);
        self.metrics.rated(examples.len());
        // Whose each text is, and its place among theirs.
        let places: Vec<(usize, usize)> = jobs
            .iter()
            .enumerate()
            .flat_map(|(owner, job)| (0..job.what.len()).map(move |place| (owner, place)))
            .collect();
        let mut open: Vec<Option<Open>> =
            jobs.into_iter().map(|job| Some(Open::new(job))).collect();
        let outcome = crew.rate_each(&examples, |index, said| {
            let (owner, place) = places[index];
            let own = &mut open[owner];
            if own.as_mut().is_some_and(|own| own.take(place, said))
                && let Some(done) = own.take()
            {
                let said = done.said.into_iter().flatten().collect();
                answer(done.job, Ok(said), facts);
            }
        });
        if outcome.is_ok() {
            return;
        }
        // One request's failure is not the others'.
        for Open { job, .. } in open.into_iter().flatten() {
            let texts: Vec<&str> = job.what.iter().map(String::as_str).collect();
            let said = crew.any().predict(&texts);
            answer(job, said, facts);
        }
    }

    fn explain(&self, job: ExplainJob) {
        let Job {
            what: text,
            reply,
            room,
        } = job;
        if reply.is_closed() {
            return;
        }
        let predictor = self.served.crew.any();
        let explained = predictor
            .predict(&[&text])
            .and_then(|said| Ok((said, predictor.explain(&text)?)));
        self.metrics.explained();
        drop(room);
        let answer = match explained {
            Err(error) => Err(error),
            Ok((mut said, words)) => match said.pop() {
                Some(said) => Ok(Explained {
                    text,
                    said,
                    words,
                    bundle: Arc::clone(&self.served.facts),
                }),
                // One text has one prediction.
                None => return,
            },
        };
        reply.send(answer).ok();
    }
}

/// Tells a client what is said of its texts by a bundle.
fn answer(job: RateJob, said: Result<Vec<Prediction>, PredictError>, facts: &Arc<Facts>) {
    let Job { what, reply, room } = job;
    let rated = said.map(|said| Rated {
        texts: what,
        said,
        bundle: Arc::clone(facts),
    });
    drop(room);
    // Who went away meanwhile needs no answer.
    reply.send(rated).ok();
}
