//! Reading a request's body within bounds of size, time and memory.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::problem::Problem;

/// A unit of memory for bodies.
const UNIT: usize = 1024;
/// How much of a body that is too large is read, so that its client comes to read the answer, and for how long.
const DRAINED: usize = 128 << 20;
const DRAINING: Duration = Duration::from_secs(3);

/// Bounds of a body, and the memory for those of all requests together.
#[derive(Debug)]
pub(super) struct Bodies {
    most: usize,
    time: Duration,
    memory: Arc<Semaphore>,
}

/// A body that was read. It holds its memory until it is gone.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) bytes: Vec<u8>,
    _memory: Vec<OwnedSemaphorePermit>,
}

impl Bodies {
    /// Bodies of at most so many bytes and seconds, and of so many bytes together.
    pub(super) fn new(most: usize, time: Duration, together: usize) -> Self {
        Self {
            most,
            time,
            memory: Arc::new(Semaphore::new(together.max(most) / UNIT + 1)),
        }
    }

    /// Reads a body.
    pub(super) async fn read(
        &self,
        announced: Option<usize>,
        mut body: Body,
    ) -> Result<Read, Problem> {
        let outcome = if announced.is_some_and(|length| length > self.most) {
            Ok(None)
        } else {
            timeout(self.time, self.collect(&mut body))
                .await
                .map_err(|_late| {
                    let detail = format!("the body did not come in {} s", self.time.as_secs_f64());
                    let advice = "send it faster, or in smaller requests";
                    Problem::new(StatusCode::REQUEST_TIMEOUT, detail, advice)
                })?
        };
        if let Some(read) = outcome? {
            return Ok(read);
        }
        // Whether it ends in time or not, the answer is the same.
        timeout(DRAINING, drain(&mut body)).await.ok();
        let detail = format!("the body has more than {} bytes", self.most);
        let advice = "send smaller requests, or use `cinescore predict file`";
        Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail, advice))
    }

    /// The whole body; none if it is too large.
    async fn collect(&self, body: &mut Body) -> Result<Option<Read>, Problem> {
        let mut read = Read {
            bytes: Vec::new(),
            _memory: Vec::new(),
        };
        let mut paid = 0;
        while let Some(data) = next(body).await? {
            let length = read.bytes.len() + data.len();
            if length > self.most {
                return Ok(None);
            }
            if length > paid {
                // In steps that double, so that many small frames do not make many permits; never for more than a body may
                // have.
                let more = (length - paid).max(paid).min(self.most - paid);
                let more = more.div_ceil(UNIT);
                let memory = Arc::clone(&self.memory)
                    .try_acquire_many_owned(u32::try_from(more).unwrap_or(u32::MAX))
                    .map_err(|_full| Problem::busy())?;
                read._memory.push(memory);
                paid += more * UNIT;
                // No more than is paid for, which a vector that grows by itself would take.
                read.bytes.reserve_exact(paid - read.bytes.len());
            }
            read.bytes.extend_from_slice(&data);
        }
        Ok(Some(read))
    }
}

async fn drain(body: &mut Body) {
    let mut drained = 0;
    while let Ok(Some(data)) = next(body).await {
        drained += data.len();
        if drained > DRAINED {
            return;
        }
    }
}

/// The next bytes of a body; none at its end. Trailers are left out.
async fn next(body: &mut Body) -> Result<Option<Bytes>, Problem> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            let detail = format!("the body broke off: {error}");
            let advice = "send as many bytes as Content-Length says, or chunks that end";
            Problem::new(StatusCode::BAD_REQUEST, detail, advice)
        })?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;

    use super::*;

    fn run<T>(work: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(work)
    }

    #[test]
    fn bodies_are_bounded_alone_and_together() {
        let bodies = Bodies::new(3000, Duration::from_secs(5), 4000);
        let status = |outcome: Result<Read, Problem>| match outcome {
            Ok(read) => (200, read.bytes.len()),
            Err(problem) => (problem.into_response().status().as_u16(), 0),
        };
        run(async {
            let body = |length: usize| Body::from(vec![b'x'; length]);
            let held = bodies.read(None, body(2000)).await;
            assert!(held.is_ok());
            assert_eq!(status(bodies.read(Some(3001), body(3001)).await), (413, 0));
            assert_eq!(status(bodies.read(None, body(3001)).await), (413, 0));
            // The memory of both is more than there is.
            assert_eq!(status(bodies.read(None, body(3000)).await), (429, 0));
            drop(held);
            assert_eq!(status(bodies.read(None, body(3000)).await), (200, 3000));
        });
    }

    #[test]
    fn a_body_in_frames_pays_for_no_more_than_it_may_have() {
        let bodies = Bodies::new(3000, Duration::from_secs(5), 3000);
        let frames = || {
            let frame = || Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 1500]));
            Body::from_stream(futures_util::stream::iter([frame(), frame()]))
        };
        run(async {
            for _ in 0..2 {
                let read = bodies.read(None, frames()).await.unwrap();
                assert_eq!(read.bytes.len(), 3000);
                assert!(read.bytes.capacity() < 3000 + UNIT);
            }
        });
    }
}
