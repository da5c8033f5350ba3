//! C: one file of the author's and one of bindings, by a compiler that knows WebAssembly and brings a C library.

use std::path::PathBuf;

use super::{Build, bindings};
use crate::AuthorError;

impl Build<'_> {
    pub(super) fn c(&self) -> Result<PathBuf, AuthorError> {
        let (source, world) = (self.source()?, self.world()?);
        let folder = self.empty("c")?;
        // The gateway takes the types from the contract, not from the module.
        let options = wit_bindgen_c::Opts { no_object_file: true, ..Default::default() };
        bindings::write("C", options.build(), world, &folder)?;
        let snake = world.name.replace('-', "_");
        let bindings = folder.join(format!("{snake}.c"));
        // The bindings call what the left out file would define.
        let rest = folder.join("rest.c");
        let text = format!("void __component_type_object_force_link_{snake}(void) {{}}\n");
        bindings::put(&rest, text.as_bytes())?;
        let out = folder.join("plugin.wasm");
        let (zig, first) = self.shop.zig()?;
        let compiler = self
            .program(zig)
            .args(first)
            .args(["-target", "wasm32-wasi", "-mexec-model=reactor", "-Os", "-Wall", "-Wextra"])
            // Without symbols, and with a stack that leaves the memory to the program.
            .args(["-s", "-Wl,-z,stack-size=65536", "-I"])
            .args([&folder])
            .args(["-o".into(), out.clone(), bindings, rest, source])
            .env("ZIG_GLOBAL_CACHE_DIR", self.shop.cache("zig")?)
            .env("ZIG_LOCAL_CACHE_DIR", self.work.join("zig"))
            .within(&self.project.folder);
        self.run(compiler, |_| String::new())?;
        Ok(out)
    }
}
