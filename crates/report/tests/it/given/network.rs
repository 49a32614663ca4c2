//! What `train fit` says of a network: history, metrics, predictions.

use std::sync::Arc;

use arrow::array::{
    BooleanArray, Float64Array, ListArray, ListBuilder, StringArray, StringBuilder, UInt32Array,
    UInt64Array,
};
use arrow::datatypes::Float32Type;
use cinescore_artifact::tables;

use super::{Given, part};

impl Given {
    pub(super) fn write_network(&mut self, stage: &str, name: &str, binary: bool) {
        let curves: &[(&str, &str, &str, [f64; 5])] = if binary {
            &[
                (
                    "train",
                    "trained",
                    "accuracy",
                    [0.762, 0.881, 0.917, 0.938, 0.951],
                ),
                (
                    "train",
                    "trained",
                    "loss",
                    [0.4831, 0.2952, 0.2204, 0.1713, 0.1402],
                ),
                (
                    "valid",
                    "evaluated",
                    "accuracy",
                    [0.8404, 0.8612, 0.8707, 0.8668, 0.8649],
                ),
                (
                    "valid",
                    "evaluated",
                    "loss",
                    [0.3719, 0.3402, 0.3318, 0.3551, 0.3986],
                ),
            ]
        } else {
            &[
                (
                    "train",
                    "trained",
                    "loss",
                    [0.0991, 0.0714, 0.0582, 0.0471, 0.0402],
                ),
                ("train", "trained", "mse", [8.03, 5.78, 4.71, 3.82, 3.26]),
                (
                    "valid",
                    "evaluated",
                    "loss",
                    [0.0792, 0.0731, 0.0688, 0.0703, 0.0722],
                ),
                ("valid", "evaluated", "mse", [6.42, 5.92, 5.57, 5.69, 5.85]),
            ]
        };
        let mut history: Vec<(u32, &str, &str, &str, f64)> = Vec::new();
        for epoch in 0..5usize {
            for (split, mode, metric, values) in curves {
                history.push((epoch as u32 + 1, split, mode, metric, values[epoch]));
            }
        }
        self.write(
            "nets",
            stage,
            &tables::HISTORY,
            vec![
                Arc::new(UInt32Array::from_iter_values(
                    history.iter().map(|row| row.0),
                )),
                Arc::new(StringArray::from_iter_values(
                    history.iter().map(|row| row.1),
                )),
                Arc::new(StringArray::from_iter_values(
                    history.iter().map(|row| row.2),
                )),
                Arc::new(StringArray::from_iter_values(
                    history.iter().map(|row| row.3),
                )),
                Arc::new(Float64Array::from_iter_values(
                    history.iter().map(|row| row.4),
                )),
                Arc::new(BooleanArray::from_iter(
                    history.iter().map(|row| Some(row.0 == 3)),
                )),
            ],
        );
        let figures: &[(&str, f64, f64)] = if binary {
            &[
                ("accuracy", 0.86137, 0.50891),
                ("f1", 0.862_05, 0.674_54),
                ("log_loss", 0.33412, 0.69301),
                ("precision", 0.87141, 0.50891),
                ("recall", 0.85289, 1.0),
            ]
        } else {
            &[
                ("mae", 1.7712, 3.2013),
                ("mse", 5.6121, 12.1468),
                ("r2", 0.53789, -0.00012),
            ]
        };
        let mut metrics: Vec<(&str, &str, &str, f64, u64)> = Vec::new();
        for (subject, model) in [(name, true), ("trivial", false)] {
            for (split, n, shift) in [("valid", 2500, 0.006), ("test", 12177, 0.0)] {
                for (metric, value, trivial) in figures {
                    metrics.push((
                        subject,
                        split,
                        metric,
                        if model { value + shift } else { *trivial },
                        n,
                    ));
                }
            }
        }
        self.write(
            "nets",
            stage,
            &tables::METRICS,
            vec![
                Arc::new(StringArray::from_iter_values(
                    metrics.iter().map(|row| row.0),
                )),
                Arc::new(StringArray::from_iter_values(
                    metrics.iter().map(|row| row.1),
                )),
                Arc::new(StringArray::from_iter_values(
                    metrics.iter().map(|row| row.2),
                )),
                Arc::new(Float64Array::from_iter_values(
                    metrics.iter().map(|row| row.3),
                )),
                Arc::new(Float64Array::new_null(metrics.len())),
                Arc::new(Float64Array::new_null(metrics.len())),
                Arc::new(UInt64Array::from_iter_values(
                    metrics.iter().map(|row| row.4),
                )),
            ],
        );
        self.write_predictions(stage, binary);
        let bundle = self.place("nets", stage, "bundle", "bundle");
        fs_err::create_dir_all(bundle).unwrap();
    }

    pub(super) fn write_predictions(&mut self, stage: &str, binary: bool) {
        let rows: Vec<(u64, f64, f64)> = self
            .reviews
            .iter()
            .enumerate()
            .filter(|(_, review)| review.split == "test")
            .map(|(id, review)| {
                let id = id as u64;
                let score = f64::from(review.score.unwrap_or(1));
                let noise = part(id ^ 0x29) + part(id ^ 0x3a) + part(id ^ 0x4b) - 1.5;
                if binary {
                    let leaning = (score - 5.5) * 0.7 + noise * 4.0;
                    (
                        id,
                        f64::from(u8::from(score > 5.0)),
                        1.0 / (1.0 + (-leaning).exp()),
                    )
                } else {
                    (
                        id,
                        score,
                        (5.5 + (score - 5.5) * 0.7 + noise * 3.0).clamp(1.0, 10.0),
                    )
                }
            })
            .collect();
        let n = rows.len();
        let nothing = || std::iter::repeat_n(None::<Vec<Option<f32>>>, n);
        self.write(
            "nets",
            stage,
            &tables::PREDICTIONS,
            vec![
                Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.0))),
                Arc::new(StringArray::from_iter_values((0..n).map(|_| "test"))),
                Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.1))),
                Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.2))),
                Arc::new(Float64Array::new_null(n)),
                Arc::new(Float64Array::new_null(n)),
                Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(
                    nothing(),
                )),
                {
                    let mut flags = ListBuilder::new(StringBuilder::new());
                    (0..n).for_each(|_| flags.append(false));
                    Arc::new(flags.finish())
                },
            ],
        );
    }
}
