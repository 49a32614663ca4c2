//! Tokens, vocabulary and encoder, as `featurize text` writes them.

use std::sync::Arc;

use arrow::array::{Int32Array, ListArray, StringArray, UInt8Array, UInt32Array, UInt64Array};
use arrow::datatypes::Int32Type;
use cinescore_artifact::encoder::{ENCODER_VERSION, EncoderFile, RESERVED};
use cinescore_artifact::tables;
use cinescore_artifact::task::write_json;
use serde_json::json;

use super::{Given, Review};

impl Given {
    pub(super) fn write_text(&mut self) {
        let all = self.reviews.clone();
        let n = all.len();
        let split = |(id, review): (usize, &Review)| match (review.split, id % 20) {
            ("train", 0..2) => "valid",
            ("train", 2) => "calib",
            (split, _) => split,
        };
        let ids = (0..n).map(|_| Some(vec![Some(1), Some(7)]));
        self.write(
            "text",
            "text",
            &tables::TOKENS,
            vec![
                Arc::new(UInt64Array::from_iter_values(0..n as u64)),
                Arc::new(StringArray::from_iter_values(
                    all.iter().enumerate().map(split),
                )),
                Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(ids)),
                Arc::new(UInt32Array::from_iter_values(
                    all.iter().map(|review| review.length),
                )),
                Arc::new(UInt8Array::from_iter(all.iter().map(|review| review.score))),
                Arc::new(UInt8Array::from_iter(
                    all.iter().map(|review| review.polarity),
                )),
            ],
        );
        let words = [
            "the", "and", "a", "of", "to", "is", "br", "it", "in", "i", "this", "that", "was",
            "film",
        ];
        let tokens: Vec<String> = RESERVED
            .iter()
            .chain(&words)
            .map(|&word| word.to_owned())
            .collect();
        let count = |id: usize| {
            if id == 2 {
                90_000
            } else if id < 2 {
                0
            } else {
                1_500_000 / (id as u64 + 1)
            }
        };
        self.write(
            "text",
            "text",
            &tables::VOCABULARY,
            vec![
                Arc::new(Int32Array::from_iter_values(0..tokens.len() as i32)),
                Arc::new(StringArray::from_iter_values(&tokens)),
                Arc::new(UInt64Array::from_iter_values((0..tokens.len()).map(count))),
                Arc::new(UInt64Array::from_iter_values(
                    (0..tokens.len()).map(|id| count(id) / 20),
                )),
            ],
        );
        let encoder = EncoderFile {
            version: ENCODER_VERSION,
            preprocessing: json!({"tokenizer": "words"}),
            max_length: Some(500),
            padded: true,
            tokens,
        };
        let path = self.place("text", "text", "encoder", "encoder.json");
        write_json(&path, &encoder).unwrap();
    }
}
