//! Installs tools, each once, in a folder of its own.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::list::{COMPONENTIZE_PY, COMPONENTIZE_QJS, GO, Registry, Tool, ZIG};
use super::run::{Program, on_path};
use super::{Lock, Shop};
use crate::AuthorError;

/// The oldest Go that knows what the bindings need, as in `go1.25`.
const OLDEST_GO: u32 = 25;

/// How Python runs a module of its own: without this it would look in the current folder first, which may be a plugin's.
const ISOLATED: &[&str] = &["-I", "-m"];

impl Shop<'_> {
    /// How to call the C compiler: a program and its first arguments.
    pub(crate) fn zig(&self) -> Result<(PathBuf, Vec<&'static str>), AuthorError> {
        let own = env::var_os("PALISADE_ZIG").map(PathBuf::from);
        match own.or_else(|| on_path("zig")) {
            Some(zig) => Ok((zig, vec!["cc"])),
            None => {
                Ok((self.tool(ZIG)?.join("bin/python"), [ISOLATED, &["ziglang", "cc"]].concat()))
            }
        }
    }

    /// The Go compiler.
    pub(crate) fn go(&self) -> Result<PathBuf, AuthorError> {
        match on_path("go").filter(|go| is_new_enough(go)) {
            Some(go) => Ok(go),
            None => Ok(self.tool(GO)?.join("bin/go")),
        }
    }

    /// The program that bundles Python.
    pub(crate) fn componentize_py(&self) -> Result<PathBuf, AuthorError> {
        Ok(self.tool(COMPONENTIZE_PY)?.join("bin/componentize-py"))
    }

    /// The script for node that bundles JavaScript.
    pub(crate) fn componentize_qjs(&self) -> Result<PathBuf, AuthorError> {
        let folder = self.tool(COMPONENTIZE_QJS)?;
        Ok(folder.join("node_modules/componentize-qjs/bin/componentize-qjs"))
    }

    /// The tool's folder, with the tool installed in it.
    fn tool(&self, tool: Tool) -> Result<PathBuf, AuthorError> {
        let name = format!("{}-{}", tool.package, tool.version);
        let folder = self.folder.join(&name);
        // The stamp is written last: a folder without it is what an installation left that did not end well.
        let stamp = folder.join(".complete");
        if stamp.is_file() {
            return Ok(folder);
        }
        let _lock = Lock::take(&self.folder, &name)?;
        if stamp.is_file() {
            return Ok(folder);
        }
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(AuthorError::io("cannot remove", &folder))?;
        }
        let Tool { package, version, .. } = tool;
        self.tell(&format!("installing {package} {version} into {}", folder.display()));
        match tool.from {
            Registry::PyPi => from_pypi(tool, &folder)?,
            Registry::Npm => from_npm(tool, &folder)?,
        }
        fs::write(&stamp, "").map_err(AuthorError::io("cannot write", &stamp))?;
        Ok(folder)
    }
}

fn from_pypi(tool: Tool, folder: &Path) -> Result<(), AuthorError> {
    let python = needed("python3", tool, "install Python 3.9 or later, with its module venv")?;
    let what = format!("installing {} {}, {}", tool.package, tool.version, tool.what);
    Program::new(&*what, python).args(ISOLATED).args(["venv"]).args([folder]).run(|_| {
        "install Python's modules venv and ensurepip (Debian: apt-get install python3-venv)"
            .to_owned()
    })?;
    let package = format!("{}=={}", tool.package, tool.version);
    Program::new(what, folder.join("bin/python"))
        .args(ISOLATED)
        .args(["pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"])
        .args(["--only-binary", ":all:", &package])
        .run(|_| {
            "see that the Python package index can be reached, as pip's own settings say".to_owned()
        })?;
    Ok(())
}

fn from_npm(tool: Tool, folder: &Path) -> Result<(), AuthorError> {
    let npm = needed("npm", tool, "install Node.js 18 or later, with npm")?;
    needed("node", tool, "install Node.js 18 or later")?;
    fs::create_dir_all(folder).map_err(AuthorError::io("cannot create", folder))?;
    // Without one of its own, npm would look for the project in the folders above.
    let manifest = folder.join("package.json");
    fs::write(&manifest, "{\"private\":true}\n")
        .map_err(AuthorError::io("cannot write", &manifest))?;
    let package = format!("{}@{}", tool.package, tool.version);
    Program::new(format!("installing {package}, {}", tool.what), npm)
        .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--save-exact", &package])
        .within(folder)
        .run(|_| {
            "see that the registry of npm can be reached, as npm's own settings say".to_owned()
        })?;
    Ok(())
}

fn needed(program: &str, tool: Tool, fix: &str) -> Result<PathBuf, AuthorError> {
    on_path(program).ok_or_else(|| AuthorError::Missing {
        program: program.to_owned(),
        wanted_for: format!("{} ({} {})", tool.what, tool.package, tool.version),
        fix: fix.to_owned(),
    })
}

/// `go version` says "go version go1.27.3 linux/amd64".
fn is_new_enough(go: &Path) -> bool {
    let said = Program::new("asking Go for its version", go).args(["version"]);
    let said = said.env("GOTOOLCHAIN", "local").run(|_| String::new());
    let minor = said.ok().and_then(|said| minor(&String::from_utf8_lossy(&said.stdout)));
    minor.is_some_and(|minor| minor >= OLDEST_GO)
}

fn minor(version: &str) -> Option<u32> {
    let (_, rest) = version.split_once("go1.")?;
    rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_go_is_read() {
        assert_eq!(minor("go version go1.27.3 linux/amd64\n"), Some(27));
        assert_eq!(minor("go version go1.25rc1 linux/amd64"), Some(25));
        assert_eq!(minor("go version devel"), None);
    }
}
