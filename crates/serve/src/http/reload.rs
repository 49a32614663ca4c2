//! Another bundle for a server that runs: on SIGHUP, or when the link to the bundle leads elsewhere.
//!
//! The new one is opened beside the old one, which serves meanwhile; requests that came before the exchange are rated by
//! the old one, and none waits. A bundle that is refused leaves the old one in place, and is not looked at again before
//! SIGHUP or another change.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cinescore_artifact::StageError;
use cinescore_model::compute;
use serde_json::json;
use tokio::select;
use tokio::signal::unix::Signal;
use tokio::time::{MissedTickBehavior, interval};

use super::App;
use super::batcher::Served;
use super::log::Level;

/// How often the link is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Takes new bundles until it is dropped.
pub(super) async fn watch(app: Arc<App>, folder: PathBuf, threads: usize, mut hangup: Signal) {
    // What is served, and not what the link says by now: it may have changed since the bundle was opened.
    let mut seen = Some(app.current.get().folder.clone());
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let why = select! {
            _ = hangup.recv() => "SIGHUP",
            _ = ticks.tick() => {
                let now = target(&folder);
                // None while a link is being replaced.
                if now.is_none() || now == seen {
                    continue;
                }
                "the link changed"
            }
        };
        seen = target(&folder);
        reload(&app, &folder, threads, why).await;
    }
}

fn target(folder: &Path) -> Option<PathBuf> {
    fs_err::canonicalize(folder).ok()
}

async fn reload(app: &App, folder: &Path, threads: usize, why: &str) {
    let path = folder.to_owned();
    let opened = tokio::task::spawn_blocking(move || {
        compute::apart(1, || Served::open(&path, threads).map_err(StageError::from))
    })
    .await;
    let outcome = match opened {
        Ok(Ok(Ok(served))) => {
            let facts = Arc::clone(&served.facts);
            let sent = app.queue.take(served);
            sent.map(|()| facts)
                .map_err(|_stopped| "the server is stopping".to_owned())
        }
        Ok(Ok(Err(error))) => Err(error.render()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    app.metrics.reloaded(outcome.is_ok());
    match outcome {
        Ok(facts) => {
            let fields = json!({
                "why": why,
                "bundle": facts.digest,
                "folder": facts.folder.display().to_string(),
            });
            app.log.event(Level::Info, "reloaded", fields);
        }
        Err(reason) => {
            let fields = json!({
                "why": why,
                "reason": reason,
                "kept": app.current.get().digest,
            });
            app.log.event(Level::Warn, "bundle_refused", fields);
        }
    }
}
