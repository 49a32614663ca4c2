//! What every part of Cinescore agrees on: digests, the content store, the task protocol, table
//! schemas and the frame that turns a stage into a program; and the memory that large buffers lie in.
//!
//! Owns the formats in which stages and the runner meet. Does not own any stage's work, any join
//! or any network: this crate links neither polars nor LibTorch, so that what depends on it alone
//! rebuilds in seconds.

pub mod course;
pub mod describe;
pub mod digest;
pub mod encoder;
pub mod error;
pub mod exit;
pub mod folds;
pub mod large_pages;
pub mod pace;
pub mod params;
pub mod program;
pub mod slots;
pub mod source;
pub mod split;
pub mod store;
pub mod strings;
pub mod table;
pub mod tables;
pub mod task;
pub mod turns;
pub mod words;

pub use digest::Digest;
pub use error::{ErrorClass, StageError};
pub use split::Split;
pub use strings::Strings;
