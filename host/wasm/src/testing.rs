//! What the tests share: guests built from source, a host, and short ways to make policies of them.

use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use std::{env, fs};

use palisade_policy::Grants;

use crate::{CompiledPlugin, HostOptions, Limits, LoadError, PluginHost, WasmPolicy};

pub(crate) const KEY: [u8; 32] = [7; 32];

/// Kept between runs, so that an unchanged guest is compiled once.
pub(crate) static HOST: LazyLock<PluginHost> =
    LazyLock::new(|| PluginHost::new(HostOptions::new(target().join("host"), KEY)).unwrap());

pub(crate) static TRICKSTER: LazyLock<Arc<CompiledPlugin>> =
    LazyLock::new(|| HOST.compile(&guest("trickster")).unwrap());

/// The core module of a guest in `guests/`.
pub(crate) fn guest(name: &str) -> Vec<u8> {
    LazyLock::force(&GUESTS);
    let file = format!("wasm32-unknown-unknown/plugin/{name}.wasm");
    fs::read(target().join(file)).unwrap()
}

/// Time is generous, so that a slow machine changes no test's outcome.
pub(crate) fn patient() -> Limits {
    Limits { time: Duration::from_mins(1), ..Limits::default() }
}

pub(crate) fn trickster(config: &str) -> WasmPolicy {
    TRICKSTER.configure("trickster", config, patient(), &Grants::default()).unwrap()
}

/// A component or module, from its text.
pub(crate) fn compile_text(text: &str) -> Result<Arc<CompiledPlugin>, LoadError> {
    HOST.compile(&wat::parse_str(text).unwrap())
}

static GUESTS: LazyLock<()> = LazyLock::new(|| {
    // Where rustup has no standard library for WebAssembly, the set-up makes this.
    let wrapper = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/wasm-toolchain/cargo");
    let usual = || env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let program = if wrapper.exists() { wrapper.into_os_string() } else { usual() };
    let status = Process::new(program)
        .args(["build", "--quiet", "--profile", "plugin", "--target", "wasm32-unknown-unknown"])
        .args([
            "--package",
            "trickster",
            "--package",
            "lookout",
            "--package",
            "traveller",
            "--target-dir",
        ])
        .arg(target())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .unwrap();
    assert!(status.success(), "the guests do not build");
});

fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/plugins")
}
