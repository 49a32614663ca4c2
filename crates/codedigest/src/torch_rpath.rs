//! Where a program finds LibTorch, said once for every crate that links it.
//!
//! A program is linked against a folder that holds no CUDA library (a view of the wheel), but the
//! libraries find their neighbours relative to where they really lie. So a program looks for them in
//! the real folder of `libtorch_cpu.so`, whether `LIBTORCH` is our view or an archive of the user's.

use std::env;
use std::path::{Path, PathBuf};

use crate::{rerun_if_changed, say};

/// Where torch-sys looks when `LIBTORCH` is not set.
const SYSTEM: &str = "/usr";

/// Makes the package's programs and tests find LibTorch without `LD_LIBRARY_PATH`.
///
/// # Panics
/// With a message, if there is no LibTorch: a build script has no other way to say so.
pub fn emit() {
    let library = root("LIBTORCH_LIB").join("lib/libtorch_cpu.so");
    let real = library
        .canonicalize()
        .unwrap_or_else(|error| missing(&library, &error));
    let folder = real.parent().unwrap_or(Path::new("/"));
    rerun_if_changed(&library);
    say(&format!("rustc-link-arg=-Wl,-rpath,{}", folder.display()));
}

/// Hands LibTorch's version, as its headers give it, to the compiler as `CINESCORE_LIBTORCH_VERSION`.
///
/// # Panics
/// With a message, if there is no LibTorch.
pub fn emit_version() {
    let header = root("LIBTORCH_INCLUDE").join("include/torch/headeronly/version.h");
    rerun_if_changed(&header);
    let text = std::fs::read_to_string(&header).unwrap_or_else(|error| missing(&header, &error));
    let version =
        version(&text).unwrap_or_else(|| panic!("`{}` names no version", header.display()));
    say(&format!("rustc-env=CINESCORE_LIBTORCH_VERSION={version}"));
}

/// `LIBTORCH_LIB` or `LIBTORCH_INCLUDE` where set, as torch-sys reads them, else `LIBTORCH`.
fn root(specific: &str) -> PathBuf {
    for name in [specific, "LIBTORCH"] {
        say(&format!("rerun-if-env-changed={name}"));
    }
    let given = env::var_os(specific).or_else(|| env::var_os("LIBTORCH"));
    given.map_or_else(|| PathBuf::from(SYSTEM), PathBuf::from)
}

fn missing<T>(path: &Path, error: &dyn std::error::Error) -> T {
    panic!(
        "LibTorch is not set up: `{}`: {error}; run `make setup`, or set LIBTORCH to a folder with lib and include",
        path.display()
    )
}

fn version(header: &str) -> Option<String> {
    let part = |name: &str| {
        let define = format!("#define TORCH_VERSION_{name} ");
        header
            .lines()
            .find_map(|line| line.strip_prefix(&define))
            .map(str::trim)
    };
    Some(format!(
        "{}.{}.{}",
        part("MAJOR")?,
        part("MINOR")?,
        part("PATCH")?
    ))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_is_put_together_from_its_parts() {
        let header = "#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION_MINOR 11\n#define TORCH_VERSION_PATCH 0\n";
        assert_eq!(super::version(header).as_deref(), Some("2.11.0"));
        assert_eq!(super::version("#define OTHER 2\n"), None);
    }
}
