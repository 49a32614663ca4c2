//! Stages that fail, lie or leave something behind.

use std::time::{Duration, Instant};

use crate::project::Project;

fn ending(end: &str) -> Project {
    Project::new(&format!(
        "version: 1\nstages: {{a: {{run: toy write, params: {{end: {end}}}}}}}\n"
    ))
}

#[test]
fn a_refused_input_gives_its_exit_code_and_the_end_of_the_log() {
    let project = ending("refused");
    let ran = project.run("run");
    assert_eq!(ran.code, 3);
    assert!(
        ran.stderr
            .contains("error: stage `a` failed (exit code 3); its log: "),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr
            .contains("  error: the input is refused\n  hint: choose another"),
        "{}",
        ran.stderr
    );
    assert!(project.objects().is_empty());
    assert!(!project.view("a").exists());
}

#[test]
fn a_path_that_is_not_utf_8_does_not_hang_a_run() {
    use std::os::unix::ffi::OsStrExt as _;
    let project = ending("well");
    let mut command = project.command("run --artifacts");
    command.arg(std::ffi::OsStr::from_bytes(b"caf\xe9"));
    let mut going = project.spawn_command(command);
    let began = Instant::now();
    while going.is_alive() && began.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(10));
    }
    if going.is_alive() {
        going.signal("KILL");
    }
    let ran = going.end();
    assert!(ran.code > 0, "{}", ran.stderr);
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    assert!(ran.stderr.contains("UTF-8"), "{}", ran.stderr);
}

#[test]
fn a_crash_and_a_missing_output_are_told() {
    let crashed = ending("abort").run("run");
    assert_eq!(crashed.code, 4);
    assert!(
        crashed
            .stderr
            .contains("error: stage `a` failed (signal 6)"),
        "{}",
        crashed.stderr
    );
    let lied = ending("no_output").run("run");
    assert_eq!(lied.code, 4);
    assert!(
        lied.stderr
            .contains("`write` ended without writing its output `made`"),
        "{}",
        lied.stderr
    );
}

#[test]
fn other_bytes_for_the_same_key_are_told() {
    let project = ending("random");
    project.done("run");
    let ran = project.done("run --force");
    assert!(
        ran.stderr.contains("this stage is not deterministic"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_process_left_behind_is_stopped_and_not_waited_for() {
    let began = Instant::now();
    let project = ending("orphan");
    project.done("run");
    assert!(began.elapsed() < Duration::from_secs(60));
}

#[test]
fn artifacts_that_cannot_be_written_are_the_machines_fault() {
    let project = ending("well");
    fs_err::write(
        project.path().join("artifacts"),
        "a file where the folder should be",
    )
    .unwrap();
    let ran = project.run("run");
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert!(
        ran.stderr.starts_with("error: the store cannot "),
        "{}",
        ran.stderr
    );
}
