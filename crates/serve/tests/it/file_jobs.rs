//! The program: a file of reviews that is rated in parts, by commands that are killed, interrupted, wrong or there twice.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::bundle::{CONVOLUTION, regression, save, texts};
use crate::place::{Place, csv_of, cut_off};

/// Kills the program once it has finished a part, and says whether it was still at work.
fn kill_after_a_part(place: &Place, input: &str, output: &str) -> bool {
    let mut child = place.command(input, output, &[]).spawn().unwrap();
    let part = place.path(&format!("{output}.parts")).join("000000.json");
    let began = Instant::now();
    while !part.exists() && child.try_wait().unwrap().is_none() {
        assert!(
            began.elapsed() < Duration::from_secs(300),
            "no part was finished"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    !child.wait().unwrap().success()
}

#[test]
fn a_command_that_is_killed_goes_on_and_gives_the_same_output() {
    for ending in ["csv", "jsonl", "parquet"] {
        let place = Place::new(regression());
        // More rows until the kill comes before the end.
        let mut count = 20_000;
        let (input, output) = ("a.csv", format!("out.{ending}"));
        loop {
            place.write(input, csv_of(&texts(count)));
            if kill_after_a_part(&place, input, &output) {
                break;
            }
            count *= 2;
        }
        assert!(!place.path(&output).exists());
        // Nothing else may go on from these parts.
        let text = place.file(input, &output, &["--abstain"], 2);
        assert!(
            text.contains("parts of another job") && text.contains("--restart"),
            "{text}"
        );
        // On any number of threads it is the same job.
        let text = place.file(input, &output, &["--threads", "3"], 0);
        assert!(text.contains("were done before"), "{text}");
        assert!(!place.path(&format!("{output}.parts")).exists());
        let whole = format!("whole.{ending}");
        place.file(input, &whole, &[], 0);
        let bytes = |name: &str| fs_err::read(place.path(name)).unwrap();
        assert!(
            bytes(&output) == bytes(&whole),
            "{ending}: the outputs are not the same"
        );
    }
}

#[test]
fn parts_of_another_program_bundle_or_file_of_links_are_refused() {
    let place = Place::new(regression());
    let links = "movieId,imdbId,tmdbId\n1,0114709,862\n";
    place.write("links.csv", links);
    // A part, and then what ends the command.
    let mut csv = b"userId,tt,text\n".to_vec();
    csv.extend(b"5,tt0114709,good film\n".repeat(9_000));
    place.write("a.csv.gz", cut_off(&csv));
    let flags = [
        "--format",
        "movielens",
        "--title-column",
        "tt",
        "--links",
        "links.csv",
        "--timestamp",
        "7",
    ];
    let begin = || place.file("a.csv.gz", "out.csv", &flags, 3);
    let refused = || {
        let text = place.file("a.csv.gz", "out.csv", &flags, 2);
        assert!(
            text.contains("parts of another job") && text.contains("--restart"),
            "{text}"
        );
    };
    let note = "out.csv.parts/job.json";
    begin();
    assert!(place.path("out.csv.parts/000000.json").exists());
    let own = place.text(note);
    // The same command goes on, and comes to the same place.
    begin();
    place.write("links.csv", format!("{links}2,0113497,\n"));
    refused();
    place.write("links.csv", links);
    begin();
    let mut other: Value = serde_json::from_str(&own).unwrap();
    assert!(other["program"].as_str().unwrap().len() > 30);
    other["program"] = "another".into();
    place.write(note, other.to_string());
    refused();
    place.write(note, &own);
    begin();
    save(&place.path("bundle"), CONVOLUTION, regression());
    refused();
    place.file(
        "a.csv.gz",
        "out.csv",
        &[&flags[..], &["--restart"]].concat(),
        3,
    );
    begin();
}

#[test]
fn what_is_left_of_finished_parts_is_no_job() {
    let place = Place::new(regression());
    place.write("a.csv", csv_of(&texts(10)));
    place.file("a.csv", "out.csv", &[], 0);
    let wanted = place.text("out.csv");
    // A kill while they are removed leaves any of them.
    for left in ["job.json", "000000.json", "000000.csv"] {
        fs_err::create_dir(place.path("out.csv.parts.done")).unwrap();
        place.write(&format!("out.csv.parts.done/{left}"), "{}");
        let text = place.file("a.csv", "out.csv", &[], 0);
        assert!(!text.contains("were done before"), "{text}");
        assert_eq!(place.text("out.csv"), wanted);
        for name in ["out.csv.parts.done", "out.csv.parts"] {
            assert!(!place.path(name).exists(), "{name}");
        }
    }
}

/// Kills the program at some moment between the output's appearance and its end.
#[test]
fn a_kill_while_parts_are_removed_leaves_the_same_command_to_go() {
    let place = Place::new(regression());
    place.write("a.csv", csv_of(&texts(10)));
    for _attempt in 0..8 {
        let mut child = place.command("a.csv", "out.csv", &[]).spawn().unwrap();
        while !place.path("out.csv").exists() && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // Whole parts, or none: never some of them under the name from which a command goes on.
        let folder = place.path("out.csv.parts");
        if folder.exists() {
            for name in [
                "job.json",
                "lock",
                "000000.json",
                "000000.csv",
                "000000.rejects",
            ] {
                assert!(folder.join(name).exists(), "{name}");
            }
        }
        place.file("a.csv", "out.csv", &[], 0);
        assert!(!folder.exists() && !place.path("out.csv.parts.done").exists());
        fs_err::remove_file(place.path("out.csv")).unwrap();
    }
}

#[test]
fn an_interrupt_keeps_what_is_done() {
    let place = Place::new(regression());
    place.write("a.csv", csv_of(&texts(60_000)));
    let mut child = place
        .command("a.csv", "out.csv", &[])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let part = place.path("out.csv.parts").join("000000.json");
    let began = Instant::now();
    while !part.exists() && child.try_wait().unwrap().is_none() {
        assert!(
            began.elapsed() < Duration::from_secs(300),
            "no part was finished"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    let id = rustix::process::Pid::from_child(&child);
    // Where it ended before, there is nothing to interrupt.
    rustix::process::kill_process(id, rustix::process::Signal::TERM).ok();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.code() == Some(130) {
        assert!(
            text.contains("the same command goes on from there"),
            "{text}"
        );
        let text = place.file("a.csv", "out.csv", &[], 0);
        assert!(text.contains("were done before"), "{text}");
    }
    assert_eq!(place.text("out.csv").matches("\n\",é,").count(), 60_000);
}

#[test]
fn a_second_process_is_kept_out() {
    let place = Place::new(regression());
    place.write("a.csv", csv_of(&texts(10)));
    fs_err::create_dir(place.path("out.csv.parts")).unwrap();
    let lock = fs_err::File::create(place.path("out.csv.parts/lock")).unwrap();
    lock.file().lock().unwrap();
    let text = place.file("a.csv", "out.csv", &[], 2);
    assert!(text.contains("another process is writing"), "{text}");
    drop(lock);
    place.file("a.csv", "out.csv", &[], 0);
}

#[test]
fn a_command_that_was_wrong_does_not_stand_in_the_way_of_the_right_one() {
    let place = Place::new(regression());
    place.write("a.csv", "user,movieId,text\n5,1,good film\n");
    let movielens = ["--format", "movielens", "--timestamp", "7"];
    let text = place.file("a.csv", "out.csv", &movielens, 2);
    assert!(text.contains("there is no column `userId`"), "{text}");
    assert!(!place.path("out.csv.parts").exists());
    // What ends the command before a part is finished, and the corrected input.
    let mut csv = b"userId,movieId,text\n".to_vec();
    csv.extend(b"5,1,a film that is as good as others are\n".repeat(8_000));
    place.write("b.csv.gz", cut_off(&csv));
    place.file("b.csv.gz", "out.csv", &movielens, 3);
    assert!(place.path("out.csv.parts").exists());
    let right = [movielens.as_slice(), &["--user-column", "user"]].concat();
    place.file("a.csv", "out.csv", &right, 0);
    assert!(place.text("out.csv").contains("\n5,1,"));
}
