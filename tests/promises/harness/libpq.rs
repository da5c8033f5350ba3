//! libpq 18, which hands bearer tokens over by OAUTHBEARER.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

use super::gateway::repository;
use super::process::run;

/// libpq with a bearer token at hand, towards a gateway.
pub(crate) struct Libpq {
    conninfo: String,
    token: String,
    options: Vec<(&'static str, String)>,
}

impl Libpq {
    /// A client that says by nothing how it wants to log in.
    pub(crate) fn new(port: u16, token: &str) -> Self {
        let conninfo =
            format!("host=127.0.0.1 port={port} user=orders dbname=orders sslmode=require");
        Self { conninfo, token: token.to_owned(), options: vec![] }
    }

    /// More of its connection string.
    pub(crate) fn with(mut self, more: &str) -> Self {
        self.conninfo = format!("{} {more}", self.conninfo);
        self
    }

    /// An environment variable of libpq's.
    pub(crate) fn option(mut self, name: &'static str, value: &str) -> Self {
        self.options.push((name, value.to_owned()));
        self
    }

    /// Connects and runs each text; gives what libpq asked for, why it failed, and each text's first value.
    pub(crate) fn run(&self, texts: &[&str]) -> Value {
        let mut command = Command::new("python3");
        command.arg(repository().join("tests/libpq/session.py")).arg(&*FOLDER);
        command.arg(&self.conninfo).args(texts).env("TOKEN", &self.token);
        command.env("PGCONNECT_TIMEOUT", "30").env_remove("PGPASSWORD");
        for (name, value) in &self.options {
            command.env(name, value);
        }
        let outcome = run(&mut command);
        assert!(outcome.ok, "{}{}", outcome.stdout, outcome.stderr);
        serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{}", outcome.stdout))
    }

    /// Why it has no session.
    pub(crate) fn error(&self) -> String {
        let told = self.run(&[]);
        told["error"].as_str().unwrap_or_else(|| panic!("it got in: {told}")).to_owned()
    }
}

/// Where the library is installed, once for all runs.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let tools = repository().join("target/tools");
    let folder = tools.join("libpq-psycopg-3.3.9");
    if !folder.exists() {
        install(&tools, &folder);
    }
    folder
});

/// Installs beside the final place and moves it there whole: others may do the same at the same time.
fn install(tools: &Path, folder: &Path) {
    std::fs::create_dir_all(tools).unwrap();
    let draft = tempfile::tempdir_in(tools).unwrap();
    let (venv, library) = (draft.path().join("venv"), draft.path().join("library"));
    let made = run(Command::new("python3").args(["-m", "venv"]).arg(&venv));
    assert!(made.ok, "python3 -m venv: {}{}", made.stdout, made.stderr);
    let mut pip = Command::new(venv.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
    pip.args(["--no-deps", "--require-hashes", "--only-binary", ":all:"]);
    // Of one Python, so that there is one hash, whichever Python is here.
    pip.args(["--implementation", "cp", "--python-version", "3.11", "--abi", "cp311"]);
    let machine = std::env::consts::ARCH;
    for tag in ["manylinux2014", "manylinux_2_17", "manylinux_2_28"] {
        pip.args(["--platform", &format!("{tag}_{machine}")]);
    }
    pip.arg("--target").arg(&library);
    pip.arg("-r").arg(repository().join("tests/libpq/requirements.txt"));
    let outcome = run(&mut pip);
    assert!(outcome.ok, "pip install: {}{}", outcome.stdout, outcome.stderr);
    let moved = std::fs::rename(&library, folder);
    assert!(moved.is_ok() || folder.exists(), "{moved:?}");
}
