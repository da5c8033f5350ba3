//! Builds the bundled plugins for WebAssembly and puts their bytes within reach of `include_bytes!`.
//!
//! `PALISADE_WASM_DIR` names a folder with ready `<plugin>.wasm` files, which are then taken as they are.
//! Where the set-up made `target/wasm-toolchain/cargo`, since rustup has no standard library for the target, that is used.

#![allow(clippy::print_stdout, reason = "it is how a build script speaks to cargo")]

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, path};

const PLUGINS: [&str; 5] = ["approve-risky", "budget", "http-guard", "mask-secrets", "sql-guard"];
const TARGET: &str = "wasm32-unknown-unknown";

fn main() -> Result<(), Box<dyn Error>> {
    let host = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let workspace = host.parent().ok_or("the package is not in a workspace")?;
    for watched in ["plugin-sdk", "wit", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", workspace.join(watched).display());
    }
    // What the examples are built into lies beside them, and is no reason to build the plugins.
    for plugin in PLUGINS {
        for watched in ["Cargo.toml", "src"] {
            let path = workspace.join("plugins").join(plugin).join(watched);
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=PALISADE_WASM_DIR");
    look_for_tools();
    let ready = env::var_os("PALISADE_WASM_DIR").map(PathBuf::from);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut list = String::from("&[\n");
    for plugin in PLUGINS {
        let file = match &ready {
            Some(dir) => watched(path::absolute(dir)?.join(format!("{plugin}.wasm"))),
            None => build(workspace, plugin)?,
        };
        if !file.is_file() {
            return Err(format!("there is no {}", file.display()).into());
        }
        // A copy, so that the binary can be built again when the plugins' own folder was cleaned.
        fs::copy(&file, out.join(format!("{plugin}.wasm")))?;
        let path = format!("concat!(env!(\"OUT_DIR\"), \"/{plugin}.wasm\")");
        writeln!(list, "    ({plugin:?}, include_bytes!({path}) as &[u8]),")?;
    }
    list.push_str("]\n");
    fs::write(out.join("bundled.rs"), list)?;
    Ok(())
}

/// Whether the tests can build plugins in the languages whose tools need another language's.
fn look_for_tools() {
    let works = |program: &str, args: &[&str]| {
        Command::new(program).args(args).output().is_ok_and(|output| output.status.success())
    };
    let found = [
        ("have_npm", works("npm", &["--version"]) && works("node", &["--version"])),
        ("have_python3", works("python3", &["-c", "import ensurepip, venv"])),
    ];
    for (name, is_there) in found {
        println!("cargo::rustc-check-cfg=cfg({name})");
        if is_there {
            println!("cargo::rustc-cfg={name}");
        }
    }
}

fn watched(file: PathBuf) -> PathBuf {
    println!("cargo::rerun-if-changed={}", file.display());
    file
}

/// Builds one plugin by itself: several together would share the union of their features.
fn build(workspace: &Path, plugin: &str) -> Result<PathBuf, Box<dyn Error>> {
    let target_dir = workspace.join("target").join("plugins");
    let own = workspace.join("target/wasm-toolchain/cargo");
    let usual = || env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cargo = Command::new(if own.is_file() { own.into_os_string() } else { usual() });
    cargo
        .current_dir(workspace)
        .args(["build", "--quiet", "--profile", "plugin", "--target", TARGET, "--package", plugin])
        .arg("--target-dir")
        .arg(&target_dir);
    // What is meant for the gateway's own build is not meant for the plugins'.
    for foreign in [
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTFLAGS",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "CARGO_TARGET_DIR",
        "CARGO_BUILD_TARGET",
    ] {
        cargo.env_remove(foreign);
    }
    let built = cargo.output()?;
    if !built.status.success() {
        let errors = String::from_utf8_lossy(&built.stderr);
        let hint = if errors.contains("E0463") || errors.contains("may not be installed") {
            format!("the Rust target {TARGET} is missing, run `make setup`")
        } else {
            "see above".to_owned()
        };
        return Err(format!("{errors}\ncannot build the plugin {plugin}: {hint}").into());
    }
    let name = format!("{}.wasm", plugin.replace('-', "_"));
    Ok(target_dir.join(TARGET).join("plugin").join(name))
}
