//! How fast the network alone is: what `predict file` is measured against.
//!
//! `cargo run --release -p cinescore-serve --example raw_forward -- BUNDLE REVIEWS.csv THREADS`: reads all texts (column
//! `text`) and encodes them, then takes the time of the passes alone, over batches of one length as far as that goes.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement: it prints, and ends where something fails"
)]

use std::path::Path;
use std::time::Instant;

use cinescore_model::compute;
use cinescore_serve::predictor::{Crew, Predictor};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [bundle, reviews, threads] = arguments.as_slice() else {
        panic!("three arguments: BUNDLE REVIEWS.csv THREADS")
    };
    let mut reader = csv::Reader::from_path(reviews).unwrap();
    let column = reader
        .headers()
        .unwrap()
        .iter()
        .position(|name| name == "text")
        .unwrap();
    let texts: Vec<String> = reader
        .records()
        .map(|record| record.unwrap()[column].to_owned())
        .collect();
    let threads: usize = threads.parse().unwrap();
    compute::apart(1, || {
        let predictor = Predictor::open(Path::new(bundle)).unwrap();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let mut crew = Crew::new(predictor, threads).unwrap();
        let began = Instant::now();
        let examples = crew.any().reader().read_all(&texts);
        let reading = began.elapsed().as_secs_f64();
        let began = Instant::now();
        let said = crew.rate_with(&examples, |_some| true).unwrap();
        let passes = began.elapsed().as_secs_f64();
        let rate = |seconds: f64| said.len() as f64 / seconds;
        println!(
            "{} reviews: encoding {:.0} a second, passes {:.0} a second",
            said.len(),
            rate(reading),
            rate(passes)
        );
    })
    .unwrap();
}
