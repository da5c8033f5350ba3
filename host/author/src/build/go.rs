//! Go: bindings as packages of one module, with small packages of ours between them and the author's.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Build, bindings};
use crate::AuthorError;

/// Packages between the bindings and the author's, so that the author needs to know neither.
const SUPPORT: [(&str, &str); 7] = [
    ("pkg/go.mod", include_str!("../go-support/go.mod.txt")),
    ("pkg/wit/types/types.go", include_str!("../go-support/wit/types/types.go")),
    ("pkg/wit/runtime/runtime.go", include_str!("../go-support/wit/runtime/runtime.go")),
    (
        "export_palisade_policy_plugin/export.go",
        include_str!("../go-support/export_palisade_policy_plugin/export.go"),
    ),
    (
        "export_palisade_policy_guard/export.go",
        include_str!("../go-support/export_palisade_policy_guard/export.go"),
    ),
    (
        "export_palisade_policy_mask/export.go",
        include_str!("../go-support/export_palisade_policy_mask/export.go"),
    ),
    (
        "export_palisade_policy_reviewer/export.go",
        include_str!("../go-support/export_palisade_policy_reviewer/export.go"),
    ),
];

/// What the bindings import is there already, and nothing is fetched.
const REPLACE: &str = "\nreplace go.bytecodealliance.org/pkg => ./pkg\n";

/// Nothing is fetched, nothing of the author's own settings counts.
const SETTINGS: [(&str, &str); 9] = [
    ("CGO_ENABLED", "0"),
    ("GOARCH", "wasm"),
    ("GOENV", "off"),
    ("GOFLAGS", "-mod=mod"),
    ("GOOS", "wasip1"),
    ("GOPROXY", "off"),
    ("GOSUMDB", "off"),
    ("GOTOOLCHAIN", "local"),
    ("GOWORK", "off"),
];

impl Build<'_> {
    pub(super) fn go(&self) -> Result<PathBuf, AuthorError> {
        self.source()?;
        let folder = self.empty("go")?;
        let options =
            wit_bindgen_go::Opts { format: wit_bindgen_go::Format::False, ..Default::default() };
        bindings::write("Go", options.build(), self.world()?, &folder)?;
        for (name, contents) in SUPPORT {
            bindings::put(&folder.join(name), contents.as_bytes())?;
        }
        let module = folder.join("go.mod");
        let text = fs::read_to_string(&module).map_err(AuthorError::io("cannot read", &module))?;
        bindings::put(&module, format!("{text}{REPLACE}").as_bytes())?;
        copy_sources(&self.project.folder, &folder.join("plugin"))?;
        let out = folder.join("plugin.wasm");
        let mut go = self
            .program(self.shop.go()?)
            .args(["build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false"])
            .args(["-ldflags=-s -w", "-o", "plugin.wasm", "."])
            .within(&folder);
        for (name, value) in SETTINGS {
            go = go.env(name, value);
        }
        let caches =
            [("GOCACHE", self.shop.cache("go-build")?), ("GOPATH", self.shop.cache("go-path")?)];
        for (name, folder) in caches {
            go = go.env(name, folder);
        }
        self.run(go, |_| String::new())?;
        Ok(out)
    }
}

/// The author's package is the `.go` files in the plugin's folder, tests left out.
fn copy_sources(from: &Path, to: &Path) -> Result<(), AuthorError> {
    for entry in fs::read_dir(from).map_err(AuthorError::io("cannot read", from))? {
        let path = entry.map_err(AuthorError::io("cannot read", from))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(".go") && !name.ends_with("_test.go") {
            let source = fs::read(&path).map_err(AuthorError::io("cannot read", &path))?;
            bindings::put(&to.join(name), &source)?;
        }
    }
    Ok(())
}
