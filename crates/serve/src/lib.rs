//! Rates written reviews with a trained bundle: one text, a file of millions, over HTTP; and forecasts how often movies are
//! rated.
//!
//! Owns the way from any text to a rating with its interval, its flags and the words that decided, from ratings to a forecast,
//! and the program `cinescore-predict`. Does not own the counting of ratings (`cinescore-ingest`), the encoding
//! (`cinescore-featurize`), the network, the bundle's format and the intervals (`cinescore-model`), nor any figure (`cinescore-train`): it is a leaf above them, which nothing links. It reads
//! bundles and texts; the artifacts that it writes are those of its two kinds for pipelines, `flags` and `file`.

pub mod bundles;
mod columns;
pub mod evaluate;
pub mod file;
pub mod flags;
pub mod forecast;
pub mod http;
pub mod language;
pub mod predictor;
pub mod program;
mod stage;
