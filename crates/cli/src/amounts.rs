//! Sizes and ages, as people write and read them.

use std::time::Duration;

/// Bytes of `500MB`, `10 GB`, `2GiB` or `1024`.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no size; write it like 500MB, 10GB or 2GiB");
    let end = text
        .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: f64 = number.parse().map_err(|_error| wrong())?;
    let unit = unit.trim().to_ascii_lowercase();
    let (prefix, base) = match unit.strip_suffix("ib") {
        Some(prefix) => (prefix, 1024_f64),
        None => (unit.strip_suffix('b').unwrap_or(&unit), 1000_f64),
    };
    let power = match prefix {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        _ => return Err(wrong()),
    };
    Ok((number * base.powi(power)) as u64)
}

/// An age of `30d`, `12h`, `90m`, `45s` or `2w`.
pub(crate) fn parse_age(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no age; write it like 30d, 12h or 2w");
    let end = text
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: u64 = number.parse().map_err(|_error| wrong())?;
    let secs = match unit.trim() {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return Err(wrong()),
    };
    let secs = number.checked_mul(secs).ok_or_else(wrong)?;
    Ok(Duration::from_secs(secs))
}

/// `1 run`, `2 runs`: a number of things whose plural is regular.
pub(crate) fn counted(count: usize, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{plural}")
}

/// Bytes for people: `312 bytes`, `4.1 MB`.
pub(crate) fn bytes(count: u64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    let mut amount = count as f64;
    let mut shown = format!("{count} bytes");
    for unit in units {
        if amount < 1000.0 {
            break;
        }
        amount /= 1000.0;
        shown = format!("{amount:.1} {unit}");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_no_plural() {
        assert_eq!(counted(0, "run"), "0 runs");
        assert_eq!(counted(1, "run"), "1 run");
    }

    #[test]
    fn sizes_and_ages_are_read() {
        assert_eq!(parse_size("10GB"), Ok(10_000_000_000));
        assert_eq!(parse_size("1.5 kiB"), Ok(1536));
        assert_eq!(parse_size("7"), Ok(7));
        assert_eq!(parse_age("2w"), Ok(Duration::from_secs(1_209_600)));
        for wrong in ["", "GB", "10 parsecs", "-1MB"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "d", "30", "1y", "99999999999999999999d"] {
            assert!(parse_age(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_are_written() {
        assert_eq!(bytes(312), "312 bytes");
        assert_eq!(bytes(4_100_000), "4.1 MB");
    }
}
