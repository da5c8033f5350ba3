//! C: one file of the author's and one of bindings, by a compiler that knows WebAssembly and brings a C library.

use std::path::PathBuf;

use super::{Build, bindings};
use crate::AuthorError;
use crate::shop::Program;

impl Build<'_> {
    pub(super) fn c(&self) -> Result<PathBuf, AuthorError> {
        let (source, world) = (self.source()?, self.world()?);
        let folder = self.empty("c")?;
        // The gateway takes the types from the contract, not from the module.
        let options = wit_bindgen_c::Opts { no_object_file: true, ..Default::default() };
        bindings::write("C", options.build(), world, &folder)?;
        let bindings = folder.join(format!("{}.c", world.name.replace('-', "_")));
        let out = folder.join("plugin.wasm");
        let (zig, first) = self.shop.zig()?;
        Program::new(self.what(), zig)
            .args(first)
            .args(["-target", "wasm32-wasi", "-mexec-model=reactor", "-Os", "-Wall", "-Wextra"])
            // Without symbols, and with a stack that leaves the memory to the program.
            .args(["-s", "-Wl,-z,stack-size=65536", "-I"])
            .args([&folder])
            .args(["-o".into(), out.clone(), bindings, source])
            .env("ZIG_GLOBAL_CACHE_DIR", self.shop.cache("zig")?)
            .env("ZIG_LOCAL_CACHE_DIR", self.work.join("zig"))
            .within(&self.project.folder)
            .run(|_| String::new())?;
        Ok(out)
    }
}
