//! The contract's text for tools: as the plugin's folder has it, or as this binary has it.

use std::fs;
use std::path::{Path, PathBuf};

use palisade_policy::nearest;
use wit_bindgen_core::wit_parser::{PackageId, Resolve, WorldId};

use crate::AuthorError;

/// The contract.
pub(crate) const POLICY: &str = include_str!("../../../wit/policy.wit");

/// The contract that a plugin is built by, and what the plugin adds to it.
#[derive(Clone, Debug)]
pub(crate) struct Contract {
    policy: String,
    /// A file with worlds of the plugin's own, and where it is.
    own: Option<(PathBuf, String)>,
}

/// A world of a contract.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// Its name.
    pub(crate) name: String,
    contract: Contract,
}

/// What is wrong, and how to mend it.
type Wrong = (String, String);

impl Contract {
    /// The contract in a plugin's folder: `wit/policy.wit` where it is there, and worlds from the file `own`, or from
    /// `wit/world.wit` where that is there.
    pub(crate) fn of(folder: &Path, own: Option<&PathBuf>) -> Result<Self, AuthorError> {
        let read =
            |path: &Path| fs::read_to_string(path).map_err(AuthorError::io("cannot read", path));
        let policy = folder.join("wit/policy.wit");
        let policy = if policy.is_file() { read(&policy)? } else { POLICY.to_owned() };
        let usual = folder.join("wit/world.wit");
        let own = match own {
            Some(own) => Some(folder.join(own)),
            None => usual.is_file().then_some(usual),
        };
        let own = own.map(|path| Ok::<_, AuthorError>((path.clone(), read(&path)?))).transpose()?;
        Ok(Self { policy, own })
    }

    /// The worlds that a plugin can be of, the plugin's own first.
    pub(crate) fn worlds(&self) -> Vec<String> {
        let Ok((resolve, packages)) = self.resolve() else { return vec![] };
        let packages = packages.iter().rev().filter_map(|package| resolve.packages.get(*package));
        let names = packages.flat_map(|package| package.worlds.keys());
        names.filter(|name| !name.ends_with("-piece")).cloned().collect()
    }

    /// The world of this name.
    pub(crate) fn world(self, name: &str) -> Result<World, Wrong> {
        let (resolve, packages) = self.resolve().map_err(|problem| (problem, String::new()))?;
        if find(&resolve, &packages, name).is_some() {
            return Ok(World { name: name.to_owned(), contract: self });
        }
        let worlds = self.worlds();
        let fix = match nearest(name, worlds.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                format!("there are {}; others can be written into wit/world.wit", worlds.join(", "))
            }
        };
        Err((format!("there is no world `{}`", name.escape_debug()), fix))
    }

    fn resolve(&self) -> Result<(Resolve, Vec<PackageId>), String> {
        let mut resolve = Resolve::default();
        let mut packages = vec![];
        let own = self.own.as_ref().map(|(path, text)| (path.display().to_string(), text));
        for (name, text) in [("policy.wit".to_owned(), &self.policy)].into_iter().chain(own) {
            // The first line says what; below it the parser draws where.
            let package = resolve.push_source(&name, text).map_err(|error| error.to_string())?;
            packages.push(package);
        }
        Ok((resolve, packages))
    }
}

impl World {
    /// The world as the makers of bindings take it.
    pub(crate) fn resolve(&self) -> Result<(Resolve, WorldId), String> {
        let (resolve, packages) = self.contract.resolve()?;
        let world = find(&resolve, &packages, &self.name);
        world.map(|world| (resolve, world)).ok_or_else(|| "it is not there".to_owned())
    }

    /// Writes the contract into `folder` in the order that tools expect, and gives what to name to them.
    pub(crate) fn write(&self, folder: &Path) -> Result<PathBuf, AuthorError> {
        let write = |path: &Path, text: &str| {
            let parent = path.parent().unwrap_or(folder);
            fs::create_dir_all(parent).map_err(AuthorError::io("cannot create", parent))?;
            fs::write(path, text).map_err(AuthorError::io("cannot write", path))
        };
        let Some((_, own)) = &self.contract.own else {
            let file = folder.join("policy.wit");
            write(&file, &self.contract.policy)?;
            return Ok(file);
        };
        write(&folder.join("world.wit"), own)?;
        write(&folder.join("deps/palisade-policy/policy.wit"), &self.contract.policy)?;
        Ok(folder.to_owned())
    }
}

/// A world by its name, the plugin's own before the contract's.
fn find(resolve: &Resolve, packages: &[PackageId], name: &str) -> Option<WorldId> {
    packages.iter().rev().find_map(|id| resolve.packages.get(*id)?.worlds.get(name).copied())
}

#[cfg(test)]
mod tests;
