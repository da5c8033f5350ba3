#!/bin/sh
# Builds the plugin that the demo swaps in and copies it to the folder that is named.
set -eu
cd "$(dirname "$0")/../.."
cargo=cargo
[ ! -x target/wasm-toolchain/cargo ] || cargo=target/wasm-toolchain/cargo
$cargo build --quiet --profile plugin --target wasm32-unknown-unknown --target-dir target/plugins -p no-ddl
mkdir -p "$1"
cp target/plugins/wasm32-unknown-unknown/plugin/no_ddl.wasm "$1/"
