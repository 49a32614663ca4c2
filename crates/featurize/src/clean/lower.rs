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
    for run in text
        .as_bytes()
        .chunk_by(|a, b| a.is_ascii() == b.is_ascii())
    {
        // Whole characters: a byte of a longer character is never ASCII.
        let Ok(run) = std::str::from_utf8(run) else {
            continue;
        };
        if run.is_ascii() {
            let begin = cleaned.len();
            cleaned.push_str(run);
            cleaned[begin..].make_ascii_lowercase();
        } else {
            cleaned.extend(run.chars().flat_map(char::to_lowercase));
        }
    }
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
