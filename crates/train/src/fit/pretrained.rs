//! The vectors that an embedding begins with.

use arrow::array::{AsArray as _, Int32Array, ListArray, StringArray};
use arrow::datatypes::Float32Type;
use cinescore_artifact::StageError;
use cinescore_artifact::digest::{Digest, Preimage};
use cinescore_artifact::program::TaskContext;
use cinescore_artifact::table::{TableError, TableReader, column};
use cinescore_artifact::tables::VECTORS;
use cinescore_model::Net;
use cinescore_network::{InputSpec, NetworkSpec};
use tch::Tensor;
use thiserror::Error;

/// The input.
const INPUT: &str = "vectors";
/// Rows read at a time.
const READ_ROWS: usize = 8192;
/// Where a vector is from that was made for its word, and not by a rule for words without one.
const OWN: [&str; 2] = ["file", "trained"];

/// Why vectors cannot be used.
#[derive(Debug, Error)]
pub(super) enum VectorsError {
    /// The table cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The ids are not those of the encoder.
    #[error(
        "the vectors end at the id {found}, and the encoder's ids at {wanted}: they do not belong together"
    )]
    Ids {
        /// The last id with a vector, or the one that is out of order.
        found: i64,
        /// The encoder's last id.
        wanted: i64,
    },
    /// The network's embedding is of another size.
    #[error("the vectors have {found} numbers, and the network's embedding has the size {wanted}")]
    Size {
        /// Numbers of a vector.
        found: usize,
        /// The network's size.
        wanted: u32,
    },
    /// A number is none.
    #[error("the vector of the id {id} has the value {value}")]
    Value {
        /// The id.
        id: usize,
        /// Its value.
        value: f32,
    },
}

/// The vectors of all ids, and how many of them are a word's own.
struct Vectors {
    values: Vec<f32>,
    own: usize,
}

/// Gives an embedding that wants them its first vectors, and says how many ids have one. Returns their digest.
pub(super) fn begin(
    spec: &NetworkSpec,
    ids: usize,
    net: &Net,
    context: &mut TaskContext,
) -> Result<Option<Digest>, StageError> {
    let given = context
        .optional_input(INPUT)
        .map(|input| input.path.clone());
    let InputSpec::Tokens(input) = &spec.input else {
        return refuse(given.is_some(), spec);
    };
    let size = input.embedding.size;
    match (input.embedding.pretrained.is_none(), given) {
        (true, given) => refuse(given.is_some(), spec),
        (false, None) => {
            let message = format!(
                "the embedding of the network `{}` is `pretrained`, and the input `{INPUT}` is missing",
                spec.name
            );
            Err(StageError::usage(message).hint("`featurize vectors` makes it"))
        }
        (false, Some(path)) => {
            let reader = TableReader::open(&path, &VECTORS)?;
            let vectors = read(reader, ids, size).map_err(of_vectors)?;
            let shape = [i64::try_from(ids).unwrap_or(i64::MAX), i64::from(size)];
            let first = Tensor::f_from_slice(&vectors.values)
                .and_then(|values| values.f_view(shape))
                .map_err(StageError::failed)?;
            net.begin_with(&first).map_err(StageError::failed)?;
            let message = format!(
                "{} of {ids} ids have a vector of their own ({:.1} %)",
                vectors.own,
                100.0 * vectors.own as f64 / ids.max(1) as f64
            );
            context.progress().step(&message);
            let facts = &mut context.result().facts;
            facts.insert("ids_with_vector".into(), vectors.own.into());
            facts.insert("ids".into(), ids.into());
            let bytes: Vec<u8> = vectors
                .values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            let mut preimage = Preimage::new("cinescore vectors 1");
            preimage.field("values", &bytes);
            Ok(Some(preimage.digest()))
        }
    }
}

fn refuse(given: bool, spec: &NetworkSpec) -> Result<Option<Digest>, StageError> {
    if !given {
        return Ok(None);
    }
    let message = format!(
        "the network `{}` has no `pretrained` embedding, and the input `{INPUT}` is given",
        spec.name
    );
    Err(StageError::usage(message)
        .hint("write `pretrained: frozen` or `pretrained: tuned` into the network's `embedding`"))
}

fn of_vectors(error: VectorsError) -> StageError {
    match error {
        VectorsError::Table(error) => error.into(),
        VectorsError::Size { found, .. } => {
            StageError::usage(error).hint(format!("set `size` of the embedding to {found}"))
        }
        other => StageError::input(other),
    }
}

/// Reads the vectors, which are sorted by id and have one for each.
fn read(reader: TableReader, ids: usize, size: u32) -> Result<Vectors, VectorsError> {
    let last = |count: usize| i64::try_from(count).unwrap_or(i64::MAX) - 1;
    let width = usize::try_from(size).unwrap_or(usize::MAX);
    let mut vectors = Vectors {
        values: Vec::new(),
        own: 0,
    };
    let mut next = 0;
    for batch in reader.batches(READ_ROWS)? {
        let batch = batch?;
        let numbers: &Int32Array = column(&batch, "id");
        let lists: &ListArray = column(&batch, "vector");
        let sources: &StringArray = column(&batch, "source");
        for row in 0..batch.num_rows() {
            let vector = lists.value(row);
            let vector = vector.as_primitive::<Float32Type>().values();
            if usize::try_from(numbers.value(row)) != Ok(next) {
                return Err(VectorsError::Ids {
                    found: numbers.value(row).into(),
                    wanted: last(ids),
                });
            }
            if vector.len() != width {
                return Err(VectorsError::Size {
                    found: vector.len(),
                    wanted: size,
                });
            }
            if let Some(&value) = vector.iter().find(|value| !value.is_finite()) {
                return Err(VectorsError::Value { id: next, value });
            }
            vectors.values.extend_from_slice(vector);
            vectors.own += usize::from(OWN.contains(&sources.value(row)));
            next += 1;
        }
    }
    if next != ids {
        return Err(VectorsError::Ids {
            found: last(next),
            wanted: last(ids),
        });
    }
    Ok(vectors)
}
