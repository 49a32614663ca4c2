//! The `cinescore` program on toy stages.

#![expect(clippy::unwrap_used, reason = "a test may end by a panic")]

mod caching;
mod collecting;
mod comparing;
mod damage;
mod drawing;
mod emitting;
mod failing;
mod full_disk;
mod killing;
mod locking;
mod lying;
mod matrices;
mod messages;
mod parallel;
mod policy;
mod project;
mod records;
mod schema;
mod selecting;
mod sharding;
mod sharing;
mod sweeps;
mod verifying;
mod wrong;
