#!/usr/bin/env bash
# Runs every fuzz target for some seconds each (default 60), two at a time: those of crates/fuzz from the pipelines,
# networks, records and bundles of the repository's tests, clients' requests, and the readers of crates/fuzz-readers from its seeds.
#
#   scripts/fuzz.sh [SECONDS [TARGET...]]       TARGET: pipeline network record bundle request tar tsv csv zip
#
# Owns: target/fuzz (corpus, findings). A finding is a file there; run its target on it to see it again.
# Builds into cargo's own folder: our crates once more, with coverage; nothing else.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seconds=${1:-60}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(pipeline network record bundle request tar tsv csv zip)
built=${CARGO_TARGET_DIR:-target}
work=$built/fuzz
wrapper=$PWD/scripts/fuzz-rustc.sh

RUSTC_WORKSPACE_WRAPPER=$wrapper cargo build --release -p cinescore-fuzz -p cinescore-fuzz-readers ${CARGO_FLAGS:-} \
    --target-dir "$built" --bins

# fuzz NAME PROGRAM MOST_BYTES SEED...
fuzz() {
    local name=$1 program=$2 most=$3
    shift 3
    mkdir -p "$work/$name/corpus" "$work/$name/findings"
    cp -f "$@" "$work/$name/corpus/"
    # 2 GB and 10 s an input: what grows or hangs is a finding too. A fixed seed, so that a red run can be
    # made again; the corpus, which stays, takes later runs further.
    if ! CINESCORE_READER=$name "$built/release/$program" -seed=1 -max_total_time="$seconds" -max_len="$most" \
        -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$work/$name/findings/" \
        "$work/$name/corpus" >"$work/$name/log" 2>&1; then
        tail -n 40 "$work/$name/log"
        printf 'error: %s found a crash: %s\n' "$name" "$work/$name/findings"
        return 1
    fi
    printf '%s, %s s: %s\n' "$name" "$seconds" "$(grep number_of_executed_units "$work/$name/log")"
}

# Archives are made from their members; times and owners are left out, so that they are the same everywhere.
seeds=$work/seeds
mkdir -p "$seeds"
tar -cf "$seeds/reviews.tar" --mtime=@0 --owner=0 --group=0 --numeric-owner --sort=name -C crates/fuzz-readers/seeds aclImdb
python3 - crates/fuzz-readers/seeds/csv/ratings.csv "$seeds/movielens.zip" <<'PYTHON'
import sys
import zipfile

with zipfile.ZipFile(sys.argv[2], "w", zipfile.ZIP_DEFLATED) as archive:
    member = zipfile.ZipInfo("ml-latest/ratings.csv", date_time=(1980, 1, 1, 0, 0, 0))
    archive.writestr(member, open(sys.argv[1], "rb").read(), zipfile.ZIP_DEFLATED)
PYTHON

one() {
    case $1 in
        pipeline) fuzz pipeline fuzz_pipeline 4096 crates/cli/tests/wrong/*.yaml pipelines/*.yaml ;;
        network) fuzz network fuzz_network 4096 pipelines/networks/*.yaml ;;
        record) fuzz record fuzz_record 4096 crates/fuzz/seeds/record.json ;;
        bundle) fuzz bundle fuzz_bundle 8192 crates/fuzz/seeds/bundle/* ;;
        request) fuzz request fuzz_request 4096 crates/fuzz/seeds/request/* ;;
        tar) fuzz tar fuzz_readers 16384 "$seeds/reviews.tar" ;;
        tsv) fuzz tsv fuzz_readers 4096 crates/fuzz-readers/seeds/tsv/* ;;
        csv) fuzz csv fuzz_readers 4096 crates/fuzz-readers/seeds/csv/* ;;
        zip) fuzz zip fuzz_readers 4096 "$seeds/movielens.zip" ;;
        *)
            printf 'error: there is no fuzz target `%s`\n' "$1"
            return 2
            ;;
    esac
}

failed=0
running=0
for target in "${targets[@]}"; do
    if [ "$running" -ge 2 ]; then
        wait -n || failed=1
        running=$((running - 1))
    fi
    one "$target" &
    running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
    wait -n || failed=1
    running=$((running - 1))
done
exit "$failed"
