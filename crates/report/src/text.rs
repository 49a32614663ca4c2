//! Text of others, made safe to look at.
//!
//! Owns how characters that cannot be seen are shown, how a text is cut, and names for files and
//! anchors. Does not own the escaping of HTML and Markdown (`render`), through which every text of
//! a page goes after this.

use std::collections::BTreeSet;

/// A text with its invisible characters made visible: control characters become the Unicode
/// pictures of them, marks that turn the direction of what follows become `[U+202E]`, so that a
/// text can neither hide a part of itself nor reorder the page around it. Line breaks and tabs
/// become spaces.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => shown.push(' '),
            '\u{7f}' => shown.push('\u{2421}'),
            // The control pictures stand in the order of the characters that they picture.
            '\0'..='\u{1f}' => shown.extend(char::from_u32(0x2400 + u32::from(character))),
            _ if is_invisible(character) => {
                shown.push_str(&format!("[U+{:04X}]", u32::from(character)))
            }
            _ => shown.push(character),
        }
    }
    shown
}

/// C1 controls, marks of direction, characters of no width, and code points that no text may hold.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{80}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    ) || u32::from(character) & 0xfffe == 0xfffe
        || matches!(character, '\u{fdd0}'..='\u{fdef}')
}

/// At most the first `characters` characters of a text, with an ellipsis where some are left out.
pub(crate) fn excerpt(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _first_left_out)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

/// The reasons, labels and the like that name files and anchors: lower-case ASCII letters, digits
/// and single hyphens.
pub(crate) fn slug(text: &str) -> String {
    let mut slug = String::new();
    for character in text.chars() {
        if character.is_ascii_alphanumeric() {
            slug.push(character.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() {
        "part".into()
    } else {
        slug.into()
    }
}

/// Gives every part of a page a name of its own.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeSet<String>);

impl Names {
    /// The slug of `text`, with a number behind it where another part has that name already.
    pub(crate) fn unique(&mut self, text: &str) -> String {
        let wanted = slug(text);
        let mut name = wanted.clone();
        let mut number = 1;
        while !self.0.insert(name.clone()) {
            number += 1;
            name = format!("{wanted}-{number}");
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_stays_invisible() {
        assert_eq!(visible("a\0b\u{1b}[31m\u{7f}"), "a␀b␛[31m␡");
        assert_eq!(
            visible("evil\u{202e}gnp.exe\u{feff}"),
            "evil[U+202E]gnp.exe[U+FEFF]"
        );
        assert_eq!(visible("one\r\ntwo\tthree\u{2028}"), "one  two three ");
        assert_eq!(
            visible("\u{9b}\u{ffff}\u{200f}"),
            "[U+009B][U+FFFF][U+200F]"
        );
        assert_eq!(visible("naïve שלום ☺ <b>"), "naïve שלום ☺ <b>");
    }

    #[test]
    fn a_cut_falls_between_characters_and_is_seen() {
        assert_eq!(excerpt("äöü", 3), "äöü");
        assert_eq!(excerpt("äö üx", 3), "äö…");
    }

    #[test]
    fn names_are_plain_and_unique() {
        let mut names = Names::default();
        assert_eq!(names.unique("net[seed=7]: Loss"), "net-seed-7-loss");
        assert_eq!(names.unique("net[seed=7], loss"), "net-seed-7-loss-2");
        assert_eq!(names.unique("../../…"), "part");
    }
}
