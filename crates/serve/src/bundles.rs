//! Which bundle is used where none is named.
//!
//! The one that the stage `net` of the pipeline `recommended` made. Without it nothing is chosen for the user: the error names the
//! bundles that other pipelines made.

use std::path::{Path, PathBuf};

use cinescore_artifact::StageError;

/// The pipeline whose bundle is used where none is named.
const PIPELINE: &str = "recommended";
/// Its stage; another one makes the bundle of the linear model beside the network.
const STAGE: &str = "net";
/// The output of a training, and the file that makes it one.
const OUTPUT: &str = "bundle";
const MANIFEST: &str = "bundle.json";
/// Bundles of other pipelines that the error names.
const NAMED: usize = 5;
/// How deep below a pipeline's folder a bundle may lie: stage, cell of a matrix, output.
const DEPTH: usize = 3;

/// The bundle that was named; else the one of the pipeline `recommended` below the folder `artifacts`.
pub fn choose(named: Option<&Path>, artifacts: &Path) -> Result<PathBuf, StageError> {
    if let Some(named) = named {
        return Ok(in_outputs(named));
    }
    let runs = artifacts.join("runs");
    let own = runs.join(PIPELINE).join(STAGE);
    match below(&own, DEPTH - 1).as_slice() {
        [] => Err(none(&own, &runs)),
        [only] => Ok(only.clone()),
        several => {
            Err(
                StageError::usage(format!("`{}` has {} bundles", own.display(), several.len()))
                    .hint(format!("name one: {}", flags(several))),
            )
        }
    }
}

/// The bundle that was named: a training's outputs may be named as well as the bundle among them.
pub fn in_outputs(named: &Path) -> PathBuf {
    let inner = named.join(OUTPUT);
    let is_bundle = named.join(MANIFEST).exists() || !inner.join(MANIFEST).exists();
    if is_bundle { named.to_owned() } else { inner }
}

fn none(own: &Path, runs: &Path) -> StageError {
    let error = StageError::usage(format!(
        "no bundle is named, and `{}` has none",
        own.display()
    ));
    let other = match below(runs, DEPTH + 1).as_slice() {
        [] => format!(
            "or make a small one of sample data with `cinescore run -p demo` and name that: --bundle {}",
            runs.join("demo/net/bundle").display()
        ),
        others => format!("or name another: {}", flags(others)),
    };
    error.hint(format!(
        "make it with `cinescore run -p recommended --set vars.data=DIR`; {other}"
    ))
}

fn flags(bundles: &[PathBuf]) -> String {
    let mut lines: Vec<String> = bundles
        .iter()
        .take(NAMED)
        .map(|path| format!("--bundle {}", path.display()))
        .collect();
    if bundles.len() > NAMED {
        lines.push("..".into());
    }
    lines.join(", ")
}

/// The bundles below a folder, sorted; links are followed, since a run's outputs are links into the store.
fn below(folder: &Path, depth: usize) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(folder).into_iter().flatten().flatten();
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.path()) {
        if path.join(MANIFEST).is_file() {
            found.push(path);
        } else if depth > 1 && path.is_dir() {
            found.append(&mut below(&path, depth - 1));
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_recommended_bundle_is_found_and_others_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let artifacts = folder.path();
        let hint = |named: Option<&Path>| choose(named, artifacts).unwrap_err().render();
        assert!(hint(None).contains("cinescore run -p recommended"));
        // As the runner shows outputs: links into the store, beside a note and other outputs.
        let make = |path: &str| {
            let object = artifacts.join("store").join(path.replace('/', "-"));
            fs_err::create_dir_all(&object).unwrap();
            fs_err::write(object.join(MANIFEST), "{}").unwrap();
            let path = artifacts.join("runs").join(path);
            let stage = path.parent().unwrap();
            fs_err::create_dir_all(stage).unwrap();
            fs_err::write(stage.join("stage.json"), "{}").unwrap();
            symlink(&object, &path).unwrap();
            path
        };
        make("sentiment/net/bundle");
        let both = hint(None).replace(&artifacts.display().to_string(), "artifacts");
        insta::assert_snapshot!(both, @"
        error: no bundle is named, and `artifacts/runs/recommended/net` has none
        hint: make it with `cinescore run -p recommended --set vars.data=DIR`; or name another: --bundle artifacts/runs/sentiment/net/bundle
        ");
        let own = make("recommended/net/bundle");
        assert_eq!(choose(None, artifacts).unwrap(), own);
        let stage = artifacts.join("runs/sentiment/net");
        assert_eq!(
            choose(Some(&stage), artifacts).unwrap(),
            stage.join("bundle")
        );
        // One whose object is gone is none.
        let gone = artifacts.join("runs/recommended/net/old");
        symlink(artifacts.join("store/nothing"), gone).unwrap();
        assert_eq!(choose(None, artifacts).unwrap(), own);
        // The linear model beside the network is no choice.
        make("recommended/wide/bundle");
        assert_eq!(choose(None, artifacts).unwrap(), own);
        make("recommended/net/seed=7/bundle");
        assert!(hint(None).contains("has 2 bundles"));
    }
}
