//! What the machine offers: threads, memory and GPUs, told without loading LibTorch.

use std::path::Path;

/// What of the machine a stage can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// Threads that run at once.
    pub threads: usize,
    /// Whether an NVIDIA driver is loaded.
    pub gpu: bool,
}

impl Machine {
    /// This machine.
    pub fn probe() -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            gpu: Path::new("/dev/nvidiactl").exists(),
        }
    }

    /// The device of a stage that asks for so many GPUs.
    pub fn device(&self, gpus: usize) -> &'static str {
        if gpus > 0 && self.gpu { "cuda" } else { "cpu" }
    }
}

/// What all stages that run side by side share. Looked at once, when a run begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capacity {
    /// Threads that run at once.
    pub threads: usize,
    /// Memory that is free now, bytes; none where the system does not say.
    pub memory_bytes: Option<u64>,
    /// The GPUs as `CUDA_VISIBLE_DEVICES` names them.
    pub gpus: Vec<String>,
}

impl Capacity {
    /// What this machine has now.
    pub fn probe(machine: Machine) -> Self {
        Self {
            threads: machine.threads,
            memory_bytes: available_memory(),
            gpus: if machine.gpu {
                visible_gpus()
            } else {
                Vec::new()
            },
        }
    }
}

/// Memory that can be had without swapping: the system's, or what is left of this control group.
fn available_memory() -> Option<u64> {
    let meminfo = fs_err::read_to_string("/proc/meminfo").ok()?;
    let available = 1024 * number_after(&meminfo, "MemAvailable:")?;
    let group = |file: &str| {
        let text = fs_err::read_to_string(Path::new("/sys/fs/cgroup").join(file)).ok()?;
        text.trim().parse::<u64>().ok()
    };
    Some(match (group("memory.max"), group("memory.current")) {
        (Some(most), Some(now)) => available.min(most.saturating_sub(now)),
        _ => available,
    })
}

fn number_after(text: &str, label: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(label))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The GPUs that the caller leaves visible, or all.
fn visible_gpus() -> Vec<String> {
    if let Ok(visible) = std::env::var("CUDA_VISIBLE_DEVICES") {
        return visible
            .split(',')
            .map(|id| id.trim().to_owned())
            .filter(|id| !id.is_empty() && id != "-1")
            .collect();
    }
    let count = fs_err::read_dir("/proc/driver/nvidia/gpus").map_or(0, Iterator::count);
    (0..count).map(|index| index.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_bytes() {
        let text = "MemTotal:       100 kB\nMemAvailable:   42 kB\n";
        assert_eq!(number_after(text, "MemAvailable:"), Some(42));
        assert_eq!(number_after(text, "SwapFree:"), None);
    }
}
