//! Why an author's wish was not carried out, worded for the author: what, where, and what to do next.

use std::io;
use std::path::{Path, PathBuf};

use palisade_policy::Mistake;
use palisade_wasm::{HostError, LoadError};

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum AuthorError {
    /// A file that the author wrote is wrong.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Mistakes(Vec<Mistake>),
    /// There is nothing to test with.
    #[error("there are no cases in {}; write one, as in plugins/examples", .0.display())]
    NoCases(PathBuf),
    /// A name that cannot be a plugin's.
    #[error(
        "`{}` cannot be a plugin's name: it begins with a letter, and consists of letters, digits and -",
        .0.escape_debug()
    )]
    Name(String),
    /// A new project must not overwrite what is there.
    #[error("{} is there already and is not empty; choose another name, or another folder with --dir", .0.display())]
    Occupied(PathBuf),
    /// A program that is needed is not there.
    #[error("{program} is not installed, which {wanted_for} needs\n  fix: {fix}")]
    Missing {
        /// The program.
        program: String,
        /// What needs it.
        wanted_for: String,
        /// What to install.
        fix: String,
    },
    /// A program ended with an error.
    #[error("{what} failed\n  command: {command}\n{}{}", indented(.output), fix_line(.fix))]
    Failed {
        /// What it should have done.
        what: String,
        /// What was called.
        command: String,
        /// The last lines that it wrote.
        output: String,
        /// What to do; empty where the output says it.
        fix: String,
    },
    /// Bindings could not be made from the contract.
    #[error("cannot make {language} bindings for the world `{world}`: {problem}")]
    Bindings {
        /// The language.
        language: &'static str,
        /// The world.
        world: String,
        /// Why.
        problem: String,
    },
    /// What was built is no plugin.
    #[error("{} is no plugin that the gateway can run: {source}", .file.display())]
    Refused {
        /// The file.
        file: PathBuf,
        /// Why.
        source: LoadError,
    },
    /// What runs plugins does not start.
    #[error("plugins cannot be run: {0}")]
    Host(#[from] HostError),
    /// There is no folder for tools.
    #[error(
        "there is no folder for tools: none of PALISADE_TOOLS, XDG_CACHE_HOME and HOME is set\n  fix: set PALISADE_TOOLS to a folder that can be written to"
    )]
    NoFolder,
    /// The file system did not do what it was asked for.
    #[error("{what} {}: {source}", .path.display())]
    Io {
        /// What was asked: "cannot read".
        what: &'static str,
        /// Of what.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
}

impl AuthorError {
    /// Makes an error of a file operation: `read(&path).map_err(AuthorError::io("cannot read", &path))`.
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }
}

fn indented(output: &str) -> String {
    output.lines().map(|line| format!("    {line}\n")).collect()
}

fn fix_line(fix: &str) -> String {
    if fix.is_empty() { String::new() } else { format!("  fix: {fix}") }
}
