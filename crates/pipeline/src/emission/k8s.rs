//! Kubernetes' Indexed Jobs (`batch/v1`, `completionMode: Indexed`; Kubernetes 1.33 or later).
//!
//! Jobs do not wait for each other, so the tasks are cut into waves: what needs nothing, what needs only that, and so on; of a wave one
//! Job for all tasks that ask for the same, and `submit.sh`, which applies a wave when the one before has ended. A task
//! whose needs did not end well does not run, whoever starts it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::script::{DOES_NOT_START, NO_PROGRAM, OTHER_PROGRAM};
use super::write::Piece;
use super::{SCRIPT, task_name};
use crate::error::PipelineError;
use crate::run::shell_quoted;

/// The label of all Jobs of an emission.
const EMISSION: &str = "cinescore/emission";
/// The label of all Jobs of a wave.
const WAVE: &str = "cinescore/wave";
/// The volume that all see.
const SHARED: &str = "shared";

/// What a cluster must be told.
#[derive(Debug, Clone)]
pub struct Kubernetes {
    /// An image with the stage programs, LibTorch and a shell.
    pub image: String,
    /// The claim of the volume on which the artifacts lie, and the data.
    pub claim: String,
    /// Where pods see the volume: the path that it has here.
    pub mount: PathBuf,
    /// The most pods of a Job at once; as many as there are tasks where not said.
    pub at_once: Option<u32>,
}

/// What the tasks of one Job have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Class {
    wave: usize,
    threads: usize,
    gpus: usize,
    memory_bytes: Option<u64>,
    seconds: u64,
    tries: usize,
}

/// Writes the manifests, a file for each wave, and the script that applies them. Gives the script, then the files.
pub(super) fn write(
    emission: &Path,
    pipeline: &str,
    pieces: &[Piece],
    cluster: &Kubernetes,
) -> Result<Vec<PathBuf>, PipelineError> {
    let id = emission.file_name().unwrap_or_default().to_string_lossy();
    let id = end(&label(&id, usize::MAX), 40).to_owned();
    let mut waves: BTreeMap<usize, Vec<Value>> = BTreeMap::new();
    let mut classes: BTreeMap<Class, Vec<usize>> = BTreeMap::new();
    for (number, wave) in waves_of(pieces).into_iter().enumerate() {
        let piece = &pieces[number];
        let class = Class {
            wave,
            threads: piece.threads,
            gpus: piece.gpus,
            memory_bytes: piece.memory_bytes,
            seconds: piece.limits.first().copied().unwrap_or(0),
            tries: piece.limits.len(),
        };
        classes.entry(class).or_default().push(number);
    }
    for (index, (class, numbers)) in classes.into_iter().enumerate() {
        let list = emission.join(format!("job-{index}.tasks"));
        let lines: String = numbers
            .iter()
            .map(|number| format!("{}\n", task_name(*number)))
            .collect();
        put(&list, &lines)?;
        let name = format!("{}-{}-{index}", label(pipeline, 20), end(&id, 16));
        let job = Job {
            name: &name,
            id: &id,
            emission,
            list: &list,
            count: numbers.len(),
        };
        waves
            .entry(class.wave)
            .or_default()
            .push(job.manifest(&class, cluster));
    }
    let mut files = vec![emission.join("submit.sh")];
    for (wave, jobs) in &waves {
        let path = emission.join(format!("wave-{wave}.yaml"));
        let mut text = String::new();
        for job in jobs {
            let yaml = serde_yaml::to_string(job)
                .map_err(|error| PipelineError::io("write", &path)(std::io::Error::other(error)))?;
            text.push_str("---\n");
            text.push_str(&yaml);
        }
        put(&path, &text)?;
        files.push(path);
    }
    put(&files[0], &submit(emission, &id, waves.keys().copied()))?;
    Ok(files)
}

fn put(path: &Path, text: &str) -> Result<(), PipelineError> {
    fs_err::write(path, text).map_err(PipelineError::io("write", path))
}

/// The wave of each task, from 1: one behind the last of what it needs.
fn waves_of(pieces: &[Piece]) -> Vec<usize> {
    let mut waves: Vec<usize> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        // Tasks stand behind what they need.
        let before = piece.needs.iter().map(|need| waves[*need]).max();
        waves.push(before.unwrap_or(0) + 1);
    }
    waves
}

struct Job<'a> {
    name: &'a str,
    id: &'a str,
    emission: &'a Path,
    list: &'a Path,
    count: usize,
}

impl Job<'_> {
    fn manifest(&self, class: &Class, cluster: &Kubernetes) -> Value {
        let labels = json!({
            "app.kubernetes.io/name": "cinescore",
            EMISSION: self.id,
            WAVE: class.wave.to_string(),
        });
        let at_once = cluster.at_once.map_or(self.count, |most| most as usize);
        let mut resources = BTreeMap::from([("cpu".to_owned(), class.threads.to_string())]);
        if let Some(bytes) = class.memory_bytes {
            resources.insert("memory".into(), bytes.to_string());
        }
        if class.gpus > 0 {
            resources.insert("nvidia.com/gpu".into(), class.gpus.to_string());
        }
        let mut pod = json!({
            "restartPolicy": "Never",
            // What they write belongs to whoever takes it.
            "securityContext": {
                "runAsUser": rustix::process::getuid().as_raw(),
                "runAsGroup": rustix::process::getgid().as_raw(),
            },
            "containers": [{
                "name": "stage",
                "image": cluster.image,
                "command": ["sh", self.emission.join(SCRIPT), "--list", self.list],
                "resources": { "requests": resources, "limits": resources },
                "volumeMounts": [{ "name": SHARED, "mountPath": cluster.mount }],
            }],
            "volumes": [{
                "name": SHARED,
                "persistentVolumeClaim": { "claimName": cluster.claim },
            }],
        });
        if class.seconds > 0 {
            pod["activeDeadlineSeconds"] = class.seconds.into();
        }
        json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": { "name": self.name, "labels": labels },
            "spec": {
                "completionMode": "Indexed",
                "completions": self.count,
                "parallelism": at_once.clamp(1, self.count.max(1)),
                "backoffLimitPerIndex": class.tries.saturating_sub(1),
                // One task that fails is no reason to stop the others.
                "maxFailedIndexes": self.count,
                "podFailurePolicy": { "rules": [
                    {
                        "action": "FailIndex",
                        "onExitCodes": {
                            "containerName": "stage",
                            "operator": "In",
                            // Wrong usage, refused input, a node that lacks something: it would only fail again.
                            "values": [2, 3, NO_PROGRAM, OTHER_PROGRAM, DOES_NOT_START],
                        },
                    },
                    {
                        "action": "Ignore",
                        "onPodConditions": [{ "type": "DisruptionTarget", "status": "True" }],
                    },
                ] },
                "template": { "metadata": { "labels": labels }, "spec": pod },
            },
        })
    }
}

/// The script that applies the waves one after another.
fn submit(emission: &Path, id: &str, waves: impl Iterator<Item = usize>) -> String {
    let mut text = format!(
        "#!/bin/sh\n# Applies the Jobs of an emission, wave by wave; arguments go to kubectl, such as `--namespace reviews`.\n\
         set -e\ncd {}\nended() {{\n    # Jobs of a wave that are neither complete nor failed. Who got no answer asks again.\n    \
         said=$(kubectl \"$@\" get jobs -l {EMISSION}={id},{WAVE}=$wave \\\n        \
         -o 'jsonpath={{range .items[*]}}{{.metadata.name}} {{.status.conditions[?(@.status==\"True\")].type}}{{\"\\n\"}}{{end}}') || return 1\n    \
         [ -n \"$said\" ] || return 1\n    \
         ! printf '%s\\n' \"$said\" | grep -qvE ' .*(Complete|Failed)'\n}}\n",
        shell_quoted(&emission.to_string_lossy())
    );
    for wave in waves {
        text.push_str(&format!(
            "wave={wave}\nkubectl \"$@\" apply -f wave-{wave}.yaml\nuntil ended \"$@\"; do sleep 10; done\n"
        ));
    }
    text
}

/// A text as a part of a name or label: lower-case letters, digits and `-`, of at most so many characters.
fn label(text: &str, most: usize) -> String {
    let plain: String = text
        .chars()
        .map(|c| match c.to_ascii_lowercase() {
            c if c.is_ascii_alphanumeric() => c,
            _ => '-',
        })
        .take(most)
        .collect();
    let plain = plain.trim_matches('-');
    if plain.is_empty() { "x" } else { plain }.to_owned()
}

/// The end of an id as [`label`] writes it: its time and what was drawn by chance make it one, its beginning is the pipeline's name.
fn end(id: &str, most: usize) -> &str {
    let begin = id.len().saturating_sub(most);
    id[begin..].trim_matches('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_what_kubernetes_takes() {
        assert_eq!(label("Über_alles.2", 20), "ber-alles-2");
        assert_eq!(label("---", 20), "x");
        assert_eq!(label("a-b-c-d", 4), "a-b");
        assert_eq!(end("demo-20261122t021045-ab12cd", 16), "22t021045-ab12cd");
    }

    #[test]
    fn emissions_of_a_long_name_are_told_apart() {
        let name = "n".repeat(40);
        let mut seen = std::collections::BTreeSet::new();
        for ending in [
            "20261122T021045-ab12cd",
            "20261122T021045-ab12ce",
            "20261123T021045-ab12cd",
        ] {
            let id = label(&format!("{name}-{ending}"), usize::MAX);
            let id = end(&id, 40);
            assert_eq!(id.len(), 40);
            assert!(id.ends_with(&ending.to_lowercase()), "{id}");
            assert!(seen.insert((id.to_owned(), end(id, 16).to_owned())));
        }
        let jobs: std::collections::BTreeSet<&String> = seen.iter().map(|(_, job)| job).collect();
        assert_eq!(jobs.len(), 3);
    }
}
