//! The verbs, one file each.

pub(crate) mod export;
pub(crate) mod gc;
pub(crate) mod import;
pub(crate) mod plan;
pub(crate) mod run;
pub(crate) mod status;
pub(crate) mod verify;
