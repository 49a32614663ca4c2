//! Which stages a run is about.

use std::collections::BTreeSet;

use crate::error::PipelineError;
use crate::graph::Graph;

/// Which stages a run is about. What they need from outside must be fresh, unless it is selected too.
///
/// A stage is given by its name; the name of a matrix stands for all its cells.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// These stages and everything above them; all where empty.
    pub stages: Vec<String>,
    /// `stages` without what is above them.
    pub only: bool,
    /// These stages and everything below them.
    pub from: Vec<String>,
    /// These stages and everything below them, and whatever all those need.
    pub downstream: Vec<String>,
    /// Run selected stages even if they are fresh. With `downstream`, what lies above is not forced.
    pub force: bool,
}

/// The stages of a selection, by their places in the graph.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Selected {
    /// May run.
    pub(super) may_run: BTreeSet<usize>,
    /// Must be looked at: what may run, and all above.
    pub(super) wanted: BTreeSet<usize>,
    /// Run even if they are fresh.
    pub(super) forced: BTreeSet<usize>,
}

/// The graph by places: who needs whom.
#[derive(Debug)]
pub(super) struct Edges {
    /// Whom a stage needs.
    pub(super) needs: Vec<Vec<usize>>,
    /// Who needs it.
    pub(super) needed_by: Vec<Vec<usize>>,
}

impl Edges {
    pub(super) fn of(graph: &Graph) -> Self {
        let places: std::collections::BTreeMap<&str, usize> = graph
            .stages
            .iter()
            .enumerate()
            .map(|(place, stage)| (stage.name.as_str(), place))
            .collect();
        let needs: Vec<Vec<usize>> = graph
            .stages
            .iter()
            .map(|stage| {
                let needs = stage.after().into_iter();
                needs.filter_map(|name| places.get(name).copied()).collect()
            })
            .collect();
        let mut needed_by = vec![Vec::new(); needs.len()];
        for (place, needs) in needs.iter().enumerate() {
            for need in needs {
                needed_by[*need].push(place);
            }
        }
        Self { needs, needed_by }
    }

    fn reach(edges: &[Vec<usize>], from: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut next: Vec<usize> = from.into_iter().collect();
        while let Some(place) = next.pop() {
            if found.insert(place) {
                next.extend(&edges[place]);
            }
        }
        found
    }

    /// Some stages and all that they need.
    fn above(&self, from: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
        Self::reach(&self.needs, from)
    }

    /// Some stages and all that need them.
    pub(super) fn below(&self, from: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
        Self::reach(&self.needed_by, from)
    }
}

impl Selection {
    /// The selected stages.
    pub(super) fn resolve(&self, graph: &Graph, edges: &Edges) -> Result<Selected, PipelineError> {
        let named = places(graph, &self.stages)?;
        let from = places(graph, &self.from)?;
        let downstream = places(graph, &self.downstream)?;
        if self.only && self.stages.is_empty() {
            return Err(PipelineError::Usage(
                "--only needs the names of the stages to run".into(),
            ));
        }
        let everything = || (0..graph.stages.len()).collect::<BTreeSet<usize>>();
        let (mut may_run, mut forced) = if !from.is_empty() {
            let below = edges.below(from);
            (below.clone(), below)
        } else if !downstream.is_empty() {
            let below = edges.below(downstream);
            (edges.above(below.iter().copied()), below)
        } else if self.stages.is_empty() {
            (everything(), everything())
        } else if self.only {
            (named.clone(), named.clone())
        } else {
            let above = edges.above(named.iter().copied());
            (above.clone(), above)
        };
        if !named.is_empty() {
            // `run report --from net`: what lies between the two.
            let above = edges.above(named);
            may_run.retain(|place| above.contains(place));
            forced.retain(|place| above.contains(place));
        }
        if !self.force {
            forced.clear();
        }
        Ok(Selected {
            wanted: edges.above(may_run.iter().copied()),
            may_run,
            forced,
        })
    }
}

fn places(graph: &Graph, texts: &[String]) -> Result<BTreeSet<usize>, PipelineError> {
    let mut names = BTreeSet::new();
    for text in texts {
        let found = graph.matching(text)?;
        names.extend(found.into_iter().map(|stage| stage.name.as_str()));
    }
    let stages = graph.stages.iter().enumerate();
    Ok(stages
        .filter(|(_, stage)| names.contains(stage.name.as_str()))
        .map(|(place, _)| place)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::graph;
    use super::*;

    /// The names of what may run, and of what is forced.
    fn resolved(selection: &Selection) -> (String, String) {
        let graph = graph(&[
            ("a", &[]),
            ("b", &["a"]),
            ("net[seed=7]", &["b"]),
            ("net[seed=8]", &["b"]),
            ("e", &["net[seed=7]", "net[seed=8]"]),
            ("side", &["a"]),
        ]);
        let edges = Edges::of(&graph);
        let selected = selection.resolve(&graph, &edges).unwrap();
        let names = |places: &BTreeSet<usize>| {
            let names: Vec<&str> = places
                .iter()
                .map(|place| graph.stages[*place].name.as_str())
                .collect();
            names.join(" ")
        };
        (names(&selected.may_run), names(&selected.forced))
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.into()).collect()
    }

    #[test]
    fn a_matrix_is_named_by_its_base() {
        let selection = Selection {
            stages: names(&["net"]),
            only: true,
            ..Selection::default()
        };
        assert_eq!(resolved(&selection).0, "net[seed=7] net[seed=8]");
    }

    #[test]
    fn downstream_brings_what_is_above_up_to_date_and_forces_only_what_is_below() {
        let selection = Selection {
            downstream: names(&["net[seed=7]"]),
            force: true,
            ..Selection::default()
        };
        let (may_run, forced) = resolved(&selection);
        assert_eq!(may_run, "a b net[seed=7] net[seed=8] e");
        assert_eq!(forced, "net[seed=7] e");
    }

    #[test]
    fn from_and_a_name_are_what_lies_between() {
        let selection = Selection {
            stages: names(&["net[seed=8]"]),
            from: names(&["b"]),
            ..Selection::default()
        };
        assert_eq!(resolved(&selection).0, "b net[seed=8]");
    }

    #[test]
    fn without_names_everything_is_meant() {
        let (may_run, forced) = resolved(&Selection::default());
        assert_eq!(may_run, "a b net[seed=7] net[seed=8] e side");
        assert_eq!(forced, "");
    }
}
