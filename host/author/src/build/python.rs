//! Python: the program inside of CPython, as it is once the module was imported.

use std::path::PathBuf;

use super::Build;
use crate::AuthorError;

impl Build<'_> {
    pub(super) fn python(&self) -> Result<PathBuf, AuthorError> {
        self.source()?;
        let world = self.world()?;
        let folder = self.empty("python")?;
        let wit = world.write(&folder.join("wit"))?;
        let out = folder.join("plugin.wasm");
        // What it would import of WASI is put in place by stubs, so that the plugin is a pure function.
        let bundler = self
            .program(self.shop.componentize_py()?)
            .args(["--quiet", "--wit-path"])
            .args([wit])
            .args(["--world", &world.name, "componentize", "--stub-wasi", "--python-path"])
            .args([&self.project.folder])
            .args(["plugin", "--output"])
            .args([&out])
            // Packages come from the plugin's folder alone, not from wherever the author happens to be.
            .without_env("VIRTUAL_ENV")
            .without_env("PYTHONPATH")
            // Where an exception came from matters, not where the bundler was meanwhile.
            .env("RUST_BACKTRACE", "0")
            .within(&folder);
        self.run(bundler, |_| String::new())?;
        Ok(out)
    }
}
