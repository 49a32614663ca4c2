//! The key of a result.
//!
//! A fingerprint can be wrong in two ways. If it leaves out something that can change the result, a
//! stale result is taken for a fresh one: the worst that a runner can do. If it holds something that
//! cannot, work is done again for nothing. Every field of [`Preimage`] is there for the first reason;
//! paths, times, hosts, stage names and log levels are left out for the second.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cinescore_artifact::Digest;
use cinescore_artifact::describe::{KeyPart, Output};
use cinescore_artifact::digest::Preimage as Bytes;
use cinescore_artifact::task::Shard;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::graph::Stage;
use crate::shards::Piece;

/// Raised when the meaning of a field changes, so that no key of before fits.
///
/// 1: the first.
pub const FORMAT: u32 = 1;

/// Everything that can change a result, in a fixed order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preimage {
    /// [`FORMAT`].
    pub format: u32,
    /// The kind of work with its program, `cinescore-featurize text`.
    pub kind: String,
    /// The digest of the program's code.
    pub code: Digest,
    /// The parameters, defaults filled in, keys sorted.
    #[serde(with = "crate::shared")]
    pub params: Arc<Value>,
    /// The inputs in the order of the description.
    pub inputs: Vec<InputKey>,
    /// The declared outputs.
    #[serde(with = "crate::shared")]
    pub outputs: Arc<Vec<Output>>,
    /// Threads, for kinds whose results depend on them.
    pub threads: Option<usize>,
    /// The class of device, `cpu` or `cuda`, for kinds whose results depend on it.
    pub device: Option<String>,
    /// LibTorch's version, for kinds whose results depend on it.
    pub libtorch: Option<String>,
    /// The environment variables that the file allows, with their values (none: not set).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, Option<String>>,
    /// Which share of the work it is. None of a whole stage, however it is divided: the shares make the same result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
}

/// An input in a key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InputKey {
    /// The input's name.
    pub input: String,
    /// For inputs that take many artifacts: the reference and output by which this one is known to
    /// the stage. Elsewhere none, so that renaming a stage changes nothing.
    pub label: Option<(String, String)>,
    /// The artifact's digest.
    pub digest: Digest,
}

impl Preimage {
    /// The preimage of a stage whose inputs' digests are known.
    pub fn of(stage: &Stage, inputs: Vec<InputKey>) -> Self {
        let keyed_by = |part| stage.kind.keyed_by.contains(&part);
        let program = stage
            .program
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        Self {
            format: FORMAT,
            kind: format!("{program} {}", stage.kind.name),
            code: stage.code,
            params: Arc::clone(&stage.params),
            inputs,
            outputs: Arc::clone(&stage.outputs),
            threads: keyed_by(KeyPart::Threads).then_some(stage.threads),
            device: keyed_by(KeyPart::Device).then(|| {
                stage
                    .device
                    .split(':')
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            }),
            libtorch: stage
                .kind
                .libtorch
                .clone()
                .filter(|_| keyed_by(KeyPart::Libtorch)),
            env: stage.policy.env.clone(),
            shard: match &stage.piece {
                Piece::Shard { shard, .. } => Some(*shard),
                Piece::Whole | Piece::Merge { .. } => None,
            },
        }
    }

    /// The fingerprint: BLAKE3 over the fields, each labelled and with its length.
    pub fn fingerprint(&self) -> Digest {
        let mut bytes = Bytes::new("cinescore fingerprint");
        bytes.field("format", &self.format.to_le_bytes());
        bytes.field("kind", self.kind.as_bytes());
        bytes.field("code", self.code.to_hex().as_bytes());
        // serde_json keeps keys sorted and prints numbers in one way: canonical enough.
        bytes.field("params", self.params.to_string().as_bytes());
        for input in &self.inputs {
            bytes.field("input", input.input.as_bytes());
            if let Some((label, output)) = &input.label {
                bytes.field("label", label.as_bytes());
                bytes.field("output of label", output.as_bytes());
            }
            bytes.field("digest", input.digest.to_hex().as_bytes());
        }
        for output in self.outputs.iter() {
            bytes.field("output", output.name.as_bytes());
            bytes.field("form", output.form.to_string().as_bytes());
            bytes.field("file name", output.file_name.as_bytes());
        }
        for (label, value) in [
            ("threads", self.threads.map(|threads| threads.to_string())),
            ("device", self.device.clone()),
            ("libtorch", self.libtorch.clone()),
        ] {
            if let Some(value) = value {
                bytes.field(label, value.as_bytes());
            }
        }
        for (name, value) in &self.env {
            bytes.field("env", name.as_bytes());
            if let Some(value) = value {
                bytes.field("value", value.as_bytes());
            }
        }
        if let Some(shard) = self.shard {
            bytes.field("shard", &shard.index.to_le_bytes());
            bytes.field("of shards", &shard.count.to_le_bytes());
        }
        bytes.digest()
    }

    /// What differs from an earlier preimage, for people.
    pub fn changes_since(&self, before: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        let mut changed = |what: &str, old: String, new: String| {
            if old != new {
                changes.push(format!("{what}: {old} -> {new}"));
            }
        };
        changed(
            "key format",
            before.format.to_string(),
            self.format.to_string(),
        );
        changed("kind", before.kind.clone(), self.kind.clone());
        changed("code", before.code.short(), self.code.short());
        let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".into());
        let threads =
            |threads: Option<usize>| threads.map_or("none".into(), |threads| threads.to_string());
        changed("threads", threads(before.threads), threads(self.threads));
        changed("device", or_none(&before.device), or_none(&self.device));
        changed(
            "LibTorch",
            or_none(&before.libtorch),
            or_none(&self.libtorch),
        );
        let outputs = |outputs: &[Output]| {
            outputs
                .iter()
                .map(|output| format!("{} ({})", output.name, output.form))
                .collect::<Vec<_>>()
                .join(", ")
        };
        changed("outputs", outputs(&before.outputs), outputs(&self.outputs));
        let names: BTreeSet<&String> = before.env.keys().chain(self.env.keys()).collect();
        for name in names {
            let shown = |env: &BTreeMap<String, Option<String>>| match env.get(name) {
                None => "not allowed".to_owned(),
                Some(None) => "not set".to_owned(),
                Some(Some(value)) => format!("`{value}`"),
            };
            changed(&format!("env {name}"), shown(&before.env), shown(&self.env));
        }
        param_changes("params", &before.params, &self.params, &mut changes);
        input_changes(&before.inputs, &self.inputs, &mut changes);
        changes
    }
}

fn param_changes(path: &str, before: &Value, now: &Value, changes: &mut Vec<String>) {
    match (before, now) {
        (Value::Object(before), Value::Object(now)) => {
            let mut keys: Vec<&String> = before.keys().chain(now.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let get = |values: &serde_json::Map<String, Value>| {
                    values.get(key).cloned().unwrap_or_default()
                };
                param_changes(&format!("{path}.{key}"), &get(before), &get(now), changes);
            }
        }
        (before, now) if before != now => changes.push(format!("{path}: {before} -> {now}")),
        _ => {}
    }
}

fn input_changes(before: &[InputKey], now: &[InputKey], changes: &mut Vec<String>) {
    let name = |key: &InputKey| match &key.label {
        Some((label, output)) => format!("{} ({label}, {output})", key.input),
        None => key.input.clone(),
    };
    let find = |keys: &[InputKey], wanted: &InputKey| {
        keys.iter().find(|key| name(key) == name(wanted)).cloned()
    };
    for key in now {
        match find(before, key) {
            None => changes.push(format!("input {}: new", name(key))),
            Some(old) if old.digest != key.digest => {
                changes.push(format!(
                    "input {}: {} -> {}",
                    name(key),
                    old.digest.short(),
                    key.digest.short()
                ));
            }
            Some(_same) => {}
        }
    }
    for key in before {
        if find(now, key).is_none() {
            changes.push(format!("input {}: gone", name(key)));
        }
    }
}

#[cfg(test)]
mod tests {
    use cinescore_artifact::describe::Output;
    use serde_json::json;

    use super::*;

    fn preimage() -> Preimage {
        Preimage {
            format: FORMAT,
            kind: "cinescore-train fit".into(),
            code: Digest::of_bytes(b"code"),
            params: Arc::new(json!({"epochs": 3, "optimizer": {"adam": {"lr": 0.001}}})),
            inputs: vec![InputKey {
                input: "examples".into(),
                label: None,
                digest: Digest::of_bytes(b"tokens"),
            }],
            outputs: Arc::new(vec![Output::folder("bundle", "")]),
            threads: Some(2),
            device: Some("cpu".into()),
            libtorch: None,
            env: BTreeMap::from([("TZ".to_owned(), None)]),
            shard: Some(Shard { index: 0, count: 2 }),
        }
    }

    #[test]
    fn every_field_counts() {
        let base = preimage().fingerprint();
        let edits: [fn(&mut Preimage); 14] = [
            |p| p.format += 1,
            |p| p.kind.push('x'),
            |p| p.code = Digest::of_bytes(b"other"),
            |p| p.params = Arc::new(json!({"epochs": 3})),
            |p| p.inputs[0].digest = Digest::of_bytes(b"other"),
            |p| p.inputs[0].label = Some(("net".into(), "bundle".into())),
            |p| Arc::make_mut(&mut p.outputs)[0].file_name.push('x'),
            |p| p.threads = Some(1),
            |p| p.device = Some("cuda".into()),
            |p| p.env.clear(),
            |p| p.shard = None,
            |p| p.shard = Some(Shard { index: 1, count: 2 }),
            |p| p.shard = Some(Shard { index: 0, count: 3 }),
            |p| {
                p.env.insert("TZ".into(), Some(String::new()));
            },
        ];
        for edit in edits {
            let mut edited = preimage();
            edit(&mut edited);
            assert_ne!(edited.fingerprint(), base, "{edited:?}");
        }
        assert_eq!(preimage().fingerprint(), base);
    }

    #[test]
    fn changes_are_told_old_and_new() {
        let mut now = preimage();
        now.params = Arc::new(json!({"epochs": 5, "optimizer": {"adam": {"lr": 0.001}}}));
        now.threads = Some(1);
        assert_eq!(
            now.changes_since(&preimage()),
            ["threads: 2 -> 1", "params.epochs: 3 -> 5"]
        );
    }
}
