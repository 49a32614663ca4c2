//! What the machine offers: threads and GPUs, told without loading LibTorch.

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
