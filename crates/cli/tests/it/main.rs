//! The `cinescore` program on toy stages.

#![expect(clippy::unwrap_used, reason = "a test may end by a panic")]

mod caching;
mod damage;
mod failing;
mod killing;
mod lying;
mod matrices;
mod messages;
mod parallel;
mod policy;
mod project;
mod schema;
mod selecting;
mod wrong;
