//! Bounding the memory of answers that their clients have not read yet.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;

/// A unit of memory for answers.
const UNIT: usize = 1024;

/// The memory for the answers of all requests together.
#[derive(Debug)]
pub(super) struct Answers {
    units: usize,
    memory: Arc<Semaphore>,
}

/// The bytes of an answer with their memory, which they give back once they are written or their client is gone.
struct Held {
    bytes: Box<[u8]>,
    _memory: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Answers {
    /// Answers of so many bytes together.
    pub(super) fn new(together: usize) -> Self {
        let units = together / UNIT + 1;
        Self {
            units,
            memory: Arc::new(Semaphore::new(units)),
        }
    }

    /// Has an answer hold its memory. One that is larger than all of it waits for no other, and holds it all.
    ///
    /// # Errors
    /// 429 if there is no room. Waiting for it would hold the answer all the same.
    pub(super) fn hold(&self, bytes: Vec<u8>) -> Result<Bytes, Problem> {
        let units = bytes.len().div_ceil(UNIT).min(self.units);
        let memory = Arc::clone(&self.memory)
            .try_acquire_many_owned(u32::try_from(units).unwrap_or(u32::MAX))
            .map_err(|_full| {
                let advice =
                    "read the answers that were asked for, or wait a second and send it again";
                let detail = "as many answers lie unread as may";
                Problem::new(StatusCode::TOO_MANY_REQUESTS, detail, advice).with("retry-after", "1")
            })?;
        Ok(Bytes::from_owner(Held {
            bytes: bytes.into_boxed_slice(),
            _memory: memory,
        }))
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;

    use super::*;

    #[test]
    fn answers_hold_their_memory_until_they_are_gone() {
        let answers = Answers::new(3_000);
        let status = |length| match answers.hold(vec![b'x'; length]) {
            Ok(bytes) => (200, bytes.len()),
            Err(problem) => (problem.into_response().status().as_u16(), 0),
        };
        let held = answers.hold(vec![b'x'; 2_000]).unwrap();
        let part = held.slice(1_999..);
        assert_eq!(status(2_000), (429, 0));
        drop(held);
        // A part that is still to be written is the whole.
        assert_eq!(status(2_000), (429, 0));
        drop(part);
        assert_eq!(status(2_000), (200, 2_000));
        assert_eq!(status(9_000), (200, 9_000));
    }
}
