#!/usr/bin/env bash
# Makes the README's pictures of a report with Chromium: docs/report.png (light) and docs/report-dark.png (dark, narrow).
#
# Takes the folder of the built programs. Runs the pipeline PIPELINE (default `demo`, which needs no data) with the data of the
# folder DATA, which computes nothing where its report is there already. The README's are those of `recommended`. CINESCORE_CHROMIUM names a browser elsewhere.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
programs=${1:?the folder of the programs}
pipeline=${PIPELINE:-demo}
chromium=${CINESCORE_CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
if [ -z "$chromium" ]; then
    printf 'error: no Chromium: apt-get install chromium, or set CINESCORE_CHROMIUM=FILE\n' >&2
    exit 2
fi
data=()
if [ -n "${DATA:-}" ]; then
    data=(--set "vars.data=$DATA")
fi
"$programs/cinescore" run -p "$pipeline" "${data[@]}"
page=$(realpath "artifacts/runs/$pipeline/report/report")/index.html
profile=$(mktemp -d)
trap 'rm -rf -- "$profile"' EXIT

# Takes a picture: file, width, height, further settings.
take() {
    local file=$1 size=$2,$3
    shift 3
    "$chromium" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars --no-first-run \
        --user-data-dir="$profile" --window-size="$size" --screenshot="$PWD/docs/$file" "$@" "file://$page" 2>/dev/null
    printf 'docs/%s\n' "$file"
}

take report.png 1280 1500
take report-dark.png 420 1500 --blink-settings=preferredColorScheme=0
