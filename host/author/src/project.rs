//! A plugin's folder, as its `plugin.toml` describes it.

use std::fs;
use std::path::{Path, PathBuf};

use palisade_policy::{Keys, Mistake, line_of, unknown_keys};
use serde::Deserialize;
use toml::Spanned;

use crate::wit::{Contract, World};
use crate::{AuthorError, Language};

/// A plugin's folder.
#[derive(Clone, Debug)]
pub struct Project {
    /// The folder, absolute.
    pub folder: PathBuf,
    /// The plugin's name, and its file's.
    pub name: String,
    /// What it is written in.
    pub language: Language,
    /// What it exports; none for Rust, where the SDK knows.
    pub(crate) world: Option<World>,
}

/// The name of the file that describes a plugin.
pub(crate) const FILE: &str = "plugin.toml";

const KEYS: Keys = Keys::Table(&[
    ("name", Keys::Any),
    ("language", Keys::Any),
    ("world", Keys::Any),
    ("wit", Keys::Any),
]);

#[derive(Deserialize)]
struct Raw {
    name: Spanned<String>,
    language: Spanned<String>,
    world: Option<Spanned<String>>,
    wit: Option<Spanned<PathBuf>>,
}

impl Project {
    /// Whether a folder is one.
    #[must_use]
    pub fn is_in(folder: &Path) -> bool {
        folder.join(FILE).is_file()
    }

    /// Reads a folder's `plugin.toml`.
    ///
    /// # Errors
    /// When it is not there, or what is wrong in it.
    pub fn read(folder: &Path) -> Result<Self, AuthorError> {
        let folder = std::path::absolute(folder).map_err(AuthorError::io("cannot find", folder))?;
        let file = folder.join(FILE);
        let text = fs::read_to_string(&file).map_err(AuthorError::io("cannot read", &file))?;
        let unknown = unknown_keys(&file, &text, &KEYS);
        if !unknown.is_empty() {
            return Err(AuthorError::Mistakes(unknown));
        }
        let raw: Raw = toml::from_str(&text).map_err(|error| {
            AuthorError::Mistakes(vec![Mistake::from_toml(&file, &text, &error)])
        })?;
        let wrong = |start: Option<usize>, problem: String, fix: &str| {
            let line = start.map(|start| line_of(&text, start));
            let mistake = Mistake { file: file.clone(), line, problem, fix: fix.to_owned() };
            AuthorError::Mistakes(vec![mistake])
        };
        let start = raw.name.span().start;
        check_name(raw.name.get_ref())
            .map_err(|error| wrong(Some(start), error.to_string(), ""))?;
        let language = raw.language.get_ref().parse::<Language>();
        let language = language.map_err(|error| {
            let written = raw.language.get_ref().escape_debug();
            wrong(Some(raw.language.span().start), format!("`{written}`: {error}"), "")
        })?;
        let contract = Contract::of(&folder, raw.wit.as_ref().map(Spanned::get_ref))?;
        let world = match raw.world {
            None if language == Language::Rust => None,
            None => {
                let fix = format!("add one of {}", contract.worlds().join(", "));
                return Err(wrong(None, "there is no `world`".to_owned(), &fix));
            }
            Some(name) => {
                let start = name.span().start;
                let world = contract.world(name.get_ref());
                Some(world.map_err(|(problem, fix)| wrong(Some(start), problem, &fix))?)
            }
        };
        Ok(Self { folder, name: raw.name.into_inner(), language, world })
    }

    /// Where the plugin's file lies that is built.
    #[must_use]
    pub fn built(&self) -> PathBuf {
        self.folder.join(format!("{}.wasm", self.name))
    }
}

/// Whether a name can be a plugin's, a folder's, and a package's of every language.
pub(crate) fn check_name(name: &str) -> Result<(), AuthorError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    if begins && name.bytes().all(fits) && name.len() <= 64 {
        Ok(())
    } else {
        Err(AuthorError::Name(name.to_owned()))
    }
}

#[cfg(test)]
mod tests;
