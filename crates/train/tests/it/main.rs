//! The program `cinescore-train`, run on small tables.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod baselines;
mod beside;
mod compares;
mod crossed;
mod evaluates;
mod explains;
mod inputs;
mod interrupted;
mod learns;
mod refused;
mod repeatable;
mod resumed;
mod slices;
mod steps;
mod synthetic;
mod wide;
mod windows;
