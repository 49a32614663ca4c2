//! A table with its ratings, and the one word of a query that says which column has the texts.

use std::borrow::Cow;
use std::collections::HashSet;

use csv::Writer;

use super::request::Table;
use crate::columns;
use crate::predictor::Prediction;

/// The last column that is added: why a row has no rating.
const PROBLEM: &str = "problem";
/// What is put before their names, as often as it takes, where the table has such a column already.
const PREFIX: &str = "predicted_";

/// The table with a rating, or the reason why there is none, behind each row.
pub(super) fn write<'a>(
    table: &Table,
    outcomes: impl Iterator<Item = Result<&'a Prediction, &'a str>>,
) -> csv::Result<Vec<u8>> {
    let mut writer = Writer::from_writer(Vec::new());
    let mut prefix = String::new();
    // A header may be made so that many prefixes are taken.
    let own: HashSet<&str> = table.header.iter().collect();
    let names = |prefix: &str| -> Vec<String> {
        let names = columns::NAMES.into_iter().chain([PROBLEM]);
        names.map(|name| format!("{prefix}{name}")).collect()
    };
    while names(&prefix)
        .iter()
        .any(|name| own.contains(name.as_str()))
    {
        prefix.push_str(PREFIX);
    }
    let added = names(&prefix);
    writer.write_record(table.header.iter().chain(added.iter().map(String::as_str)))?;
    for (row, outcome) in table.rows.iter().zip(outcomes) {
        let added = cells(outcome);
        writer.write_record(row.iter().chain(added.iter().map(Cow::as_ref)))?;
    }
    writer
        .into_inner()
        .map_err(|error| csv::Error::from(error.into_error()))
}

fn cells<'a>(outcome: Result<&Prediction, &'a str>) -> Vec<Cow<'a, str>> {
    match outcome {
        Ok(said) => {
            let values = columns::values(said).into_iter();
            let texts = values.map(|value| value.text().unwrap_or_default());
            texts.chain([Cow::default()]).collect()
        }
        Err(reason) => {
            let mut cells = vec![Cow::default(); columns::NAMES.len()];
            cells.push(reason.into());
            cells
        }
    }
}

/// A value of a query such as `column=my%20text`.
pub(super) fn value(query: &str, wanted: &str) -> Option<String> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(name, _)| *name == wanted)
        .map(|(_, value)| decode(value))
}

/// Text with `%` and two digits for a byte, and `+` for a space.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, after @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                bytes.push(16 * digit(*high) + digit(*low));
                rest = after;
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The value of a digit of base 16.
fn digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        _ => (byte | 0x20) - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::{Bounds, read_csv};
    use crate::predictor::Sentiment;

    #[test]
    fn a_column_s_name_is_read_from_a_query() {
        assert_eq!(
            value("a=1&column=my+t%C3%A9xt", "column").unwrap(),
            "my téxt"
        );
        assert_eq!(value("column=%zz%4", "column").unwrap(), "%zz%4");
        assert_eq!(value("columns=a", "column"), None);
    }

    #[test]
    fn all_columns_are_kept_and_no_name_is_given_twice() {
        let bounds = Bounds {
            texts: 9,
            text_bytes: 99,
            explained: 1,
        };
        let table = read_csv(b"text,rating\n\"a, b\",7\n,8\n", None, &bounds).unwrap();
        let said = Prediction {
            rating: Some(7.5),
            lower: None,
            upper: None,
            sentiment: Some(Sentiment::Positive),
            positive: None,
            scores: None,
            flags: Default::default(),
        };
        let text = write(&table, [Ok(&said), Err("no text")].into_iter()).unwrap();
        insta::assert_snapshot!(String::from_utf8(text).unwrap(), @r#"
        text,rating,predicted_rating,predicted_rating_lower,predicted_rating_upper,predicted_sentiment,predicted_positive,predicted_flags,predicted_problem
        "a, b",7,7.500000,,,positive,,,
        ,8,,,,,,,no text
        "#);
    }
}
