//! `dag`, `completions`, `man` and the help.

use std::process::Command;

use crate::project::{DIAMOND, Project};

#[test]
fn the_tree_names_every_stage_once() {
    let project = Project::new(DIAMOND);
    insta::assert_snapshot!(project.done("dag").stdout, @r"
    a        toy write
    ├─ b     toy write
    └─ c     toy write
       └─ d  toy write  also needs b
    ");
    assert_eq!(
        project.done("dag --text").stdout,
        project.done("dag").stdout
    );
}

#[test]
fn mermaid_dot_and_json() {
    let project = Project::new(DIAMOND);
    insta::assert_snapshot!(project.done("dag --mermaid").stdout, @r#"
    flowchart TD
        s0["a<br/><small>toy write</small>"]
        s1["b<br/><small>toy write</small>"]
        s2["c<br/><small>toy write</small>"]
        s3["d<br/><small>toy write</small>"]
        s0 -->|"made"| s1
        s0 -->|"made"| s2
        s1 -->|"made"| s3
        s2 -->|"made"| s3
    "#);
    insta::assert_snapshot!(project.done("dag --dot").stdout, @r#"
    digraph "demo" {
        node [shape=box, fontname="sans-serif"];
        edge [fontname="sans-serif", fontsize=10];
        s0 [label="a\ntoy write"];
        s1 [label="b\ntoy write"];
        s2 [label="c\ntoy write"];
        s3 [label="d\ntoy write"];
        s0 -> s1 [label="made"];
        s0 -> s2 [label="made"];
        s1 -> s3 [label="made"];
        s2 -> s3 [label="made"];
    }
    "#);
    let json: serde_json::Value = serde_json::from_str(&project.done("dag --json").stdout).unwrap();
    assert_eq!(json["nodes"][3]["needs"]["b"][0], "made");
    assert_eq!(project.run("dag --dot --json").code, 2);
}

#[test]
fn completions_are_scripts_that_their_shells_read() {
    let project = Project::new(DIAMOND);
    for shell in ["bash", "zsh", "fish"] {
        let script = project.done(&format!("completions {shell}")).stdout;
        assert!(script.contains("explain"), "{shell}");
        let file = project.path().join(shell);
        fs_err::write(&file, script).unwrap();
        // Only the shells that are there.
        if let Ok(output) = Command::new(shell).arg("-n").arg(&file).output() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{shell}: {said}");
        }
    }
    assert_eq!(project.run("completions tcsh").code, 2);
}

#[test]
fn there_is_a_man_page_for_each_verb() {
    let project = Project::new(DIAMOND);
    project.done("man man1");
    let help = project.done("--help").stdout;
    let verbs = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| {
            line.strip_prefix("  ")
                .filter(|line| !line.starts_with(' '))
        })
        .filter_map(|line| line.split_whitespace().next());
    let verbs: Vec<&str> = verbs.filter(|verb| *verb != "help").collect();
    assert!(verbs.len() >= 11, "{help}");
    for verb in verbs {
        let page = project.path().join(format!("man1/cinescore-{verb}.1"));
        let page = fs_err::read_to_string(page).unwrap();
        assert!(page.starts_with(".ie"), "{page}");
        let help = project.done(&format!("{verb} --help")).stdout;
        assert!(help.contains("\nExample"), "{help}");
    }
    assert!(project.path().join("man1/cinescore.1").is_file());
}

#[test]
fn help_lists_the_exit_codes() {
    let help = Project::new(DIAMOND).done("--help").stdout;
    for line in ["0    done", "1    stale", "130  interrupted"] {
        assert!(help.contains(line), "{help}");
    }
}
