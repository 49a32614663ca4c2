//! What the text of an input means: `stage`, `stage.output`, `stage[key=value,...].output`, `stage[*]`, or
//! a path.

use std::path::{Path, PathBuf};

use cinescore_artifact::describe::{Form, Input, KindDescription};
use cinescore_config::Problem;

use super::Reference;
use super::check::Nodes;
use crate::file::{StageFile, is_name, name_text};

/// Which cells of a stage are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selector {
    /// All of them: `[*]`.
    All,
    /// Those that have these values, written as in a name: `[seed=7]`.
    Some(Vec<(String, String)>),
}

impl Selector {
    /// A stage's name, and what stands in brackets after it.
    pub(crate) fn split(text: &str) -> (&str, Option<&str>) {
        match text.split_once('[') {
            Some((base, rest)) => (base, Some(rest.strip_suffix(']').unwrap_or(rest))),
            None => (text, None),
        }
    }

    /// Reads what stands in brackets.
    pub(crate) fn parse(inside: &str) -> Result<Self, String> {
        if inside.trim() == "*" {
            return Ok(Self::All);
        }
        let pairs = inside.split(',').map(|pair| {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| format!("`[{inside}]` is neither `[*]` nor `[key=value,...]`"))?;
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        });
        pairs.collect::<Result<_, String>>().map(Self::Some)
    }

    /// Whether a cell is meant.
    pub(crate) fn takes(&self, cell: &[(String, serde_json::Value)]) -> bool {
        match self {
            Self::All => true,
            Self::Some(pairs) => pairs.iter().all(|(key, value)| {
                cell.iter()
                    .any(|(own, at)| own == key && shown(at) == *value)
            }),
        }
    }
}

/// A cell's value as in a node's name.
fn shown(value: &serde_json::Value) -> String {
    serde_yaml::to_value(value)
        .map(|value| name_text(&value))
        .unwrap_or_default()
}

/// An input's text taken apart.
struct Parts<'t> {
    base: &'t str,
    inside: Option<&'t str>,
    output: Option<&'t str>,
}

impl<'t> Parts<'t> {
    /// `net[network=mlp.v2].bundle`: the output stands behind the brackets.
    fn of(text: &'t str) -> Self {
        let (base, rest) = match text.find(['[', '.']) {
            Some(end) => text.split_at(end),
            None => (text, ""),
        };
        let (inside, rest) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((inside, rest)) => (Some(inside), rest),
            None => (None, rest),
        };
        let output = rest.strip_prefix('.');
        Self {
            base,
            inside,
            output,
        }
    }
}

/// Resolves one text of an input; `index` is its place in a list. A text whose first part names a stage is a reference; one that exists
/// as a file or folder is a path.
pub(super) fn resolve(
    (index, text): (Option<usize>, &str),
    input: &Input,
    owner: &StageFile,
    nodes: &Nodes<'_>,
    problems: &mut Vec<Problem>,
) -> Vec<Reference> {
    let resolver = Resolver {
        text,
        index: index.map(|index| index.to_string()),
        input,
        owner,
    };
    let parts = Parts::of(text);
    match nodes.cells(parts.base) {
        Some(cells) => resolver.outputs(&parts, cells, nodes, problems),
        None => resolver.path(&parts, nodes, problems),
    }
}

struct Resolver<'a> {
    text: &'a str,
    index: Option<String>,
    input: &'a Input,
    owner: &'a StageFile,
}

impl Resolver<'_> {
    fn problem(&self, message: impl Into<String>) -> Problem {
        let path: Vec<&str> = ["inputs", self.input.name.as_str()]
            .into_iter()
            .chain(self.index.as_deref())
            .collect();
        self.owner.place.problem_at(&path, message)
    }

    fn outputs(
        &self,
        parts: &Parts<'_>,
        cells: &[&StageFile],
        nodes: &Nodes<'_>,
        problems: &mut Vec<Problem>,
    ) -> Vec<Reference> {
        let chosen = match self.cells(parts, cells) {
            Ok(chosen) => chosen,
            Err(problem) => {
                problems.push(*problem);
                return Vec::new();
            }
        };
        // A stage whose program is unknown has its problem already.
        let Some(kind) = nodes.kind(parts.base) else {
            return Vec::new();
        };
        let outputs = self.chosen_outputs(parts, kind, problems);
        let mut references = Vec::with_capacity(chosen.len() * outputs.len());
        for cell in chosen {
            // Of a cell the whole name: what takes many must be able to tell them apart.
            let label = match (cell.cell.is_empty(), parts.output) {
                (true, _) => self.text.to_owned(),
                (false, Some(output)) => format!("{}.{output}", cell.name),
                (false, None) => cell.name.clone(),
            };
            references.extend(outputs.iter().map(|output| Reference::Output {
                stage: cell.name.clone(),
                output: (*output).to_owned(),
                label: label.clone(),
            }));
        }
        references
    }

    fn cells<'c>(
        &self,
        parts: &Parts<'_>,
        cells: &[&'c StageFile],
    ) -> Result<Vec<&'c StageFile>, Box<Problem>> {
        let base = parts.base;
        let has_matrix = cells.iter().all(|cell| !cell.cell.is_empty());
        let Some(inside) = parts.inside else {
            return match (has_matrix, cells) {
                (true, [first, ..]) => Err(Box::new(self.problem(format!(
                    "stage `{base}` has {} cells: name one, `{}`, or take them all, `{base}[*]`",
                    cells.len(),
                    first.name
                )))),
                _ => Ok(cells.to_vec()),
            };
        };
        if !has_matrix {
            return Err(Box::new(self.problem(format!(
                "stage `{base}` has no matrix, so no `[{inside}]`"
            ))));
        }
        let selector =
            Selector::parse(inside).map_err(|message| Box::new(self.problem(message)))?;
        if let (Selector::Some(pairs), [first, ..]) = (&selector, cells) {
            let keys: Vec<&String> = first.cell.iter().map(|(key, _)| key).collect();
            for (key, value) in pairs {
                if !keys.contains(&key) {
                    let message = format!("the matrix of `{base}` has no key `{key}`");
                    return Err(Box::new(self.problem(message).known(key, keys)));
                }
                let mut values: Vec<String> = cells
                    .iter()
                    .flat_map(|cell| &cell.cell)
                    .filter(|(own, _)| own == key)
                    .map(|(_, value)| shown(value))
                    .collect();
                values.sort();
                values.dedup();
                if !values.contains(value) {
                    let message = format!("no cell of `{base}` has {key}={value}");
                    return Err(Box::new(self.problem(message).known(value, values)));
                }
            }
        }
        let chosen: Vec<&StageFile> = cells
            .iter()
            .copied()
            .filter(|cell| selector.takes(&cell.cell))
            .collect();
        if chosen.is_empty() {
            return Err(Box::new(
                self.problem(format!("`{base}` has no cell `[{inside}]`")),
            ));
        }
        Ok(chosen)
    }

    fn chosen_outputs<'k>(
        &self,
        parts: &Parts<'_>,
        kind: &'k KindDescription,
        problems: &mut Vec<Problem>,
    ) -> Vec<&'k str> {
        let (stage, input) = (parts.base, self.input);
        let names: Vec<&str> = kind
            .outputs
            .iter()
            .map(|output| output.name.as_str())
            .collect();
        let chosen: Vec<_> = match parts.output {
            Some(name) if names.contains(&name) => kind
                .outputs
                .iter()
                .filter(|output| output.name == name)
                .collect(),
            Some(name) => {
                let message = format!("stage `{stage}` has no output `{name}`");
                problems.push(self.problem(message).known(name, &names));
                Vec::new()
            }
            None if input.many || kind.outputs.len() == 1 => kind.outputs.iter().collect(),
            None => {
                let message = format!(
                    "stage `{stage}` has several outputs: name one, `{}.{}`",
                    self.text,
                    names.first().copied().unwrap_or_default()
                );
                problems.push(self.problem(message).known("", &names));
                Vec::new()
            }
        };
        for output in &chosen {
            if !input.form.takes(&output.form) {
                let message = format!(
                    "`{}` is a {}, but `{}` takes a {}",
                    self.text, output.form, input.name, input.form
                );
                problems.push(self.problem(message));
            }
        }
        chosen
            .into_iter()
            .map(|output| output.name.as_str())
            .collect()
    }

    fn path(
        &self,
        parts: &Parts<'_>,
        nodes: &Nodes<'_>,
        problems: &mut Vec<Problem>,
    ) -> Vec<Reference> {
        let text = self.text;
        if let Some(found) = self.existing() {
            return vec![Reference::Path(found)];
        }
        let stage = parts.base;
        let looks_like_a_reference = is_name(stage)
            && parts.output.is_none_or(is_name)
            && !matches!(self.input.form, Form::Source { .. });
        let problem = if looks_like_a_reference {
            let message = format!("unknown stage `{stage}`, and there is no file `{text}`");
            self.problem(message).known(stage, nodes.names())
        } else {
            let beside = self.folder().join(text);
            let message = if Path::new(text).is_absolute() || beside == Path::new(text) {
                format!("there is no `{text}`")
            } else {
                format!("there is no `{text}`, nor `{}`", beside.display())
            };
            self.problem(message)
        };
        problems.push(problem);
        Vec::new()
    }

    fn folder(&self) -> &Path {
        let file = self.owner.place.document().file();
        file.parent().unwrap_or(Path::new(""))
    }

    /// A path as it is from the folder of the file that names it, or else from the working folder.
    fn existing(&self) -> Option<PathBuf> {
        [self.folder().join(self.text), PathBuf::from(self.text)]
            .into_iter()
            .find(|path| path.exists())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_taken_apart() {
        for (text, base, inside, output) in [
            ("net", "net", None, None),
            ("net.bundle", "net", None, Some("bundle")),
            ("net[*]", "net", Some("*"), None),
            (
                "net[lr=0.01,network=a.b].metrics",
                "net",
                Some("lr=0.01,network=a.b"),
                Some("metrics"),
            ),
            ("networks/a.yaml", "networks/a", None, Some("yaml")),
        ] {
            let parts = Parts::of(text);
            assert_eq!(
                (parts.base, parts.inside, parts.output),
                (base, inside, output)
            );
        }
    }

    #[test]
    fn cells_are_chosen_by_their_values() {
        let cell = vec![
            ("network".to_owned(), serde_json::json!("a,b")),
            ("seed".to_owned(), serde_json::json!(7)),
        ];
        for (inside, taken) in [
            ("*", true),
            ("seed=7", true),
            ("seed = 7", true),
            ("seed=8", false),
            ("network=a%2Cb,seed=7", true),
            ("epoch=7", false),
        ] {
            let selector = Selector::parse(inside).unwrap();
            assert_eq!(selector.takes(&cell), taken, "{inside}");
        }
        assert!(Selector::parse("seed").is_err());
    }
}
