//! Graphs without files and programs, for unit tests.

use std::sync::Arc;

use cinescore_artifact::Digest;
use cinescore_artifact::describe::{Input, KindDescription, Output};
use serde_json::json;

use crate::graph::{Graph, Reference, Stage};
use crate::policy::Policy;
use crate::shards::Piece;

/// A stage that needs others.
pub(crate) fn stage(name: &str, needs: &[&str]) -> Stage {
    let references = needs.iter().map(|need| Reference::Output {
        stage: (*need).into(),
        output: "made".into(),
        label: (*need).into(),
    });
    Stage {
        name: name.into(),
        run: "toy write".into(),
        program: "cinescore-toy".into(),
        code: Digest::of_bytes(b"toy"),
        kind: Arc::new(KindDescription {
            name: "write".into(),
            about: String::new(),
            params: json!({}),
            inputs: Vec::new(),
            outputs: vec![Output::file("made", "made.txt", "")],
            keyed_by: Vec::new(),
            libtorch: None,
            provenance: false,
            shards: false,
        }),
        params: Arc::new(json!({})),
        inputs: vec![(
            Arc::new(Input::file("from", "").many()),
            references.collect(),
        )],
        outputs: Arc::default(),
        threads: 1,
        device: "cpu".into(),
        policy: Policy::default(),
        shards: None,
        piece: Piece::Whole,
        base: name.split('[').next().unwrap_or_default().into(),
        cell: cell(name),
    }
}

/// The values of `net[seed=7]`.
fn cell(name: &str) -> Vec<(String, serde_json::Value)> {
    let inside = name.split_once('[').map_or("", |(_, inside)| inside);
    inside
        .trim_end_matches(']')
        .split(',')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.into()))
        .collect()
}

/// A graph of stages, each with those it needs.
pub(crate) fn graph(stages: &[(&str, &[&str])]) -> Graph {
    let stages = stages
        .iter()
        .map(|(name, needs)| stage(name, needs))
        .collect();
    Graph::of_stages("demo".into(), "demo.yaml".into(), stages)
}
