//! `explain` and `diff`.

use serde_json::Value;

use crate::project::{DIAMOND, Project, Ran};

/// The diamond, run, and run again with another text of `b`.
fn changed() -> Project {
    let project = Project::new(DIAMOND);
    project.done("run");
    project.write(&DIAMOND.replace("{text: b}", "{text: long}"));
    project.done("run");
    project
}

/// What was printed, with ids and digests, which differ from machine to machine, by their length alone.
fn masked(text: &str) -> String {
    let mut words = Vec::new();
    for line in text.lines() {
        let line: Vec<String> = line
            .split(' ')
            .map(|word| {
                let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
                let is_digest = bare.len() == 12 && bare.bytes().all(|b| b.is_ascii_hexdigit());
                if is_digest {
                    word.replace(bare, "DIGEST")
                } else if bare.contains("Z-demo-") {
                    word.replace(bare, "RUN")
                } else {
                    word.into()
                }
            })
            .collect();
        words.push(line.join(" "));
    }
    words.join("\n")
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn a_fresh_stage_is_explained_by_its_key() {
    let project = Project::new(DIAMOND);
    project.done("run");
    let ran = project.done("explain b");
    insta::assert_snapshot!(masked(&ran.stdout), @r#"
    b: toy write
      state    fresh
      key      DIGEST
      on view  DIGEST, made by run RUN

    Nothing changed since the result on view.

    In the key:
      code                  DIGEST
      format                1
      input from (a, made)  DIGEST
      kind                  "cinescore-toy write"
      output made           {"file_name":"made.txt","form":"file"}
      params.end            "well"
      params.sleep_millis   0
      params.text           "b"
    "#);
    assert_eq!(ran.stderr, "");
}

#[test]
fn a_changed_parameter_is_told_old_and_new() {
    let project = Project::new(DIAMOND);
    project.done("run");
    project.write(&DIAMOND.replace("{text: b}", "{text: long, sleep_millis: 1}"));
    let ran = project.done("explain b");
    let changed: Vec<&str> = ran.stdout.lines().skip(5).take(3).collect();
    insta::assert_snapshot!(changed.join("\n"), @r#"
    Changed since the result on view:
      params.sleep_millis  0 -> 1
      params.text          "b" -> "long"
    "#);
    let explained = json(&project.done("explain b --json"));
    assert_eq!(explained["changes"][1]["field"], "params.text");
    assert_eq!(explained["changes"][1]["before"], "b");
    assert_eq!(explained["changes"][1]["after"], "long");
    assert_eq!(explained["plan"]["state"], "run");
    assert_eq!(explained["key"]["params.end"], "well");
    // Below it nothing is known yet.
    let waits = project.done("explain d");
    insta::assert_snapshot!(masked(&waits.stdout), @r#"
    d: toy write
      state    waits     for b
      key      not known before b has run
      on view  DIGEST, made by run RUN

    Nothing changed since the result on view but, perhaps, the inputs.

    In the key:
      code                 DIGEST
      format               1
      kind                 "cinescore-toy write"
      output made          {"file_name":"made.txt","form":"file"}
      params.end           "well"
      params.sleep_millis  0
      params.text          "d"
    "#);
    assert_eq!(
        waits.stderr,
        "hint: `cinescore explain b` says why that one must run\n"
    );
}

#[test]
fn a_changed_input_names_the_stage_to_explain_next() {
    let project = changed();
    // `d` is fresh; its former result is put on view by the former pipeline, without running anything.
    project.write(DIAMOND);
    let ran = project.done("explain d");
    insta::assert_snapshot!(masked(&ran.stdout).lines().take(6).collect::<Vec<_>>().join("\n"), @r"
    d: toy write
      state    restore   the store has its result
      key      DIGEST
      on view  DIGEST, made by run RUN

    Changed since the result on view:
    ");
    assert_eq!(
        ran.stderr,
        "hint: `cinescore explain b` says why `input from (b.made, made)` changed\n"
    );
}

#[test]
fn a_stage_that_never_ran_is_explained_too() {
    let project = Project::new(DIAMOND);
    let ran = project.done("explain a");
    insta::assert_snapshot!(masked(&ran.stdout).lines().take(4).collect::<Vec<_>>().join("\n"), @r"
    a: toy write
      state    run       it was never run in this pipeline
      key      DIGEST
      on view  nothing
    ");
    assert_eq!(
        json(&project.done("explain a --json"))["on_view"],
        Value::Null
    );
}

#[test]
fn two_runs_are_compared_for_a_stage() {
    let project = changed();
    let ran = project.done("explain d last~1 last");
    insta::assert_snapshot!(masked(&ran.stdout), @r"
    d
      before  DIGEST  computed in run RUN
      after   DIGEST  computed in run RUN

    Changed:
      input from (b.made, made)  DIGEST -> DIGEST

    Other bytes: made
    ");
    assert_eq!(
        ran.stderr,
        "hint: `cinescore explain b` says why `input from (b.made, made)` changed\n"
    );
    let b = json(&project.done("explain b last~1 last --json"));
    assert_eq!(b["changes"][0]["field"], "params.text");
    assert_eq!(b["before"]["how"], "computed");
    let same = project.done("explain a last~1 last");
    assert!(
        same.stdout.contains("The keys are the same."),
        "{}",
        same.stdout
    );
    let unknown = project.run("explain e last~1 last");
    assert_eq!(unknown.code, 2);
    assert_eq!(project.run("explain e").code, 2);
    assert_eq!(project.run("explain d last").code, 2);
}

#[test]
fn a_stage_that_is_not_deterministic_is_told() {
    let pipeline = "version: 1\nstages: {a: {run: toy write, params: {end: random}}}\n";
    let project = Project::new(pipeline);
    project.done("run");
    project.done("run --force");
    let ran = project.done("explain a last~1 last");
    assert!(
        ran.stdout.contains("this stage is not deterministic"),
        "{}",
        ran.stdout
    );
}

#[test]
fn two_runs_differ_in_params_and_metrics() {
    let project = changed();
    let ran = project.done("diff");
    insta::assert_snapshot!(masked(&ran.stdout), @r"
    stage  metric  before  after  change
    b      length       1      4      +3

    stage  parameter  before  after
    b      text       b       long

    stage  otherwise different
    b      bytes of made
    d      bytes of made
    ");
    assert!(
        masked(&ran.stderr).starts_with("RUN -> RUN"),
        "{}",
        ran.stderr
    );
    insta::assert_snapshot!(masked(&project.done("diff last~1 last --markdown").stdout), @r"
    `RUN` → `RUN`

    #### Metrics

    | stage | metric | before | after | change |
    | --- | --- | ---: | ---: | ---: |
    | b | length | 1 | 4 | +3 |

    #### Parameters

    | stage | parameter | before | after |
    | --- | --- | --- | --- |
    | b | text | b | long |

    #### Other differences

    | stage | otherwise different |
    | --- | --- |
    | b | bytes of made |
    | d | bytes of made |
    ");
    let found = json(&project.done("diff --json"));
    assert_eq!(found["metrics"][0]["change"], 3.0);
    assert_eq!(found["params"][0]["after"], "long");
    let all = json(&project.done("diff --json --all"));
    assert_eq!(all["metrics"].as_array().unwrap().len(), 4);
    assert_eq!(all["params"].as_array().unwrap().len(), 12);
    assert!(
        project
            .done("diff last last")
            .stderr
            .contains("the same parameters, metrics and outputs")
    );
}

#[test]
fn the_lock_file_and_the_present_are_sides_too() {
    let project = Project::new(DIAMOND);
    project.done("run --lock");
    project.write(
        &DIAMOND
            .replace("{text: b}", "{text: long}")
            .replace("  c:", "  e:")
            .replace("c.made", "e.made"),
    );
    let before = project.done("diff lock now");
    insta::assert_snapshot!(before.stdout, @r"
    stage  metric  before  after  change
    b      length       1      -       -
    d      length       1      -       -

    stage  parameter  before  after
    b      text       b       long

    stage  only in
    c      pipelines/demo.lock
    e      now
    ");
    assert_eq!(before.stderr, "pipelines/demo.lock -> now\n");
    project.done("run");
    let after = json(&project.done("diff pipelines/demo.lock last --json"));
    assert_eq!(after["metrics"][0]["after"], 4.0);
    assert_eq!(after["stages"][0]["only_in"], "pipelines/demo.lock");
}

#[test]
fn a_side_that_is_not_there_is_told() {
    let project = Project::new(DIAMOND);
    assert_eq!(project.run("diff").code, 2);
    assert_eq!(project.run("diff lock now").code, 2);
    project.done("run");
    let ran = project.run("diff 2099 last");
    assert_eq!(ran.code, 2);
    assert!(
        masked(&ran.stderr).starts_with("error: unknown run `2099` (known: RUN)"),
        "{}",
        ran.stderr
    );
}
