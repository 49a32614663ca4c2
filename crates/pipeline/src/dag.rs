//! The picture of a pipeline: its stages and what they read of each other, as a tree, Mermaid or
//! Graphviz's language.
//!
//! Owns the folding of a matrix into one node and the three forms. Does not own the graph itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Serialize;

use crate::graph::{Graph, Reference};

/// A pipeline's picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dag {
    /// The pipeline.
    pub pipeline: String,
    /// The nodes, each after those it needs.
    pub nodes: Vec<Node>,
}

/// A stage, or all cells of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Node {
    /// The stage, `net`.
    pub name: String,
    /// What it does, `train fit`.
    pub run: String,
    /// How many stages it stands for.
    pub cells: usize,
    /// What it reads: the outputs by the name of their node.
    pub needs: BTreeMap<String, BTreeSet<String>>,
    /// The files and folders of the user's that it reads.
    pub reads: BTreeSet<String>,
}

impl Dag {
    /// The picture of a pipeline; with `cells` each cell of a matrix is a node.
    pub fn of(graph: &Graph, cells: bool) -> Self {
        let bases: BTreeMap<&str, &str> = graph
            .stages
            .iter()
            .map(|stage| {
                let name = if cells { &stage.name } else { &stage.base };
                (stage.name.as_str(), name.as_str())
            })
            .collect();
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        let mut nodes: Vec<Node> = Vec::new();
        for stage in &graph.stages {
            let name = bases[stage.name.as_str()];
            let place = *places.entry(name).or_insert_with(|| {
                nodes.push(Node {
                    name: name.to_owned(),
                    run: stage.run.clone(),
                    cells: 0,
                    needs: BTreeMap::new(),
                    reads: BTreeSet::new(),
                });
                nodes.len() - 1
            });
            let node = &mut nodes[place];
            node.cells += 1;
            for reference in stage.inputs.iter().flat_map(|(_, references)| references) {
                match reference {
                    Reference::Path(path) => {
                        node.reads.insert(path.display().to_string());
                    }
                    Reference::Output { stage, output, .. } => {
                        let need = bases.get(stage.as_str()).copied().unwrap_or(stage);
                        let outputs = node.needs.entry(need.to_owned()).or_default();
                        outputs.insert(output.clone());
                    }
                }
            }
        }
        Self {
            pipeline: graph.name.clone(),
            nodes,
        }
    }

    /// A tree for a terminal. Every node stands once, below the last one that it needs; the others that
    /// it needs are named beside it.
    pub fn text(&self) -> String {
        let places: BTreeMap<&str, usize> = self
            .nodes
            .iter()
            .enumerate()
            .map(|(place, node)| (node.name.as_str(), place))
            .collect();
        // Only what stands before: cells of one matrix may need each other.
        let parent = |place: usize| {
            let needs = self.nodes[place].needs.keys();
            needs
                .filter_map(|need| places.get(need.as_str()).copied())
                .filter(|need| *need < place)
                .max()
        };
        let mut children: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
        for place in 0..self.nodes.len() {
            children.entry(parent(place)).or_default().push(place);
        }
        let mut lines: Vec<(String, usize)> = Vec::new();
        for &root in children.get(&None).into_iter().flatten() {
            self.branch(root, "", "", &children, &mut lines);
        }
        let names = lines.iter().map(|(name, _)| name.chars().count());
        let width = names.max().unwrap_or_default();
        let runs = self.nodes.iter().map(|node| node.run.chars().count());
        let run_width = runs.max().unwrap_or_default();
        let mut text = String::new();
        for (name, place) in lines {
            let node = &self.nodes[place];
            let above = parent(place).map(|place| self.nodes[place].name.as_str());
            let others: Vec<&str> = node
                .needs
                .keys()
                .map(String::as_str)
                .filter(|need| Some(*need) != above && *need != node.name)
                .collect();
            let others = if others.is_empty() {
                String::new()
            } else {
                format!("also needs {}", others.join(", "))
            };
            let run = &node.run;
            let line = format!("{name:<width$}  {run:<run_width$}  {others}");
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    fn branch(
        &self,
        place: usize,
        indent: &str,
        joint: &str,
        children: &BTreeMap<Option<usize>, Vec<usize>>,
        lines: &mut Vec<(String, usize)>,
    ) {
        lines.push((
            format!("{indent}{joint}{}", self.nodes[place].label()),
            place,
        ));
        let below = match joint {
            "" => indent.to_owned(),
            "├─ " => format!("{indent}│  "),
            _ => format!("{indent}   "),
        };
        let own = children.get(&Some(place)).map_or(&[][..], Vec::as_slice);
        for (index, &child) in own.iter().enumerate() {
            let joint = if index + 1 == own.len() {
                "└─ "
            } else {
                "├─ "
            };
            self.branch(child, &below, joint, children, lines);
        }
    }

    /// [Mermaid](https://mermaid.js.org), as Markdown viewers draw it.
    pub fn mermaid(&self) -> String {
        let mut text = String::from("flowchart TD\n");
        let escape = |label: &str| label.replace('&', "#amp;").replace('"', "#quot;");
        for (place, node) in self.nodes.iter().enumerate() {
            let (label, run) = (escape(&node.label()), escape(&node.run));
            // Writing to a String cannot fail.
            writeln!(text, "    s{place}[\"{label}<br/><small>{run}</small>\"]").ok();
        }
        for (from, to, outputs) in self.edges() {
            writeln!(text, "    s{from} -->|\"{}\"| s{to}", escape(&outputs)).ok();
        }
        text
    }

    /// The language of Graphviz.
    pub fn dot(&self) -> String {
        let quote = |label: &str| label.replace('\\', "\\\\").replace('"', "\\\"");
        let mut text = format!(
            "digraph \"{}\" {{\n    node [shape=box, fontname=\"sans-serif\"];\n    edge [fontname=\"sans-serif\", fontsize=10];\n",
            quote(&self.pipeline)
        );
        for (place, node) in self.nodes.iter().enumerate() {
            let (label, run) = (quote(&node.label()), quote(&node.run));
            writeln!(text, "    s{place} [label=\"{label}\\n{run}\"];").ok();
        }
        for (from, to, outputs) in self.edges() {
            let outputs = quote(&outputs);
            writeln!(text, "    s{from} -> s{to} [label=\"{outputs}\"];").ok();
        }
        text.push_str("}\n");
        text
    }

    /// The edges: both places, and the outputs that flow.
    fn edges(&self) -> Vec<(usize, usize, String)> {
        let mut edges = Vec::new();
        for (to, node) in self.nodes.iter().enumerate() {
            for (from, upstream) in self.nodes.iter().enumerate() {
                if let Some(outputs) = node.needs.get(&upstream.name) {
                    let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
                    edges.push((from, to, outputs.join(", ")));
                }
            }
        }
        edges
    }
}

impl Node {
    fn label(&self) -> String {
        match self.cells {
            1 => self.name.clone(),
            cells => format!("{} ({cells} cells)", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn node(name: &str, cells: usize, needs: &[(&str, &str)]) -> Node {
        let mut node = Node {
            name: name.into(),
            run: format!("toy {}", name.replace("re", "re\"")),
            cells,
            needs: BTreeMap::new(),
            reads: BTreeSet::new(),
        };
        for (need, output) in needs {
            let outputs = node.needs.entry((*need).into()).or_default();
            outputs.insert((*output).into());
        }
        node
    }

    fn dag() -> Dag {
        Dag {
            pipeline: "demo".into(),
            nodes: vec![
                node("sample", 1, &[]),
                node("reviews", 1, &[("sample", "titles"), ("sample", "reviews")]),
                node("text", 1, &[("reviews", "reviews")]),
                node("other", 1, &[("reviews", "reviews")]),
                node("net", 6, &[("text", "tokens"), ("net", "checkpoint")]),
                node(
                    "page",
                    1,
                    &[
                        ("net", "bundle"),
                        ("reviews", "reviews"),
                        ("text", "tokens"),
                    ],
                ),
            ],
        }
    }

    #[test]
    fn as_a_tree() {
        assert_snapshot!(dag().text(), @r#"
        sample                  toy sample
        └─ reviews              toy re"views
           ├─ text              toy text
           │  └─ net (6 cells)  toy net
           │     └─ page        toy page      also needs reviews, text
           └─ other             toy other
        "#);
    }

    #[test]
    fn as_mermaid() {
        assert_snapshot!(dag().mermaid(), @r#"
        flowchart TD
            s0["sample<br/><small>toy sample</small>"]
            s1["reviews<br/><small>toy re#quot;views</small>"]
            s2["text<br/><small>toy text</small>"]
            s3["other<br/><small>toy other</small>"]
            s4["net (6 cells)<br/><small>toy net</small>"]
            s5["page<br/><small>toy page</small>"]
            s0 -->|"reviews, titles"| s1
            s1 -->|"reviews"| s2
            s1 -->|"reviews"| s3
            s2 -->|"tokens"| s4
            s4 -->|"checkpoint"| s4
            s1 -->|"reviews"| s5
            s2 -->|"tokens"| s5
            s4 -->|"bundle"| s5
        "#);
    }

    #[test]
    fn as_dot() {
        assert_snapshot!(dag().dot(), @r#"
        digraph "demo" {
            node [shape=box, fontname="sans-serif"];
            edge [fontname="sans-serif", fontsize=10];
            s0 [label="sample\ntoy sample"];
            s1 [label="reviews\ntoy re\"views"];
            s2 [label="text\ntoy text"];
            s3 [label="other\ntoy other"];
            s4 [label="net (6 cells)\ntoy net"];
            s5 [label="page\ntoy page"];
            s0 -> s1 [label="reviews, titles"];
            s1 -> s2 [label="reviews"];
            s1 -> s3 [label="reviews"];
            s2 -> s4 [label="tokens"];
            s4 -> s4 [label="checkpoint"];
            s1 -> s5 [label="reviews"];
            s2 -> s5 [label="tokens"];
            s4 -> s5 [label="bundle"];
        }
        "#);
    }
}
