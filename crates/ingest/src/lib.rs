//! Raw archives to tables.
//!
//! Owns the public formats (Stanford's review archive, IMDb's `title.basics`, MovieLens), what is
//! refused of them and why, the joins between them, and the sample data that has their form. Does not
//! own the tables' schemas (`cinescore_artifact::tables`) or anything that is learnt from them.
//!
//! Reads raw archives or the folders extracted from them; writes the tables `reviews` and `rejects`,
//! or, for `sample`, the three archives.

pub mod audit;
mod blocks;
pub mod engine;
mod error;
pub mod fetch;
mod frames;
pub mod fuzz;
mod input;
pub mod leanings;
mod lines;
mod movielens;
mod ordered;
pub mod popularity;
pub mod profile;
pub mod ratings;
pub mod records;
mod rejects;
pub mod reviews;
pub mod sample;
mod watch;

pub use error::ReadError;
pub use input::Unpacked;
pub use rejects::MaxRejects;
