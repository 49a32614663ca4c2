//! `sample`: the same bytes for a seed, and sources that `reviews` takes.

use std::path::Path;

use cinescore_artifact::tables::REVIEWS;

use crate::program::{Ended, run, texts};

const FILES: [&str; 3] = ["aclImdb_v1.tar.gz", "title.basics.tsv.gz", "ml-latest.zip"];
const SMALL: [(&str, &str); 4] = [
    ("reviews", "300"),
    ("unlabelled", "40"),
    ("other-titles", "200"),
    ("ratings", "3000"),
];

fn sample(out: &Path, seed: &str) -> Ended {
    let mut params = SMALL.to_vec();
    params.push(("seed", seed));
    run("sample", &[], &params, out).done()
}

/// The digests never change: who makes the sample on another machine, or with a later version, gets these
/// bytes. A deliberate change of the law changes them here.
#[test]
fn a_seed_gives_the_same_bytes_and_another_seed_others() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b, c] = ["a", "b", "c"].map(|name| folder.path().join(name));
    sample(&a, "5");
    sample(&b, "5");
    sample(&c, "6");
    let mut digests = String::new();
    for name in FILES {
        let bytes = |folder: &Path| fs_err::read(folder.join(name)).unwrap();
        assert!(bytes(&a) == bytes(&b), "{name}");
        assert!(bytes(&a) != bytes(&c), "{name}");
        digests.push_str(&format!(
            "{} {name}\n",
            cinescore_artifact::Digest::of_bytes(&bytes(&a))
        ));
    }
    insta::assert_snapshot!(digests, @r"
    3bc5edf4becc1aa4573ff78d21e67df05a5d59c95db10aa5df4a4fd16272ec3b aclImdb_v1.tar.gz
    c2dbc7130c3dd2da64daa61cc3c6e7b63e5993aca5c16ab0c6fba80738c38e0e title.basics.tsv.gz
    37e8b03b07ecc51a2eb27ed524439a9e84ba014e7b5bc3563f01ce16afc8985a ml-latest.zip
    ");
}

#[test]
fn the_sample_can_be_ingested() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    sample(&data, "5");
    let inputs = [
        ("aclimdb", data.as_path()),
        ("titles", &data),
        ("movielens", &data),
    ];
    let ended = run(
        "reviews",
        &inputs,
        &[("max-rejects", "0")],
        &folder.path().join("tables"),
    )
    .done();
    let reviews = ended.table(&REVIEWS);
    assert_eq!(reviews.num_rows(), 340);
    assert_eq!(
        (
            ended.fact("reviews.train"),
            ended.fact("reviews.test"),
            ended.fact("reviews.unlabelled")
        ),
        (150, 150, 40)
    );
    assert_eq!(ended.fact("reviews.without_tconst"), 0);
    assert!((300..340).contains(&ended.fact("reviews.with_title")));
    assert!((140..300).contains(&ended.fact("reviews.with_movielens")));
    assert_eq!(ended.result().rejected, 0);
    let (splits, tconst) = (texts(&reviews, "split"), texts(&reviews, "tconst"));
    let titles = |split: &str| -> std::collections::BTreeSet<&String> {
        splits
            .iter()
            .zip(&tconst)
            .filter(|(of, _)| *of == split)
            .map(|(_, title)| title)
            .collect()
    };
    assert_eq!(titles("train").intersection(&titles("test")).count(), 0);
}
