#!/usr/bin/env python3
"""Lists packages that `cargo build -p X` would compile with other features than `--workspace` does.

Every line is a package to be added to crates/unify/Cargo.toml with the features named first: until then,
building that one crate compiles everything above the package a second time. Prints nothing if all is well.

Run it from the repository's root after a change of dependencies. It asks cargo for its unit graph, an
unstable output that RUSTC_BOOTSTRAP makes a stable cargo give; nothing is built.
"""

import json
import os
import subprocess


def units(command):
    environment = dict(os.environ, RUSTC_BOOTSTRAP="1")
    command = ["cargo", *command, "--unit-graph", "-Z", "unstable-options"]
    graph = json.loads(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
    found = {}
    for unit in graph["units"]:
        if unit["mode"] == "build" and "registry" in unit["pkg_id"]:
            key = (unit["pkg_id"].split("#")[-1], unit["target"]["name"])
            found.setdefault(key, set()).add(frozenset(unit["features"]))
    return found


def main():
    whole = units(["build", "--release", "--workspace"])
    metadata = subprocess.run(
        ["cargo", "metadata", "--no-deps", "--format-version", "1"], capture_output=True, check=True
    )
    # Those that link none of the large packages have nothing to lose.
    small = {"cinescore-codedigest", "cinescore-config", "cinescore-unify"}
    crates = sorted({package["name"] for package in json.loads(metadata.stdout)["packages"]} - small)
    commands = [["test", "--release", "--workspace"]]
    commands += [[verb, "--release", "-p", crate] for crate in crates for verb in ("build", "test")]
    for command in commands:
        for key, features in sorted(units(command).items()):
            # A package that only tests need is not in the whole graph, and that is fine.
            if key in whole and not features <= whole[key]:
                lacking = set().union(*whole[key]) - set().union(*features)
                print(f"{' '.join(command)}: {key[0]} lacks {sorted(lacking)}")


main()
