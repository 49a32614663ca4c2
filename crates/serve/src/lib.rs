//! Rates written reviews with a trained bundle: one text, a file of millions, over HTTP.
//!
//! Owns the way from any text to a rating with its interval, its flags and the words that decided, and the program
//! `cinescore-predict`. Does not own the encoding (`cinescore-featurize`), the network, the bundle's format and the intervals
//! (`cinescore-model`), nor any figure (`cinescore-train`): it is a leaf above them, which nothing links. It reads
//! bundles and texts and writes no artifact.

pub mod bundles;
mod columns;
pub mod evaluate;
pub mod file;
pub mod flags;
pub mod http;
pub mod language;
pub mod predictor;
pub mod program;
