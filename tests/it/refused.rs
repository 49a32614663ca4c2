//! Bad data and bad configuration: each has its exit code and its words, and leaves nothing behind.

use cinescore_artifact::table::{TableReader, column};
use cinescore_artifact::{exit, tables};
use cinescore_tests::Project;

use arrow::array::{RecordBatch, StringArray};

use crate::pipelines::{raw, whole};

/// Nothing half-written: no object, no record, no work in progress, nothing on view.
#[track_caller]
fn assert_nothing_kept(project: &Project) {
    for folder in ["store/objects", "store/records", "store/tmp", "runs"] {
        let files = project.files(&format!("artifacts/{folder}"));
        assert!(files.is_empty(), "left in {folder}: {:?}", files.keys());
    }
}

#[test]
fn a_cut_off_archive_is_refused() {
    let project = raw();
    project
        .run(
            "cinescore-ingest",
            ["sample", "--reviews", "300", "--out", "sample"],
        )
        .with_code(exit::DONE);
    let whole = fs_err::read(project.path("sample/aclImdb_v1.tar.gz")).unwrap();
    fs_err::remove_dir_all(project.path("data/aclImdb")).unwrap();
    project.write("data/aclImdb_v1.tar.gz", &whole[..whole.len() / 2]);

    project
        .cinescore("run -p raw")
        .with_code(exit::INPUT)
        .saying("error: ")
        .saying("aclImdb_v1.tar.gz");
    assert_nothing_kept(&project);

    // The program by itself says the same, and makes no output folder.
    project
        .run(
            "cinescore-ingest",
            [
                "reviews",
                "--aclimdb",
                "data",
                "--titles",
                "data",
                "--out",
                "out",
            ],
        )
        .with_code(exit::INPUT);
    assert!(!project.path("out").exists());

    // With the whole archive in its place the same command works.
    project.write("data/aclImdb_v1.tar.gz", whole);
    project
        .cinescore("run -p raw")
        .with_code(exit::DONE)
        .saying("1 stage was computed");
}

#[test]
fn a_missing_title_file_is_named_with_the_names_that_would_do() {
    let project = raw();
    fs_err::remove_file(project.path("data/title.basics.tsv")).unwrap();
    project
        .cinescore("run -p raw")
        .with_code(exit::INPUT)
        .saying("stage `reviews`, input `titles`")
        .saying("holds none of `title.basics.tsv.gz`, `title.basics.tsv`")
        .saying("hint: ");
    assert_nothing_kept(&project);
}

#[test]
fn a_missing_data_folder_is_named() {
    let project = raw();
    project
        .cinescore("run -p raw --set vars.data=nowhere")
        .with_code(exit::USAGE)
        .saying("there is no `nowhere`");
    assert_nothing_kept(&project);
}

#[test]
fn a_review_without_a_score_or_in_other_bytes_than_utf_8_is_set_aside_with_its_reason() {
    let project = raw();
    project.write("data/aclImdb/train/pos/2.txt", "no score in the name");
    project.write(
        "data/aclImdb/train/pos/3_8.txt",
        b"caf\xe9 in Latin-1".as_slice(),
    );
    let ended = project.cinescore("run -p raw").with_code(exit::DONE);
    assert!(ended.stderr.contains("refused 2"), "{}", ended.stderr);

    let folder = project.path("artifacts/runs/raw/reviews");
    let reviews = TableReader::open(&folder.join("reviews.parquet"), &tables::REVIEWS).unwrap();
    assert_eq!(reviews.rows(), 8);
    let rejects = TableReader::open(&folder.join("rejects.parquet"), &tables::REJECTS).unwrap();
    let batches: Vec<RecordBatch> = rejects
        .batches(64)
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let places: Vec<String> = batches
        .iter()
        .flat_map(|batch| {
            column::<StringArray>(batch, "place")
                .iter()
                .flatten()
                .map(String::from)
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(places, ["train/pos/2.txt", "train/pos/3_8.txt"]);
}

#[test]
fn more_rejects_than_allowed_fail_the_stage() {
    let project = raw();
    project.write("data/aclImdb/train/pos/2.txt", "no score in the name");
    let yaml = fs_err::read_to_string(project.path("pipelines/raw.yaml")).unwrap();
    project.write(
        "pipelines/raw.yaml",
        format!("{yaml}    params: {{max_rejects: 0}}\n"),
    );
    project
        .cinescore("run -p raw")
        .with_code(exit::INPUT)
        .saying("train/pos/2.txt");
    assert_nothing_kept(&project);
}

#[test]
fn every_mistake_in_a_pipeline_is_told_at_once_with_its_place() {
    let project = whole();
    let yaml = fs_err::read_to_string(project.path("pipelines/whole.yaml")).unwrap();
    let yaml = yaml
        .replace("vocabulary: 400", "vocabulari: 400")
        .replace("resources: {threads: 2}", "resource: {threads: 2}")
        .replace("reviews.reviews", "review.reviews");
    project.write("pipelines/whole.yaml", yaml);
    let ended = project.cinescore("run -p whole").with_code(exit::USAGE);
    for told in [
        "pipelines/whole.yaml:13:",
        "unknown stage `review`",
        "pipelines/whole.yaml:14:",
        "unknown parameter `vocabulari`",
        "`vocabulary`",
        "pipelines/whole.yaml:19:",
        "unknown key `resource`",
        "`resources`",
    ] {
        assert!(
            ended.stderr.contains(told),
            "no `{told}` in\n{}",
            ended.stderr
        );
    }
    assert_nothing_kept(&project);
}

#[test]
fn an_unknown_key_in_a_network_fails_before_training() {
    let project = whole();
    let network = fs_err::read_to_string(project.path("pipelines/tiny.yaml")).unwrap();
    project.write(
        "pipelines/tiny.yaml",
        network.replace("lstm: {units:", "lstm: {unit:"),
    );
    let ended = project.cinescore("run -p whole").with_code(exit::USAGE);
    assert!(ended.stderr.contains("tiny.yaml:7:"), "{}", ended.stderr);
    assert!(ended.stderr.contains("`unit`"), "{}", ended.stderr);
}
