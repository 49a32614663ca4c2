//! A stage divided into shards: cells that each do a share of the work, and a merge that makes the stage's outputs.
//!
//! Owns how a graph looks once its stages with `shards: N` are divided, and which of the shards nobody needs. The merge has the
//! stage's own name, and its key is that of the undivided stage: how a work is divided is no part of its result, so a
//! result is found whether it was divided or not. Only a run divides; everything else sees whole stages. Does not own
//! what a share is: that is the kind's affair.

use std::sync::Arc;

use cinescore_artifact::describe::{KindDescription, Output};
use cinescore_artifact::task::{PART, Shard};

use crate::error::PipelineError;
use crate::graph::{Graph, Stage};
use crate::plan::{self, Known};
use crate::policy::Policy;
use crate::project::Project;

/// The most shards of a stage.
pub(crate) const MOST: u64 = 4096;
/// The key in the name of a shard.
pub(crate) const KEY: &str = "shard";

/// Which part of a stage's work it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Piece {
    /// All of it.
    #[default]
    Whole,
    /// One share.
    Shard {
        /// Which.
        shard: Shard,
        /// The stage that merges it.
        of: String,
    },
    /// What makes one result of the shares.
    Merge {
        /// The shards, in order.
        shards: Vec<String>,
    },
}

impl Piece {
    /// Whether it is one share of a stage's work.
    pub fn is_shard(&self) -> bool {
        matches!(self, Self::Shard { .. })
    }
}

/// A graph with its stages divided; none where there is nothing to divide.
pub(crate) fn divide(graph: &Graph) -> Option<Graph> {
    if !graph.stages.iter().any(is_divided) {
        return None;
    }
    let mut stages = Vec::with_capacity(graph.stages.len());
    for stage in &graph.stages {
        if is_divided(stage) {
            stages.extend(pieces(stage));
        } else {
            stages.push(stage.clone());
        }
    }
    Some(Graph::of_stages(
        graph.name.clone(),
        graph.file.clone(),
        stages,
    ))
}

fn is_divided(stage: &Stage) -> bool {
    stage.shards.is_some_and(|count| count > 1)
}

/// The shards of a stage, and the merge behind them.
fn pieces(stage: &Stage) -> Vec<Stage> {
    let count = stage.shards.unwrap_or(1);
    let part = vec![Output::folder(PART, "what the merge reads")];
    let kind = Arc::new(KindDescription {
        outputs: part.clone(),
        ..KindDescription::clone(&stage.kind)
    });
    let outputs = Arc::new(part);
    let shard = |index: u32| {
        let number = (KEY.to_owned(), serde_json::Value::from(index + 1));
        let cell: Vec<_> = stage.cell.iter().cloned().chain([number]).collect();
        Stage {
            name: Graph::node_name(&stage.base, &cell),
            cell,
            kind: Arc::clone(&kind),
            outputs: Arc::clone(&outputs),
            shards: None,
            piece: Piece::Shard {
                shard: Shard { index, count },
                of: stage.name.clone(),
            },
            policy: Policy {
                // What the stage as a whole is held to.
                checks: Default::default(),
                tolerances: Default::default(),
                frozen: false,
                ..stage.policy.clone()
            },
            ..stage.clone()
        }
    };
    let mut pieces: Vec<Stage> = (0..count).map(shard).collect();
    let shards = pieces.iter().map(|piece| piece.name.clone()).collect();
    pieces.push(Stage {
        shards: None,
        piece: Piece::Merge { shards },
        ..stage.clone()
    });
    pieces
}

/// Whether nobody needs a shard: the stage's result is there.
pub(crate) fn is_spared(
    project: &Project,
    graph: &Graph,
    stage: &Stage,
    known: &Known,
) -> Result<bool, PipelineError> {
    let Piece::Shard { of, .. } = &stage.piece else {
        return Ok(false);
    };
    let Some(whole) = graph.stage(of) else {
        return Ok(false);
    };
    Ok(plan::assess(project, graph, whole, known)?.record.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::fixtures::{graph, stage};

    #[test]
    fn a_stage_becomes_its_shards_and_a_merge_of_its_name_and_key() {
        let mut plain = graph(&[("a", &[]), ("b[x=1]", &["a"]), ("c", &["b[x=1]"])]);
        assert!(divide(&plain).is_none());
        plain.stages[1].shards = Some(3);
        let divided = divide(&plain).unwrap();
        let names: Vec<&str> = divided.stages.iter().map(|own| own.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "a",
                "b[x=1,shard=1]",
                "b[x=1,shard=2]",
                "b[x=1,shard=3]",
                "b[x=1]",
                "c"
            ]
        );
        let merge = divided.stage("b[x=1]").unwrap();
        assert_eq!(merge.after(), ["a", names[1], names[2], names[3]]);
        assert_eq!(merge.needs(), ["a"]);
        let key = |stage: &Stage| crate::fingerprint::Preimage::of(stage, Vec::new()).fingerprint();
        assert_eq!(key(merge), key(&plain.stages[1]));
        let keys: std::collections::BTreeSet<_> = divided.stages[1..5].iter().map(key).collect();
        assert_eq!(keys.len(), 4);
        // A stage in one piece is not divided.
        let mut one = stage("a", &[]);
        one.shards = Some(1);
        assert!(!is_divided(&one));
    }
}
