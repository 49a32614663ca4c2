//! A training that is asked to stop ends, with nothing half-written.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::synthetic::{Bench, Review, reviews};

/// Long steps, whose kernels are at work nearly all the time: a signal that were handled among them would
/// damage the heap (see `cinescore_model::compute`).
fn long() -> Vec<Review> {
    let mut reviews = reviews(640);
    for review in &mut reviews {
        review.ids = review.ids.iter().copied().cycle().take(120).collect();
    }
    reviews
}

#[test]
fn sigterm_ends_a_training_and_leaves_nothing() {
    let bench = Bench::new(&long(), true);
    for out in ["a", "b", "c"] {
        let params = json!({"task": "binary", "epochs": 1000, "network_params": {"units": 100}});
        let mut child = bench
            .command(out, 1, params)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        // The first word of progress: the first batch is done.
        stderr.read_line(&mut String::new()).unwrap();
        let killed = Command::new("kill")
            .args(["-TERM", &child.id().to_string()])
            .status()
            .unwrap();
        assert!(killed.success());
        let mut rest = String::new();
        stderr.read_to_string(&mut rest).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
        assert_eq!(fs_err::read_dir(bench.path(out)).unwrap().count(), 0);
    }
}
