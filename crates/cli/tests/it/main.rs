//! The `cinescore` program on toy stages.

#![expect(clippy::unwrap_used, reason = "a test may end by a panic")]

mod caching;
mod failing;
mod killing;
mod lying;
mod messages;
mod parallel;
mod policy;
mod project;
mod selecting;
