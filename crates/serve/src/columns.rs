//! The columns that stand beside a review once it is rated, in files and in tables over HTTP.

use std::borrow::Cow;

use crate::flags::Flags;
use crate::predictor::{Prediction, Sentiment};

/// Their names, in the order of [`values`].
pub(crate) const NAMES: [&str; 6] = [
    "rating",
    "rating_lower",
    "rating_upper",
    "sentiment",
    "positive",
    "flags",
];

/// Digits behind the point of a number in text: a tenth of what two ways to the same rating may differ by.
const DIGITS: usize = 6;

/// A value of such a column.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value {
    /// A number, where there is one.
    Number(Option<f64>),
    /// A word, where there is one.
    Text(Option<&'static str>),
    /// Names of flags with a space between them; the empty text where none was raised.
    Flags(Flags),
}

/// What is said of a review, column by column.
pub(crate) fn values(said: &Prediction) -> [Value; NAMES.len()] {
    [
        Value::Number(said.rating),
        Value::Number(said.lower),
        Value::Number(said.upper),
        Value::Text(said.sentiment.map(Sentiment::name)),
        Value::Number(said.positive),
        Value::Flags(said.flags),
    ]
}

impl Value {
    /// A number that is there and finite: JSON has no others.
    pub(crate) fn number(self) -> Option<f64> {
        match self {
            Self::Number(number) => number.filter(|number| number.is_finite()),
            _ => None,
        }
    }

    /// As text; none where there is nothing to say.
    pub(crate) fn text(self) -> Option<Cow<'static, str>> {
        match self {
            Self::Number(_) => Some(format!("{:.DIGITS$}", self.number()?).into()),
            Self::Text(text) => text.map(Cow::Borrowed),
            Self::Flags(flags) => Some(flags.names().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_not_finite_is_none() {
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let value = Value::Number(Some(number));
            assert_eq!((value.text(), value.number()), (None, None));
        }
        assert_eq!(Value::Number(Some(7.5)).text().unwrap(), "7.500000");
        assert_eq!(Value::Flags(Flags::default()).text().unwrap(), "");
    }
}
