//! Packages of Python, installed once for all runs of the same requirements.

use std::path::PathBuf;
use std::process::Command;

use super::gateway::repository;
use super::process::run;

/// The folder that has what a file of the repository requires. `name` changes with the requirements.
///
/// It is installed beside the final place and moved there whole: others may do the same at the same time.
pub(crate) fn installed(name: &str, requirements: &str) -> PathBuf {
    let tools = repository().join("target/tools");
    let folder = tools.join(name);
    if folder.exists() {
        return folder;
    }
    std::fs::create_dir_all(&tools).unwrap();
    let draft = tempfile::tempdir_in(&tools).unwrap();
    let venv = draft.path().join("venv");
    let made = run(Command::new("python3").args(["-m", "venv"]).arg(&venv));
    assert!(made.ok, "python3 -m venv: {}", made.stderr);
    let mut pip = Command::new(venv.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]);
    pip.arg(draft.path().join("packages"));
    pip.arg("--requirement").arg(repository().join(requirements));
    let outcome = run(&mut pip);
    assert!(outcome.ok, "pip install: {}{}", outcome.stdout, outcome.stderr);
    // Where another was first, it is as good.
    let _ = std::fs::rename(draft.path().join("packages"), &folder);
    folder
}
