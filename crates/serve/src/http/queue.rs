//! The way of a request to the thread that rates, and its bounded room.
//!
//! Room is counted in texts. A request that finds none is refused at once, so that those who wait are answered in time;
//! one that has begun waits for the room of its next texts.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::batcher::{Explained, Job, Rated, TOGETHER, Work};
use crate::predictor::PredictError;

/// The room of an explanation, by what it costs beside a rating.
const EXPLANATION: usize = 50;
/// The least room that a queue can have: that of the largest job.
pub(super) const LEAST: usize = TOGETHER;

/// Why a text was not rated.
#[derive(Debug)]
pub(super) enum Refusal {
    /// There is no room.
    Busy,
    /// Nobody rates any more.
    Stopped,
    /// The network failed.
    Failed(PredictError),
}

/// The queue; a clone is another way into it.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    work: Sender<Work>,
    room: Arc<Semaphore>,
    most: usize,
}

impl Queue {
    pub(super) fn new(work: Sender<Work>, most: usize) -> Self {
        Self {
            work,
            room: Arc::new(Semaphore::new(most)),
            most,
        }
    }

    /// Texts that wait or are rated, and how many may.
    pub(super) fn filled(&self) -> (usize, usize) {
        (
            self.most.saturating_sub(self.room.available_permits()),
            self.most,
        )
    }

    /// Rates up to [`TOGETHER`] texts. Where there is no room, it waits if `patient`.
    pub(super) async fn rate(&self, what: Vec<String>, patient: bool) -> Result<Rated, Refusal> {
        let room = self.enter(what.len(), patient).await?;
        let (reply, answer) = oneshot::channel();
        self.send(Work::Rate(Job { what, reply, room }))?;
        answer
            .await
            .map_err(|_dropped| Refusal::Stopped)?
            .map_err(Refusal::Failed)
    }

    /// Rates and explains a text.
    pub(super) async fn explain(&self, what: String, patient: bool) -> Result<Explained, Refusal> {
        let room = self.enter(EXPLANATION, patient).await?;
        let (reply, answer) = oneshot::channel();
        self.send(Work::Explain(Job { what, reply, room }))?;
        answer
            .await
            .map_err(|_dropped| Refusal::Stopped)?
            .map_err(Refusal::Failed)
    }

    /// Has all that is sent after this rated by another bundle.
    pub(super) fn take(&self, served: super::batcher::Served) -> Result<(), Refusal> {
        self.send(Work::Take(Box::new(served)))
    }

    fn send(&self, work: Work) -> Result<(), Refusal> {
        self.work.send(work).map_err(|_gone| Refusal::Stopped)
    }

    async fn enter(&self, texts: usize, patient: bool) -> Result<OwnedSemaphorePermit, Refusal> {
        let texts = u32::try_from(texts).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room);
        if patient {
            let entered = room.acquire_many_owned(texts).await;
            return entered.map_err(|_closed| Refusal::Stopped);
        }
        room.try_acquire_many_owned(texts)
            .map_err(|_full| Refusal::Busy)
    }
}
