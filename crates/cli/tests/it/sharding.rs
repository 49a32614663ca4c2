//! Stages divided into shards: the same bytes under the same key, shard by shard.

use crate::project::{Project, Ran};

/// A stage of ten lines, and one behind it.
const LINES: &str = "\
version: 1
stages:
  rate: {run: toy lines, shards: 4, inputs: {from: lines.txt}, params: {text: \"> \"}, resources: {threads: 1}}
  all: {run: toy write, inputs: {from: rate}, params: {text: end}}
";

fn project(pipeline: &str) -> Project {
    let project = Project::new(pipeline);
    let lines: String = (0..10).map(|line| format!("line {line}\n")).collect();
    fs_err::write(project.path().join("lines.txt"), lines).unwrap();
    project
}

fn undivided() -> String {
    LINES.replace("shards: 4, ", "")
}

/// The fingerprint that a plan has for a stage.
fn fingerprint(project: &Project, stage: &str) -> String {
    let plan: serde_json::Value =
        serde_json::from_str(&project.done("plan --json").stdout).unwrap();
    let stages = plan["stages"].as_array().unwrap();
    let own = stages.iter().find(|own| own["stage"] == stage).unwrap();
    own["fingerprint"].to_string()
}

fn shards_of(ran: &Ran) -> usize {
    let computed = ran.computed();
    computed
        .iter()
        .filter(|stage| stage.contains("shard="))
        .count()
}

#[test]
fn a_divided_stage_has_the_bytes_and_the_key_of_an_undivided_one() {
    let whole = project(&undivided());
    assert_eq!(whole.done("run").computed(), ["rate", "all"]);
    let divided = project(LINES);
    let ran = divided.done("run -j 1");
    assert_eq!(
        ran.computed(),
        [
            "rate[shard=1]",
            "rate[shard=2]",
            "rate[shard=3]",
            "rate[shard=4]",
            "rate",
            "all"
        ]
    );
    assert_eq!(divided.made("rate"), whole.made("rate"));
    assert!(divided.made("rate").starts_with("> line 0\n> line 1\n"));
    assert_eq!(fingerprint(&divided, "rate"), fingerprint(&whole, "rate"));
    // However it is divided, and whether: it is made.
    for other in [LINES.replace("shards: 4", "shards: 3"), undivided()] {
        divided.write(&other);
        assert!(divided.done("run").computed().is_empty());
        whole.write(&other);
        assert!(whole.done("run").computed().is_empty());
    }
    // People see one stage.
    let views = fs_err::read_dir(divided.path().join("artifacts/runs/demo")).unwrap();
    let mut views: Vec<_> = views.map(|view| view.unwrap().file_name()).collect();
    views.sort();
    assert_eq!(views, ["all", "rate"]);
    divided.done("verify");
}

#[test]
fn what_is_done_of_the_shards_is_kept() {
    let pipeline = LINES.replace("text: \"> \"", "text: \"> \", fails_at: \"line 6\"");
    let project = project(&pipeline);
    let ran = project.run("run -j 1 --keep-going");
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(ran.stderr.contains("rate[shard=3]"), "{}", ran.stderr);
    assert_eq!(shards_of(&ran), 3);
    // The line is mended, and the three shards without it are there.
    let lines = project.path().join("lines.txt");
    let ran = project.run("run --keep-going");
    assert_eq!((ran.code, shards_of(&ran)), (4, 0), "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("restore").count(), 3, "{}", ran.stderr);
    // Another line is another input for all of them.
    let text = fs_err::read_to_string(&lines).unwrap();
    fs_err::write(&lines, text.replace("line 6", "line six")).unwrap();
    let ran = project.done("run");
    assert_eq!(shards_of(&ran), 4);
    assert_eq!(project.made("all").lines().count(), 11);
}

#[test]
fn a_forced_stage_is_made_anew_with_all_its_shards() {
    let project = project(LINES);
    project.done("run");
    let ran = project.done("run rate --force");
    assert_eq!((ran.computed().len(), shards_of(&ran)), (5, 4));
    // A selected stage brings its shards along, which run for its reasons.
    fs_err::write(project.path().join("lines.txt"), "one\ntwo\n").unwrap();
    let plan = project.done("plan").stdout;
    assert!(plan.contains("input from (lines.txt, ): "), "{plan}");
    assert!(plan.contains("(in 4 shards)"), "{plan}");
    let ran = project.done("run rate --only");
    assert_eq!((ran.computed().len(), shards_of(&ran)), (5, 4));
    let reasons = ran.stderr.matches("input from (lines.txt, ): ").count();
    assert_eq!(reasons, 5, "{}", ran.stderr);
    assert_eq!(project.made("rate"), "> one\n> two\n");
}

#[test]
fn a_person_can_do_it_by_hand() {
    let project = project(LINES);
    let toy = |arguments: &str| {
        let mut command = project.command("");
        let path = command.get_envs().find(|(name, _)| *name == "PATH");
        let path = path.unwrap().1.unwrap().to_owned();
        let arguments = arguments.split_whitespace();
        command = std::process::Command::new("cinescore-toy");
        command
            .args(arguments)
            .current_dir(project.path())
            .env("PATH", path);
        Ran::of(command.output().unwrap())
    };
    for shard in ["1/2", "2/2"] {
        let out = &shard[..1];
        let ran = toy(&format!("lines --from lines.txt --shard {shard} -o {out}"));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
    let ran = toy("lines --from lines.txt --merge 1 --merge 2 -o out");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(toy("lines --from lines.txt -o whole").code, 0);
    let made = |folder: &str| fs_err::read(project.path().join(folder).join("made.txt")).unwrap();
    assert_eq!(made("out"), made("whole"));
    for wrong in [
        "lines --shard 3/2",
        "lines --shard 0/2",
        "lines --merge whole",
        "write --shard 1/2",
    ] {
        let ran = toy(&format!("{wrong} --from lines.txt -o wrong"));
        assert_eq!(ran.code, 2, "{wrong}: {}", ran.stderr);
    }
}
