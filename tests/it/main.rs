//! End-to-end tests of the built programs.
//!
//! One file per promise: what is cached, what is refused, what survives a kill, what a plan says, and
//! that real reviews are learnt from. Each test works in a folder of its own.

#![expect(clippy::unwrap_used, reason = "a test may end by a panic")]

mod cached;
mod compared;
mod init;
mod killed;
mod pages;
mod pipelines;
mod planned;
mod real;
mod refused;
mod shards;
mod unwritable;
mod windows;
