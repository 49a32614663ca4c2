//! Numbers and names as every program writes them for people.
//!
//! Owns what more than one crate needs of it. Does not own how a table, an amount of time or of memory looks.

/// A number with a comma every three digits: `1234567` as `1,234,567`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Names in backticks, with commas between them.
pub fn quoted(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stand_in_threes() {
        let of = |number: u64| thousands(number);
        assert_eq!([of(0), of(999)], ["0", "999"]);
        assert_eq!([of(1000), of(1_234_567)], ["1,000", "1,234,567"]);
    }

    #[test]
    fn names_are_quoted() {
        assert_eq!(quoted(&["a".into(), "b c".into()]), "`a`, `b c`");
        assert_eq!(quoted(&[]), "");
    }
}
