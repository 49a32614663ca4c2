#!/bin/sh
# RUSTC_WORKSPACE_WRAPPER of `make fuzz`: compiles our own crates, and only those, with the coverage that
# libFuzzer steers by. Stable Rust has these flags; what others wrote is taken as it is built already.
exec "$@" -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares
