#!/bin/sh
# RUSTC_WORKSPACE_WRAPPER of scripts/fuzz.sh: compiles the crates under test, and only those, with the coverage
# that libFuzzer steers by. Stable Rust has these flags; what others wrote is taken as it is built already, and
# build scripts have no libFuzzer to report to.
case " $* " in
    *" --crate-name cinescore_config "* | *" --crate-name cinescore_artifact "* | \
        *" --crate-name cinescore_network "* | *" --crate-name cinescore_pipeline "* | \
        *" --crate-name cinescore_ingest "* | \
        *" --crate-name fuzz_"*) ;;
    *) exec "$@" ;;
esac
exec "$@" -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares
