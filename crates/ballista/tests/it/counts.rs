//! A cluster's table is that of one process, byte for byte.

use std::fmt::Write as _;
use std::time::Instant;

use crate::cluster::Cluster;
use crate::ingest::{Popularity, movielens, program, sample};

/// As many as MovieLens had when this project began.
const RATINGS: u64 = 26_024_289;

#[test]
fn two_executors_count_26_million_ratings_as_one_process_does() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let ratings = std::env::var("CINESCORE_RATINGS").map_or(RATINGS, |text| text.parse().unwrap());
    let movielens = sample(&program, ratings, folder.path());
    let cluster = Cluster::of(2, folder.path());
    let near = Popularity {
        program: &program,
        movielens: &movielens,
        slot: "day",
        engine: None,
        verify_sample: "0.05",
    };
    let far = Popularity {
        engine: Some(format!("{{url: '{}'}}", cluster.url())),
        ..near
    };
    let began = Instant::now();
    let expected = near.table(&folder.path().join("near"));
    eprintln!("{ratings} ratings in one process: {:.1?}", began.elapsed());
    let began = Instant::now();
    let found = far.table(&folder.path().join("far"));
    eprintln!(
        "{ratings} ratings by two executors: {:.1?}",
        began.elapsed()
    );
    assert!(found == expected, "the tables differ");
}

#[test]
fn slots_of_every_unit_are_those_of_one_process_to_the_second() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut ratings = "userId,movieId,rating,timestamp\n".to_owned();
    let days = [
        0, 1, 2, 3, 4, 5, 31, 59, 60, 90, 365, 366, 789, 790, 11_016, 11_017, 16_860, 20_000,
        47_480, 47_481,
    ];
    for (user, day) in days.iter().enumerate() {
        for second in [0, 1, 2, 3_599, 3_600, 3_601, 86_398, 86_399] {
            let time = day * 86_400 + second;
            writeln!(ratings, "{user},{},3.5,{time}", 7 + second % 2).unwrap();
        }
    }
    // The largest movie and the last second.
    ratings.push_str("1,2147483647,0.5,4102444799\n");
    let movielens = movielens(folder.path(), &ratings);
    let cluster = Cluster::of(2, folder.path());
    for slot in ["hour", "day", "week", "month", "quarter", "year"] {
        let near = Popularity {
            program: &program,
            movielens: &movielens,
            slot,
            engine: None,
            verify_sample: "1",
        };
        let far = Popularity {
            engine: Some(format!("{{url: '{}', partitions: 3}}", cluster.url())),
            ..near
        };
        let expected = near.table(&folder.path().join(format!("near-{slot}")));
        let found = far.table(&folder.path().join(format!("far-{slot}")));
        assert!(found == expected, "{slot}");
    }
}
