//! Graphs without files and programs, for unit tests.

use cinescore_artifact::Digest;
use cinescore_artifact::describe::{Input, KindDescription, Output};
use serde_json::json;

use crate::graph::{Graph, Reference, Stage};
use crate::policy::Policy;

/// A stage that needs others.
pub(super) fn stage(name: &str, needs: &[&str]) -> Stage {
    let references = needs.iter().map(|need| Reference::Output {
        stage: (*need).into(),
        output: "made".into(),
        label: (*need).into(),
    });
    let inside = name.split_once('[').map(|(_, inside)| inside);
    let cell = inside.into_iter().flat_map(|inside| {
        let values = inside.trim_end_matches(']').split(',');
        values.filter_map(|value| {
            let (key, value) = value.split_once('=')?;
            Some((key.to_owned(), value.parse::<i64>().ok()?.into()))
        })
    });
    let cell = cell.collect();
    Stage {
        name: name.into(),
        run: "toy write".into(),
        program: "cinescore-toy".into(),
        code: Digest::of_bytes(b"toy"),
        kind: KindDescription {
            name: "write".into(),
            about: String::new(),
            params: json!({}),
            inputs: Vec::new(),
            outputs: vec![Output::file("made", "made.txt", "")],
            keyed_by: Vec::new(),
            libtorch: None,
            provenance: false,
        }
        .into(),
        params: json!({}),
        inputs: vec![(Input::file("from", "").many(), references.collect())],
        threads: 1,
        device: "cpu".into(),
        policy: Policy::default(),
        base: name.split('[').next().unwrap_or_default().into(),
        cell,
    }
}

/// A graph of stages, each with those it needs.
pub(super) fn graph(stages: &[(&str, &[&str])]) -> Graph {
    let stages = stages.iter().map(|(name, needs)| stage(name, needs));
    Graph::of("demo.yaml".into(), stages.collect())
}
