//! Where messages go: standard error, because standard output is for the answer.

use tracing_subscriber::EnvFilter;

/// Shows what is at least of this level, or what `RUST_LOG` says.
pub(crate) fn start(level: &str) {
    let wanted = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_else(|_| level.to_owned());
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .with_env_filter(EnvFilter::new(wanted))
        .init();
}
