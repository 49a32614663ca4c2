//! Wrong pipelines: every problem of a file at once, each at its place.

use insta::assert_snapshot;

use crate::project::Project;

/// What the program says of a pipeline, which must be refused as configuration.
fn refused(pipeline: &str) -> String {
    let ran = Project::new(pipeline).run("plan");
    assert_eq!(ran.code, 2, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.is_empty());
    // Which programs lie beside the tested one depends on what was built.
    let lines = ran.stderr.lines().filter(|line| {
        !(line.starts_with("  known: ") && line.split([' ', ',']).any(|name| name == "toy"))
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn unknown_keys_programs_kinds_and_parameters() {
    assert_snapshot!(refused("\
version: 1
stage: {}
stages:
  a: {runs: toy write}
  b: {run: toyota write}
  c: {run: toy writes}
  d: {run: toy write, params: {txt: x, sleep_millis: 70000}}
"), @r"
error: unknown key `stage`
  --> pipelines/demo.yaml:2:1
   |
 2 | stage: {}
   | ^^^^^
  known: version, include, vars, executor, sweep, stages
  did you mean `stages`?

error: stage `a` does not say what to `run`
  --> pipelines/demo.yaml:4:3
   |
 4 |   a: {runs: toy write}
   |   ^

error: unknown key `runs`
  --> pipelines/demo.yaml:4:7
   |
 4 |   a: {runs: toy write}
   |       ^^^^
  known: run, inputs, params, matrix, shards, resources, executor, mutex, timeout, retries, env, frozen, persist, records, outputs, metrics
  did you mean `run`?

error: there is no stage program `cinescore-toyota`
  --> pipelines/demo.yaml:5:12
   |
 5 |   b: {run: toyota write}
   |            ^^^^^^^^^^^^

error: `toy writes` names no kind of `cinescore-toy`
  --> pipelines/demo.yaml:6:12
   |
 6 |   c: {run: toy writes}
   |            ^^^^^^^^^^
  known: write, train, folder, wait, lines, climb
  did you mean `write`?

error: unknown parameter `txt`
  --> pipelines/demo.yaml:7:32
   |
 7 |   d: {run: toy write, params: {txt: x, sleep_millis: 70000}}
   |                                ^^^
  known: end, sleep_millis, text
  did you mean `text`?

error: `sleep_millis`: 70000 is greater than the maximum of 60000
  --> pipelines/demo.yaml:7:54
   |
 7 |   d: {run: toy write, params: {txt: x, sleep_millis: 70000}}
   |                                                      ^^^^^
");
}

#[test]
fn references_and_paths() {
    assert_snapshot!(refused("\
version: 1
stages:
  first: {run: toy write}
  b: {run: toy write, inputs: {from: frist.made}}
  c: {run: toy write, inputs: {from: first.maid, form: first}}
  d: {run: toy write, inputs: {from: files/none.txt}}
"), @r"
error: unknown stage `frist`, and there is no file `frist.made`
  --> pipelines/demo.yaml:4:38
   |
 4 |   b: {run: toy write, inputs: {from: frist.made}}
   |                                      ^^^^^^^^^^
  known: first, b, c, d
  did you mean `first`?

error: stage `first` has no output `maid`
  --> pipelines/demo.yaml:5:38
   |
 5 |   c: {run: toy write, inputs: {from: first.maid, form: first}}
   |                                      ^^^^^^^^^^
  known: made
  did you mean `made`?

error: `write` has no input `form`
  --> pipelines/demo.yaml:5:50
   |
 5 |   c: {run: toy write, inputs: {from: first.maid, form: first}}
   |                                                  ^^^^
  known: from
  did you mean `from`?

error: there is no `files/none.txt`, nor `pipelines/files/none.txt`
  --> pipelines/demo.yaml:6:38
   |
 6 |   d: {run: toy write, inputs: {from: files/none.txt}}
   |                                      ^^^^^^^^^^^^^^
");
}

#[test]
fn circles() {
    assert_snapshot!(refused("\
version: 1
stages:
  a: {run: toy write, inputs: {from: b}}
  b: {run: toy write, inputs: {from: a}}
"), @r"
error: these stages need each other in a circle: `a`, `b`
  --> pipelines/demo.yaml:3:3
   |
 3 |   a: {run: toy write, inputs: {from: b}}
   |   ^
");
}

#[test]
fn variables() {
    assert_snapshot!(refused("\
version: 1
vars: {word: x, unread: y}
stages:
  a: {run: toy write, params: {text: \"${wrd} ${word}\"}}
  b: {run: toy write, params: {text: \"${word\"}}
"), @r#"
error: nothing reads the variable `unread`
  --> pipelines/demo.yaml:2:17
   |
 2 | vars: {word: x, unread: y}
   |                 ^^^^^^

error: unknown variable `wrd`
  --> pipelines/demo.yaml:4:38
   |
 4 |   a: {run: toy write, params: {text: "${wrd} ${word}"}}
   |                                      ^^^^^^^^^^^^^^^^
  known: unread, word
  did you mean `word`?

error: `${` without `}`
  --> pipelines/demo.yaml:5:38
   |
 5 |   b: {run: toy write, params: {text: "${word"}}
   |                                      ^^^^^^^^
"#);
    let ran =
        Project::new("version: 1\nstages: {a: {run: toy write}}\n").run("plan --set vars.x=1");
    assert_eq!(ran.code, 2);
    assert_snapshot!(ran.stderr, @r"
    error: --set vars.x: the pipeline has no such variable
      --> pipelines/demo.yaml
    ");
}

#[test]
fn shapes() {
    assert_snapshot!(refused("version: 2\nstages: [a]\n"), @r"
    error: this program reads version 1 of the format
      --> pipelines/demo.yaml:1:10
       |
     1 | version: 2
       |          ^

    error: `stages` must be a mapping, not a list
      --> pipelines/demo.yaml:2:9
       |
     2 | stages: [a]
       |         ^
    ");
    assert_snapshot!(refused("stages:\n  a: {run: 3, inputs: {from: 3}, params: [x], resources: {threads: 0, memory: 3}}\n"), @r"
    error: `version: 1` is missing
      --> pipelines/demo.yaml:1:1
       |
     1 | stages:
       | ^

    error: `run` must be a text, not a number
      --> pipelines/demo.yaml:2:12
       |
     2 |   a: {run: 3, inputs: {from: 3}, params: [x], resources: {threads: 0, memory: 3}}
       |            ^

    error: an input is a reference, a path or a list of them, not a number
      --> pipelines/demo.yaml:2:30
       |
     2 |   a: {run: 3, inputs: {from: 3}, params: [x], resources: {threads: 0, memory: 3}}
       |                              ^

    error: `params` must be a mapping, not a list
      --> pipelines/demo.yaml:2:42
       |
     2 |   a: {run: 3, inputs: {from: 3}, params: [x], resources: {threads: 0, memory: 3}}
       |                                          ^

    error: `threads` must be a number from 1 to 1024
      --> pipelines/demo.yaml:2:68
       |
     2 |   a: {run: 3, inputs: {from: 3}, params: [x], resources: {threads: 0, memory: 3}}
       |                                                                    ^

    error: `memory` must be a size with its unit, such as `512MB` or `4GiB`
      --> pipelines/demo.yaml:2:79
       |
     2 |   a: {run: 3, inputs: {from: 3}, params: [x], resources: {threads: 0, memory: 3}}
       |                                                                               ^
    ");
    assert_snapshot!(refused("version: 1\nstages: {a: {run: toy write}\n"), @r"
    error: did not find expected ',' or '}' at line 3 column 1, while parsing a flow mapping
      --> pipelines/demo.yaml:3:1
       |
     3 | 
       | ^
    ");
    assert_snapshot!(refused(""), @r"
    error: `stages` is missing
      --> pipelines/demo.yaml

    error: `version: 1` is missing
      --> pipelines/demo.yaml
    ");
}
