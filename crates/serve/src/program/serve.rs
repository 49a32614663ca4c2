//! `serve`: ratings over HTTP until it is stopped.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cinescore_artifact::StageError;
use clap::{Args, ValueHint};

use super::BundleArguments;
use crate::http::{Level, Limits, Settings, serve as serve_with};

pub(super) const EXAMPLES: &str = "\
The page is at the address that is printed. POST /v1/ratings rates reviews; /openapi.json describes it, /metrics is for
Prometheus, /healthz and /readyz are for whoever starts it. SIGTERM and Ctrl-C stop it once it has answered what it holds.
It takes another bundle on SIGHUP, and when the link to its bundle leads elsewhere, as after another run of a pipeline.
Without --threads the network takes half of the processors; the others speak with clients.

Examples:
  cinescore predict serve
  cinescore predict serve --bundle artifacts/runs/ratings/net/bundle --bind 127.0.0.1:9000
  cinescore predict serve --bind 0.0.0.0:8080 --token-file /run/secrets/ratings
  curl http://127.0.0.1:8080/v1/ratings -H 'Content-Type: application/json' -d '{\"text\": \"A gem.\"}'
  curl http://127.0.0.1:8080/v1/ratings -H 'Content-Type: text/csv' --data-binary @reviews.csv";

/// The shortest token that is taken.
const SHORTEST: usize = 16;

/// What `serve` is asked.
#[derive(Debug, Args)]
pub(super) struct ServeArguments {
    #[command(flatten)]
    bundle: BundleArguments,
    /// Where to listen; port 0 is any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    bind: SocketAddr,
    /// A file with the token that clients must send as `Authorization: Bearer TOKEN`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    token_file: Option<PathBuf>,
    /// A name by which it may be asked beside localhost, such as that of a proxy before it
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,
    /// How much is logged on stderr, as lines of JSON
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log: Level,
    /// Reviews that may wait or be rated; who comes then is answered 429
    #[arg(long, value_name = "N", default_value_t = Limits::default().queue)]
    queue: usize,
    /// Milliseconds that reviews wait for others that are rated with them, unless their client is alone
    #[arg(long, value_name = "MS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(..=1000))]
    window: u64,
    /// MiB that a request's body may have
    #[arg(long, value_name = "MIB", default_value = "4")]
    max_body: NonZeroUsize,
    /// Connections that may be open
    #[arg(long, value_name = "N", default_value = "1024")]
    max_connections: NonZeroUsize,
    /// Seconds that a request may take once it was read
    #[arg(long, value_name = "S", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// Seconds that a request's head may take, and that a connection may be idle; its body may take twice as long
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    client_timeout: u64,
    /// Seconds that requests may take that are held when it is stopped
    #[arg(long, value_name = "S", default_value_t = 30)]
    grace: u64,
}

/// Serves until it is stopped.
pub(super) fn serve(arguments: &ServeArguments) -> Result<(), StageError> {
    let client = Duration::from_secs(arguments.client_timeout);
    let limits = Limits {
        queue: arguments.queue,
        window: Duration::from_millis(arguments.window),
        body_bytes: arguments.max_body.get().saturating_mul(1 << 20),
        connections: arguments.max_connections.get(),
        request_time: Duration::from_secs(arguments.timeout),
        header_time: client,
        body_time: 2 * client,
        grace: Duration::from_secs(arguments.grace),
        ..Limits::default()
    };
    serve_with(&Settings {
        bind: arguments.bind,
        folder: arguments.bundle.folder()?,
        threads: threads(&arguments.bundle),
        token: arguments.token_file.as_deref().map(token).transpose()?,
        hosts: arguments.hosts.clone(),
        log: arguments.log,
        limits,
    })
}

/// Half of the processors where none are named: the others speak with clients.
fn threads(bundle: &BundleArguments) -> usize {
    match bundle.threads.threads {
        Some(named) => named.get(),
        None => bundle.threads().div_ceil(2),
    }
}

/// The token in a file, without the line's end.
fn token(path: &Path) -> Result<String, StageError> {
    let text = fs_err::read_to_string(path).map_err(StageError::usage)?;
    let token = text.trim();
    if token.len() < SHORTEST || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let message = format!(
            "`{}` has no token of {SHORTEST} or more letters, digits and signs",
            path.display()
        );
        return Err(StageError::usage(message).hint(format!(
            "make one: `openssl rand -hex 32 > {}`",
            path.display()
        )));
    }
    Ok(token.to_owned())
}
