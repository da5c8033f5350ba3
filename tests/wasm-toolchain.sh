#!/bin/sh
# Makes target/wasm-toolchain/cargo: cargo for wasm32-unknown-unknown where rustup has no standard library for it.
#
# Debian packages a compiler and the library's source; cargo builds the library from it. Nothing is installed.
set -eu
cd "$(dirname "$0")/.."
root=$PWD/target/wasm-toolchain
mkdir -p "$root/debs"
cd "$root/debs"
# The compiler's library and LLVM carry versions in their names.
depends() { apt-cache depends "$@" | awk '$1 == "Depends:" { print $2 }'; }
library=$(depends rustc-web libstd-rust-web-dev | grep '^libstd-rust-web-[0-9]' | sort -u)
# shellcheck disable=SC2086 # The names are words.
llvm=$(depends rustc-web $library | grep '^libllvm' | sort -u)
# shellcheck disable=SC2086
apt-get download -qq rustc-web libstd-rust-web-dev rust-web-src $library $llvm 2>/dev/null
for deb in *.deb; do dpkg -x "$deb" "$root"; done
rm -- *.deb
library=$(find "$root/usr/src" -maxdepth 2 -type d -name library | head -n 1)
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
unset RUSTUP_TOOLCHAIN
exec cargo "\$@" -Zbuild-std=std,panic_abort
EOF
chmod +x "$root/cargo"
echo "wasm-toolchain: ready in $root"
