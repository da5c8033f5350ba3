#!/bin/sh
# Builds the optimised binary by what it does: a build that counts runs the benchmarks' workloads for some seconds each, and what it
# counted guides a second build. The result is target/guided/release/palisade.
# web.py's peer is built in the same way beside it, so that the two differ in what they do alone.
set -eu
cd "$(dirname "$0")/../.."

host=$(rustc -vV | sed -n 's/^host: //p')
merge=$(rustc --print sysroot)/lib/rustlib/$host/bin/llvm-profdata
if [ ! -x "$merge" ] && ! { command -v rustup >/dev/null 2>&1 && rustup component add llvm-tools && [ -x "$merge" ]; }; then
    echo "guided.sh: a guided build needs llvm-profdata, of the compiler's own version, which rustup has not given" >&2
    echo "  fix: rustup component add llvm-tools; or, without it: make build, make bench BUILT=build" >&2
    exit 1
fi
# Only for what is built for this machine: the bundled plugins are built for another, which cannot count.
flags=CARGO_TARGET_$(echo "$host" | tr 'a-z-' 'A-Z_')_RUSTFLAGS
guided=$PWD/target/guided
counts=$guided/counts

build() {
    env CARGO_INCREMENTAL=0 CARGO_TARGET_DIR="$1" "$flags=$2" \
        cargo build --release --manifest-path "$3" -p "$4"
}

# What it prints is of no use: a binary that counts is slow.
train() {
    workloads=select,default,churn,bulk,tls
    python3 tests/bench/run.py --palisade "$guided/counting/release/palisade" \
        --quick --rounds 1 --seconds 3 --only "$workloads" --json "$guided/training.json" >"$guided/training.log"
    python3 tests/bench/web.py --palisade "$guided/counting/release/palisade" \
        --pingora "$guided/counting/release/bare-pingora" \
        --rounds 1 --seconds 3 --json "$guided/training.json" >>"$guided/training.log"
}

gateway="Cargo.toml palisade"
pingora="tests/bench/pingora/Cargo.toml bare-pingora"
for each in "$gateway" "$pingora"; do
    build "$guided/counting" "-Cprofile-generate=$counts" $each
done
rm -rf "$counts" # What ran while it was built has counted too.
train
"$merge" merge -o "$guided/merged.profdata" "$counts"
for each in "$gateway" "$pingora"; do
    build "$guided" "-Cprofile-use=$guided/merged.profdata" $each
done
