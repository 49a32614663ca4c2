//! The kind `windows`, against the definitions written down once more, and on futures that change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, Float64Array, Int32Array, ListArray, ListBuilder,
    RecordBatch, StringBuilder, UInt8Array, UInt32Array, UInt64Array,
};
use arrow::datatypes::Float32Type;
use cinescore_artifact::table::{TableWriter, column};
use cinescore_artifact::tables::{POPULARITY, WINDOWS};
use serde_json::Value;

use crate::fixture::{featurize, read, result, texts};

/// Ratings by movie and slot.
pub(crate) type Counts = BTreeMap<(i32, u32), u32>;

pub(crate) const FIRST: u32 = 105;
pub(crate) const LAST: u32 = 144;

/// Forty slots of thirty movies, some of which come late, some end early, and some are seldom rated.
pub(crate) fn counts() -> Counts {
    let mut state = 3_u64;
    let mut below = move |end: u32| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % u64::from(end)) as u32
    };
    let mut counts = Counts::new();
    for movie in 0..30_i32 {
        let first = FIRST + below(30);
        for slot in first..=LAST {
            if below(4) < 1 + movie as u32 % 4 {
                counts.insert((movie * 7 + 1, slot), 1 + below(1 + 9 * (movie as u32 % 3)));
            }
        }
    }
    counts.insert((1, FIRST), 2);
    counts.insert((1, LAST), 2);
    counts
}

pub(crate) fn total(counts: &Counts, slot: u32) -> u32 {
    let of_slot = counts.iter().filter(|((_, own), _)| *own == slot);
    of_slot.map(|(_, count)| count).sum()
}

fn write(path: &Path, counts: &Counts) {
    let mut genres = ListBuilder::new(StringBuilder::new());
    let mut years = Vec::new();
    for (movie, _) in counts.keys() {
        match movie % 3 {
            0 => genres.append(false),
            1 => genres.append_value([Some("Drama"), Some("Comedy")]),
            _ => genres.append_value([Some("Western")]),
        }
        years.push((movie % 5 > 0).then_some(1980 + movie % 10));
    }
    let share = |((_, slot), count): (&(i32, u32), &u32)| {
        f64::from(*count) / f64::from(total(counts, *slot))
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(counts.keys().map(|key| key.0).collect::<Int32Array>()),
        Arc::new(counts.keys().map(|key| key.1).collect::<UInt32Array>()),
        Arc::new(counts.values().copied().collect::<UInt32Array>()),
        Arc::new(counts.iter().map(share).collect::<Float64Array>()),
        Arc::new(genres.finish()),
        Arc::new(years.into_iter().collect::<Int32Array>()),
    ];
    let mut writer = TableWriter::create(path, &POPULARITY).unwrap();
    writer.write(&POPULARITY.batch(columns).unwrap()).unwrap();
    writer.finish().unwrap();
}

pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new(counts: &Counts) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("popularity.parquet"), counts);
        Self { folder }
    }

    fn asked(&self, name: &str, arguments: &[&str]) -> (PathBuf, std::process::Output) {
        let out = self.folder.path().join(name);
        let table = self.folder.path().join("popularity.parquet");
        let table = table.display().to_string();
        let arguments = [&["--popularity", &table], arguments].concat();
        let output = featurize("windows", &out, &arguments);
        (out, output)
    }

    pub(crate) fn run(&self, name: &str, arguments: &[&str]) -> PathBuf {
        let (out, output) = self.asked(name, arguments);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        out
    }

    fn windows(&self, name: &str, arguments: &[&str]) -> Vec<Window> {
        windows(&self.run(name, arguments))
    }

    fn refused(&self, arguments: &[&str]) -> String {
        let (out, output) = self.asked("refused", arguments);
        assert!(!out.exists(), "a failed run must leave nothing behind");
        let text = String::from_utf8(output.stderr).unwrap();
        let code = output.status.code().unwrap();
        format!("{code}\n{}", &text[text.find("error:").unwrap()..])
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Window {
    pub(crate) movie: i32,
    pub(crate) slot: u32,
    pub(crate) split: String,
    pub(crate) history: Vec<f32>,
    pub(crate) inputs: Vec<f32>,
    pub(crate) target: f64,
    pub(crate) count: u32,
    pub(crate) class: u8,
    pub(crate) decile: u8,
    pub(crate) age: Option<i32>,
}

pub(crate) fn windows(out: &Path) -> Vec<Window> {
    let batch = read(&out.join("windows.parquet"), &WINDOWS);
    let ids: &UInt64Array = column(&batch, "window_id");
    let movies: &Int32Array = column(&batch, "movie_id");
    let slots: &UInt32Array = column(&batch, "slot");
    let targets: &Float64Array = column(&batch, "target");
    let counts: &UInt32Array = column(&batch, "count");
    let classes: &UInt8Array = column(&batch, "class");
    let deciles: &UInt8Array = column(&batch, "decile");
    let ages: &Int32Array = column(&batch, "age");
    let splits = texts(&batch, "split");
    let floats = |batch: &RecordBatch, name: &str, row: usize| -> Vec<f32> {
        let lists: &ListArray = column(batch, name);
        lists
            .value(row)
            .as_primitive::<Float32Type>()
            .values()
            .to_vec()
    };
    assert!(ids.values().is_sorted_by(|a, b| a < b));
    (0..batch.num_rows())
        .map(|row| {
            let (movie, slot) = (movies.value(row), slots.value(row));
            assert_eq!(ids.value(row), ((movie as u64) << 32) + u64::from(slot));
            Window {
                movie,
                slot,
                split: splits[row].clone(),
                history: floats(&batch, "history", row),
                inputs: floats(&batch, "inputs", row),
                target: targets.value(row),
                count: counts.value(row),
                class: classes.value(row),
                decile: deciles.value(row),
                age: ages.is_valid(row).then(|| ages.value(row)),
            }
        })
        .collect()
}

fn encoder(out: &Path) -> Value {
    serde_json::from_slice(&fs_err::read(out.join("windows.json")).unwrap()).unwrap()
}

/// Movie, slot, slots and counts of the window, and count of the target.
type Expected = (i32, u32, Vec<(u32, u32)>, u32);

/// By the definition of each mode.
fn expected(counts: &Counts, observed: bool, slots: usize) -> Vec<Expected> {
    let mut movies: Vec<i32> = counts.keys().map(|key| key.0).collect();
    movies.dedup();
    let mut all = Vec::new();
    for movie in movies {
        let rated: Vec<(u32, u32)> = counts
            .iter()
            .filter(|((own, _), _)| *own == movie)
            .map(|((_, slot), count)| (*slot, *count))
            .collect();
        let series = if observed {
            rated
        } else {
            let count = |slot| counts.get(&(movie, slot)).copied().unwrap_or(0);
            (rated[0].0..=LAST)
                .map(|slot| (slot, count(slot)))
                .collect()
        };
        for part in series.windows(slots + 1) {
            let (target, past) = part.split_last().unwrap();
            all.push((movie, target.0, past.to_vec(), target.1));
        }
    }
    all
}

#[test]
fn windows_are_those_of_the_definitions() {
    let counts = counts();
    let bench = Bench::new(&counts);
    for (mode, slots, target) in [
        ("observed", 3, "share"),
        ("observed", 1, "log1p_count"),
        ("calendar", 3, "share"),
        ("calendar", 8, "count"),
    ] {
        let slots_text = slots.to_string();
        let arguments = [
            "--mode",
            mode,
            "--slots",
            &slots_text,
            "--target",
            target,
            "--slot",
            "quarter",
        ];
        let out = format!("{mode}-{slots}");
        let found = bench.windows(&out, &arguments);
        let expected = expected(&counts, mode == "observed", slots);
        assert_eq!(found.len(), expected.len(), "{mode} {slots}");
        let measure = |slot: u32, count: u32| match target {
            "share" => f64::from(count) / f64::from(total(&counts, slot).max(1)),
            "count" => f64::from(count),
            _ => f64::from(count).ln_1p(),
        };
        let encoder = encoder(&bench.folder.path().join(&out));
        let feature = &encoder["features"][0];
        let number = |name: &str| feature[name].as_f64().unwrap();
        let mut train = Vec::new();
        for (window, (movie, slot, past, count)) in found.iter().zip(&expected) {
            assert_eq!(
                (window.movie, window.slot, window.count),
                (*movie, *slot, *count)
            );
            assert!((window.target - measure(*slot, *count)).abs() < 1e-12);
            for (index, &(slot, count)) in past.iter().enumerate() {
                let value = measure(slot, count);
                assert!((f64::from(window.history[index]) - value).abs() < 1e-6);
                let scaled = (value - number("offset")) / number("factor");
                assert!((f64::from(window.inputs[index]) - scaled).abs() < 1e-4);
            }
            // 40 slots: 26 of train, 4 of valid, 2 of calib, 8 of test.
            let split = match slot - FIRST {
                0..=25 => "train",
                26..=29 => "valid",
                30..=31 => "calib",
                _ => "test",
            };
            assert_eq!(window.split, split);
            if split == "train" {
                train.push(window);
            }
        }
        // Scales and classes are those of the training windows alone.
        let inputs: Vec<f64> = train
            .iter()
            .flat_map(|window| window.inputs.iter().map(|input| f64::from(*input)))
            .collect();
        let mean = inputs.iter().sum::<f64>() / inputs.len() as f64;
        let squares = inputs.iter().map(|input| input * input).sum::<f64>();
        assert!(mean.abs() < 1e-4, "{mean}");
        assert!((squares / inputs.len() as f64 - 1.0).abs() < 1e-4);
        let mut targets: Vec<f64> = train.iter().map(|window| window.target).collect();
        targets.retain(|target| *target > 0.0);
        targets.sort_by(f64::total_cmp);
        let bounds: Vec<f64> = [0.2, 0.4, 0.6, 0.8]
            .iter()
            .map(|part| targets[(part * targets.len() as f64).ceil() as usize - 1])
            .collect();
        for window in &found {
            let class = match window.target > 0.0 {
                false => 0,
                true => {
                    1 + bounds
                        .iter()
                        .filter(|bound| window.target > **bound)
                        .count()
                }
            };
            assert_eq!(usize::from(window.class), class);
        }
    }
}

#[test]
fn what_changes_later_changes_nothing_before() {
    let before = counts();
    // By the defaults `train` ends with slot 130 of 105 to 144.
    let mut after = before.clone();
    after.retain(|(movie, slot), _| *slot <= 130 || movie % 2 == 1);
    for movie in 0..30 {
        after.insert((movie * 7 + 1, 131 + movie as u32 % 10), 400);
        after.insert((1000 + movie, 135), 40);
    }
    after.insert((1, LAST), 900);
    let arguments = [
        "--slots",
        "4",
        "--min-ratings",
        "8",
        "--features",
        r#"["target","log1p_count","log1p_total","age","season","genres"]"#,
        "--slot",
        "quarter",
    ];
    let known = |bench: &Bench| {
        let mut windows = bench.windows("out", &arguments);
        // Of the first slot after `train`, all but the truth is known as well.
        windows.retain(|window| window.slot <= 131);
        for window in windows.iter_mut().filter(|window| window.slot == 131) {
            (window.target, window.count, window.class) = (0.0, 0, 0);
        }
        (windows, encoder(&bench.folder.path().join("out")))
    };
    let (a, b) = (known(&Bench::new(&before)), known(&Bench::new(&after)));
    assert!(a.0.len() > 100);
    assert_eq!(a, b);
    let movies: Vec<i32> = b.0.iter().map(|window| window.movie).collect();
    let ratings = |movie: i32| {
        let known = before
            .iter()
            .filter(|((own, slot), _)| *own == movie && *slot <= 130);
        known.map(|(_, count)| count).sum::<u32>()
    };
    for movie in (0..30).map(|movie| movie * 7 + 1) {
        let chosen = movies.contains(&movie);
        assert!(!chosen || ratings(movie) >= 8, "{movie}");
    }
}

#[test]
fn features_are_known_by_their_names_and_nothing_depends_on_the_threads() {
    let bench = Bench::new(&counts());
    let arguments = [
        "--slots",
        "4",
        "--features",
        r#"["log1p_total","target","age","season","genres","share"]"#,
        "--slot",
        "day",
    ];
    let out = bench.run("one", &[&arguments[..], &["--threads", "1"]].concat());
    let features = encoder(&out)["features"].clone();
    let names: Vec<&str> = features
        .as_array()
        .unwrap()
        .iter()
        .map(|feature| feature["name"].as_str().unwrap())
        .collect();
    let expected = [
        "log1p_total",
        "share",
        "age",
        "year_sine",
        "year_cosine",
        "week_sine",
        "week_cosine",
        "genre:Comedy",
        "genre:Drama",
        "genre:Western",
    ];
    assert_eq!(names, expected);
    for window in windows(&out) {
        assert_eq!(window.inputs.len(), 40);
        for slot in window.inputs.chunks(10) {
            let genres = match window.movie % 3 {
                0 => [0.0, 0.0, 0.0],
                1 => [1.0, 1.0, 0.0],
                _ => [0.0, 0.0, 1.0],
            };
            assert_eq!(slot[7..], genres);
            // A year that is not known is the mean.
            assert!(window.age.is_some() || slot[2] == 0.0);
        }
        assert_eq!(window.age.is_some(), window.movie % 5 > 0);
        if let Some(age) = window.age {
            assert_eq!(age, 1970 - 1980 - window.movie % 10);
        }
        assert!((1..=10).contains(&window.decile));
    }
    let other = bench.run("four", &[&arguments[..], &["--threads", "4"]].concat());
    for name in ["windows.parquet", "windows.json"] {
        let bytes = |out: &Path| fs_err::read(out.join(name)).unwrap();
        assert_eq!(bytes(&out), bytes(&other), "{name}");
    }
}

#[test]
fn by_movie_a_movie_is_on_one_side_and_is_chosen_by_its_own_past() {
    let counts = counts();
    let bench = Bench::new(&counts);
    let arguments = [
        "--split-by",
        "movie",
        "--slots",
        "2",
        "--min-ratings",
        "10",
        "--slot",
        "quarter",
        "--valid",
        "0.2",
        "--calib",
        "0.1",
    ];
    let found = bench.windows("out", &arguments);
    let mut splits: BTreeMap<i32, &str> = BTreeMap::new();
    for window in &found {
        assert_eq!(
            *splits.entry(window.movie).or_insert(&window.split),
            window.split
        );
        let past = counts
            .iter()
            .filter(|((own, slot), _)| *own == window.movie && *slot < window.slot);
        assert!(past.map(|(_, count)| count).sum::<u32>() >= 10);
    }
    let movies = |split: &str| splits.values().filter(|own| **own == split).count();
    assert!(movies("train") > movies("valid") && movies("valid") > 0 && movies("test") > 0);
}

#[test]
fn windows_that_cross_a_boundary_can_be_left_out() {
    let bench = Bench::new(&counts());
    let common = ["--slots", "3", "--slot", "quarter"];
    let all = bench.windows("all", &common);
    let arguments = [&common[..], &["--crossing", "drop"]].concat();
    let kept = bench.windows("kept", &arguments);
    let first = |split: &str| match split {
        "train" => FIRST,
        "valid" => FIRST + 26,
        "calib" => FIRST + 30,
        _ => FIRST + 32,
    };
    let mut expected = all;
    expected.retain(|window| window.slot >= first(&window.split) + 3);
    assert_eq!(kept, expected);
    let dropped = result(&bench.folder.path().join("kept"));
    assert!(dropped["facts"]["windows_that_cross"].as_u64().unwrap() > 0);
    assert_eq!(dropped["facts"]["windows.calib"], 0);
}

#[test]
fn what_cannot_be_done_is_said() {
    let bench = Bench::new(&counts());
    let told = [
        &["--slots", "60", "--slot", "quarter"][..],
        &["--slot", "quarter", "--valid", "0.5", "--test", "0.5"],
        &["--slot", "year"],
        &["--min-ratings", "100000", "--slot", "quarter"],
    ]
    .map(|arguments| bench.refused(arguments));
    insta::assert_snapshot!(told.join("\n"), @r"
    3
    error: no movie has a window of 60 slots and one after them in `train`
    hint: ask for fewer `slots` or `min_ratings`, or shorter slots

    2
    error: `valid`, `calib` and `test` take 42 of the 40 slots: nothing is left for `train`
    hint: ask for smaller shares, or shorter slots

    2
    error: the last slot is number 144, which would be in the year 2114: the slots of the table are shorter than `slot` says
    hint: give `slot` the value with which `popularity` was made

    3
    error: no movie has a window of 3 slots and one after them in `train`
    hint: ask for fewer `slots` or `min_ratings`, or shorter slots
    ");
    let mut unsorted = counts();
    unsorted.retain(|key, _| key.0 == 1);
    let bench = Bench::new(&unsorted);
    let path = bench.folder.path().join("popularity.parquet");
    let batch = read(&path, &POPULARITY);
    let mut writer = TableWriter::create(&path, &POPULARITY).unwrap();
    writer.write(&batch).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    insta::assert_snapshot!(bench.refused(&["--slot", "quarter"]), @r"
    3
    error: slot 105 of movie 1 is not behind the row before it: the table is not sorted by `movie_id` and `slot`
    ");
}
