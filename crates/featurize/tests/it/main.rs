//! The program `cinescore-featurize`, run as people run it, on small tables and on the real reviews.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed; clippy.toml's exemption does not reach its helpers"
)]

mod ahead;
mod bags;
mod fixture;
mod hostile;
mod numbering;
mod peers;
mod peers_bags;
mod real;
mod settings;
mod shares;
mod text;
mod trained;
mod vectors;
mod windows;
