//! What a pipeline on popularity hands over, as `featurize windows` and `trends` and `train` write it.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float32Builder, Float64Array, Int32Array, ListBuilder, StringArray,
    UInt8Array, UInt32Array, UInt64Array, new_null_array,
};
use cinescore_artifact::encoder::{ENCODER_VERSION, WindowEncoderFile, WindowFeature};
use cinescore_artifact::tables;
use cinescore_artifact::task::write_json;
use serde_json::json;

use super::Given;

const MOVIES: [i32; 5] = [3, 17, 20, 50, 90];
/// The last quarters of 2017 and those of 2018.
const SLOTS: std::ops::Range<u32> = 190..196;

/// Movie, slot, ratings.
fn windows() -> Vec<(i32, u32, u32)> {
    let of_movie = |movie: i32| {
        SLOTS.map(move |slot| {
            (
                movie,
                slot,
                (slot * 7 + movie as u32) % 5 + movie as u32 / 10,
            )
        })
    };
    MOVIES.into_iter().flat_map(of_movie).collect()
}

fn id((movie, slot, _): &(i32, u32, u32)) -> u64 {
    (*movie as u64) << 32 | u64::from(*slot)
}

fn texts(values: Vec<&str>) -> ArrayRef {
    Arc::new(StringArray::from(values))
}

fn numbers(values: Vec<f64>) -> ArrayRef {
    Arc::new(Float64Array::from(values))
}

impl Given {
    /// Two networks and two baselines on windows, the one network better than both, with everything that belongs to it.
    pub(crate) fn popularity() -> Self {
        let mut given = Self::empty("popularity", Vec::new());
        given.write_windows();
        given.write_trends();
        given.write_forecaster("net[network=gru,seed=7]", "gru", 0.25, true);
        given.write_forecaster("net[network=rnn,seed=7]", "rnn", 0.15, true);
        given.write_forecaster("baseline[model=ridge]", "ridge", 0.16, false);
        given.write_forecaster("wide[model=ridge]", "ridge", 0.17, false);
        let pairs = [
            ("net[network=gru]", "baseline[model=ridge]", 0.09, "higher"),
            ("net[network=gru]", "wide[model=ridge]", 0.08, "higher"),
            (
                "net[network=rnn]",
                "baseline[model=ridge]",
                -0.01,
                "not told apart",
            ),
            ("net[network=rnn]", "wide[model=ridge]", -0.02, "lower"),
        ];
        let n = pairs.len();
        let differences: Vec<f64> = pairs.iter().map(|row| row.2).collect();
        given.write(
            "scores",
            "scores",
            &tables::COMPARISONS,
            vec![
                texts(pairs.iter().map(|row| row.0).collect()),
                texts(pairs.iter().map(|row| row.1).collect()),
                texts(vec!["test"; n]),
                texts(vec!["r2"; n]),
                numbers(differences.clone()),
                numbers(differences.iter().map(|own| own - 0.01).collect()),
                numbers(differences.iter().map(|own| own + 0.01).collect()),
                numbers(vec![0.01; n]),
                numbers(vec![0.001; n]),
                texts(pairs.iter().map(|row| row.3).collect()),
            ],
        );
        given
    }

    fn write_windows(&mut self) {
        let all = windows();
        let mut lists = ListBuilder::new(Float32Builder::new());
        for _ in &all {
            lists.append_value([Some(0.5)]);
        }
        let lists: ArrayRef = Arc::new(lists.finish());
        self.write(
            "popularity",
            "windows",
            &tables::WINDOWS,
            vec![
                Arc::new(UInt64Array::from_iter_values(all.iter().map(id))),
                texts(vec!["test"; all.len()]),
                Arc::new(Int32Array::from_iter_values(all.iter().map(|own| own.0))),
                Arc::new(UInt32Array::from_iter_values(all.iter().map(|own| own.1))),
                Arc::clone(&lists),
                lists,
                numbers(all.iter().map(|own| f64::from(own.2) / 100.0).collect()),
                Arc::new(UInt32Array::from_iter_values(all.iter().map(|own| own.2))),
                Arc::new(UInt8Array::from(vec![1; all.len()])),
                Arc::new(UInt8Array::from(vec![10; all.len()])),
                Arc::new(Int32Array::from(vec![4; all.len()])),
            ],
        );
        let encoder = WindowEncoderFile {
            version: ENCODER_VERSION,
            window: json!({"slot": "quarter", "slots": 1, "target": "share"}),
            slots: 1,
            features: vec![WindowFeature {
                name: "share".into(),
                offset: 0.0,
                factor: 1.0,
            }],
            classes: vec![0.0],
            last_slots: [("train".to_owned(), 180)].into(),
        };
        let path = self.place("popularity", "windows", "encoder", "windows.json");
        write_json(&path, &encoder).unwrap();
    }

    fn write_trends(&mut self) {
        let points: Vec<(&str, &str, f64, f64, u64)> = vec![
            ("correlation", "age", 0.0, -0.5, 90),
            ("correlation", "genre:Drama", 0.0, f64::NAN, 90),
            ("correlation", "log1p_count", 0.0, 0.75, 90),
            ("correlation_by_lag", "share", 1.0, 0.5, 90),
            ("correlation_by_lag", "share", 2.0, 0.25, 90),
            ("genres", "Drama", 2017.0, 0.5, 50),
            ("genres", "Drama", 2018.0, 0.25, 30),
            ("genres", "Western", 2018.0, 0.125, 3),
            ("movies", "all movies", 1.0, 1000.0, 1000),
            ("movies", "all movies", 2.0, 100.0, 100),
            ("ratings", "all movies", 2017.125, 400.0, 400),
            ("ratings", "all movies", 2017.375, 300.0, 300),
            ("rise_and_decay", "all movies", 0.0, 0.002, 60),
            ("rise_and_decay", "all movies", 0.25, 0.001, 50),
        ];
        self.write(
            "popularity",
            "trends",
            &tables::TRENDS,
            vec![
                texts(points.iter().map(|own| own.0).collect()),
                texts(points.iter().map(|own| own.1).collect()),
                numbers(points.iter().map(|own| own.2).collect()),
                numbers(points.iter().map(|own| own.3).collect()),
                Arc::new(UInt64Array::from_iter_values(
                    points.iter().map(|own| own.4),
                )),
            ],
        );
    }

    fn write_forecaster(&mut self, stage: &str, name: &str, r2: f64, is_network: bool) {
        let mut figures = vec![("mase".to_owned(), 0.9), ("mse".to_owned(), 1e-6)];
        figures.extend(
            [
                ("mae_of_age_0_to_1", 0.002),
                ("mae_of_age_20_and_more", 0.001),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        figures.extend((1..=10).map(|decile| {
            let name = format!("mae_of_decile_{decile:02}");
            (name, f64::from(decile) / 1000.0)
        }));
        figures.push(("r2".to_owned(), r2));
        let splits = ["valid", "test"];
        let rows: Vec<(&str, &(String, f64))> = splits
            .into_iter()
            .flat_map(|split| figures.iter().map(move |own| (split, own)))
            .collect();
        let n = rows.len();
        let none = || new_null_array(&arrow::datatypes::DataType::Float64, n);
        self.write(
            "nets",
            stage,
            &tables::METRICS,
            vec![
                texts(vec![name; n]),
                texts(rows.iter().map(|own| own.0).collect()),
                texts(rows.iter().map(|own| &*own.1.0).collect()),
                numbers(rows.iter().map(|own| own.1.1).collect()),
                none(),
                none(),
                Arc::new(UInt64Array::from(vec![30; n])),
            ],
        );
        let all = windows();
        let null = |name: &str| {
            let columns = tables::PREDICTIONS.columns.iter();
            let own = columns.into_iter().find(|own| own.name == name).unwrap();
            new_null_array(&own.column_type.data_type(), all.len())
        };
        self.write(
            "nets",
            stage,
            &tables::PREDICTIONS,
            vec![
                Arc::new(UInt64Array::from_iter_values(all.iter().map(id))),
                texts(vec!["test"; all.len()]),
                numbers(all.iter().map(|own| f64::from(own.2) / 100.0).collect()),
                numbers(vec![r2 / 10.0; all.len()]),
                null("lower"),
                null("upper"),
                null("probabilities"),
                null("flags"),
            ],
        );
        if is_network {
            self.write(
                "nets",
                stage,
                &tables::HISTORY,
                vec![
                    Arc::new(UInt32Array::from(vec![1])),
                    texts(vec!["valid"]),
                    texts(vec!["evaluated"]),
                    texts(vec!["loss"]),
                    numbers(vec![0.5]),
                    Arc::new(BooleanArray::from(vec![true])),
                ],
            );
        }
    }
}
