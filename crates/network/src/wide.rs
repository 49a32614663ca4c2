//! How many linear models a network has beside it, as network files say it: `false`, `true` or a number.

use serde::{Deserialize, Deserializer, Serializer};

/// The most of them. Each is a whole model of its own, in memory and on disk.
const MOST: u32 = 8;

/// What may stand in a file.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Whether(bool),
    Count(u32),
}

/// Reads a number; `true` is one.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let wanted = || {
        serde::de::Error::custom(format!(
            "`true`, `false` or a number of linear models up to {MOST}"
        ))
    };
    match Written::deserialize(deserializer) {
        Ok(Written::Whether(whether)) => Ok(whether.into()),
        Ok(Written::Count(count)) if count <= MOST => Ok(count),
        _ => Err(wanted()),
    }
}

/// Writes a number; one as `true`.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
pub(crate) fn serialize<S: Serializer>(count: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    match count {
        0 | 1 => serializer.serialize_bool(*count == 1),
        count => serializer.serialize_u32(*count),
    }
}

/// Whether there are none.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
pub(crate) fn is_none(count: &u32) -> bool {
    *count == 0
}

/// The section of a network file.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Count(#[serde(with = "self")] pub(crate) u32);
