//! JavaScript: the program inside of QuickJS, as it is once the program's first lines have run.

use std::path::PathBuf;

use super::Build;
use crate::AuthorError;
use crate::shop::on_path;

impl Build<'_> {
    pub(super) fn js(&self) -> Result<PathBuf, AuthorError> {
        let (source, world) = (self.source()?, self.world()?);
        let folder = self.empty("js")?;
        let wit = world.write(&folder.join("wit"))?;
        let out = folder.join("plugin.wasm");
        let bundler = self.shop.componentize_qjs()?;
        let node = on_path("node").ok_or_else(|| AuthorError::Missing {
            program: "node".to_owned(),
            wanted_for: "the JavaScript bundler".to_owned(),
            fix: "install Node.js 18 or later".to_owned(),
        })?;
        // What it would import of WASI is put in place by stubs, so that the plugin is a pure function.
        let bundler = self
            .program(node)
            .args([bundler])
            .args(["--sync", "--stub-wasi", "--world", &world.name, "--wit"])
            .args([wit, "--js".into(), source, "--output".into(), out.clone()])
            .within(&self.project.folder);
        self.run(bundler, |_| String::new())?;
        Ok(out)
    }
}
