#!/bin/sh
# Makes target/wasm-toolchain/cargo: cargo for wasm32-unknown-unknown where rustup has no standard library for it.
#
# Debian packages a compiler and the library's source; cargo builds the library from it. Nothing is installed.
set -eu
cd "$(dirname "$0")/.."
root=$PWD/target/wasm-toolchain
mkdir -p "$root/debs"
cd "$root/debs"
apt-get download rustc-web libstd-rust-web-dev libstd-rust-web-1.96 libllvm22 rust-web-src
for deb in *.deb; do dpkg -x "$deb" "$root"; done
library=$(find "$root/usr" -type d -path '*/library' | head -n 1)
linker=$(find "$(rustc --print sysroot)" -name rust-lld | head -n 1)
[ -n "$library" ] && [ -n "$linker" ] || {
    echo "wasm-toolchain: the packages hold no library source, or rustup no rust-lld" >&2
    exit 1
}
cat > "$root/cargo" <<EOF
#!/bin/sh
export RUSTC="$root/usr/bin/rustc" RUSTC_BOOTSTRAP=1 __CARGO_TESTS_ONLY_SRC_ROOT="$library"
export LD_LIBRARY_PATH="$root/usr/lib/x86_64-linux-gnu:$root/usr/lib\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}"
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="$linker"
exec cargo "\$@" -Zbuild-std=std,panic_abort
EOF
chmod +x "$root/cargo"
echo "wasm-toolchain: ready in $root"
