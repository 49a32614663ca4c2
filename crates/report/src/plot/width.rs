//! How wide a text is.
//!
//! Owns the estimate, by which names are put beside each other without touching. The font of an SVG is the reader's, so no width
//! is known; the widths here are those of DejaVu Sans and its bold face, what much of Linux shows for `sans-serif`, and about the
//! widest of the usual ones (with Verdana): where Arial or Helvetica are shown, some room is left.

use crate::text::excerpt;

/// The first character of the tables, a space; the last is `~`.
const FIRST: u32 = 32;
/// The widths of DejaVu Sans 2.37, hundredths of the font's height, rounded to the next.
const REGULAR: [u8; 95] = [
    32, 40, 46, 84, 64, 95, 78, 27, 39, 39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 34, 34, 84, 84, 84, 53, 100, 68, 69, 70, 77, 63, 58, 77, 75, 29, 29, 66, 56, 86, 75,
    79, 60, 79, 69, 63, 61, 73, 68, 99, 69, 61, 69, 39, 34, 39, 84, 50, 50, 61, 63, 55, 63, 62, 35,
    63, 63, 28, 28, 58, 28, 97, 63, 61, 63, 63, 41, 52, 39, 63, 59, 82, 59, 59, 52, 64, 34, 64, 84,
];
/// The same of DejaVu Sans Bold.
const BOLD: [u8; 95] = [
    35, 46, 52, 84, 70, 100, 87, 31, 46, 46, 52, 84, 38, 42, 38, 37, 70, 70, 70, 70, 70, 70, 70,
    70, 70, 70, 40, 40, 84, 84, 84, 58, 100, 77, 76, 73, 83, 68, 68, 82, 84, 37, 37, 77, 64, 100,
    84, 85, 73, 85, 77, 72, 68, 81, 77, 110, 77, 72, 73, 46, 37, 46, 84, 50, 50, 67, 72, 59, 72,
    68, 44, 72, 71, 34, 34, 67, 34, 104, 71, 69, 72, 72, 49, 60, 48, 71, 65, 92, 65, 65, 58, 71,
    37, 71, 84,
];
/// Of other letters, such as those with accents.
const OTHER: f64 = 70.0;
/// Of characters as wide as high: Chinese, Japanese, Korean, pictures.
const SQUARE: f64 = 105.0;

/// The width of a text at most, in the unit of its size.
pub(super) fn width_of(words: &str, size: f64, bold: bool) -> f64 {
    let table = if bold { &BOLD } else { &REGULAR };
    size * words.chars().map(|c| hundredths(table, c)).sum::<f64>() / 100.0
}

/// A text, or as much of it as has that width with an ellipsis behind, at least `least` characters.
pub(super) fn fit(words: &str, size: f64, bold: bool, width: f64, least: usize) -> String {
    if width_of(words, size, bold) <= width {
        return words.to_owned();
    }
    // An ellipsis is as wide as the font is high.
    excerpt(words, fitting(words, size, bold, width - size).max(least))
}

/// How many of a text's first characters have that width together.
fn fitting(words: &str, size: f64, bold: bool, width: f64) -> usize {
    let table = if bold { &BOLD } else { &REGULAR };
    let mut left = 100.0 * width / size;
    let fits = words.chars().take_while(|c| {
        left -= hundredths(table, *c);
        left >= 0.0
    });
    fits.count()
}

/// The width of a character, in hundredths of the font's height: whole numbers, so that sums are exact.
fn hundredths(table: &[u8; 95], c: char) -> f64 {
    let index = (c as u32)
        .checked_sub(FIRST)
        .and_then(|index| table.get(index as usize));
    match (index, c) {
        (Some(&width), _) => f64::from(width),
        (None, '\u{1100}'..='\u{11ff}' | '\u{2e80}'..='\u{d7ff}' | '\u{f900}'..='\u{faff}') => {
            SQUARE
        }
        (None, '\u{ff00}'..='\u{ffef}' | '\u{1f000}'..) => SQUARE,
        (None, _) => OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_letters_take_more_room_than_narrow_ones() {
        assert!((width_of("il", 100.0, false) - 56.0).abs() < 1e-9);
        assert!((width_of("mW", 100.0, false) - 196.0).abs() < 1e-9);
        assert!(width_of("mean", 30.0, true) > width_of("mean", 30.0, false));
        assert!((width_of("~", 100.0, false) - 84.0).abs() < 1e-9);
        assert!((width_of("é漢🎬", 100.0, false) - 280.0).abs() < 1e-9);
        assert!(width_of("", 30.0, false).abs() < 1e-9);
    }

    #[test]
    fn as_many_characters_fit_as_have_room() {
        assert_eq!(fitting("iiii", 100.0, false, 90.0), 3);
        assert_eq!(fitting("WWWW", 100.0, false, 90.0), 0);
        assert_eq!(fitting("ab", 30.0, false, 1000.0), 2);
        assert_eq!(fit("iiiiiiii", 100.0, false, 224.0, 2), "iiiiiiii");
        assert_eq!(fit("iiiiiiii", 100.0, false, 223.0, 2), "iiii…");
        assert_eq!(fit("WWWW", 100.0, false, 10.0, 2), "WW…");
    }
}
