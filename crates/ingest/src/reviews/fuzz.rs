//! The readers of this module for [`crate::fuzz`].

use std::collections::HashSet;
use std::path::Path;

use super::own::columns::Columns;
use super::{aclimdb, own as tables, titles};
use crate::error::ReadError;
use crate::rejects::Rejects;
use crate::watch::Watch;

/// Rows of the titles.
pub(crate) fn titles(
    path: &Path,
    needed: &HashSet<&str>,
    rejects: &mut Rejects,
    watch: &Watch<'_>,
) -> Result<u64, ReadError> {
    Ok(titles::read(path, needed, 2, rejects, watch)?.rows_in)
}

/// Rows in and out of Stanford's archive, its lists of addresses included.
pub(crate) fn aclimdb(
    path: &Path,
    rejects: &mut Rejects,
    watch: &Watch<'_>,
) -> Result<(u64, u64), ReadError> {
    let read = aclimdb::read(path, rejects, watch)?;
    let rows_in = read.rows_in + read.urls_in;
    let urls_refused = rejects.of(aclimdb::URLS_SOURCE);
    Ok((
        rows_in,
        read.rows.len() as u64 + read.urls_in - urls_refused,
    ))
}

/// Rows in and out of a table of one's own.
pub(crate) fn own(
    path: &Path,
    rejects: &mut Rejects,
    watch: &Watch<'_>,
) -> Result<(u64, u64), ReadError> {
    let (rows, rows_in) = tables::read(path, 0, &Columns::default(), 0.2, rejects, watch)?;
    Ok((rows_in, rows.len() as u64))
}
