#!/bin/sh
# Stands between cargo and the compiler: what is fuzzed gets coverage, everything else is built as usual.
# These are options that a stable compiler has; nightly's `-Z sanitizer` would find more in C code and is not needed.
case " $* " in
*'feature="fuzzing"'* | *fuzz_targets/*)
    exec "$@" --cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module \
        -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
        -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares
    ;;
*) exec "$@" ;;
esac
