//! Web addresses.
//!
//! An address begins with `http://`, `https://`, `ftp://` or `www.`, in any case, where no letter or
//! digit stands before it; it goes on to the next white space, `<`, `>` or `"`. Punctuation at its end
//! belongs to the sentence. A name alone (`imdb.com`) is a word like others: too many sentences
//! have.no.space after their full stop.

use super::Urls;

const BEGINNINGS: [&str; 4] = ["http://", "https://", "ftp://", "www."];

/// A quick look: false where there can be no address.
pub fn may_have(text: &str) -> bool {
    // Every beginning has one of these, and most texts have neither.
    memchr::memmem::find(text.as_bytes(), b"://").is_some()
        || text
            .as_bytes()
            .windows(4)
            .any(|part| part.eq_ignore_ascii_case(b"www."))
}

/// Writes `text`, with its addresses replaced, to the end of `cleaned`.
///
/// ```
/// use cinescore_featurize::clean::{Urls, urls::replace};
///
/// let text = "See http://imdb.com/title/tt0111161, or (www.example.org).";
/// let mut cleaned = String::new();
/// replace(text, Urls::Word, &mut cleaned);
/// assert_eq!(cleaned, "See url, or (url).");
/// cleaned.clear();
/// replace(text, Urls::Remove, &mut cleaned);
/// assert_eq!(cleaned, "See  , or ( ).");
/// ```
pub fn replace(text: &str, urls: Urls, cleaned: &mut String) {
    let replacement = match urls {
        Urls::Keep => return cleaned.push_str(text),
        Urls::Remove => " ",
        Urls::Word => "url",
    };
    let mut rest = text;
    let mut before: Option<char> = None;
    while let Some(next) = rest.chars().next() {
        let length = if before.is_some_and(char::is_alphanumeric) {
            0
        } else {
            address(rest)
        };
        if length > 0 {
            cleaned.push_str(replacement);
            before = rest[..length].chars().next_back();
            rest = &rest[length..];
        } else {
            cleaned.push(next);
            before = Some(next);
            rest = &rest[next.len_utf8()..];
        }
    }
}

/// The bytes of the address that `text` begins with; 0 where it begins with none.
fn address(text: &str) -> usize {
    let begins = |beginning: &str| {
        text.get(..beginning.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(beginning))
    };
    let Some(beginning) = BEGINNINGS.into_iter().find(|beginning| begins(beginning)) else {
        return 0;
    };
    let ends = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"');
    let whole = &text[..text.find(ends).unwrap_or(text.len())];
    let sentence = |c: char| ".,;:!?)]}'*".contains(c);
    let address = whole.trim_end_matches(sentence);
    if address.len() > beginning.len() {
        address.len()
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(text: &str) -> String {
        let mut cleaned = String::new();
        replace(text, Urls::Word, &mut cleaned);
        assert!(cleaned == text || may_have(text), "{text}");
        cleaned
    }

    #[test]
    fn addresses_end_where_the_sentence_goes_on() {
        for (text, wanted) in [
            ("HTTP://A.B/c?d=e#f.", "url."),
            ("<https://a.b>", "<url>"),
            ("\"ftp://a.b\"", "\"url\""),
            ("www.a.b www.c.d", "url url"),
            ("http://é.fr/ü!", "url!"),
        ] {
            assert_eq!(replaced(text), wanted);
        }
    }

    #[test]
    fn what_is_none_stays() {
        for text in [
            "", "imdb.com", "http://", "www.", "www...", "xwww.a.b", "awww. no", "a://b", "://",
            "htt", "é",
        ] {
            assert_eq!(replaced(text), text);
        }
    }
}
