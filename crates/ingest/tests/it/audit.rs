//! `audit` on reviews that were ingested: what is written, and what the policy does.

use std::path::Path;

use cinescore_artifact::tables::FINDINGS;

use crate::program::{Ended, run, texts};

/// Ingests this CSV and audits it.
fn audit(folder: &Path, csv: &str, policy: &str) -> Ended {
    let path = folder.join("mine.csv");
    fs_err::write(&path, csv).unwrap();
    let out = folder.join("tables");
    if !out.exists() {
        run("reviews", &[("reviews", &path)], &[], &out).done();
    }
    run(
        "audit",
        &[("reviews", &out.join("reviews.parquet"))],
        &[("policy", policy)],
        &folder.join(policy),
    )
}

#[test]
fn a_leak_is_written_down_or_fails_the_stage() {
    let folder = tempfile::tempdir().unwrap();
    let csv = "text,score,split,tconst\nThe very same words,9,train,tt0000001\nThe very same words,9,test,tt0000002\n\
        Others,2,test,tt0000001\nAlone,3,train,tt0000004\n";
    let ended = audit(folder.path(), csv, "warn").done();
    let table = ended.table(&FINDINGS);
    let columns = ["check", "severity", "split", "value"].map(|name| texts(&table, name));
    let rows: Vec<String> = (0..table.num_rows())
        .map(|row| {
            let fields: Vec<&str> = columns.iter().map(|column| column[row].as_str()).collect();
            fields.join(" | ")
        })
        .collect();
    insta::assert_snapshot!(rows.join("\n"), @r"
    exact_duplicates | leak | test, train | 1.0
    movies_in_two_splits | leak | test, train | 2.0
    class_balance | note | test | 0.5
    class_balance | note | train | 0.5
    ");
    assert_eq!(ended.fact("findings.exact_duplicates"), 1);
    assert_eq!(ended.result().warnings.len(), 1);

    let failed = audit(folder.path(), csv, "fail");
    assert_eq!(failed.code, 3);
    let error = failed.error(folder.path());
    assert!(
        error.starts_with(
            "error: the reviews have 2 leaks between their splits:\n  exact_duplicates: reviews "
        ),
        "{error}"
    );
    assert!(error.ends_with("hint: repair the reviews, or accept the leaks with `policy: warn`"));
    assert!(!folder.path().join("fail").exists());
}

#[test]
fn without_a_leak_the_policy_lets_pass() {
    let folder = tempfile::tempdir().unwrap();
    let csv = "text,score,split\nOne,9,train\nTwo,2,train\nThree,3,test\nFour,8,test\n";
    audit(folder.path(), csv, "fail").done();
}
