//! The program, run as a person would run it, on small archives in the public formats.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod archives;
mod audit;
mod difficulty;
mod engine;
mod hostile;
mod look;
mod movielens;
mod own;
mod program;
mod real;
mod reviews;
mod sample;
mod stdout;
