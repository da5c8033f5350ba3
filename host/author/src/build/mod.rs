//! From a plugin's folder to its file.

mod bindings;
mod c;
mod go;
mod js;
mod python;
mod rust;

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;

use palisade_wasm::CompiledPlugin;

use crate::project::FILE;
use crate::shop::{Lock, Program};
use crate::wit::World;
use crate::{AuthorError, Language, Project, Shop};

/// What was built.
#[derive(Debug)]
pub struct Built {
    /// The plugin's file.
    pub file: PathBuf,
    /// What is in it.
    pub plugin: Arc<CompiledPlugin>,
}

/// One build: where from and where to.
struct Build<'b> {
    shop: &'b Shop<'b>,
    project: &'b Project,
    /// The world, for the languages that need one.
    world: Option<&'b World>,
    /// What is made on the way lies here: `.palisade` in the plugin's folder.
    work: PathBuf,
}

/// Builds a plugin, writes it to `out` (where left out, to its name in its folder) and loads it as the gateway would.
///
/// # Errors
/// Why it does not build, or why the gateway would refuse it.
pub fn build(shop: &Shop<'_>, project: &Project, out: Option<&Path>) -> Result<Built, AuthorError> {
    let work = project.folder.join(".palisade");
    real_folder(&work).map_err(AuthorError::io("cannot create", &work))?;
    let _alone = Lock::take(&work, "build")?;
    let build = Build { shop, project, world: project.world.as_ref(), work };
    let made = match project.language {
        Language::Rust => build.rust()?,
        Language::Js => build.js()?,
        Language::Python => build.python()?,
        Language::C => build.c()?,
        Language::Go => build.go()?,
    };
    let file = out.map_or_else(|| project.built(), Path::to_owned);
    let bytes = fs::read(&made).map_err(AuthorError::io("cannot read", &made))?;
    let plugin = shop.load(&file, &bytes)?;
    put(&file, &bytes)?;
    Ok(Built { file, plugin })
}

/// The file is there as it was or as it will be, also for a gateway that reads it at this moment.
fn put(file: &Path, bytes: &[u8]) -> Result<(), AuthorError> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = file.with_file_name(name);
    write_new(&new, bytes).map_err(AuthorError::io("cannot write", &new))?;
    fs::rename(&new, file).map_err(AuthorError::io("cannot write", file))
}

/// Writes a file of that name itself: a link that the folder came with may lead anywhere.
fn write_new(file: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::OpenOptions::new().write(true).create_new(true).open(file)?.write_all(bytes)
}

/// Makes a folder, or finds one of that name itself: what lies in it is removed and written anew.
fn real_folder(folder: &Path) -> io::Result<()> {
    match fs::symlink_metadata(folder) {
        Ok(there) if there.is_dir() => Ok(()),
        Ok(_) => Err(io::Error::other("it is a link or a file, and no folder")),
        Err(_) => fs::create_dir_all(folder),
    }
}

impl Build<'_> {
    /// A program that makes the plugin, or a part of it.
    fn program(&self, program: impl AsRef<OsStr>) -> Program {
        Program::new(format!("building {}", self.project.name), program)
    }

    /// Runs a compiler, and tells what it warns of. `fix` says what to do, by what it wrote.
    fn run(
        &self,
        compiler: Program,
        fix: impl FnOnce(&str) -> String,
    ) -> Result<Output, AuthorError> {
        let output = compiler.run(fix)?;
        String::from_utf8_lossy(&output.stderr).lines().for_each(|line| self.shop.tell(line));
        Ok(output)
    }

    /// The author's file, which must be there.
    fn source(&self) -> Result<PathBuf, AuthorError> {
        let source = self.project.folder.join(self.project.language.source());
        fs::metadata(&source).map_err(AuthorError::io("cannot read", &source))?;
        Ok(source)
    }

    fn world(&self) -> Result<&World, AuthorError> {
        self.world.ok_or_else(|| {
            let file = self.project.folder.join(FILE);
            let problem = "there is no `world`".to_owned();
            let (line, fix) = (None, String::new());
            AuthorError::Mistakes(vec![palisade_policy::Mistake { file, line, problem, fix }])
        })
    }

    /// A folder with nothing in it.
    fn empty(&self, name: &str) -> Result<PathBuf, AuthorError> {
        let folder = self.work.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(AuthorError::io("cannot remove", &folder))?;
        }
        fs::create_dir_all(&folder).map_err(AuthorError::io("cannot create", &folder))?;
        Ok(folder)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_built_is_written_where_no_link_leads() {
        let folder = tempfile::tempdir().unwrap();
        let (own, built) = (folder.path().join("own"), folder.path().join("x.wasm"));
        fs::write(&own, "precious").unwrap();
        symlink(&own, folder.path().join("x.wasm.new")).unwrap();
        put(&built, b"built").unwrap();
        assert_eq!(fs::read(&own).unwrap(), b"precious");
        assert_eq!(fs::read(&built).unwrap(), b"built");
    }

    #[test]
    fn a_link_is_no_folder_to_work_in() {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join(".palisade");
        symlink(folder.path(), &work).unwrap();
        assert!(real_folder(&work).is_err());
        fs::remove_file(&work).unwrap();
        real_folder(&work).unwrap();
        real_folder(&work).unwrap();
        assert!(work.is_dir());
    }
}
