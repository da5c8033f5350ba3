#!/usr/bin/env bash
# Runs every fuzz target: `run.sh short` a fixed number of inputs each, `run.sh long` for FUZZ_SECONDS each.
#
# It builds with libFuzzer by the stable compiler: coverage for what is fuzzed, no sanitizer.
# What a run has found to be new is kept in fuzz/corpus, and what failed in fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")"

targets=(frame_codec http_request grpc_message login session lineage mask_stream mcp_session)
export RUSTC_WRAPPER="$PWD/rustc.sh"
# A message of the panic is enough: each failing input is kept.
export RUST_BACKTRACE=0

case "${1:-}" in
short)
    # With the profile and the folder of the tests, so that what those were built with is used again.
    built=${CARGO_TARGET_DIR:-$PWD/../target}
    cargo build --quiet --locked --bins --target-dir "$built"
    built=$built/debug
    # Inputs by number, not by time: the same everywhere.
    declare -A limits=(
        [frame_codec]="-runs=100000 -max_len=256"
        [http_request]="-runs=50000 -max_len=256"
        [grpc_message]="-runs=20000 -max_len=256"
        [login]="-runs=50000 -max_len=256"
        [session]="-runs=2500 -max_len=400"
        [lineage]="-runs=1500 -max_len=256"
        [mask_stream]="-runs=6000 -max_len=256"
        [mcp_session]="-runs=20000 -max_len=400"
    )
    common="-seed=1 -len_control=0 -timeout=60"
    ;;
long)
    built=$PWD/target
    cargo build --locked --bins --profile fuzz --target-dir "$built"
    built=$built/fuzz
    seconds=${FUZZ_SECONDS:-600}
    declare -A limits=(
        [frame_codec]="-max_len=4096"
        [http_request]="-max_len=2048"
        [grpc_message]="-max_len=1024"
        [login]="-max_len=1024"
        [session]="-max_len=2000"
        [lineage]="-max_len=1000"
        [mask_stream]="-max_len=2000"
        [mcp_session]="-max_len=2000"
    )
    common="-max_total_time=$seconds -timeout=20 -rss_limit_mb=4096"
    ;;
*)
    echo "usage: $0 short|long" >&2
    exit 2
    ;;
esac

mkdir -p artifacts
for target in "${targets[@]}"; do
    log=$(mktemp)
    corpus=$(mktemp -d)
    if [ "$1" = long ]; then
        rm -r "$corpus"
        corpus=corpus/$target
        mkdir -p "$corpus"
    fi
    # shellcheck disable=SC2086 # The options are words.
    if "$built/$target" $common ${limits[$target]} -artifact_prefix="artifacts/$target-" \
        -print_final_stats=1 "$corpus" >"$log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        speed=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
        echo "fuzz: $target: $runs inputs, $speed per second, none fails"
        rm "$log"
    else
        grep -A2 panicked "$log" | cut -c1-2000 >&2 || tail -n 20 "$log" >&2
        echo "fuzz: $target fails; the input is in fuzz/artifacts, the whole story in $log" >&2
        exit 1
    fi
    if [ "$1" = short ]; then
        rm -r "$corpus"
    fi
done
