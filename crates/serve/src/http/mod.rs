//! `serve`: ratings over HTTP, and a page to type a review into.
//!
//! ```text
//! connections ─> guard ─> routes ─> ratings ─> queue ═> batcher ─> Predictor
//!  (time, number) (token, log)       (request)  (room)   (one thread)
//! ```
//!
//! Owns everything between a socket and the predictor, and the bounds of both: connections, bodies, reviews
//! that wait and answers that are not read are bounded, each alone and all together. Not bounded together is what
//! requests hold of their own while they are rated in turns: their reviews and ratings, at most [`Limits::texts`] each on
//! as many connections as there may be. Does not own what is said of a text. `docs/serve.md` is for those who run it.

mod answer;
mod batcher;
mod body;
mod connections;
mod guard;
mod log;
mod metrics;
mod problem;
mod queue;
mod ratings;
mod reload;
mod request;
mod routes;
mod stall;
mod table;
mod unread;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use cinescore_artifact::StageError;
use cinescore_model::compute;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::select;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};

use self::batcher::{Batcher, Current, Facts, Served};
use self::body::Bodies;
use self::guard::{Hosts, Token};
pub use self::log::Level;
use self::log::Log;
use self::metrics::Metrics;
use self::queue::Queue;
use self::unread::Answers;

/// Threads that speak with clients; the network has its own.
const SPEAKERS: usize = 2;
/// Bodies that may be as large as allowed at the same time; most are much smaller.
const LARGE_BODIES: usize = 16;
/// The least room for answers that are not read yet, beside that of the largest bodies: some of the largest.
const LEAST_UNREAD: usize = 64 << 20;

/// What a server holds at most, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Reviews of a request.
    pub texts: usize,
    /// Bytes of a review.
    pub text_bytes: usize,
    /// Reviews of a request that are explained.
    pub explained: usize,
    /// Reviews that wait or are rated.
    pub queue: usize,
    /// Connections.
    pub connections: usize,
    /// How long reviews wait for others that are rated with them.
    pub window: Duration,
    /// How long a request's head may take, and how long a connection may be idle.
    pub header_time: Duration,
    /// How long a body may take, and how long an answer may lie unread.
    pub body_time: Duration,
    /// How long a request may take once it was read.
    pub request_time: Duration,
    /// How long requests may take that are held when the server is stopped.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 4 << 20,
            texts: 10_000,
            text_bytes: 50_000,
            explained: 16,
            queue: 2_000,
            connections: 1_024,
            window: Duration::from_millis(2),
            header_time: Duration::from_secs(10),
            body_time: Duration::from_secs(20),
            request_time: Duration::from_secs(30),
            grace: Duration::from_secs(30),
        }
    }
}

/// How to serve.
#[derive(Debug)]
pub struct Settings {
    /// Where to listen; port 0 is any that is free.
    pub bind: SocketAddr,
    /// The bundle's folder, or a link to it.
    pub folder: PathBuf,
    /// Threads for the network.
    pub threads: usize,
    /// What clients must say to be answered.
    pub token: Option<String>,
    /// Names by which the server may be asked, beside those of loopback.
    pub hosts: Vec<String>,
    /// How much is logged.
    pub log: Level,
    /// What it holds at most.
    pub limits: Limits,
}

/// What all requests share.
struct App {
    limits: Limits,
    queue: Queue,
    bodies: Bodies,
    answers: Answers,
    metrics: Arc<Metrics>,
    current: Arc<Current>,
    log: Log,
    token: Option<Token>,
    hosts: Hosts,
    stopping: AtomicBool,
}

/// Serves until SIGTERM or SIGINT, then finishes what it holds. Prints its address on stdout when it is ready.
///
/// # Errors
/// If the address is taken, the bundle is refused, or requests were left unanswered at the end.
pub fn serve(settings: &Settings) -> Result<(), StageError> {
    if settings.limits.queue < queue::LEAST {
        let message = format!("a queue of {} reviews is too short", settings.limits.queue);
        return Err(StageError::usage(message).hint(format!("allow {} or more", queue::LEAST)));
    }
    let listener = listen(settings.bind)?;
    let (log, writer) = Log::start(settings.log)?;
    let (work, waiting) = mpsc::channel();
    let metrics = Arc::new(Metrics::new());
    let outcome = std::thread::scope(|scope| {
        let (opened, is_open) = mpsc::channel();
        let (ended, has_ended) = oneshot::channel::<()>();
        let counted = Arc::clone(&metrics);
        let computing = scope.spawn(move || {
            let _ended = ended;
            let window = settings.limits.window;
            // Its own for what is asked alone; for more it has others (`Crew`).
            compute::apart(1, || {
                let threads = settings.threads;
                rate(&settings.folder, threads, opened, waiting, window, counted)
            })?
        });
        // Nothing comes if the thread ended with an error, which is its result.
        let served = is_open.recv().ok().map(|current: Arc<Current>| {
            let together = settings.limits.body_bytes.saturating_mul(LARGE_BODIES);
            let app = App {
                limits: settings.limits,
                queue: Queue::new(work, settings.limits.queue),
                bodies: Bodies::new(
                    settings.limits.body_bytes,
                    settings.limits.body_time,
                    together,
                ),
                answers: Answers::new(together.max(LEAST_UNREAD)),
                metrics,
                current,
                log: log.clone(),
                token: settings.token.as_deref().map(Token::new),
                hosts: Hosts::new(settings.bind, &settings.hosts),
                stopping: AtomicBool::new(false),
            };
            speak(settings, listener, app, has_ended)
        });
        // The queue is gone by now, so that the thread ends.
        let computed = computing
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        computed.and(served.unwrap_or(Ok(())))
    });
    drop(log);
    writer.join().ok();
    outcome
}

fn listen(bind: SocketAddr) -> Result<std::net::TcpListener, StageError> {
    let listener = std::net::TcpListener::bind(bind).map_err(|error| {
        StageError::usage(format!("cannot listen on `{bind}`: {error}"))
            .hint("another program may have the port: choose one with --bind 127.0.0.1:PORT; port 0 is any that is free")
    })?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// The work of the thread that computes.
fn rate(
    folder: &Path,
    threads: usize,
    opened: mpsc::Sender<Arc<Current>>,
    waiting: mpsc::Receiver<batcher::Work>,
    window: Duration,
    metrics: Arc<Metrics>,
) -> Result<(), StageError> {
    let served =
        Served::open(folder, threads).map_err(|error| crate::program::of_bundle(error, folder))?;
    let current = Arc::new(Current::new(Arc::clone(&served.facts)));
    opened.send(Arc::clone(&current)).ok();
    drop(opened);
    let batcher = Batcher {
        served,
        waiting,
        window,
        metrics,
        current,
    };
    batcher.run();
    Ok(())
}

/// The part that speaks with clients, until it is told to stop.
fn speak(
    settings: &Settings,
    listener: std::net::TcpListener,
    app: App,
    has_ended: oneshot::Receiver<()>,
) -> Result<(), StageError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(SPEAKERS)
        .thread_name("http")
        .enable_io()
        .enable_time()
        .build()?;
    let outcome = runtime.block_on(speak_until_stopped(settings, listener, app, has_ended));
    // What is still running has had its time.
    runtime.shutdown_background();
    outcome
}

async fn speak_until_stopped(
    settings: &Settings,
    listener: std::net::TcpListener,
    app: App,
    has_ended: oneshot::Receiver<()>,
) -> Result<(), StageError> {
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let hangup = signal(SignalKind::hangup())?;
    let listener = TcpListener::from_std(listener)?;
    let app = Arc::new(app);
    announce(&app, settings, listener.local_addr()?)?;

    let (stop, stopped) = watch::channel(false);
    let router = routes::router(&app);
    let own = Arc::clone(&app);
    let serving =
        tokio::spawn(async move { connections::serve(listener, router, &own, stopped).await });
    let reloading = tokio::spawn(reload::watch(
        Arc::clone(&app),
        settings.folder.clone(),
        settings.threads,
        hangup,
    ));
    let (why, broken) = select! {
        _ = terminate.recv() => ("SIGTERM", false),
        _ = interrupt.recv() => ("SIGINT", false),
        _ = has_ended => ("the network's thread ended", true),
    };
    app.stopping.store(true, Ordering::Relaxed);
    app.log.event(Level::Info, "stopping", json!({"why": why}));
    stop.send(true).ok();
    reloading.abort();
    let in_time = select! {
        done = serving => done.unwrap_or(false),
        // Who asks twice does not want to wait.
        _ = terminate.recv() => false,
        _ = interrupt.recv() => false,
    };
    let left = app.metrics.in_flight.load(Ordering::Relaxed);
    app.log
        .event(Level::Info, "stopped", json!({"unanswered": left}));
    if broken {
        return Err(StageError::failed("the thread that rates ended by itself"));
    }
    if in_time || left == 0 {
        return Ok(());
    }
    Err(
        StageError::failed(format!("{left} requests were left unanswered"))
            .hint("allow them more time with --grace, or do not ask twice"),
    )
}

/// Says where it listens: for programs on stdout, for people in the log.
fn announce(app: &App, settings: &Settings, address: SocketAddr) -> Result<(), StageError> {
    let facts: Arc<Facts> = app.current.get();
    let fields = json!({
        "address": address.to_string(),
        "bundle": facts.digest,
        "folder": facts.folder.display().to_string(),
        "threads": settings.threads,
        "token": settings.token.is_some(),
    });
    app.log.event(Level::Info, "listening", fields);
    if !address.ip().is_loopback() && settings.token.is_none() {
        let fields = json!({
            "address": address.to_string(),
            "advice": "give --token-file FILE, or put it behind a proxy that asks who is there",
        });
        app.log.event(Level::Warn, "open_to_all", fields);
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "http://{address}/")?;
    Ok(out.flush()?)
}
