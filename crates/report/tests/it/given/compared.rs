//! Comparisons and explanations, as `train compare` and `train explain` write them.

use std::sync::Arc;

use arrow::array::{Float64Array, StringArray, UInt32Array, UInt64Array};
use cinescore_artifact::tables;

use super::Given;

/// Rows of the columns a, b, metric, difference, lower, upper, p, verdict.
type Pair = (
    &'static str,
    &'static str,
    &'static str,
    f64,
    f64,
    f64,
    f64,
    &'static str,
);

const PAIRS: [Pair; 4] = [
    (
        "net[network=a]",
        "net[network=b]",
        "mae",
        -0.2,
        -0.3,
        -0.1,
        0.002,
        "lower",
    ),
    (
        "net[network=a]",
        "net[network=b]",
        "mse",
        -1.25,
        -1.5,
        -1.0,
        0.002,
        "lower",
    ),
    (
        "net[network=a]",
        "ridge",
        "mse",
        0.02,
        -0.1,
        0.14,
        0.71,
        "not told apart",
    ),
    (
        "net[network=b]",
        "ridge",
        "mse",
        0.3,
        0.1,
        0.5,
        0.004,
        "within the spread of seeds",
    ),
];

/// The words of a review, with what they added.
const WORDS: [(&str, f64); 5] = [
    ("<start>", 0.0),
    ("a", 0.01),
    ("<b>dull</b>", -1.5),
    ("film", -0.1),
    ("saved", 0.75),
];

impl Given {
    /// What a pipeline that compares and explains hands over.
    pub(crate) fn compared() -> Self {
        let mut given = Self::empty("comparison", Vec::new());
        given.write_pairs();
        given.write_spreads();
        given.write_words();
        given
    }

    fn write_pairs(&mut self) {
        let text = |of: fn(&Pair) -> &'static str| {
            Arc::new(
                PAIRS
                    .iter()
                    .map(|row| Some(of(row)))
                    .collect::<StringArray>(),
            )
        };
        let number =
            |of: fn(&Pair) -> f64| Arc::new(PAIRS.iter().map(of).collect::<Float64Array>());
        self.write(
            "scores",
            "scores",
            &tables::COMPARISONS,
            vec![
                text(|row| row.0),
                text(|row| row.1),
                text(|_| "test"),
                text(|row| row.2),
                number(|row| row.3),
                number(|row| row.4),
                number(|row| row.5),
                number(|row| row.6),
                Arc::new(Float64Array::from(vec![
                    Some(0.4),
                    Some(0.4),
                    Some(0.3),
                    None,
                ])),
                text(|row| row.7),
            ],
        );
    }

    fn write_spreads(&mut self) {
        self.write(
            "scores",
            "scores",
            &tables::SPREADS,
            vec![
                Arc::new(StringArray::from(vec!["net[network=a]", "ridge"])),
                Arc::new(StringArray::from(vec!["test", "test"])),
                Arc::new(StringArray::from(vec!["mse", "mse"])),
                Arc::new(Float64Array::from(vec![4.5, 4.75])),
                Arc::new(Float64Array::from(vec![Some(0.25), None])),
                Arc::new(Float64Array::from(vec![4.25, 4.75])),
                Arc::new(Float64Array::from(vec![4.75, 4.75])),
                Arc::new(UInt32Array::from(vec![3, 1])),
            ],
        );
    }

    fn write_words(&mut self) {
        let n = WORDS.len();
        self.write(
            "words",
            "words",
            &tables::ATTRIBUTIONS,
            vec![
                Arc::new(UInt64Array::from(vec![77; n])),
                Arc::new(UInt32Array::from_iter_values(0..n as u32)),
                Arc::new(
                    WORDS
                        .iter()
                        .map(|word| Some(word.0))
                        .collect::<StringArray>(),
                ),
                Arc::new(StringArray::from(vec!["occlusion"; n])),
                Arc::new(WORDS.iter().map(|word| word.1).collect::<Float64Array>()),
            ],
        );
        let figures = [
            "deletion_gain_occlusion",
            "deletion_random",
            "deletion_top_occlusion",
        ];
        self.write(
            "words",
            "words",
            &tables::METRICS,
            vec![
                Arc::new(StringArray::from(vec!["lstm"; 3])),
                Arc::new(StringArray::from(vec!["test"; 3])),
                Arc::new(StringArray::from(figures.to_vec())),
                Arc::new(Float64Array::from(vec![1.125, 0.125, 1.25])),
                Arc::new(Float64Array::from(vec![1.0, 0.0, 1.1])),
                Arc::new(Float64Array::from(vec![1.25, 0.25, 1.4])),
                Arc::new(UInt64Array::from(vec![20; 3])),
            ],
        );
    }
}
