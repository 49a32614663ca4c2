//! HTML taken out of a text.
//!
//! Owns what is markup and what is text. Reads a text, writes into a buffer that the caller keeps, so
//! that a batch costs no allocation per review.
//!
//! A tag is `<` or `</`, an ASCII letter, letters and digits, then nothing but space, `/`, or
//! attributes (something with a `=`) up to the next `>`, with no `<` between. So `3 < 5`, `<3`,
//! `<http://example.org>` and `<OK when I saw it` stay text. A tag becomes one space, because
//! `end.<br /><br />Begin` is two words. Entities are decoded once and after that are text:
//! `&lt;br&gt;` gives `<br>`, which stays. An unknown entity stays as it is written.

use memchr::{memchr2, memchr2_iter};

/// Bytes that an entity may have: the longest name in HTML has 31 letters, numbers may have zeros
/// in front.
const LONGEST_ENTITY: usize = 40;

/// Writes `text`, with tags as a space and entities decoded, to the end of `cleaned`.
///
/// ```
/// let mut cleaned = String::new();
/// cinescore_featurize::clean::html::strip("Tom &amp; Jerry.<br /><br />I <3 it", &mut cleaned);
/// assert_eq!(cleaned, "Tom & Jerry.  I <3 it");
/// ```
pub fn strip(text: &str, cleaned: &mut String) {
    let mut rest = text;
    while let Some(at) = memchr2(b'<', b'&', rest.as_bytes()) {
        cleaned.push_str(&rest[..at]);
        rest = &rest[at..];
        let markup = if rest.starts_with('<') {
            tag_length(rest).inspect(|_length| cleaned.push(' '))
        } else {
            entity_length(rest).inspect(|&length| {
                html_escape::decode_html_entities_to_string(&rest[..length], cleaned);
            })
        };
        let taken = markup.unwrap_or_else(|| {
            cleaned.push_str(&rest[..1]);
            1
        });
        rest = &rest[taken..];
    }
    cleaned.push_str(rest);
}

/// The bytes of the tag that `text`, which begins with `<`, begins with.
fn tag_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let name = if bytes.get(1) == Some(&b'/') { 2 } else { 1 };
    if !bytes.get(name)?.is_ascii_alphabetic() {
        return None;
    }
    let after_name = name
        + bytes[name..]
            .iter()
            .position(|byte| !byte.is_ascii_alphanumeric())?;
    // A `<` ends the search, so that no byte is searched twice for the `>` of two tags.
    let end = after_name + memchr2_iter(b'<', b'>', &bytes[after_name..]).next()?;
    if bytes[end] != b'>' {
        return None;
    }
    let inside = &text[after_name..end];
    let empty = inside
        .bytes()
        .all(|byte| byte.is_ascii_whitespace() || byte == b'/');
    let attributes =
        inside.starts_with(|first: char| first.is_ascii_whitespace()) && inside.contains('=');
    (empty || attributes).then_some(end + 1)
}

/// The bytes of what `text`, which begins with `&`, begins with, if it looks like an entity.
fn entity_length(text: &str) -> Option<usize> {
    let bytes = &text.as_bytes()[..text.len().min(LONGEST_ENTITY)];
    let end = bytes
        .iter()
        .skip(1)
        .position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'#')?
        + 1;
    (bytes[end] == b';').then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stripped(text: &str) -> String {
        let mut cleaned = String::new();
        strip(text, &mut cleaned);
        cleaned
    }

    #[test]
    fn tags_become_a_space() {
        for (text, wanted) in [
            ("end.<br /><br />Begin", "end.  Begin"),
            ("<i>very</i> good", " very  good"),
            ("<BR>a<hr/>b</p >c", " a b c"),
            (r#"see <a href="x.html">this</a>"#, "see  this "),
            ("<<<sigh>>>", "<< >>"),
        ] {
            assert_eq!(stripped(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_no_tag_stays() {
        for text in [
            "3 < 5 and 5 > 3",
            "I <3 it",
            "<",
            "a <",
            "</",
            "<b",
            "<br /",
            "<OK when I saw it, I left. <",
            "<I have always loved this film> they said",
            "<http://example.org/a>",
            "<-----Minor Spoilers!>",
            "</3My flatmate",
            "<é>",
        ] {
            assert_eq!(stripped(text), text);
        }
    }

    #[test]
    fn entities_are_decoded_once() {
        for (text, wanted) in [
            ("Tom &amp; Jerry", "Tom & Jerry"),
            ("&quot;yes&quot;", "\"yes\""),
            ("don&#39;t, don&#x27;t, don&apos;t", "don't, don't, don't"),
            ("a&nbsp;b", "a\u{a0}b"),
            ("caf&eacute; &#345; &hellip;", "café ř …"),
            ("&lt;br&gt; stays", "<br> stays"),
            ("&amp;quot;", "&quot;"),
        ] {
            assert_eq!(stripped(text), wanted, "{text}");
        }
    }

    #[test]
    fn unknown_and_half_entities_stay() {
        for text in [
            "AT&T; Q&A",
            "&unknown;",
            "&",
            "&;",
            "&amp",
            "&#;",
            "&#x110000;",
            "&#0;",
            "& amp;",
            "&é;",
        ] {
            assert_eq!(stripped(text), text);
        }
    }

    #[test]
    fn hostile_markup_costs_linear_time() {
        let many = ["<a ", "&a", "<", "&", "<a =", "</"].map(|part| part.repeat(1_000_000));
        for text in many {
            assert_eq!(stripped(&text), text);
        }
    }

    proptest! {
        #[test]
        fn text_without_markup_is_untouched(text in "[^<&]*") {
            prop_assert_eq!(stripped(&text), text);
        }

        #[test]
        fn nothing_breaks_on_markup(text in "([<>&;#/= a-c]|br|amp|é|\u{200d}){0,40}") {
            stripped(&text);
        }
    }
}
