#!/usr/bin/env bash
# Runs every fuzz target of crates/fuzz for some seconds each (default 60), from the pipelines, networks and
# records of the repository's tests.
#
#   scripts/fuzz.sh [SECONDS]
#
# Owns: target/fuzz (corpus, findings). A finding is a file there; run its target on it to see it again.
# Builds into cargo's own folder: our crates once more, with coverage; nothing else.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seconds=${1:-60}
built=${CARGO_TARGET_DIR:-target}
work=$built/fuzz
wrapper=$PWD/scripts/fuzz-rustc.sh

RUSTC_WORKSPACE_WRAPPER=$wrapper cargo build --release -p cinescore-fuzz ${CARGO_FLAGS:-} --target-dir "$built" --bins

fuzz() {
    local target=$1
    shift
    mkdir -p "$work/$target/corpus" "$work/$target/findings"
    cp -f "$@" "$work/$target/corpus/"
    printf '%s: %s s\n' "$target" "$seconds"
    # 2 GB and 10 s an input: what grows or hangs is a finding too. A fixed seed, so that a red run can be
    # made again; the corpus, which stays, takes later runs further.
    if ! "$built/release/$target" -seed=1 -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$work/$target/findings/" "$work/$target/corpus" \
        >"$work/$target/log" 2>&1; then
        tail -n 40 "$work/$target/log"
        printf 'error: %s found a crash: %s\n' "$target" "$work/$target/findings"
        return 1
    fi
    grep -E 'number_of_executed_units|^#[0-9]+.*DONE' "$work/$target/log"
}

fuzz fuzz_pipeline crates/cli/tests/wrong/*.yaml pipelines/*.yaml
fuzz fuzz_network pipelines/networks/*.yaml
fuzz fuzz_record crates/fuzz/seeds/record.json
