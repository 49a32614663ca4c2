//! Executors that are killed, schedulers that are not there, people who stop: what is written is right, or there is an error.

use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::cluster::Cluster;
use crate::ingest::{Popularity, movielens, program, sample, table};

/// Long enough that there is a middle.
const RATINGS: u64 = 4_000_000;
/// A job may wait for an executor that does not come, but not for ever.
const MOST: Duration = Duration::from_secs(240);

#[test]
fn an_executor_that_is_killed_in_the_middle_never_makes_a_wrong_table() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let movielens = sample(&program, RATINGS, folder.path());
    let mut cluster = Cluster::of(2, folder.path());
    let near = Popularity {
        program: &program,
        movielens: &movielens,
        slot: "day",
        engine: None,
        verify_sample: "0.01",
    };
    let far = Popularity {
        engine: Some(format!("{{url: '{}', partitions: 8}}", cluster.url())),
        ..near
    };
    let expected = near.table(&folder.path().join("near"));
    let began = Instant::now();
    assert!(far.table(&folder.path().join("whole")) == expected);
    let whole = began.elapsed();
    let mut right = 0;
    for (number, part) in [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9].into_iter().enumerate() {
        let out = folder.path().join(format!("far-{number}"));
        let began = Instant::now();
        let mut child = far.start(&out);
        std::thread::sleep(whole.mul_f64(part));
        cluster.kill_executor();
        let (succeeded, said) = ended(&mut child, began);
        eprintln!(
            "killed at {part} of {whole:.1?}: {} after {:.1?}",
            if succeeded {
                "the right table"
            } else {
                said.as_str()
            },
            began.elapsed()
        );
        if succeeded {
            assert!(
                table(&out) == expected,
                "a wrong table after a kill at {part}"
            );
            right += 1;
        } else {
            assert!(said.contains("error: "), "{said}");
            assert!(!out.exists(), "an error, and a table");
        }
        cluster.add_executor();
    }
    eprintln!("{right} of 7 right, the others failed");
    assert!(right > 0, "no lost executor was made good");
    // The cluster is whole again.
    assert!(far.table(&folder.path().join("after")) == expected);
}

fn ended(child: &mut std::process::Child, began: Instant) -> (bool, String) {
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            let mut said = String::new();
            child
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut said)
                .unwrap();
            return (status.success(), said);
        }
        assert!(began.elapsed() < MOST, "neither right nor an error");
        std::thread::sleep(Duration::from_millis(20));
    }
}

const FEW: &str = "userId,movieId,rating,timestamp\n1,7,4.0,86400\n2,7,3.5,1\n1,8,3.5,86401\n";

#[test]
fn a_scheduler_that_is_not_there_is_an_error_with_what_to_do() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let far = Popularity {
        program: &program,
        movielens: &movielens(folder.path(), FEW),
        slot: "day",
        engine: Some("{url: 'df://127.0.0.1:9'}".into()),
        verify_sample: "0.01",
    };
    let out = folder.path().join("far");
    let output = far.run(&out);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(
        said.contains("error: no scheduler answers at `df://127.0.0.1:9`"),
        "{said}"
    );
    assert!(said.contains("hint: is the scheduler running"), "{said}");
    assert!(!out.exists());
}

#[test]
fn an_address_that_is_none_is_an_error_with_what_to_do() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let movielens = movielens(folder.path(), FEW);
    for url in ["node0:50050", "http://node0:50050", "df://"] {
        let far = Popularity {
            program: &program,
            movielens: &movielens,
            slot: "day",
            engine: Some(format!("{{url: '{url}'}}")),
            verify_sample: "0.01",
        };
        let out = folder.path().join("far");
        let output = far.run(&out);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        let error =
            format!("error: `{url}` is no address of a scheduler; expected `df://HOST:PORT`");
        assert!(said.contains(&error) && said.contains("hint: "), "{said}");
        assert!(!out.exists());
    }
}

#[test]
fn ratings_that_a_node_does_not_see_are_an_error_with_what_to_do() {
    let Some(program) = program() else { return };
    // The scheduler does not see them, and an executor.
    for (before, error) in [
        ("job_name: cinescore", "error: "),
        ("Job submitted: ", "error: the job failed: "),
    ] {
        unseen(&program, before, error);
    }
}

fn unseen(program: &Path, before: &str, error: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::of(0, folder.path());
    let shared = folder.path().join("shared");
    std::fs::create_dir(&shared).unwrap();
    let far = Popularity {
        program,
        movielens: &movielens(folder.path(), FEW),
        slot: "day",
        engine: Some(format!(
            "{{url: '{}', folder: '{}'}}",
            cluster.url(),
            shared.display()
        )),
        verify_sample: "0.01",
    };
    let out = folder.path().join("far");
    let began = Instant::now();
    let mut child = far.start(&out);
    // As if the node had another disk.
    cluster.wait_for_log(before);
    for entry in std::fs::read_dir(&shared).unwrap() {
        std::fs::remove_dir_all(entry.unwrap().path()).unwrap();
    }
    cluster.add_executor();
    let (succeeded, said) = ended(&mut child, began);
    assert!(!succeeded && !out.exists(), "{said}");
    assert!(said.contains(error), "{said}");
    let hints = ["under the same path", "must see it under this name"];
    assert!(hints.iter().any(|hint| said.contains(hint)), "{said}");
}

#[test]
fn a_stop_cancels_the_job_that_waits_for_executors() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let cluster = Cluster::of(0, folder.path());
    let far = Popularity {
        program: &program,
        movielens: &movielens(folder.path(), FEW),
        slot: "day",
        engine: Some(format!("{{url: '{}'}}", cluster.url())),
        verify_sample: "0.01",
    };
    let out = folder.path().join("far");
    let began = Instant::now();
    let mut child = far.start(&out);
    cluster.wait_for_log("job_name: cinescore");
    let stopped = std::process::Command::new("kill")
        .arg(child.id().to_string())
        .status()
        .unwrap();
    assert!(stopped.success());
    let (succeeded, said) = ended(&mut child, began);
    assert!(!succeeded && !out.exists(), "{said}");
    cluster.wait_for_log("Received cancellation request for job");
}
