//! What a trained model is: LibTorch modules built from network files, and bundles.
//!
//! Owns one module per layer, the file of weights, the bundle folder, intervals around predictions, the
//! choice of a device and of the thread to compute on, and the way from a network's outputs to predictions. Does not own the
//! format of network files (`cinescore-network`), training, metrics or any table.
//!
//! Axes are named once and used everywhere: `B` batch, `T` steps (tokens), `E` embedding, `H` hidden,
//! `F` features of any layer, `O` outputs.

pub mod bundle;
pub mod calibration;
pub mod compute;
pub mod device;
mod initialise;
pub mod layers;
pub mod task;
pub mod weights;

mod net;
mod precision;

pub use net::{Batch, Net, Said};
pub use precision::Precision;

/// The version of LibTorch that this was compiled against, `2.11.0`.
pub const LIBTORCH_VERSION: &str = env!("CINESCORE_LIBTORCH_VERSION");
