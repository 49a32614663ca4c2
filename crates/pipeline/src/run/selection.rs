//! Which stages a run is about.

use crate::error::PipelineError;
use crate::graph::Graph;

/// Which stages a run is about. What they need from outside must be fresh, unless it is selected too.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// These stages and everything above them; all where empty.
    pub stages: Vec<String>,
    /// `stages` without what is above them.
    pub only: bool,
    /// This stage and everything below it.
    pub from: Option<String>,
    /// Run selected stages even if they are fresh.
    pub force: bool,
}

impl Selection {
    /// The names of the selected stages.
    pub(super) fn resolve(&self, graph: &Graph) -> Result<Vec<String>, PipelineError> {
        for name in self.stages.iter().chain(&self.from) {
            graph.known_stage(name)?;
        }
        if self.only && self.stages.is_empty() {
            return Err(PipelineError::Usage(
                "--only needs the names of the stages to run".into(),
            ));
        }
        let mut selected: Vec<String> = match (&self.from, self.stages.is_empty()) {
            (Some(from), _) => graph.below(from),
            (None, true) => graph
                .stages
                .iter()
                .map(|stage| stage.name.clone())
                .collect(),
            (None, false) if self.only => self.stages.clone(),
            (None, false) => self
                .stages
                .iter()
                .flat_map(|name| graph.above(name))
                .collect(),
        };
        if self.from.is_some() && !self.stages.is_empty() {
            // `run report --from net`: what lies between the two.
            let wanted: Vec<String> = self
                .stages
                .iter()
                .flat_map(|name| graph.above(name))
                .collect();
            selected.retain(|name| wanted.contains(name));
        }
        Ok(selected)
    }
}
