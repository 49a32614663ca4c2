//! A real cluster on loopback: one scheduler and two executors, each a process, asked by the real `cinescore-ingest`.
//!
//! `make test-ballista` builds both and runs this. Without `cinescore-ingest` the tests that need it say so and do nothing.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod addresses;
mod alone;
mod cluster;
mod counts;
mod ingest;
mod joins;
mod losses;
mod storage;
