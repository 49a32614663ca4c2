//! Manifests for Kubernetes.

use std::path::Path;
use std::process::Command;

use k8s_openapi::api::batch::v1::Job;
use serde_json::Value;

use super::{PIPELINE, Site, TASKS};
use crate::project::Ran;

const K8S: &str = "--target k8s --image registry.example/cinescore:1 --claim reviews";

/// A document of Kubernetes, which must have nothing that the API does not know: that would be lost on the way through it.
fn kubernetes_job(text: &str) -> (Job, Value) {
    let written: Value = serde_yaml::from_str(text).unwrap();
    let job: Job = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(serde_json::to_value(&job).unwrap(), written);
    (job, written)
}

fn documents(path: &Path) -> Vec<String> {
    let text = fs_err::read_to_string(path).unwrap();
    let documents = text.split("---\n").filter(|part| !part.trim().is_empty());
    documents.map(String::from).collect()
}

#[test]
fn manifests_are_what_kubernetes_takes_and_a_run_takes_what_pods_made() {
    let site = Site::new(PIPELINE);
    let files = site.emit(K8S);
    let names: Vec<_> = files.iter().map(|path| path.file_name().unwrap()).collect();
    assert_eq!(
        names,
        [
            "submit.sh",
            "wave-1.yaml",
            "wave-2.yaml",
            "wave-3.yaml",
            "wave-4.yaml"
        ]
    );
    let mut counts = Vec::new();
    for wave in &files[1..] {
        for document in documents(wave) {
            let (job, written) = kubernetes_job(&document);
            let spec = job.spec.unwrap();
            assert_eq!(spec.completion_mode.as_deref(), Some("Indexed"));
            let name = job.metadata.name.unwrap();
            assert!(name.len() <= 52 && !name.contains('_'), "{name}");
            let pod = spec.template.spec.unwrap();
            assert_eq!(pod.restart_policy.as_deref(), Some("Never"));
            let [container] = pod.containers.as_slice() else {
                panic!("{written}");
            };
            let limits = container.resources.as_ref().unwrap().limits.clone();
            let cpu = limits.unwrap()["cpu"].0.clone();
            counts.push((spec.completions.unwrap(), cpu, spec.backoff_limit_per_index));
            // Every pod of it, as a kubelet would run it.
            for index in 0..spec.completions.unwrap() {
                let [program, arguments @ ..] = container.command.as_deref().unwrap() else {
                    panic!("{written}");
                };
                let mut pod = Command::new(program);
                pod.args(arguments)
                    .env("JOB_COMPLETION_INDEX", index.to_string());
                assert!(pod.status().unwrap().success());
            }
        }
    }
    let one = || "1".to_owned();
    assert_eq!(
        counts,
        [
            (1, one(), Some(0)),
            (3, one(), Some(0)),
            (2, "2".to_owned(), Some(2)),
            (1, one(), Some(0)),
            (1, one(), Some(0)),
        ]
    );
    assert_eq!(site.worked(), 2);
    assert_eq!(site.done("run").computed().len(), TASKS.len());
    assert_eq!((site.worked(), site.emissions()), (2, 0));
    site.compare_with_local(PIPELINE);
    // Pods must see the artifacts.
    let ran = site.run(&format!("emit {K8S} --mount /elsewhere"));
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert_eq!(site.run("emit --target k8s").code, 2);
}

#[test]
fn waves_are_applied_one_after_another() {
    let site = Site::new(PIPELINE);
    let submit = &site.emit(K8S)[0];
    let bin = site.project.path().join("bin");
    fs_err::create_dir(&bin).unwrap();
    // At first nobody answers, then with nothing; and the wave is still going when it is looked at then.
    let kubectl = "#!/bin/sh\nprintf '%s\\n' \"$*\" >>\"${0%/bin/*}/calls\"\ncase $* in\n*' get '*)\n    looks=$(grep -c ' get ' \"${0%/bin/*}/calls\")\n    case $looks in 1) exit 1 ;; 2) exit 0 ;; esac\n    echo 'demo-1 SuccessCriteriaMet Complete'\n    if [ \"$looks\" = 3 ]; then echo 'demo-2 '; else echo 'demo-2 Failed'; fi ;;\nesac\n";
    let sleep = "#!/bin/sh\nexit 0\n";
    for (name, text) in [("kubectl", kubectl), ("sleep", sleep)] {
        // By a process of its own: one that another test starts meanwhile could hold a file that is written here, and it could not be run.
        let source = bin.join(format!("{name}.sh"));
        fs_err::write(&source, text).unwrap();
        let mut install = Command::new("install");
        install.args(["-m", "755"]).arg(source).arg(bin.join(name));
        assert!(install.status().unwrap().success());
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("sh");
    command
        .arg(submit)
        .args(["--namespace", "reviews"])
        .env("PATH", format!("{}:{path}", bin.display()));
    let ran = Ran::of(command.output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let calls = fs_err::read_to_string(site.project.path().join("calls")).unwrap();
    let verbs: Vec<String> = calls
        .lines()
        .map(|call| {
            let call = call.strip_prefix("--namespace reviews ").unwrap();
            call.split_whitespace()
                .take(3)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    assert_eq!(
        verbs,
        [
            "apply -f wave-1.yaml",
            "get jobs -l",
            "get jobs -l",
            "get jobs -l",
            "get jobs -l",
            "apply -f wave-2.yaml",
            "get jobs -l",
            "apply -f wave-3.yaml",
            "get jobs -l",
            "apply -f wave-4.yaml",
            "get jobs -l",
        ]
    );
}
