//! Pipelines: a YAML file is checked as a whole, planned with reasons, and run, cached by content.
//!
//! Owns what is stale and why, and the order in which stages run. Knows a stage only by its program's
//! description, its task file, its events and its `result.json`: nothing here assumes what a stage
//! does. Links neither polars nor LibTorch.
//!
//! The way of a pipeline: [`mod@file`] (as written) → [`graph`] (checked against the programs'
//! descriptions) → [`plan`] (fingerprints and states) → [`run`] (child processes, the store).

mod computed;
pub mod cost;
pub mod dag;
pub mod diff;
pub mod emission;
pub mod error;
pub mod executor;
pub mod explain;
pub mod file;
mod file_name;
pub mod fingerprint;
mod flat;
pub mod gc;
pub mod graph;
pub mod lock;
pub mod machine;
mod note;
pub mod pins;
pub mod plan;
pub mod policy;
pub mod programs;
pub mod project;
pub mod results;
pub mod run;
pub mod runs;
pub mod schema;
pub mod shards;
mod shared;
pub mod sharing;
pub mod sweep;
mod vars;
pub mod verify;
pub mod view;

pub use error::PipelineError;
pub use project::Project;
