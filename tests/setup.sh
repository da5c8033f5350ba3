#!/bin/sh
# Brings what building and testing need and what cannot come with the source. Safe to run again.
#
# cmake and libclang build two dependencies; PostgreSQL and nginx are what is tested against; the plugins are WebAssembly.
set -eu
cd "$(dirname "$0")/.."

missing=
need() { missing="$missing $1"; }

have_libclang() {
    # libclang-cpp is another library, which compilers bring along.
    { ldconfig -p 2>/dev/null; ls /usr/lib/llvm-*/lib 2>/dev/null; } | grep -Eq 'libclang(-[0-9.]+)?\.so'
}
have_postgres() {
    command -v postgres >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1
}

command -v cc >/dev/null 2>&1 || need build-essential
command -v c++ >/dev/null 2>&1 || need g++
command -v cmake >/dev/null 2>&1 || need cmake
command -v openssl >/dev/null 2>&1 || need openssl
command -v curl >/dev/null 2>&1 || need curl
command -v python3 >/dev/null 2>&1 || need python3
have_libclang || need libclang-dev
have_postgres || need postgresql
command -v nginx >/dev/null 2>&1 || test -x /usr/sbin/nginx || need nginx-light
command -v nghttp >/dev/null 2>&1 || need nghttp2-client
command -v psql >/dev/null 2>&1 || need postgresql-client

if [ -n "$missing" ]; then
    as_root=
    if [ "$(id -u)" != 0 ]; then
        as_root="sudo -n"
        $as_root true 2>/dev/null || {
            echo "setup: these packages are missing:$missing" >&2
            echo "setup: install them as root, for example: apt-get install -y$missing" >&2
            exit 1
        }
    fi
    command -v apt-get >/dev/null 2>&1 || {
        echo "setup: these are missing:$missing (named as Debian names them); install them and run this again" >&2
        exit 1
    }
    echo "setup: installing$missing"
    $as_root apt-get update -qq
    # shellcheck disable=SC2086 # The names are words.
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

# The standard library for WebAssembly: from rustup, and from Debian where rustup's downloads are refused.
target=wasm32-unknown-unknown
sysroot=$(rustc --print sysroot)
if [ ! -d "$sysroot/lib/rustlib/$target/lib" ] && [ ! -x target/wasm-toolchain/cargo ]; then
    if command -v rustup >/dev/null 2>&1 && rustup target add "$target"; then
        :
    else
        echo "setup: rustup cannot add $target; taking Debian's compiler for it"
        tests/wasm-toolchain.sh
    fi
fi
