//! One plan: read, worked off, answered.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use crate::error::Error;
use crate::joins;
use crate::logs;
use crate::plan::{Answer, Plan, Reason, VERSION, Work};
use crate::popularity::{self, Wanted};
use crate::session::Session;
use crate::stop;

/// The exit code of work that was told to stop, as of Cinescore's other programs.
const INTERRUPTED: u8 = 130;

/// Does what the plan asks for and prints the answer.
pub(crate) fn run(path: &Path, until_input_ends: bool) -> ExitCode {
    logs::start("warn");
    let end = tokio::runtime::Runtime::new()
        .map_err(|source| Error::Here { source })
        .and_then(|runtime| runtime.block_on(perform(path, until_input_ends)));
    let (answer, code) = match end {
        Ok(answer) => (answer, ExitCode::SUCCESS),
        Err(error) => {
            let answer = Answer::Failed {
                version: VERSION,
                reason: error.reason(),
                message: error.chain(),
            };
            let code = match error.reason() {
                Reason::Stopped => ExitCode::from(INTERRUPTED),
                _ => ExitCode::FAILURE,
            };
            (answer, code)
        }
    };
    // Whoever asked may be gone; then nobody misses the answer.
    if let Ok(text) = serde_json::to_string(&answer) {
        writeln!(std::io::stdout(), "{text}").ok();
    }
    code
}

async fn perform(path: &Path, until_input_ends: bool) -> Result<Answer, Error> {
    let plan = read(path)?;
    let session = Session::open(&plan.url, plan.partitions).await?;
    let work = async {
        match &plan.work {
            Work::Popularity {
                ratings,
                slot,
                expected,
            } => {
                let wanted = Wanted {
                    ratings,
                    slot,
                    expected: *expected,
                    verify_sample: plan.verify_sample,
                    output: &plan.output,
                };
                popularity::count(&wanted, &session).await
            }
            Work::Reviews {
                reviews,
                titles,
                links,
                ratings,
                expected,
            } => {
                let wanted = joins::Wanted {
                    tables: [
                        ("reviews", reviews),
                        ("titles", titles),
                        ("links", links),
                        ("ratings", ratings),
                    ],
                    expected: *expected,
                    output: &plan.output,
                };
                joins::join(&wanted, &session).await
            }
        }
    };
    tokio::pin!(work);
    tokio::select! {
        end = &mut work => return end,
        stopped = stop::wanted(until_input_ends) => stopped.map_err(|source| Error::Here { source })?,
    }
    tokio::select! {
        // It may just have ended: what it wrote is not wanted any more.
        _ = &mut work => {}
        () = session.cancel() => {}
    }
    Err(Error::Stopped)
}

fn read(path: &Path) -> Result<Plan, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::PlanFile {
        path: path.into(),
        source,
    })?;
    // The version first: a plan of another one may have other fields.
    #[derive(serde::Deserialize)]
    struct Versioned {
        version: u32,
    }
    let not_one = |source| Error::PlanJson {
        path: path.into(),
        source,
    };
    let Versioned { version } = serde_json::from_str(&text).map_err(not_one)?;
    if version != VERSION {
        return Err(Error::Version { found: version });
    }
    serde_json::from_str(&text).map_err(not_one)
}
