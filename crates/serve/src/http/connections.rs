//! Taking connections, and letting them go: within limits of number and time, and in peace when the server stops.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{sleep, timeout};

use super::App;
use super::log::Level;
use super::stall::Stalling;

/// How large a request's head may be, and what is buffered of a connection.
const HEAD_BYTES: usize = 32 * 1024;
/// How long no connection is taken after the system refused to give one, such as for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves connections until `stop` is true, then waits for the requests that it holds. Says whether all were answered
/// within the limit.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    app: &Arc<App>,
    mut stop: watch::Receiver<bool>,
) -> bool {
    let places = Arc::new(Semaphore::new(app.limits.connections));
    // Each connection holds a sender: when all are gone, nothing can be received.
    let (held, mut all_gone) = mpsc::channel::<()>(1);
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            next = next => next,
        };
        let stream = match accepted {
            Ok((stream, _peer)) => stream,
            Err(error) => {
                let fields = json!({"reason": error.to_string()});
                app.log.event(Level::Warn, "connection_refused", fields);
                sleep(PAUSE).await;
                continue;
            }
        };
        let (router, app, stop, held) =
            (router.clone(), Arc::clone(app), stop.clone(), held.clone());
        tokio::spawn(async move {
            connection(stream, router, app, stop).await;
            drop((place, held));
        });
    }
    // Others are told by the system that nobody listens.
    drop((listener, held));
    timeout(app.limits.grace, all_gone.recv()).await.is_ok()
}

/// Counts a connection while it is open.
struct Open(Arc<App>);

impl Open {
    fn new(app: Arc<App>) -> Self {
        app.metrics.connections.fetch_add(1, Ordering::Relaxed);
        Self(app)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.metrics.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn connection(
    stream: TcpStream,
    router: Router,
    app: Arc<App>,
    mut stop: watch::Receiver<bool>,
) {
    // Answers are written whole: waiting for more to send with them gains nothing.
    stream.set_nodelay(true).ok();
    let limits = app.limits;
    let _open = Open::new(app);
    let stream = TokioIo::new(Stalling::new(stream, limits.body_time));
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            // From the first byte that may come, so that it also ends connections that are idle.
            .header_read_timeout(limits.header_time)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(stream, TowerToHyperService::new(router))
    );
    // A connection's error is its client's: it broke off, was too slow, or did not speak HTTP. hyper has answered where it can.
    select! {
        _ended = connection.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => {}
    }
    connection.as_mut().graceful_shutdown();
    connection.await.ok();
}
