//! The exit codes of every Cinescore program, in one place.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | stale (`plan --check`) or not reproduced (`run --locked`) |
//! | 2 | usage or configuration |
//! | 3 | input data refused |
//! | 4 | a stage failed |
//! | 5 | the store or the machine: disk full, permission, read-only folder, damage found by `verify` |
//! | 130 | interrupted |

/// Everything that was asked for is done.
pub const DONE: u8 = 0;
/// Something is stale, or a result was not reproduced.
pub const STALE: u8 = 1;
/// The command line or a configuration file is wrong.
pub const USAGE: u8 = 2;
/// The input data was refused.
pub const INPUT: u8 = 3;
/// A stage failed.
pub const FAILED: u8 = 4;
/// The store or the machine failed: disk full, permission, read-only folder.
pub const MACHINE: u8 = 5;
/// Stopped by SIGINT or SIGTERM.
pub const INTERRUPTED: u8 = 130;
