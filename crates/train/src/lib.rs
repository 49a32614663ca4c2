//! Trains networks and says how good they are: the kinds `fit`, `evaluate`, `baseline`, `wide`, `compare`, `explain` and `slices`.
//!
//! Owns reading encoded examples, batches, losses, optimizers, the training loop, evaluation and the
//! figures. Does not own any layer, the bundle's format or how an output becomes a prediction
//! (`cinescore-model`), nor how a text becomes ids (`featurize`). Reads a `tokens` table, an encoder
//! and a network file; writes a bundle, a checkpoint and the tables `history`, `predictions` and `metrics`.

pub mod baseline;
pub mod batches;
pub mod blame;
pub mod checkpoint;
pub mod compare;
pub mod evaluate;
pub mod examples;
pub mod explain;
pub mod figures;
pub mod fit;
mod folds;
mod logits;
pub mod objective;
pub mod optimizer;
mod predictions;
pub mod random;
pub mod rate;
pub mod results;
pub mod slices;
pub mod splits;
pub mod summary;
mod trained;
pub mod training;
pub mod windows;
