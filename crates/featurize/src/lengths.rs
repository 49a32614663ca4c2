//! The length of a list of ids: whether it begins with the start id, where it is cut, where it is
//! filled up.

use cinescore_artifact::encoder::UNKNOWN_ID;
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
    /// How long the list of so many ids becomes.
    pub(crate) fn length(&self, found: usize, limit: Option<usize>) -> usize {
        let found = found.max(1);
        match (limit, self.pad) {
            (None, _) => found,
            (Some(limit), Pad::None) => limit.min(found),
            (Some(limit), Pad::Pre | Pad::Post) => limit,
        }
    }

    /// Writes `found`, cut where it is too long, to a list of zeros; returns how many ids were kept. A
    /// list that would be empty is `<unknown>`.
    pub(crate) fn fit(&self, found: &[i32], list: &mut [i32]) -> usize {
        let found = if found.is_empty() {
            &[UNKNOWN_ID]
        } else {
            found
        };
        let kept = match self.truncate {
            Truncate::Pre => &found[found.len().saturating_sub(list.len())..],
            Truncate::Post => &found[..found.len().min(list.len())],
        };
        let begin = match self.pad {
            Pad::Pre => list.len() - kept.len(),
            Pad::Post | Pad::None => 0,
        };
        list[begin..begin + kept.len()].copy_from_slice(kept);
        kept.len()
    }
}
