//! The `cinescore` program on toy stages.

#![expect(clippy::unwrap_used, reason = "a test may end by a panic")]

mod caching;
mod collecting;
mod damage;
mod failing;
mod full_disk;
mod killing;
mod messages;
mod project;
mod selecting;
mod sharing;
mod verifying;
