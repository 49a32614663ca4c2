//! The length of a list of ids: whether it begins with the start id, where it is cut, where it is
//! filled up.

use cinescore_artifact::encoder::{PADDING_ID, UNKNOWN_ID};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a list of ids gets its length. As kept in `encoder.json`; the length itself stands beside it
/// there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lengths {
    /// Whether a list begins with the start id.
    pub start: bool,
    /// Where a list that is too long is cut.
    pub truncate: Truncate,
    /// Where a list that is too short is filled up.
    pub pad: Pad,
}

/// Where a list of ids that is too long is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Truncate {
    /// The beginning is dropped, the start id first.
    Pre,
    /// The end is dropped.
    Post,
}

/// Where a list of ids that is too short is filled up with padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pad {
    /// In front.
    Pre,
    /// Behind.
    Post,
    /// Not at all: lists keep their lengths.
    None,
}

impl Lengths {
    /// Appends `found` to `ids`, cut and filled up to `limit`; returns the ids kept and the length of
    /// the list. A list that would be empty is `<unknown>`.
    pub(crate) fn fit(
        &self,
        found: &[i32],
        limit: Option<usize>,
        ids: &mut Vec<i32>,
    ) -> (u32, u32) {
        let found = if found.is_empty() {
            &[UNKNOWN_ID]
        } else {
            found
        };
        let limit = limit.unwrap_or(found.len());
        let kept = match self.truncate {
            Truncate::Pre => &found[found.len().saturating_sub(limit)..],
            Truncate::Post => &found[..found.len().min(limit)],
        };
        let padding = std::iter::repeat_n(PADDING_ID, limit - kept.len());
        let begin = ids.len();
        match self.pad {
            Pad::Pre => {
                ids.extend(padding);
                ids.extend_from_slice(kept);
            }
            Pad::Post => {
                ids.extend_from_slice(kept);
                ids.extend(padding);
            }
            Pad::None => ids.extend_from_slice(kept),
        }
        (kept.len() as u32, (ids.len() - begin) as u32)
    }
}
