//! Where real data lies, for the tests that need it.

use std::path::{Path, PathBuf};

/// The variable that says where real data lies.
const VARIABLE: &str = "CINESCORE_DATA";
/// Where it lies beside a clone, seen from the workspace's root.
const BESIDE: &str = "../shared/data";

/// The folder with the real data, or nothing, with a loud line on stderr, where there is none.
pub fn real_data(test: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package lies in the workspace");
    let folder = match std::env::var_os(VARIABLE) {
        Some(folder) => root.join(folder),
        None => root.join(BESIDE),
    };
    if folder.is_dir() {
        return Some(folder);
    }
    // Not eprintln!, which the test runner swallows.
    use std::io::Write as _;
    let line = format!(
        "SKIPPED {test}: there is no real data in `{}` ({VARIABLE} says where)\n",
        folder.display()
    );
    std::io::stderr().write_all(line.as_bytes()).ok();
    None
}
