//! The splits as parameters name them.

use cinescore_artifact::Split;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A part of the examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SplitName {
    /// What the weights were fitted to.
    Train,
    /// What the epoch and the settings were chosen on.
    Valid,
    /// What the intervals were fitted to.
    Calib,
    /// What gives the figures.
    Test,
}

impl From<SplitName> for Split {
    fn from(name: SplitName) -> Self {
        match name {
            SplitName::Train => Self::Train,
            SplitName::Valid => Self::Valid,
            SplitName::Calib => Self::Calib,
            SplitName::Test => Self::Test,
        }
    }
}
