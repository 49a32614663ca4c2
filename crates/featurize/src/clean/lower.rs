//! Unicode's lower case.
//!
//! Owns a way that is quick where most of a text is ASCII. The result is that of
//! [`str::to_lowercase`].

/// Writes the lower case of `text` to the end of `cleaned`.
///
/// `Σ` at the end of a word gives `ς`, and `İ` gives two characters, as Unicode says.
///
/// ```
/// let mut cleaned = String::new();
/// cinescore_featurize::clean::lower::lower_case("L'ÉTÉ of ΟΔΟΣ", &mut cleaned);
/// assert_eq!(cleaned, "l'été of οδος");
/// ```
pub fn lower_case(text: &str, cleaned: &mut String) {
    // What `Σ` becomes depends on its neighbours; it is rare enough to leave to the library.
    if text.contains('Σ') {
        cleaned.push_str(&text.to_lowercase());
        return;
    }
    let mut rest = text;
    while !rest.is_empty() {
        let (ascii, odd) = split_where(rest, |byte| !byte.is_ascii());
        let begin = cleaned.len();
        cleaned.push_str(ascii);
        cleaned[begin..].make_ascii_lowercase();
        let (odd, after) = split_where(odd, |byte| byte.is_ascii());
        cleaned.extend(odd.chars().flat_map(char::to_lowercase));
        rest = after;
    }
}

/// What stands before the first byte of a kind, and the rest; between ASCII and other bytes a character ends.
fn split_where(text: &str, kind: impl Fn(&u8) -> bool) -> (&str, &str) {
    let at = text.bytes().position(|byte| kind(&byte));
    text.split_at(at.unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lowered(text: &str) -> String {
        let mut cleaned = "Ä".to_owned();
        lower_case(text, &mut cleaned);
        cleaned.strip_prefix('Ä').unwrap().to_owned()
    }

    #[test]
    fn it_is_unicodes() {
        for (text, wanted) in [
            ("", ""),
            ("ABC é", "abc é"),
            ("ÉTÉ", "été"),
            ("ΟΔΟΣ ΣΑΣ", "οδος σας"),
            ("İ", "i\u{307}"),
            ("ẞ", "ß"),
        ] {
            assert_eq!(lowered(text), wanted);
        }
    }

    proptest! {
        #[test]
        fn it_is_the_librarys(text in "(\\PC|[A-ZÀ-ÿΑ-Ωİ ]){0,60}") {
            prop_assert_eq!(lowered(&text), text.to_lowercase());
        }
    }
}
