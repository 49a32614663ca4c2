#!/usr/bin/env bash
# Looks at reports with axe, a checker of accessibility, in Chromium: those of the tests, and those of the pipelines that
# were run here. axe-core comes from npm into a folder that git ignores.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=4.14.1
folder=.libtorch/axe-core-$version
if [ ! -f "$folder/axe.min.js" ]; then
    mkdir -p "$folder"
    packed=$(cd "$folder" && npm pack --silent "axe-core@$version")
    tar -xzf "$folder/$packed" -C "$folder" --strip-components=1 package/axe.min.js package/LICENSE
    rm -- "$folder/$packed"
fi
pages=
for page in artifacts/runs/*/report/report/index.html; do
    [ ! -f "$page" ] || pages=$pages${pages:+:}$(realpath "$page")
done
CINESCORE_AXE=$PWD/$folder/axe.min.js CINESCORE_PAGES=$pages \
    cargo test --release -p cinescore-report ${CARGO_FLAGS:-} --test it browser -- --nocapture
