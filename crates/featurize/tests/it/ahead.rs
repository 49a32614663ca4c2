//! Windows at the end of a table, beside those that a training reads, and the kind `trends`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arrow::array::{Float64Array, UInt64Array};
use cinescore_artifact::encoder::WindowEncoderFile;
use cinescore_artifact::table::column;
use cinescore_artifact::tables::TRENDS;
use cinescore_featurize::windows::{Ahead, Series, reads_movies, settings};

use crate::fixture::{featurize, read, texts};
use crate::windows::{Bench, Counts, FIRST, LAST, Window, counts, total, windows};

fn series(bench: &Bench) -> Series {
    let path = bench.folder.path().join("popularity.parquet");
    Series::read(&path, true, |_, _| Ok(())).unwrap()
}

fn encoder(out: &Path) -> WindowEncoderFile {
    serde_json::from_slice(&fs_err::read(out.join("windows.json")).unwrap()).unwrap()
}

const ALL: &str = r#"["target","count","log1p_count","log1p_total","age","season","genres"]"#;

#[test]
fn a_window_at_the_end_of_a_table_is_the_one_that_a_training_reads() {
    let bench = Bench::new(&counts());
    for mode in ["calendar", "observed"] {
        let arguments = [
            "--mode",
            mode,
            "--slots",
            "4",
            "--slot",
            "quarter",
            "--features",
            ALL,
        ];
        let out = bench.run(mode, &arguments);
        let (series, file) = (series(&bench), encoder(&out));
        let params = settings(&file).unwrap();
        assert!(reads_movies(&file));
        let ahead = Ahead::new(&series, &params, &file).unwrap();
        let all = windows(&out);
        assert!(all.len() > 150);
        for window in &all {
            let movie = series.movie(window.movie).unwrap();
            let past = ahead.past(movie, window.slot - 1).unwrap();
            assert_eq!(ahead.inputs(movie, &past), window.inputs);
            let history: Vec<f32> = past
                .iter()
                .map(|own| ahead.popularity(*own) as f32)
                .collect();
            assert_eq!(history, window.history);
        }
    }
}

#[test]
fn a_window_that_goes_on_with_the_truth_is_the_next_window() {
    let bench = Bench::new(&counts());
    for target in ["share", "count", "log1p_count"] {
        let arguments = ["--slots", "4", "--slot", "quarter", "--target", target];
        let out = bench.run(target, &arguments);
        let (series, file) = (series(&bench), encoder(&out));
        let params = settings(&file).unwrap();
        assert!(!reads_movies(&file));
        let ahead = Ahead::new(&series, &params, &file).unwrap();
        let all = windows(&out);
        let mut pairs = 0;
        for pair in all.windows(2).filter(|pair| pair[0].movie == pair[1].movie) {
            let movie = series.movie(pair[0].movie).unwrap();
            let mut past = ahead.past(movie, pair[0].slot - 1).unwrap();
            ahead.go_on(&mut past, pair[0].target);
            assert_eq!(past.last().unwrap().slot, pair[0].slot);
            let inputs = ahead.inputs(movie, &past);
            for (own, next) in inputs.iter().zip(&pair[1].inputs) {
                assert!((own - next).abs() < 1e-5, "{target}: {own} is not {next}");
            }
            pairs += 1;
        }
        assert!(pairs > 100);
    }
}

#[test]
fn genres_keep_their_places_in_another_table() {
    let bench = Bench::new(&counts());
    let features = r#"["age","season","genres"]"#;
    let arguments = ["--slots", "4", "--slot", "quarter", "--features", features];
    let out = bench.run("out", &arguments);
    // The first movie, which had two of the genres, is gone: they have other numbers in this table, and one movie has a slot more.
    let mut other = counts();
    other.retain(|(movie, _), _| *movie != 1);
    other.insert((8, LAST + 1), 3);
    let newer = series(&Bench::new(&other));
    let file = encoder(&out);
    let params = settings(&file).unwrap();
    let ahead = Ahead::new(&newer, &params, &file).unwrap();
    for window in windows(&out).iter().filter(|window| window.movie != 1) {
        let movie = newer.movie(window.movie).unwrap();
        let past = ahead.past(movie, window.slot - 1).unwrap();
        assert_eq!(ahead.inputs(movie, &past), window.inputs);
    }
    assert!(ahead.past(0, LAST + 1).is_some());
    assert!(newer.movie(1).is_none());
}

#[test]
fn what_was_not_learned_from_by_movie_gives_no_genre_and_no_tenth() {
    // One western among nine others.
    let mut some = counts();
    some.retain(|(movie, _), _| movie % 3 == 1 || *movie == 8);
    let bench = Bench::new(&some);
    let ratings = |movie: i32| -> u32 {
        let own = some.iter().filter(|((own, _), _)| *own == movie);
        own.map(|(_, count)| count).sum()
    };
    let mut seen = BTreeSet::new();
    for seed in 0..12 {
        let seed = seed.to_string();
        let arguments = [
            "--split-by",
            "movie",
            "--slots",
            "2",
            "--slot",
            "quarter",
            "--seed",
            &seed,
            "--test",
            "0.4",
            "--features",
            r#"["target","genres"]"#,
        ];
        let out = bench.run(&seed, &arguments);
        let all = windows(&out);
        let of_train = |window: &&Window| window.split == "train";
        let train: BTreeSet<i32> = all.iter().filter(of_train).map(|own| own.movie).collect();
        let file = encoder(&out);
        let knows = file.features.iter().any(|own| own.name == "genre:Western");
        assert_eq!(knows, train.contains(&8), "seed {seed}");
        seen.insert(knows);
        for window in all.iter().filter(|own| !train.contains(&own.movie)) {
            let below = train
                .iter()
                .filter(|own| ratings(**own) < ratings(window.movie));
            let tenth = 1 + (below.count() * 10 / train.len()).min(9);
            assert_eq!(usize::from(window.decile), tenth);
        }
    }
    assert_eq!(seen.len(), 2);
}

/// Figure and series to the points.
type Points = BTreeMap<(String, String), Vec<(f64, f64, u64)>>;

fn trends(bench: &Bench, arguments: &[&str]) -> Points {
    let made = bench.run("windows", arguments);
    let path = |path: &Path| path.display().to_string();
    let popularity = path(&bench.folder.path().join("popularity.parquet"));
    let encoder = path(&made.join("windows.json"));
    let out = bench.folder.path().join("trends");
    let inputs = ["--popularity", &popularity, "--encoder", &encoder];
    let output = featurize("trends", &out, &inputs);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let batch = read(&out.join("trends.parquet"), &TRENDS);
    let (figures, series) = (texts(&batch, "figure"), texts(&batch, "series"));
    let places: &Float64Array = column(&batch, "place");
    let values: &Float64Array = column(&batch, "value");
    let counts: &UInt64Array = column(&batch, "n");
    let mut points = Points::new();
    for row in 0..batch.num_rows() {
        let own = points.entry((figures[row].clone(), series[row].clone()));
        let point = (places.value(row), values.value(row), counts.value(row));
        own.or_default().push(point);
    }
    points
}

fn of<'a>(points: &'a Points, figure: &str, series: &str) -> &'a [(f64, f64, u64)] {
    &points[&(figure.to_owned(), series.to_owned())]
}

/// Pearson's, by its definition.
fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let n = pairs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|own| own.0), mean(|own| own.1));
    let sum = |of: &dyn Fn(f64, f64) -> f64| -> f64 {
        pairs.iter().map(|own| of(own.0 - x, own.1 - y)).sum()
    };
    sum(&|x, y| x * y) / (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt()
}

#[test]
fn trends_are_those_of_the_definitions() {
    let counts = counts();
    let bench = Bench::new(&counts);
    let arguments = ["--slots", "3", "--slot", "quarter", "--min-ratings", "5"];
    let points = trends(&bench, &arguments);
    let all = "all movies";

    let by_time: Vec<f64> = (FIRST..=LAST)
        .map(|slot| f64::from(total(&counts, slot)))
        .collect();
    let found = of(&points, "ratings", all);
    assert_eq!(found.iter().map(|own| own.1).collect::<Vec<_>>(), by_time);
    assert_eq!(found[0].0, 1970.0 + (f64::from(FIRST) - 0.5) / 4.0);

    let mut by_movie: BTreeMap<i32, u32> = BTreeMap::new();
    for ((movie, _), count) in &counts {
        *by_movie.entry(*movie).or_default() += count;
    }
    for &(least, movies, _) in of(&points, "movies", all) {
        let own = by_movie.values().filter(|own| f64::from(**own) >= least);
        assert_eq!(movies, own.count() as f64, "{least}");
    }

    // A quarter is a part of the axis.
    let mut sums = vec![(0.0, 0_u64); 60];
    for &movie in by_movie.keys() {
        let own = counts.keys().filter(|key| key.0 == movie);
        let first = own.map(|key| key.1).min().unwrap();
        if first < FIRST + 4 {
            continue;
        }
        for slot in first..=LAST {
            let count = counts.get(&(movie, slot)).copied().unwrap_or(0);
            let (sum, pairs) = &mut sums[(slot - first) as usize];
            *sum += f64::from(count) / f64::from(total(&counts, slot).max(1));
            *pairs += 1;
        }
    }
    let found = of(&points, "rise_and_decay", all);
    assert!(found.len() > 10);
    for (&(place, value, pairs), (part, (sum, own))) in found.iter().zip(sums.iter().enumerate()) {
        assert_eq!((place, pairs), (part as f64 / 4.0, *own));
        assert!((value - sum / *own as f64).abs() < 1e-12);
    }

    // 1996 to 2005; movies with an id of 3 n + 2 are westerns.
    let year = |slot: u32| 1970 + i64::from(slot - 1) / 4;
    for &(place, part, n) in of(&points, "genres", "Western") {
        let own = |western: bool| -> u64 {
            let rows = counts.iter().filter(|((movie, slot), _)| {
                year(*slot) as f64 == place && (!western || movie % 3 == 2)
            });
            rows.map(|(_, count)| u64::from(*count)).sum()
        };
        assert_eq!(n, own(true));
        assert!((part - own(true) as f64 / own(false) as f64).abs() < 1e-12);
    }

    let train: Vec<Window> = windows(&bench.folder.path().join("windows"))
        .into_iter()
        .filter(|window| window.split == "train")
        .collect();
    for (lag, &(place, value, n)) in (1..).zip(of(&points, "correlation_by_lag", "share")) {
        let pairs: Vec<(f64, f64)> = train
            .iter()
            .map(|own| (f64::from(own.history[3 - lag]), own.target))
            .collect();
        assert_eq!((place, n), (lag as f64, pairs.len() as u64));
        assert!((value - correlation(&pairs)).abs() < 1e-5, "{lag}");
    }
    let last: Vec<(f64, f64)> = train
        .iter()
        .map(|own| {
            let count = counts.get(&(own.movie, own.slot - 1)).copied();
            (f64::from(count.unwrap_or(0)), own.target)
        })
        .collect();
    let found = of(&points, "correlation", "count");
    assert!((found[0].1 - correlation(&last)).abs() < 1e-9);
    assert!(points.contains_key(&("correlation".to_owned(), "genre:Comedy".to_owned())));
}

#[test]
fn what_goes_with_the_next_value_does_not_know_the_future() {
    let before = counts();
    let mut after: Counts = before.clone();
    // By the defaults `train` ends with slot 130.
    for movie in 0..30 {
        after.insert((movie * 7 + 1, 131 + movie as u32 % 10), 400);
    }
    let arguments = ["--slots", "3", "--slot", "quarter"];
    let known = |counts: &Counts| {
        let mut points = trends(&Bench::new(counts), &arguments);
        points.retain(|(figure, _), _| figure.starts_with("correlation"));
        points
    };
    let (a, b) = (known(&before), known(&after));
    assert!(a.len() > 5);
    // As text, since what is none is NaN.
    assert_eq!(format!("{a:?}"), format!("{b:?}"));
}

#[test]
fn what_is_no_encoder_of_windows_is_refused() {
    let bench = Bench::new(&counts());
    let popularity = bench.folder.path().join("popularity.parquet");
    let encoder = bench.folder.path().join("encoder.json");
    fs_err::write(&encoder, r#"{"version": 2, "tokens": []}"#).unwrap();
    let inputs = [
        "--popularity",
        popularity.to_str().unwrap(),
        "--encoder",
        encoder.to_str().unwrap(),
    ];
    let output = featurize("trends", &bench.folder.path().join("out"), &inputs);
    assert_eq!(output.status.code(), Some(3));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("encoder.json` is no encoder of windows: unknown field `tokens`"));
    assert!(text.contains("hint: give the `encoder` of `featurize windows`"));
}
