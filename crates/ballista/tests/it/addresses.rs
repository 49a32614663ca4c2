//! Ratings that lie as Parquet where all nodes see them.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch};
use datafusion::parquet::arrow::ArrowWriter;

use crate::cluster::Cluster;
use crate::ingest::{Popularity, command, program, sample, table};

#[test]
fn ratings_at_an_address_are_counted_without_ratings_csv() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let movielens = sample(&program, 50_000, folder.path());
    let cluster = Cluster::of(2, folder.path());
    let near = Popularity {
        program: &program,
        movielens: &movielens,
        slot: "month",
        engine: None,
        verify_sample: "0.2",
    };
    let expected = near.table(&folder.path().join("near"));

    let ratings = folder.path().join("ratings");
    let made = command(&program, "ratings", &ratings)
        .arg("--movielens")
        .arg(&movielens)
        .output()
        .unwrap();
    assert!(made.status.success());
    std::fs::remove_file(ratings.join("rejects.parquet")).unwrap();
    // The file, and the folder that it lies in.
    for address in [ratings.join("ratings.parquet"), ratings] {
        let engine = format!(
            "{{url: '{}', ratings: '{}'}}",
            cluster.url(),
            address.display()
        );
        let far = Popularity {
            engine: Some(engine),
            ..near
        };
        let out = folder.path().join("far");
        assert!(far.table(&out) == expected, "{}", address.display());
        std::fs::remove_dir_all(out).unwrap();
    }
}

fn parquet(path: &Path, columns: &[(&str, &[Option<i64>])]) {
    let columns = columns.iter().map(|(name, values)| {
        let column: ArrayRef = Arc::new(Int64Array::from(values.to_vec()));
        (*name, column)
    });
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn ratings_at_an_address_that_no_rating_can_be_are_refused() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let movielens = crate::ingest::movielens(folder.path(), "userId,movieId,rating,timestamp\n");
    let cluster = Cluster::of(1, folder.path());
    let path = folder.path().join("given.parquet");
    let good = [Some(7), Some(8)];
    type Columns<'a> = Vec<(&'a str, &'a [Option<i64>])>;
    let cases: Vec<(Columns<'_>, &str)> = vec![
        (
            vec![
                ("movieId", &good),
                ("timestamp", &[Some(1), Some(4_102_444_800)]),
            ],
            "1 of the 2 rows of",
        ),
        (
            vec![("movieId", &good), ("timestamp", &[None, Some(-1)])],
            "2 of the 2 rows of",
        ),
        (
            vec![("movie_id", &[Some(1 << 31), None]), ("timestamp", &good)],
            "2 of the 2 rows of",
        ),
        (
            vec![("film", &good), ("timestamp", &good)],
            "has no column `movie_id`: it has film, timestamp",
        ),
    ];
    for (columns, expected) in cases {
        parquet(&path, &columns);
        let far = Popularity {
            program: &program,
            movielens: &movielens,
            slot: "day",
            engine: Some(format!(
                "{{url: '{}', ratings: '{}'}}",
                cluster.url(),
                path.display()
            )),
            verify_sample: "0",
        };
        let out = folder.path().join("far");
        let output = far.run(&out);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains(expected), "{said}");
        assert!(!out.exists());
    }
    // The same cluster takes good ones.
    parquet(
        &path,
        &[
            ("movieId", &good),
            ("timestamp", &[Some(0), Some(4_102_444_799)]),
        ],
    );
    let far = Popularity {
        program: &program,
        movielens: &movielens,
        slot: "year",
        engine: Some(format!(
            "{{url: '{}', ratings: '{}'}}",
            cluster.url(),
            path.display()
        )),
        verify_sample: "1",
    };
    let out = folder.path().join("far");
    assert!(!far.table(&out).is_empty() && !table(&out).is_empty());
}
