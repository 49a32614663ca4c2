//! Bags equal to those of scikit-learn's `CountVectorizer` and `TfidfVectorizer`, and to the log-count ratios of
//! Wang and Manning 2012, on 5,000 real reviews (`CINESCORE_DATA`); skipped, loudly, where they are absent.
//!
//! `bags.txt` has digests of the numbers and sums of the values; `benchmarks/featurize/bags.py` made it.

use arrow::array::{AsArray as _, ListArray};
use arrow::datatypes::{Float32Type, UInt32Type};
use cinescore_artifact::table::column;
use cinescore_artifact::tables;

use crate::fixture::{Fixture, read};
use crate::real::{archive, reviews};

const REVIEWS_A_DIGEST: usize = 100;

#[test]
fn every_number_is_the_peers_and_values_are_to_their_precision() {
    let Some(archive) = archive() else { return };
    let reviews: Vec<_> = reviews(&archive)
        .into_iter()
        .step_by(7)
        .take(5000)
        .collect();
    assert_eq!(reviews.len(), 5000);
    let fixture = Fixture::new(&reviews);
    for values in ["counts", "tf_idf", "log_count_ratio"] {
        let settings = "--valid 0 --calib 0 --tokenizer sklearn --strip-html false --threads 2";
        let bags = "--ngrams 3 --size 30000 --min-count 2 --values";
        let arguments: Vec<&str> = settings
            .split(' ')
            .chain(bags.split(' '))
            .chain([values])
            .collect();
        let out = fixture.run_kind("bags", values, &arguments);
        let table = read(&out.join("bags.parquet"), &tables::BAGS);
        let (indices, weights): (&ListArray, &ListArray) =
            (column(&table, "indices"), column(&table, "values"));
        let wanted = include_str!("bags.txt").lines();
        let wanted: Vec<&str> = wanted.filter(|line| line.starts_with(values)).collect();
        assert_eq!(wanted.len() * REVIEWS_A_DIGEST, reviews.len());
        for line in wanted {
            let fields: Vec<&str> = line.split(' ').collect();
            let begin: usize = fields[1].parse().unwrap();
            let mut digest = blake3::Hasher::new();
            let (mut count, mut total, mut weighted) = (0, 0.0, 0.0);
            for row in begin..begin + REVIEWS_A_DIGEST {
                let (indices, weights) = (indices.value(row), weights.value(row));
                let indices = indices.as_primitive::<UInt32Type>().values();
                for (&index, &value) in indices
                    .iter()
                    .zip(weights.as_primitive::<Float32Type>().values())
                {
                    digest.update(&index.to_le_bytes());
                    count += 1;
                    total += f64::from(value);
                    weighted += f64::from(value) * f64::from(index % 97 + 1);
                }
                digest.update(&u32::MAX.to_le_bytes());
            }
            assert_eq!(fields[2], count.to_string(), "{values} from {begin}");
            assert_eq!(
                fields[3],
                digest.finalize().to_hex().as_str(),
                "{values} from {begin}"
            );
            for (found, wanted) in [(total, fields[4]), (weighted, fields[5])] {
                let wanted: f64 = wanted.parse().unwrap();
                // Ours have 24 bits; sums of ratios cancel out.
                let near = 1e-6 * f64::from(count) + 1e-6 * wanted.abs();
                assert!(
                    (found - wanted).abs() < near,
                    "{values} from {begin}: {found}, not {wanted}"
                );
            }
        }
    }
}
