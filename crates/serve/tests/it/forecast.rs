//! The program: how often a movie will be rated, beside the same by hand.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use cinescore_artifact::encoder::{ENCODER_VERSION, WindowEncoderFile, WindowFeature};
use cinescore_artifact::slots::SlotUnit;
use cinescore_ingest::MaxRejects;
use cinescore_ingest::popularity::{Given, count};
use cinescore_model::bundle::{self, BUNDLE_VERSION, Labels, Manifest};
use cinescore_model::calibration::{Bin, Calibration};
use cinescore_model::task::{Decoder, Quantity, TargetScale};
use cinescore_model::{LIBTORCH_VERSION, Net};
use serde_json::{Value, json};
use tch::{Device, Tensor};

use crate::bundle::{LSTM, program, regression, said, save};

const FIRST: u32 = 160;
const LAST: u32 = 195;
const TRAIN: u32 = 180;
const VALID: u32 = 184;
const CALIB: u32 = 188;
const MOVIES: i32 = 60;
/// Ratings with which a movie was chosen.
const LEAST: u32 = 20;
/// What the network makes of the last value and of the one before it.
const WEIGHTS: [f64; 2] = [0.5, 0.25];
const WIDTH: f64 = 0.004;

/// Ratings of a movie in a quarter; movie 60 is there from quarter 193 on.
fn counts() -> BTreeMap<(i32, u32), u32> {
    let mut state = 11_u64;
    let mut below = move |end: u32| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % u64::from(end)) as u32
    };
    let mut counts = BTreeMap::new();
    for movie in 1..=MOVIES {
        for slot in FIRST..=LAST {
            let count = below(2 + movie as u32 % 5);
            let is_there = movie < MOVIES || slot >= 193;
            if (count > 0 && is_there) || slot == 193 {
                counts.insert((movie, slot), count.max(1));
            }
        }
    }
    counts
}

fn total(counts: &BTreeMap<(i32, u32), u32>, slot: u32) -> u32 {
    let own = counts.iter().filter(|((_, own), _)| *own == slot);
    own.map(|(_, count)| count).sum()
}

fn share(counts: &BTreeMap<(i32, u32), u32>, movie: i32, slot: u32) -> f64 {
    let own = counts.get(&(movie, slot)).copied().unwrap_or(0);
    f64::from(own) / f64::from(total(counts, slot))
}

/// `ratings.csv`, with each rating in the midst of its quarter.
fn ratings(counts: &BTreeMap<(i32, u32), u32>) -> String {
    let mut text = "userId,movieId,rating,timestamp\n".to_owned();
    for ((movie, slot), count) in counts {
        let (year, quarter) = (1970 + (slot - 1) / 4, (slot - 1) % 4);
        let middle = jiff::civil::date(year as i16, 3 * quarter as i8 + 2, 15).at(12, 0, 0, 0);
        let time = middle.to_zoned(jiff::tz::TimeZone::UTC).unwrap();
        for user in 0..*count {
            let time = time.timestamp().as_second();
            writeln!(text, "{},{movie},4.0,{time}", user + 1).unwrap();
        }
    }
    text
}

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("ml");
        fs_err::create_dir(&own).unwrap();
        fs_err::write(own.join("ratings.csv"), ratings(&counts())).unwrap();
        let movies: String = (1..=MOVIES)
            .map(|movie| format!("{movie},Film ({}),Drama\n", 1990 + movie % 10))
            .collect();
        let movies = format!("movieId,title,genres\n{movies}");
        fs_err::write(own.join("movies.csv"), movies).unwrap();
        let bench = Self { folder };
        bench.bundle("bundle", linear(), &["share"], json!({}));
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A network that says half of the last value and a quarter of the one before it.
    fn bundle(&self, name: &str, decoder: Decoder, features: &[&str], settings: Value) {
        let outputs = decoder.classes().map_or(1, <[u8]>::len);
        let text = format!(
            "name: linear\ninput: {{kind: window, slots: 3}}\nlayers: [flatten]\nhead: {{dense: {outputs}}}\n"
        );
        let spec =
            cinescore_network::parse(&text, Path::new("net.yaml"), &BTreeMap::new()).unwrap();
        let net = Net::new(&spec, features.len(), Device::Cpu).unwrap();
        let width = features.len();
        for (_, mut variable) in net.variables() {
            let mut values = vec![0_f32; variable.numel()];
            if variable.dim() == 2 && outputs == 1 {
                values[2 * width] = WEIGHTS[0] as f32;
                values[width] = WEIGHTS[1] as f32;
            }
            let values = Tensor::from_slice(&values).view_as(&variable);
            tch::no_grad(|| variable.copy_(&values));
        }
        let mut window = json!({
            "slot": "quarter", "slots": 3, "target": "share", "min_ratings": LEAST,
            "features": ["target"],
        });
        for (key, value) in settings.as_object().unwrap() {
            window[key] = value.clone();
        }
        let feature = |name: &&str| WindowFeature {
            name: (*name).to_owned(),
            offset: 0.0,
            factor: 1.0,
        };
        let last = [("train", TRAIN), ("valid", VALID), ("calib", CALIB)];
        let encoder = WindowEncoderFile {
            version: ENCODER_VERSION,
            window,
            slots: 3,
            features: features.iter().map(feature).collect(),
            classes: vec![0.0, 0.002, 0.004, 0.008, 0.016],
            last_slots: last.map(|(name, slot)| (name.to_owned(), slot)).into(),
        };
        let bin = Bin {
            below: None,
            width: Some(WIDTH),
            examples: 60,
        };
        let manifest = Manifest {
            version: BUNDLE_VERSION,
            calibration: Some(Calibration {
                level: 0.9,
                quantity: Quantity::Popularity,
                bins: vec![bin],
            }),
            decoder,
            labels: Labels::default(),
            ids: features.len(),
            parameters: cinescore_network::parameter_count(&spec, features.len()),
            chosen_epoch: 1,
            metrics: BTreeMap::new(),
            libtorch: LIBTORCH_VERSION.into(),
            files: BTreeMap::new(),
        };
        let encoder = serde_json::to_vec(&encoder).unwrap();
        bundle::save(&self.path(name), &manifest, &spec, &encoder, &net, &[]).unwrap();
    }

    fn asked(&self, bundle: &str, ratings: &str, more: &[&str]) -> std::process::Output {
        let (bundle, ratings) = (self.path(bundle), self.path(ratings));
        let (bundle, ratings) = (bundle.to_str().unwrap(), ratings.to_str().unwrap());
        let own = ["popularity", "--bundle", bundle, "--ratings", ratings];
        program(&[&own[..], &["--threads", "1"], more].concat())
    }

    fn json(&self, bundle: &str, ratings: &str, more: &[&str]) -> Value {
        let output = self.asked(bundle, ratings, &[&["--json"], more].concat());
        said(&output, 0);
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn refused(&self, bundle: &str, ratings: &str, more: &[&str], code: i32) -> String {
        let text = said(&self.asked(bundle, ratings, more), code);
        text.replace(self.folder.path().to_str().unwrap(), "DIR")
    }
}

fn linear() -> Decoder {
    Decoder::Regression {
        quantity: Quantity::Popularity,
        scale: TargetScale {
            offset: 0.0,
            factor: 1.0,
        },
    }
}

/// The forecast of so many steps from the slots up to one, by hand.
fn by_hand(counts: &BTreeMap<(i32, u32), u32>, movie: i32, until: u32, steps: usize) -> Vec<f64> {
    let mut known = [share(counts, movie, until - 1), share(counts, movie, until)];
    (0..steps)
        .map(|_| {
            let next = WEIGHTS[0] * known[1] + WEIGHTS[1] * known[0];
            known = [known[1], next];
            next
        })
        .collect()
}

fn close(found: &Value, expected: f64) {
    let found = found.as_f64().unwrap();
    assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
}

#[test]
fn every_step_is_forecast_from_those_before_it_and_has_an_interval_of_its_own() {
    let (bench, counts) = (Bench::new(), counts());
    let json = bench.json("bundle", "ml", &["--movie", "7", "--horizon", "3"]);
    assert_eq!(json["measure"], "share");
    assert_eq!(json["past"].as_array().unwrap().len(), 3);
    // The last quarter is not read.
    assert_eq!(json["past"][2]["name"], "2018-Q2");
    close(&json["past"][2]["popularity"], share(&counts, 7, LAST - 1));
    let expected = by_hand(&counts, 7, LAST - 1, 3);
    // A movie that came after `train` is none of those that were learned from.
    let chosen: Vec<i32> = (1..=MOVIES)
        .filter(|movie| {
            let own = counts
                .iter()
                .filter(|((own, slot), _)| own == movie && *slot <= TRAIN);
            own.map(|(_, count)| count).sum::<u32>() >= LEAST
        })
        .collect();
    assert!(chosen.len() > 30 && chosen.len() < 60);
    for (step, expected) in (1..=3_u32).zip(expected) {
        let own = &json["steps"][step as usize - 1];
        assert_eq!(own["slot"], LAST - 1 + step);
        close(&own["forecast"], expected);
        // Pairs of forecast and truth so many steps ahead, in some slots.
        let pairs = |slots: std::ops::RangeInclusive<u32>| -> (Vec<f64>, Vec<f64>) {
            let of_movie = |movie: &i32| -> Vec<(f64, f64)> {
                let pair = |slot| {
                    let said = by_hand(&counts, *movie, slot - step, step as usize);
                    (said[step as usize - 1], share(&counts, *movie, slot))
                };
                // The window has three slots, of which the movie's first is one.
                let own = counts.keys().filter(|key| key.0 == *movie);
                let first = own.map(|key| key.1).min().unwrap();
                slots
                    .clone()
                    .filter(|slot| slot - step >= first + 2)
                    .map(pair)
                    .collect()
            };
            chosen.iter().flat_map(of_movie).unzip()
        };
        let (said, truth) = pairs(VALID + 1..=CALIB);
        let calibration = match step {
            1 => None,
            _ => Calibration::fit(Quantity::Popularity, &said, &truth),
        };
        let interval = |said: f64| match &calibration {
            Some(own) => own.interval(said),
            None => (f64::max(said - WIDTH, 0.0), said + WIDTH),
        };
        close(&own["lower"], interval(expected).0);
        close(&own["upper"], interval(expected).1);
        assert_eq!(
            own["interval"],
            if step == 1 { "calib" } else { "measured" }
        );
        let (said, truth) = pairs(CALIB + 1..=LAST - 1);
        let held = said.iter().zip(&truth).filter(|(said, truth)| {
            let (lower, upper) = interval(**said);
            (lower..=upper).contains(truth)
        });
        assert_eq!(own["held"]["of"], said.len());
        let part = held.count() as f64 / said.len() as f64;
        // A truth may lie on an end of its interval, where float32 and float64 do not agree.
        assert!((own["held"]["part"].as_f64().unwrap() - part).abs() < 0.02);
    }
    let own = &json["steps"][0]["so_far"];
    assert_eq!(own["count"], counts.get(&(7, LAST)).copied().unwrap_or(0));
    assert!(json["steps"][1]["so_far"].is_null());
}

#[test]
fn a_last_slot_that_is_over_is_read() {
    let (bench, counts) = (Bench::new(), counts());
    let json = bench.json("bundle", "ml", &["--movie", "8", "--whole"]);
    assert_eq!(json["past"][2]["name"], "2018-Q3");
    assert_eq!(json["steps"][0]["name"], "2018-Q4");
    close(
        &json["steps"][0]["forecast"],
        by_hand(&counts, 8, LAST, 1)[0],
    );
    assert!(json["steps"][0]["so_far"].is_null());
}

#[test]
fn ratings_come_as_files_as_a_folder_and_as_a_table() {
    let bench = Bench::new();
    let table = bench.path("popularity.parquet");
    let folder = bench.path("ml");
    let given = Given::MovieLens(&folder);
    count(given, SlotUnit::Quarter, MaxRejects::Count(0), 1, &table).unwrap();
    let more = ["--movie", "9", "--horizon", "2"];
    let folder = bench.json("bundle", "ml", &more);
    assert_eq!(bench.json("bundle", "popularity.parquet", &more), folder);
    assert_eq!(bench.json("bundle", "ml/ratings.csv", &more), folder);
    let movies = bench.path("ml/movies.csv");
    let movies = ["--movies", movies.to_str().unwrap()];
    let with = [&more[..], &movies].concat();
    assert_eq!(bench.json("bundle", "ml/ratings.csv", &with), folder);
    // A row that is cut off is refused, and said to be.
    let whole = fs_err::read_to_string(bench.path("ml/ratings.csv")).unwrap();
    let cut = whole.trim_end().rsplit_once(',').unwrap().0;
    fs_err::write(bench.path("cut.csv"), cut).unwrap();
    let notes = bench.json("bundle", "cut.csv", &more)["notes"].to_string();
    assert!(notes.contains("1 rows were refused"), "{notes}");
    assert!(notes.contains("ratings.csv: not 4 fields"), "{notes}");
}

#[test]
fn people_see_a_table_with_what_to_know() {
    let bench = Bench::new();
    let output = bench.asked(
        "bundle",
        "ml",
        &["--movie", "60", "--whole", "--horizon", "2"],
    );
    said(&output, 0);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "movie 60, network linear: share of the movie in all ratings of a quarter"
    );
    let words = |line: &str| -> Vec<String> {
        line.split_whitespace().take(2).map(str::to_owned).collect()
    };
    assert_eq!(words(lines[2]), ["quarter", "share"]);
    assert_eq!(words(lines[3]), ["2018-Q1", "known"]);
    assert_eq!(words(lines[6]), ["2018-Q4", "forecast"]);
    assert_eq!(words(lines[7]), ["2019-Q1", "forecast"]);
    insta::assert_snapshot!(lines[9..].join("\n"), @"
    - the network learned from movies with 20 ratings and more up to 2014-Q4; this one has fewer
    - intervals are fitted to the errors from 2016-Q1 to 2016-Q4; `held` is how often they held the truth since, for other movies and slots
    ");
}

#[test]
fn counts_and_their_logarithms_are_forecast_in_their_own_unit() {
    let (bench, counts) = (Bench::new(), counts());
    for (target, measure) in [
        ("count", (|own| own) as fn(f64) -> f64),
        ("log1p_count", f64::ln_1p),
    ] {
        bench.bundle(target, linear(), &[target], json!({"target": target}));
        let json = bench.json(target, "ml", &["--movie", "4", "--horizon", "2"]);
        assert_eq!(json["measure"], target);
        let value = |slot| measure(counts.get(&(4, slot)).copied().unwrap_or(0).into());
        let (before, last) = (value(LAST - 2), value(LAST - 1));
        let first = WEIGHTS[0] * last + WEIGHTS[1] * before;
        close(&json["steps"][0]["forecast"], first);
        let second = WEIGHTS[0] * first + WEIGHTS[1] * last;
        close(&json["steps"][1]["forecast"], second);
    }
}

#[test]
fn a_network_of_classes_says_how_likely_each_is() {
    let bench = Bench::new();
    let decoder = Decoder::Classes {
        quantity: Quantity::Popularity,
        labels: (0..6).collect(),
    };
    bench.bundle("classes", decoder, &["share"], json!({}));
    let json = bench.json("classes", "ml", &["--movie", "4"]);
    assert_eq!(json["measure"], "class");
    let all = json["steps"][0]["probabilities"].as_array().unwrap();
    // All weights are 0.
    assert_eq!(all.len(), 6);
    close(&all[5], 1.0 / 6.0);
    close(&json["steps"][0]["forecast"], 2.5);
    let text = bench.refused("classes", "ml", &["--movie", "4", "--horizon", "2"], 2);
    insta::assert_snapshot!(text, @"
    error: the network says classes: only the next slot can be forecast, not 2
    hint: leave --horizon out
    ");
}

#[test]
fn what_cannot_be_forecast_is_said_with_what_to_do() {
    let bench = Bench::new();
    let refused = |ratings: &str, more: &[&str], code| bench.refused("bundle", ratings, more, code);
    let movie = ["--movie", "7"];
    let mut all = String::new();
    let mut add = |text: String| all += &format!("{}\n", text.trim_end());
    add(refused("ml", &["--movie", "99"], 2));
    add(refused("ml", &["--movie", "60"], 3));
    let old: BTreeMap<_, _> = counts()
        .into_iter()
        .filter(|((_, slot), _)| *slot <= TRAIN)
        .collect();
    fs_err::write(bench.path("old.csv"), ratings(&old)).unwrap();
    add(refused("old.csv", &movie, 3));
    let one: BTreeMap<_, _> = counts()
        .into_iter()
        .filter(|((_, slot), _)| *slot == LAST)
        .collect();
    fs_err::write(bench.path("one.csv"), ratings(&one)).unwrap();
    add(refused("one.csv", &movie, 3));
    fs_err::write(bench.path("empty.csv"), "userId,movieId,rating,timestamp\n").unwrap();
    add(refused("empty.csv", &movie, 3));
    add(refused("ml/movies.csv", &movie, 3));
    add(refused("none.csv", &movie, 2));
    add(refused(
        "ml",
        &["--movie", "7", "--movies", "movies.csv"],
        2,
    ));
    let table = bench.path("days.parquet");
    count(
        Given::MovieLens(&bench.path("ml")),
        SlotUnit::Day,
        MaxRejects::Count(0),
        1,
        &table,
    )
    .unwrap();
    add(refused("days.parquet", &movie, 2));
    bench.bundle(
        "wide",
        linear(),
        &["share", "age"],
        json!({"features": ["target", "age"]}),
    );
    add(bench.refused("wide", "ml/ratings.csv", &movie, 2));
    save(&bench.path("reviews"), LSTM, regression());
    add(bench.refused("reviews", "ml", &movie, 2));
    add(bench.refused("nothing", "ml", &movie, 2));
    insta::assert_snapshot!(all, @"
    error: movie 99 has no rating; those with ratings have ids from 1 to 60
    hint: ids are those of `movieId` in the ratings
    error: movie 60 has 2 quarters up to 2018-Q2, and the network reads windows of 3
    hint: a network over fewer slots can forecast it sooner
    error: the ratings end with 2014-Q3, and the network has learned from those up to 2014-Q4: it knows what it would forecast
    hint: give ratings that go further
    error: the ratings are all of one quarter, which is held to be unfinished
    hint: give --whole if it is over
    error: `DIR/empty.csv` has no ratings
    error: `DIR/ml/movies.csv` has the columns `movieId`, `title`, `genres`; expected `userId`, `movieId`, `rating`, `timestamp`
    error: there is no `DIR/none.csv`
    error: `DIR/ml` has its movies with it
    hint: leave --movies out
    error: the last slot is number 17759, which would be in the year 6410: the slots of the table are shorter than `slot` says
    hint: the network reads quarters: give the table of `ingest popularity --slot quarter`, or the ratings themselves
    error: the network reads years of release or genres, which are not in the ratings
    hint: give --movies, MovieLens' movies.csv
    error: the bundle rates reviews and forecasts no popularity
    hint: name one of `train fit` on windows, such as a `net` of the pipeline `popularity`
    error: there is no bundle `DIR/nothing`
    hint: name the folder `bundle` of a `train fit` on windows, such as that of a `net` of the pipeline `popularity`
    ");
}

#[test]
fn the_bundle_must_be_named_since_the_recommended_one_rates_reviews() {
    let text = said(
        &program(&["popularity", "--ratings", "ml.zip", "--movie", "7"]),
        2,
    );
    assert!(
        text.contains("required") && text.contains("--bundle <DIR>"),
        "{text}"
    );
    let help = String::from_utf8(program(&["popularity", "--help"]).stdout).unwrap();
    assert!(
        help.contains("The folder `bundle` of a training on windows"),
        "{help}"
    );
    assert!(
        !help.contains("recommended") && !help.contains("There is no default"),
        "{help}"
    );
}
