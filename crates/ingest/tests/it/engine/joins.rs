//! `reviews` with `engine`.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::{Int64Type, UInt64Type};
use cinescore_artifact::tables::REVIEWS;
use cinescore_ingest::engine::plan::{Answer, Match, Plan, Reason, Sums, VERSION, Work};

use super::bench::Bench;
use super::{ENGINE, rows_of};
use crate::program::texts;

const OWN: &str = "text,score,split,tconst\nFine.,9,train,tt0000001\nAwful.,1,train,\nGood.,8,train,tt0000003\n\
    Again.,7,train,tt0000001\nWho knows.,5,train,tt0000009\nAn unrated one.,6,train,tt0000005\n";
const TITLES: &str = "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\truntimeMinutes\tgenres\n\
    tt0000001\tmovie\tOne\tOne\t0\t1898\t\\N\t\\N\tDrama\n\
    tt0000002\tmovie\tUnreviewed\tUnreviewed\t0\t1900\t\\N\t12\t\\N\n\
    tt0000003\tmovie\tThird\tThird\t0\t1901\t\\N\t90\t\\N\n";
const LINKS: &str = "movieId,imdbId,tmdbId\n7,0000001,12\n8,0000003,\n12,0000005,\n";
const ARGUMENTS: [&str; 8] = [
    "--reviews",
    "own.csv",
    "--titles",
    "title.basics.tsv",
    "--verify-sample",
    "0",
    "--max-rejects",
    "1",
];

fn bench() -> Bench {
    let bench = Bench::new();
    for (name, text) in [
        ("own.csv", OWN),
        ("title.basics.tsv", TITLES),
        ("ml-latest/links.csv", LINKS),
    ] {
        fs_err::write(bench.path(name), text).unwrap();
    }
    bench
}

/// Which row of the table each review became: they are numbered by their ids.
fn places(bench: &Bench) -> Vec<u64> {
    let near = bench.run("reviews", &ARGUMENTS, None).done();
    let table = texts(&near.table(&REVIEWS), "text");
    fs_err::remove_dir_all(near.out).unwrap();
    let place = |line: &str| {
        let text = line.split(',').next().unwrap();
        table.iter().position(|found| found == text).unwrap() as u64
    };
    OWN.lines().skip(1).map(place).collect()
}

/// What a cluster finds, in its own order.
fn found(places: &[u64]) -> Vec<Match> {
    let row = |review: usize, title, movie, count, mean| Match {
        review: places[review],
        title,
        movie,
        count,
        mean,
    };
    // Movie 7 has 4, 3.5, 1 and 0.5 stars; a rating of 9.5 is refused.
    let one = |review| row(review, Some(0), Some(7), Some(4), Some(2.25));
    vec![
        row(5, None, Some(12), Some(0), None),
        one(3),
        row(2, Some(1), Some(8), Some(1), Some(3.5)),
        row(1, None, None, None, None),
        one(0),
        row(4, None, None, None, None),
    ]
}

fn rows(found: &[Match]) -> RecordBatch {
    let column = |of: fn(&Match) -> Option<u64>| -> ArrayRef {
        let values = found.iter().map(|row| of(row).map(|value| value as i64));
        Arc::new(Int64Array::from_iter(values))
    };
    let means: Float64Array = found.iter().map(|row| row.mean).collect();
    RecordBatch::try_from_iter_with_nullable([
        ("review_row", column(|row| Some(row.review)), true),
        ("title_row", column(|row| row.title), true),
        ("movie_id", column(|row| row.movie), true),
        ("count", column(|row| row.count), true),
        ("mean", Arc::new(means) as ArrayRef, true),
    ])
    .unwrap()
}

fn done(found: &[Match]) -> Answer {
    let mut sums = Sums::default();
    for row in found {
        sums.add_match(row);
    }
    Answer::Done {
        version: VERSION,
        rows: found.len() as u64,
        sums,
        sampled: 0,
    }
}

fn with_sample(share: &'static str) -> [&'static str; 8] {
    let mut arguments = ARGUMENTS;
    arguments[5] = share;
    arguments
}

#[test]
fn the_tables_of_an_engine_are_those_of_one_process_byte_for_byte() {
    let bench = bench();
    let found = found(&places(&bench));
    bench.toy_answers(&rows(&found), &done(&found));
    let near = bench.run("reviews", &ARGUMENTS, None).done();
    let far = bench.run("reviews", &with_sample("1"), Some(ENGINE)).done();
    let table = near.table(&REVIEWS);
    assert_eq!(
        (table.num_rows(), table["ml_rating_count"].null_count()),
        (6, 2)
    );
    for output in ["reviews.parquet", "unmatched.parquet", "rejects.parquet"] {
        let near = fs_err::read(near.out.join(output)).unwrap();
        assert!(
            near == fs_err::read(far.out.join(output)).unwrap(),
            "{output} differs"
        );
    }
    let (near, mut far) = (near.result(), far.result());
    // All but the one without a title.
    assert_eq!(
        far.facts.remove("reviews.joined_again"),
        Some(serde_json::json!(5))
    );
    assert_eq!(
        (near.rows_in, near.rows_out, near.facts),
        (far.rows_in, far.rows_out, far.facts)
    );
}

#[test]
fn the_plan_names_tables_of_keys() {
    let bench = bench();
    let places = places(&bench);
    let found = found(&places);
    bench.toy_answers(&rows(&found), &done(&found));
    // The toy keeps the ratings; here the reviews too.
    let script = fs_err::read_to_string(bench.path("bin/cinescore-ballista")).unwrap();
    let keep = format!(
        "cp \"$(dirname \"$ratings\")/join_reviews.parquet\" {}/keys.parquet\noutput=",
        bench.folder.path().display()
    );
    fs_err::write(
        bench.path("bin/cinescore-ballista"),
        script.replacen("output=", &keep, 1),
    )
    .unwrap();
    bench.run("reviews", &ARGUMENTS, Some(ENGINE)).done();
    let plan: Plan =
        serde_json::from_slice(&fs_err::read(bench.path("plan.json")).unwrap()).unwrap();
    let Work::Reviews {
        reviews, expected, ..
    } = plan.work
    else {
        panic!("{:?}", plan.work)
    };
    assert_eq!(expected, 6);
    assert!(!std::path::Path::new(&reviews).exists(), "left behind");
    let keys = rows_of(&bench.path("keys.parquet"));
    let at = |review: usize| places[review] as usize;
    let ids = keys["tconst"].as_string::<i32>();
    let of_reviews = |review| ids.is_valid(at(review)).then(|| ids.value(at(review)));
    assert_eq!(
        (0..6).map(of_reviews).collect::<Vec<_>>(),
        [
            Some("tt0000001"),
            None,
            Some("tt0000003"),
            Some("tt0000001"),
            Some("tt0000009"),
            Some("tt0000005")
        ]
    );
    let numbers = keys["imdb_id"].as_primitive::<UInt64Type>();
    assert_eq!((numbers.value(at(5)), numbers.is_null(at(1))), (5, true));
    assert_eq!(
        keys["review_row"].as_primitive::<Int64Type>().values(),
        &[0, 1, 2, 3, 4, 5]
    );
    let ratings = rows_of(&bench.path("ratings.parquet"));
    assert_eq!(
        ratings["count"].as_primitive::<Int64Type>().values(),
        &[4, 1, 1]
    );
}

/// What one change makes of the right answer, whether it is known by the program that answered, and what is said of it.
type Case = (fn(&mut Vec<Match>), &'static str, &'static str);

#[test]
fn wrong_matches_are_thrown_away_and_nothing_is_written() {
    let cases: [Case; 8] = [
        (|rows| rows.truncate(5), "0", "does not have review ROW4"),
        (|rows| rows[0] = rows[1], "0", "has review ROW3 twice"),
        (
            |rows| rows[0].review = 6,
            "0",
            "has review 6, which there is not",
        ),
        (
            |rows| rows[1].title = Some(1),
            "0",
            "gives a review of tt0000001 another title's title",
        ),
        (
            |rows| rows[2].movie = Some(7),
            "0",
            "gives a review of tt0000003 another title's movie",
        ),
        (
            |rows| rows[2].mean = Some(3.500_000_1),
            "0",
            "gives a review of tt0000003 another title's movie",
        ),
        (
            |rows| rows[0].count = Some(1),
            "0",
            "gives a review of tt0000005 another title's movie",
        ),
        // Overlooked: only those who join again can know.
        (
            |rows| rows[1].title = None,
            "1",
            "joined again here, a review of tt0000001 has other matches",
        ),
    ];
    for (change, sample, expected) in cases {
        let bench = bench();
        let places = places(&bench);
        let mut rows_found = found(&places);
        change(&mut rows_found);
        let expected = expected
            .replace("ROW3", &places[3].to_string())
            .replace("ROW4", &places[4].to_string());
        bench.toy_answers(&rows(&rows_found), &done(&rows_found));
        let ended = bench.run("reviews", &with_sample(sample), Some(ENGINE));
        assert_eq!(ended.code, 4, "{expected}: {}", ended.stderr);
        assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("hint: the cluster's answer is wrong"),
            "{}",
            ended.stderr
        );
        assert!(!ended.out.exists(), "{expected}");
    }
}

#[test]
fn a_table_that_is_not_the_announced_one_is_thrown_away() {
    let bench = bench();
    let found = found(&places(&bench));
    let mut other = found.clone();
    other[2].count = Some(2);
    bench.toy_answers(&rows(&other), &done(&found));
    let ended = bench.run("reviews", &ARGUMENTS, Some(ENGINE));
    assert_eq!(ended.code, 4, "{}", ended.stderr);
    let said = "holds 6 reviews with checksum";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    assert!(!ended.out.exists());
}

#[test]
fn what_the_program_says_is_the_error() {
    let bench = bench();
    let answer = Answer::Failed {
        version: VERSION,
        reason: Reason::Engine,
        message: "no scheduler answers at `df://node1:50050`".into(),
    };
    let found = found(&places(&bench));
    bench.toy_answers(&rows(&found), &answer);
    let ended = bench.run("reviews", &ARGUMENTS, Some(ENGINE));
    assert_eq!(ended.code, 5);
    insta::assert_snapshot!(ended.error(bench.folder.path()), @r"
    error: no scheduler answers at `df://node1:50050`
    hint: is the scheduler running, do its executors live, and do all see `folder` (or the stage's own) under the same path? docs/cluster.md has the set-up
    ");

    let engine = "{ballista: {url: 'df://node1', ratings: 's3://bucket/ratings'}}";
    let ended = bench.run("reviews", &ARGUMENTS, Some(engine));
    assert_eq!(ended.code, 2);
    insta::assert_snapshot!(ended.error(bench.folder.path()), @r"
    error: `ratings` of `engine` is for `popularity`
    hint: leave it out: `reviews` reads the ratings of its input `movielens`, and the cluster gets each movie's mean and number of them
    ");
}
