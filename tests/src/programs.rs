//! Finding the built programs.

use std::path::PathBuf;

/// The path of a built program of this workspace.
///
/// # Panics
/// If it is not built: `make test` builds the programs before it starts the tests, `cargo test`
/// alone does not.
pub fn program(name: &str) -> PathBuf {
    // Test programs lie in `release/deps`, the programs in `release`.
    let test = std::env::current_exe().expect("a running test has a path");
    let folder = test
        .parent()
        .and_then(|deps| deps.parent())
        .expect("cargo puts tests two folders deep");
    let path = folder.join(name);
    assert!(
        path.is_file(),
        "there is no `{}`: run `make build` first",
        path.display()
    );
    path
}
