//! The program `cinescore-ingest`.

use std::process::ExitCode;

use cinescore_artifact::program::Program;

fn main() -> ExitCode {
    Program::new(
        "cinescore-ingest",
        "Turns raw archives of reviews, titles and ratings into tables; makes the sample data.",
        env!("CINESCORE_CODE_DIGEST"),
    )
    .kind(cinescore_ingest::reviews::kind())
    .kind(cinescore_ingest::ratings::kind())
    .kind(cinescore_ingest::popularity::kind())
    .kind(cinescore_ingest::audit::kind())
    .kind(cinescore_ingest::leanings::kind())
    .kind(cinescore_ingest::sample::kind())
    .verb(cinescore_ingest::fetch::verb())
    .verb(cinescore_ingest::profile::verb())
    .verb(cinescore_ingest::reviews::own::look::verb())
    .main()
}
