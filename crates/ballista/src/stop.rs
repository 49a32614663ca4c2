//! When the work shall stop: a signal, or the end of standard input where that means that whoever asked is gone.

use std::io::Read as _;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Resolves once the work shall stop.
pub(crate) async fn wanted(until_input_ends: bool) -> std::io::Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let (gone, input_ended) = oneshot::channel();
    if until_input_ends {
        // A thread of its own: it cannot be woken, and dies with the process.
        std::thread::spawn(move || {
            std::io::stdin().read_to_end(&mut Vec::new()).ok();
            gone.send(()).ok();
        });
    } else {
        // Never said, and never dropped.
        std::mem::forget(gone);
    }
    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
        _ = input_ended => {}
    }
    Ok(())
}
