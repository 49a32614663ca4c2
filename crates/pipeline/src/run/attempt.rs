//! One try of a stage, wherever it runs: what its program finds in its environment, and how it ended.
//!
//! The seam between what makes a result (`execute`) and what runs a program (`child` on this machine, `slurm` on a
//! cluster): a program is run on a task file and comes back as an [`Ended`].

use std::time::Duration;

use cinescore_artifact::exit;

/// Variables that a stage program keeps of the runner's environment: where things lie, not what to do.
pub(super) const KEPT_VARIABLES: [&str; 7] = [
    "PATH",
    "HOME",
    "USER",
    "TMPDIR",
    "LANG",
    "LD_LIBRARY_PATH",
    "RUST_BACKTRACE",
];
/// Variables that say how many threads a program may use.
pub(super) const THREAD_VARIABLES: [&str; 4] = [
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
];

/// How a try ended.
pub(super) struct Ended {
    pub(super) end: End,
    /// In words: `exit code 3`.
    pub(super) how: String,
    /// What may help, where more is known than the log says.
    pub(super) hint: Option<&'static str>,
    /// Processor time of the program and its children.
    pub(super) cpu: Duration,
    /// Largest resident memory, bytes; 0 where nobody measured it.
    pub(super) peak_memory_bytes: u64,
    pub(super) wall: Duration,
    /// Where it ran, if not as a child of the runner: `Slurm job 12_3 on node1`.
    pub(super) placed: Option<String>,
    /// Things that a person should know.
    pub(super) remarks: Vec<String>,
}

/// What an end means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// There is a result.
    Well,
    /// By an exit code of its own.
    Code(u8),
    /// By a crash, for want of time or memory: another try may mend it.
    Broken,
    /// In a way that another try would only repeat; the runner ends with this code.
    Hopeless(u8),
    /// The run was told to stop.
    Interrupted,
    /// It never began, and whoever asked for it may ask again.
    GivenBack,
}

impl End {
    /// What an exit code means.
    pub(super) fn of_code(code: i32) -> Self {
        match u8::try_from(code) {
            Ok(exit::DONE) => Self::Well,
            Ok(code @ (exit::USAGE | exit::INPUT | exit::INTERRUPTED)) => Self::Hopeless(code),
            Ok(code) => Self::Code(code),
            Err(_) => Self::Code(exit::FAILED),
        }
    }
}
