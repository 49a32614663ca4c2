//! The n-grams of a text's last terms.
//!
//! Owns how long they are and what they are called. A review says its verdict at the end: `not bad` there is another feature than
//! `not bad` somewhere.

/// The longest of them, in terms.
pub(super) const LONGEST: usize = 2;

/// How such an n-gram is called: as no n-gram of the whole text is, whose terms have single spaces between them.
pub(super) fn name(ngram: &str) -> String {
    let mut name = String::new();
    write_name(ngram, &mut name);
    name
}

/// Writes the name in place of what a buffer holds.
pub(super) fn write_name(ngram: &str, buffer: &mut String) {
    buffer.clear();
    buffer.push_str("{end}  ");
    buffer.push_str(ngram);
}
