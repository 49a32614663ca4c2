//! The real archives, where they are: `CINESCORE_DATA`, or `../shared/data` beside the workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use cinescore_artifact::tables::REVIEWS;

use crate::program::{run, texts};

fn data() -> Option<PathBuf> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("CINESCORE_DATA").map_or_else(default, PathBuf::from);
    if folder.join("aclImdb_v1.labelled.tar.gz").is_file() {
        return Some(folder);
    }
    // Not by `eprintln!`, which the test harness hides in tests that pass.
    let folder = folder.display();
    let text = format!(
        "SKIPPED: no real data in `{folder}`; set CINESCORE_DATA to a folder that has it\n"
    );
    std::io::stderr().write_all(text.as_bytes()).unwrap();
    None
}

#[test]
fn the_real_archives_come_through_whole() {
    let Some(data) = data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let inputs = [
        ("aclimdb", data.as_path()),
        ("titles", &data),
        ("movielens", &data),
    ];
    let ended = run(
        "reviews",
        &inputs,
        &[("max-rejects", "0")],
        &folder.path().join("out"),
    )
    .done();
    let result = ended.result();
    assert_eq!(result.rows_out["reviews"], 37_177);
    assert_eq!(
        (result.rows_in["aclimdb"], result.rows_in["titles"]),
        (37_177, 62_316)
    );
    assert_eq!(
        (
            result.rows_in["movielens/ratings.csv"],
            result.rows_in["movielens/links.csv"]
        ),
        (100_836, 9_742)
    );
    assert_eq!(result.rejected, 0);

    // The counts that the data set's own description gives.
    let scores = [
        (1, 5100),
        (2, 2284),
        (3, 2420),
        (4, 2696),
        (7, 2496),
        (8, 3009),
        (9, 2263),
        (10, 4732),
    ];
    for (score, count) in scores {
        assert_eq!(
            ended.fact(&format!("scores.train.{score}")),
            count,
            "{score}"
        );
    }
    let reviews = ended.table(&REVIEWS);
    let (splits, tconst, titles) = (
        texts(&reviews, "split"),
        texts(&reviews, "tconst"),
        texts(&reviews, "primary_title"),
    );
    let mut by_split: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (split, title) in splits.iter().zip(&tconst) {
        by_split.entry(split).or_default().insert(title);
    }
    assert_eq!(by_split["train"].intersection(&by_split["test"]).count(), 0);
    let all: BTreeSet<&String> = tconst.iter().collect();
    let found: BTreeSet<&String> = tconst
        .iter()
        .zip(&titles)
        .filter(|(_, title)| *title != "-")
        .map(|(id, _)| id)
        .collect();
    assert_eq!((all.len(), found.len()), (5239, 2934));
    let bytes: usize = texts(&reviews, "text").iter().map(String::len).sum();
    assert_eq!(bytes, 48_844_356);
}
