//! The build helper that gives a program its code digest.
//!
//! A cached result is only as good as its key, and the code that made it is part of the key. The
//! digest covers the program's own closure: every file of the workspace crates that it links, the
//! exact version and checksum of every other package in that closure (from `Cargo.lock`), the
//! workspace's compilation profile, the compiler, the target, features and compiler flags. So an edit
//! of `report` leaves trained networks fresh, and two machines that build the same commit agree.
//!
//! What it may say wrongly: `Cargo.lock` lists development dependencies with the others, so a new
//! version of one makes results stale for nothing; that costs time, never truth.
//!
//! A program calls [`emit`] in its `build.rs` and reads `env!("CINESCORE_CODE_DIGEST")`.

pub mod torch_rpath;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

use serde::Deserialize;

/// Raised when the meaning of the digest changes.
const VERSION: &str = "cinescore code 1";

/// Computes the digest of the package that is being built and hands it to the compiler as
/// `CINESCORE_CODE_DIGEST`.
///
/// # Panics
/// With a message, if the workspace is not as expected: a build script has no other way to say so.
pub fn emit() {
    let manifest = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let workspace = workspace_of(&manifest);
    let mut parts = vec![
        ("profile".to_owned(), profile(&workspace)),
        ("target".to_owned(), variable("TARGET")),
        ("profile name".to_owned(), variable("PROFILE")),
        (
            "flags".to_owned(),
            env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default(),
        ),
        ("compiler".to_owned(), compiler()),
        ("features".to_owned(), features()),
    ];
    let closure = closure(&workspace, &variable("CARGO_PKG_NAME"));
    for folder in &closure.local {
        for file in files(folder) {
            rerun_if_changed(&file);
            let name = file
                .strip_prefix(&workspace)
                .unwrap_or(&file)
                .display()
                .to_string();
            parts.push((
                name,
                fs::read(&file).map_or_else(|error| fail(&file, &error), |bytes| hex(&bytes)),
            ));
        }
        rerun_if_changed(&folder.join("src"));
    }
    parts.extend(
        closure
            .foreign
            .into_iter()
            .map(|package| ("package".to_owned(), package)),
    );
    for name in ["Cargo.toml", "Cargo.lock"] {
        rerun_if_changed(&workspace.join(name));
    }
    say(&format!(
        "rustc-env=CINESCORE_CODE_DIGEST={}",
        digest(&parts)
    ));
}

#[expect(
    clippy::print_stdout,
    reason = "this is how a build script speaks to cargo"
)]
fn say(instruction: &str) {
    println!("cargo::{instruction}");
}

fn rerun_if_changed(path: &Path) {
    say(&format!("rerun-if-changed={}", path.display()));
}

fn fail<T>(path: &Path, error: &dyn std::error::Error) -> T {
    panic!(
        "cannot compute the code digest: `{}`: {error}",
        path.display()
    )
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_unset| panic!("cargo did not set {name}"))
}

fn hex(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// BLAKE3 over the parts, each with its label and length before it.
fn digest(parts: &[(String, String)]) -> String {
    let mut hasher = blake3::Hasher::new();
    let labelled = parts
        .iter()
        .flat_map(|(label, value)| [label.as_str(), value]);
    for part in [VERSION].into_iter().chain(labelled) {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

fn workspace_of(manifest: &Path) -> PathBuf {
    let root = manifest
        .ancestors()
        .find(|folder| folder.join("Cargo.lock").is_file());
    root.unwrap_or_else(|| panic!("no Cargo.lock above `{}`", manifest.display()))
        .to_owned()
}

fn compiler() -> String {
    let output = Command::new(variable("RUSTC")).arg("-vV").output();
    let output =
        output.unwrap_or_else(|error| panic!("cannot ask the compiler for its version: {error}"));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn features() -> String {
    let names: BTreeSet<String> = env::vars()
        .filter_map(|(name, _)| name.strip_prefix("CARGO_FEATURE_").map(String::from))
        .collect();
    names.into_iter().collect::<Vec<_>>().join(",")
}

/// The `[profile]` part of the workspace's manifest, which decides how everything is compiled.
fn profile(workspace: &Path) -> String {
    let path = workspace.join("Cargo.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| fail(&path, &error));
    let manifest: toml::Table = text
        .parse()
        .unwrap_or_else(|error: toml::de::Error| fail(&path, &error));
    manifest
        .get("profile")
        .map(|profile| format!("{profile:?}"))
        .unwrap_or_default()
}

/// The crates of this workspace that a package is made of, and the other packages.
#[derive(Debug, PartialEq)]
struct Closure {
    local: BTreeSet<PathBuf>,
    foreign: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

fn closure(workspace: &Path, package: &str) -> Closure {
    let path = workspace.join("Cargo.lock");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| fail(&path, &error));
    let lock: Lock = toml::from_str(&text).unwrap_or_else(|error| fail(&path, &error));
    let folders = local_folders(workspace).unwrap_or_else(|error| fail(workspace, &error));
    closure_of(&lock, &folders, package)
}

fn closure_of(lock: &Lock, folders: &BTreeMap<String, PathBuf>, package: &str) -> Closure {
    let mut closure = Closure {
        local: BTreeSet::new(),
        foreign: BTreeSet::new(),
    };
    let mut seen = BTreeSet::new();
    let mut waiting = vec![package.to_owned()];
    while let Some(wanted) = waiting.pop() {
        if !seen.insert(wanted.clone()) {
            continue;
        }
        // A dependency is written `name`, or `name version` where the name alone is ambiguous.
        let mut words = wanted.split(' ');
        let (name, version) = (words.next().unwrap_or_default(), words.next());
        let fits = |package: &&Package| {
            package.name == name && version.is_none_or(|version| version == package.version)
        };
        let Some(found) = lock.package.iter().find(fits) else {
            continue;
        };
        match (&found.source, folders.get(name)) {
            (None, Some(folder)) => {
                closure.local.insert(folder.clone());
            }
            _ => {
                let checksum = found.checksum.as_deref().unwrap_or("none");
                closure
                    .foreign
                    .insert(format!("{} {} {checksum}", found.name, found.version));
            }
        }
        waiting.extend(found.dependencies.iter().cloned());
    }
    closure
}

/// The folders of the workspace's crates, by package name.
fn local_folders(workspace: &Path) -> io::Result<BTreeMap<String, PathBuf>> {
    let mut folders = BTreeMap::new();
    for entry in fs::read_dir(workspace.join("crates"))? {
        let folder = entry?.path();
        let Ok(text) = fs::read_to_string(folder.join("Cargo.toml")) else {
            continue;
        };
        let manifest: toml::Table = text.parse().map_err(io::Error::other)?;
        let name = manifest
            .get("package")
            .and_then(|package| package.get("name")?.as_str());
        folders.extend(name.map(|name| (name.to_owned(), folder.clone())));
    }
    Ok(folders)
}

/// The files of a crate that can change what it compiles to: not its integration tests or benchmarks.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    for name in ["Cargo.toml", "build.rs"] {
        let path = folder.join(name);
        if path.is_file() {
            files.insert(path);
        }
    }
    let mut waiting = vec![folder.join("src")];
    while let Some(folder) = waiting.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| fail(&folder, &error));
        for entry in entries {
            let path = entry.map_or_else(|error| fail(&folder, &error), |entry| entry.path());
            if path.is_dir() {
                waiting.push(path);
            } else {
                files.insert(path);
            }
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock() -> Lock {
        toml::from_str(
            r#"
            [[package]]
            name = "train"
            version = "0.1.0"
            dependencies = ["artifact", "rand 0.9.0"]
            [[package]]
            name = "artifact"
            version = "0.1.0"
            [[package]]
            name = "report"
            version = "0.1.0"
            dependencies = ["artifact", "rand 0.8.0"]
            [[package]]
            name = "rand"
            version = "0.8.0"
            source = "registry"
            checksum = "old"
            [[package]]
            name = "rand"
            version = "0.9.0"
            source = "registry"
            checksum = "new"
            "#,
        )
        .unwrap()
    }

    #[test]
    fn a_closure_holds_what_the_program_links_and_nothing_else() {
        let folders = ["train", "artifact", "report"]
            .map(|name| (name.to_owned(), PathBuf::from(name)))
            .into();
        let closure = closure_of(&lock(), &folders, "train");
        assert_eq!(
            closure.local,
            ["artifact", "train"].map(PathBuf::from).into()
        );
        assert_eq!(closure.foreign, ["rand 0.9.0 new".to_owned()].into());
    }

    #[test]
    fn labels_and_values_do_not_run_together() {
        let part = |label: &str, value: &str| (label.to_owned(), value.to_owned());
        assert_ne!(digest(&[part("a", "bc")]), digest(&[part("ab", "c")]));
    }
}
