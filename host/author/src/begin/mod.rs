//! A new plugin's folder: one rule, its cases, the contract, and nothing that would have to be fetched from this project.

mod rust;

use std::fs;
use std::path::{Path, PathBuf};

use crate::project::{FILE, check_name};
use crate::wit::POLICY;
use crate::{AuthorError, Language};

const IGNORE: &str = include_str!("templates/gitignore");
const README: &str = include_str!("templates/README.md");
const PROJECT: &str = include_str!("templates/plugin.toml");
const CASES: &str = include_str!("templates/cases.toml");

/// Makes the folder `name` in `parent`, with a plugin in it that builds and passes its cases. Gives the folder.
///
/// # Errors
/// When the name cannot be a plugin's, the folder is not empty, or cannot be written to.
pub fn begin(parent: &Path, name: &str, language: Language) -> Result<PathBuf, AuthorError> {
    check_name(name)?;
    let folder = parent.join(name);
    let is_empty = match fs::read_dir(&folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    if !is_empty {
        return Err(AuthorError::Occupied(folder));
    }
    let filled = |text: &str| {
        let text = text.replace("{{name}}", name).replace("{{language}}", language.name());
        text.replace("{{source}}", language.source())
    };
    let mut files = vec![
        (FILE.to_owned(), filled(&project(language))),
        (language.source().to_owned(), filled(source(language))),
        ("wit/policy.wit".to_owned(), POLICY.to_owned()),
        (format!("cases/{name}.toml"), filled(CASES)),
        ("README.md".to_owned(), filled(README)),
        (".gitignore".to_owned(), IGNORE.to_owned()),
    ];
    if language == Language::Rust {
        files.push(("Cargo.toml".to_owned(), filled(&rust::manifest())));
        files.extend(rust::sdk());
    }
    for (path, text) in files {
        let path = folder.join(path);
        let parent = path.parent().unwrap_or(&folder);
        fs::create_dir_all(parent).map_err(AuthorError::io("cannot create", parent))?;
        fs::write(&path, text).map_err(AuthorError::io("cannot write", &path))?;
    }
    Ok(folder)
}

/// In Rust the SDK's macro says what a plugin exports.
fn project(language: Language) -> String {
    let lines = PROJECT.lines().filter(|it| language != Language::Rust || !it.starts_with("world"));
    lines.map(|line| format!("{line}\n")).collect()
}

fn source(language: Language) -> &'static str {
    match language {
        Language::Rust => include_str!("templates/rust/lib.rs"),
        Language::Js => include_str!("templates/js/plugin.js"),
        Language::Python => include_str!("templates/python/plugin.py"),
        Language::C => include_str!("templates/c/plugin.c"),
        Language::Go => include_str!("templates/go/plugin.go"),
    }
}

#[cfg(test)]
mod tests;
