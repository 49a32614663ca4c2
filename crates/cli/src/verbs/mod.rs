//! The verbs, one file each.

pub(crate) mod plan;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod status;
