//! Unicode's compatibility form, NFKC (UAX #15).

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// Whether a text is in the form already, as far as a quick look can tell.
pub fn is_done(text: &str) -> bool {
    text.is_ascii() || is_nfkc_quick(text.chars()) == IsNormalized::Yes
}

/// Writes the form of `text` to the end of `cleaned`.
///
/// ```
/// let mut cleaned = String::new();
/// cinescore_featurize::clean::nfkc::compose("ﬁve ★ ① Ｏｓｃａｒ cafe\u{301}\u{a0}x", &mut cleaned);
/// assert_eq!(cleaned, "five ★ 1 Oscar café x");
/// ```
pub fn compose(text: &str, cleaned: &mut String) {
    cleaned.extend(text.nfkc());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quick_look_finds_what_is_to_be_done() {
        assert!(is_done("plain"));
        assert!(is_done("café"));
        assert!(!is_done("ﬁ"));
        assert!(!is_done("cafe\u{301}"));
    }
}
