//! The n-grams of a text's last terms.
//!
//! Owns how long they are and what they are called. A review says its verdict at the end: `not bad` there is another feature than
//! `not bad` somewhere.

use std::ops::Range;

/// The longest of them, in terms.
pub(super) const LONGEST: usize = 2;

/// What stands in front of such an n-gram in its name. No n-gram of the whole text is called so: its terms have single spaces
/// between them.
const MARK: &str = "{end}  ";

/// How such an n-gram is called.
pub(super) fn name(ngram: &str) -> String {
    format!("{MARK}{ngram}")
}

/// Puts behind a buffer how the n-gram is called that stands there within it.
pub(super) fn push_name(buffer: &mut String, ngram: Range<usize>) {
    buffer.push_str(MARK);
    buffer.extend_from_within(ngram);
}
