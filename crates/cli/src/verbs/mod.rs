//! The verbs, one file each.

pub(crate) mod compare;
pub(crate) mod dag;
pub(crate) mod diff;
pub(crate) mod emit;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod gc;
pub(crate) mod help;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod lock;
pub(crate) mod log;
pub(crate) mod plan;
pub(crate) mod predict;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod schema;
pub(crate) mod status;
pub(crate) mod sweep;
pub(crate) mod verify;
