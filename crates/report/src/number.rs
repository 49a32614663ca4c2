//! Numbers as people read them: four significant digits, commas between thousands.
//!
//! Owns the look of every number on the page. The CSV files beside the page hold the exact values.

/// A count, `12,177`.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A measured value with four significant digits, `0.8610`, `12.15`, `48,844`, `1.234e-7`.
pub(crate) fn value(value: f64) -> String {
    if value.is_nan() {
        return "not a number".into();
    }
    if value.is_infinite() {
        return if value > 0.0 {
            "∞".into()
        } else {
            "−∞".into()
        };
    }
    let size = value.abs();
    let text = if size == 0.0 {
        "0".into()
    } else if !(1e-4..1e15).contains(&size) {
        format!("{size:.3e}")
    } else if size >= 999.95 {
        // Below 1e15 every integer is exact in 53 bits.
        count(size.round() as u64)
    } else {
        // 9.9996 has one digit before the point as a number and two once it is rounded; the
        // scientific notation rounds first.
        let exponent: i32 = format!("{size:.3e}")
            .split_once('e')
            .and_then(|(_digits, exponent)| exponent.parse().ok())
            .expect("`{:e}` writes an exponent");
        format!("{size:.*}", usize::try_from(3 - exponent).unwrap_or(0))
    };
    if value < 0.0 {
        format!("−{text}")
    } else {
        text
    }
}

/// A value without digits that say nothing: `3`, `0.25`.
pub(crate) fn plain(number: f64) -> String {
    let text = value(number);
    if text.contains('.') && !text.contains('e') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A part of a whole in per cent, `54.1 %`; a dash where there is no whole.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        "–".into()
    } else {
        format!("{:.1} %", 100.0 * part as f64 / whole as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_commas() {
        let texts = [0, 999, 1000, 12_177, 1_234_567].map(count);
        assert_eq!(texts, ["0", "999", "1,000", "12,177", "1,234,567"]);
    }

    #[test]
    fn values_have_four_significant_digits() {
        let texts = [
            0.861,
            12.147,
            -0.5,
            0.0,
            9.9996,
            999.94,
            999.96,
            48_844.4,
            0.000_123_44,
            1.2344e-7,
        ]
        .map(value);
        assert_eq!(
            texts,
            [
                "0.8610",
                "12.15",
                "−0.5000",
                "0",
                "10.00",
                "999.9",
                "1,000",
                "48,844",
                "0.0001234",
                "1.234e-7"
            ]
        );
        assert_eq!(
            [f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(value),
            ["not a number", "∞", "−∞"]
        );
    }

    #[test]
    fn a_part_of_nothing_is_no_number() {
        assert_eq!([percent(1, 3), percent(0, 0)], ["33.3 %", "–"]);
    }
}
