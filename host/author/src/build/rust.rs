//! Rust: an ordinary package for wasm32-unknown-unknown, built by cargo.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use serde_json::Value;

use super::Build;
use crate::AuthorError;
use crate::shop::on_path;

const TARGET: &str = "wasm32-unknown-unknown";

/// What is meant for other builds is not meant for a plugin's.
const FOREIGN: [&str; 6] = [
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
];

impl Build<'_> {
    pub(super) fn rust(&self) -> Result<PathBuf, AuthorError> {
        self.source()?;
        let mut cargo = self
            .program(cargo()?)
            .args(["build", "--quiet", "--release", "--target", TARGET, "--target-dir"])
            .args([self.work.join("rust")])
            .args(["--message-format", "json-render-diagnostics"])
            .within(&self.project.folder);
        for foreign in FOREIGN {
            cargo = cargo.without_env(foreign);
        }
        let said = self.run(cargo, |said| {
            if said.contains("E0463") || said.contains("may not be installed") {
                format!("rustup target add {TARGET}")
            } else {
                String::new()
            }
        })?;
        module(&String::from_utf8_lossy(&said.stdout)).ok_or_else(|| AuthorError::Failed {
            what: format!("building {}", self.project.name),
            command: format!("cargo build --target {TARGET}"),
            output: "no .wasm file was made".to_owned(),
            fix: "write `crate-type = [\"cdylib\"]` under [lib] in Cargo.toml".to_owned(),
        })
    }
}

fn cargo() -> Result<OsString, AuthorError> {
    let own = env::var_os("PALISADE_CARGO");
    let own = own.or_else(|| on_path("cargo").map(PathBuf::into_os_string));
    own.ok_or_else(|| AuthorError::Missing {
        program: "cargo".to_owned(),
        wanted_for: "a plugin in Rust".to_owned(),
        fix: "install Rust from https://rustup.rs, then `rustup target add wasm32-unknown-unknown`"
            .to_owned(),
    })
}

/// The module that cargo says it made: of all packages the last, which is the plugin itself.
fn module(messages: &str) -> Option<PathBuf> {
    messages.lines().rev().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let mut names = message.get("filenames")?.as_array()?.iter().filter_map(Value::as_str);
        names.find(|name| name.ends_with(".wasm")).map(PathBuf::from)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_is_what_cargo_made_last() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","filenames":["/t/libserde.rlib"]}"#,
            "\n",
            r#"{"reason":"compiler-artifact","filenames":["/t/no_drop.wasm"]}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        assert_eq!(module(messages), Some(PathBuf::from("/t/no_drop.wasm")));
        assert_eq!(module("{}"), None);
    }
}
