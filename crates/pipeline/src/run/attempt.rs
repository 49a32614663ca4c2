//! One try of a stage, wherever it runs: what its program finds in its environment, and how it ended.
//!
//! The seam between what makes a result (`execute`) and what runs a program (`child` on this machine, `slurm` on a
//! cluster): a program is run on a task file and comes back as an [`Ended`].

use std::io::{self, Read as _};
use std::path::Path;
use std::time::Duration;

use cinescore_artifact::exit;

use super::log::CappedLog;
use crate::emission::taken;
use crate::error::PipelineError;

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

/// How much of a log is read at once.
const PIECE_BYTES: usize = 64 * 1024;

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

/// The end of a task that another engine ran; what it said goes into the run's log.
pub(super) fn emitted(task: &taken::Ended, log: &Path) -> Result<Ended, PipelineError> {
    let mut kept = CappedLog::open(log, false).map_err(PipelineError::io("write", log))?;
    let read = keep_log(&task.folder.join("log"), &mut kept);
    kept.finish().map_err(PipelineError::io("write", log))?;
    // What `timeout` says of a program that it ended.
    let (end, how) = match (task.code, task.limit) {
        (124 | 137, Some(limit)) => (End::Broken, format!("timeout of {limit:?}")),
        (code, _) => (End::of_code(code), format!("exit code {code}")),
    };
    // All its tries were made there.
    let end = match end {
        End::Code(code) => End::Hopeless(code),
        End::Broken => End::Hopeless(exit::FAILED),
        other => other,
    };
    Ok(Ended {
        end,
        how,
        hint: None,
        cpu: cpu_of(&task.folder),
        peak_memory_bytes: 0,
        wall: task.wall,
        placed: Some(task.placed.clone()),
        remarks: read
            .err()
            .map(|error| format!("what it said is lost: {error}"))
            .into_iter()
            .collect(),
    })
}

/// Reads a log piece by piece: nobody has kept it from growing larger than the memory.
fn keep_log(path: &Path, kept: &mut CappedLog) -> io::Result<()> {
    let mut log = match fs_err::File::open(path) {
        // A program that never began has said nothing.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match log.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(count) => kept.write(piece.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Processor time of a task and all that it started, as its shell counted it: `0m1.25s 0m0.50s` of the shell, and in
/// the second line of the rest.
pub(super) fn cpu_of(folder: &Path) -> Duration {
    let text = fs_err::read_to_string(folder.join("times")).unwrap_or_default();
    let secs = |word: &str| -> Option<f64> {
        let (minutes, secs) = word.strip_suffix('s')?.split_once('m')?;
        Some(60.0 * minutes.parse::<f64>().ok()? + secs.parse::<f64>().ok()?)
    };
    let words = text.lines().nth(1).unwrap_or_default().split_whitespace();
    Duration::try_from_secs_f64(words.filter_map(secs).sum()).unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(log: &Path) -> (io::Result<()>, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept.log");
        let mut kept = CappedLog::open(&path, false).unwrap();
        let read = keep_log(log, &mut kept);
        kept.finish().unwrap();
        (read, fs_err::read(path).unwrap())
    }

    #[test]
    fn a_log_of_many_pieces_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let said: Vec<u8> = (0..3 * PIECE_BYTES + 7)
            .map(|at| (at % 251) as u8)
            .collect();
        fs_err::write(&log, &said).unwrap();
        let (read, bytes) = kept(&log);
        assert!(read.is_ok() && bytes == said);
        let (read, bytes) = kept(&folder.path().join("none"));
        assert!(read.is_ok() && bytes.is_empty());
    }

    #[test]
    fn a_log_that_cannot_be_read_is_told() {
        let folder = tempfile::tempdir().unwrap();
        // A folder can be opened and not read.
        assert!(kept(folder.path()).0.is_err());
    }
}
