//! Network files: an architecture as data.
//!
//! Owns the format of a network file, its parameters, its problems with their places, and what can be
//! said of a network without building it: shapes, variables, parameter count, whether weights are its own. Does not own any tensor:
//! nothing here uses LibTorch, so that the runner can check a network file when it plans ([`check()`]).
//!
//! ```yaml
//! name: keras_lstm
//! params: {units: 100}
//! input: {kind: tokens, embedding: {size: 32}}
//! layers: [{lstm: {units: "${units}"}}, {pool: last}]
//! head: {dense: 1}
//! ```

mod check;
mod file;
mod params;
mod shape;
mod spec;
mod typed;
mod values;
mod walk;
mod weights;

pub use check::{Parameters, Summary, check};
pub use file::parse;
pub use shape::{
    LayerLine, Shape, ShapeError, Variable, check_shapes, layer_lines, parameter_count,
    shape_after, variables,
};
pub use spec::{
    AttentionSpec, BagEmbeddingSpec, BagInput, CellSpec, CellsSpec, Conv1dSpec, EmbeddingSpec,
    HeadSpec, InitSpec, InputSpec, LayerSpec, MaxPool1dSpec, NetworkSpec, OneHotInput, PoolSpec,
    PretrainedSpec, RecurrentSpec, RegionsInput, ScaleSpec, TokensInput, WholeInput, WindowInput,
};
pub use weights::{WeightsMismatch, check_header, check_weights};
