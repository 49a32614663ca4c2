//! What Slurm's programs answer, and how it is read.

use std::collections::BTreeMap;

/// What an array's comment begins with; its wave follows.
pub(super) const COMMENT: &str = "cinescore:";
/// The columns that are asked of `squeue`, and how wide each is.
pub(super) const COLUMNS: [(&str, usize); 7] = [
    ("ArrayJobID", 20),
    ("ArrayTaskID", 12),
    ("State", 24),
    ("Reason", 48),
    ("exit_code", 16),
    ("NodeList", 64),
    ("Comment", 64),
];

/// What the cluster allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Elements of one array.
    pub(super) array: usize,
    /// Jobs of this user at once, where it is said.
    pub(super) jobs: usize,
    /// Whether `sacct` knows of jobs that are long over.
    pub(super) has_accounts: bool,
}

/// A job as Slurm sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// The array's number.
    pub(super) job: u64,
    /// `RUNNING`, `OUT_OF_MEMORY`.
    pub(super) state: String,
    /// Slurm's reason for the state, where it has one.
    pub(super) reason: String,
    pub(super) code: i32,
    pub(super) signal: i32,
    pub(super) node: String,
}

/// Jobs by wave and element.
pub(super) type Rows = BTreeMap<(String, usize), Row>;

impl Row {
    /// Whether the job is over for good.
    pub(super) fn is_over(&self) -> bool {
        const OVER: [&str; 10] = [
            "BOOT_FAIL",
            "CANCELLED",
            "COMPLETED",
            "DEADLINE",
            "FAILED",
            "NODE_FAIL",
            "OUT_OF_MEMORY",
            "PREEMPTED",
            "REVOKED",
            "TIMEOUT",
        ];
        OVER.contains(&self.state.as_str())
    }
}

pub(super) fn read_limits(config: &str) -> Limits {
    let value = |name: &str| {
        let mut lines = config.lines().filter_map(|line| line.split_once('='));
        lines.find(|(key, _)| key.trim() == name)
    };
    let number = |name: &str| value(name)?.1.trim().parse::<usize>().ok();
    Limits {
        // Elements count from 0, and the last one is below the limit.
        array: number("MaxArraySize").filter(|&most| most > 0).unwrap_or(1),
        jobs: number("MaxJobCount").unwrap_or(usize::MAX),
        has_accounts: value("AccountingStorageType").is_some_and(|(_, kind)| kind.contains("dbd")),
    }
}

/// A line of `squeue`, if it is an element of a wave.
pub(super) fn read_row(line: &str) -> Option<((String, usize), Row)> {
    let mut fields = Vec::with_capacity(COLUMNS.len());
    let mut rest = line;
    for (_, width) in COLUMNS {
        let at = rest
            .char_indices()
            .nth(width)
            .map_or(rest.len(), |(at, _)| at);
        let (field, behind) = rest.split_at(at);
        fields.push(field.trim());
        rest = behind;
    }
    let [job, index, state, reason, exit, node, comment] = fields.try_into().ok()?;
    let wave = comment.strip_prefix(COMMENT)?.to_owned();
    let (code, signal) = read_exit(exit);
    let row = Row {
        job: job.parse().ok()?,
        state: state.to_owned(),
        reason: match reason {
            "None" => String::new(),
            reason => reason.to_owned(),
        },
        code,
        signal,
        node: node.to_owned(),
    };
    Some(((wave, index.parse().ok()?), row))
}

/// A line of `sacct`: `12_3|CANCELLED by 1000|0:15|node1`.
pub(super) fn read_account(line: &str) -> Option<((u64, usize), Row)> {
    let mut fields = line.split('|');
    let (job, index) = fields.next()?.split_once('_')?;
    let job = job.parse().ok()?;
    let state = fields.next()?.split_whitespace().next()?.to_owned();
    let (code, signal) = read_exit(fields.next()?);
    let row = Row {
        job,
        state,
        reason: String::new(),
        code,
        signal,
        node: fields.next().unwrap_or_default().to_owned(),
    };
    Some(((job, index.parse().ok()?), row))
}

/// Exit code and signal, from `CODE:SIGNAL` or from what `wait` gives.
fn read_exit(text: &str) -> (i32, i32) {
    match text.split_once(':') {
        Some((code, signal)) => (code.parse().unwrap_or(0), signal.parse().unwrap_or(0)),
        None => {
            let status: i32 = text.parse().unwrap_or(0);
            (status >> 8 & 0xff, status & 0x7f)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line as `squeue` prints it.
    fn line(fields: [&str; 7]) -> String {
        let fields = fields.iter().zip(COLUMNS);
        fields
            .map(|(field, (_, width))| format!("{field:<width$}"))
            .collect()
    }

    #[test]
    fn rows_of_waves_are_read_and_others_are_not() {
        let oom = line([
            "8",
            "1",
            "OUT_OF_MEMORY",
            "OutOfMemory",
            "253",
            "vm",
            "cinescore:wave-a",
        ]);
        let ((wave, index), row) = read_row(&oom).unwrap();
        assert_eq!((wave.as_str(), index, row.job), ("wave-a", 1, 8));
        assert!(row.is_over() && row.reason == "OutOfMemory" && row.node == "vm");
        let waits = line(["8", "2", "PENDING", "None", "0", "", "cinescore:wave-a"]);
        let (_, row) = read_row(waits.trim_end()).unwrap();
        assert!(!row.is_over() && row.reason.is_empty());
        assert_eq!(
            read_row(&line(["9", "N/A", "RUNNING", "None", "0", "vm", "(null)"])),
            None
        );
        assert_eq!(read_row(""), None);
        assert_eq!(read_exit("768"), (3, 0));
        assert_eq!(read_exit("9"), (0, 9));
        assert_eq!(read_exit("3:0"), (3, 0));
        let ((job, index), row) = read_account("12_3|CANCELLED by 1000|0:15|node1").unwrap();
        assert_eq!(
            (job, index, row.state.as_str(), row.signal),
            (12, 3, "CANCELLED", 15)
        );
        assert_eq!(read_account("12_[4-9]|PENDING|0:0|None assigned"), None);
    }

    #[test]
    fn limits_are_the_clusters_own() {
        let config = "AccountingStorageType   = accounting_storage/slurmdbd\nMaxArraySize            = 1001\nMaxJobCount             = 10000\n";
        let limits = Limits {
            array: 1001,
            jobs: 10_000,
            has_accounts: true,
        };
        assert_eq!(read_limits(config), limits);
        assert_eq!(read_limits("").array, 1);
    }
}
