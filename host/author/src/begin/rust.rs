//! What a plugin in Rust needs besides its source: a manifest, and the SDK, which comes with it.

use toml::{Table, Value};

use crate::wit::POLICY;

const MANIFEST: &str = include_str!("templates/rust/Cargo.toml.txt");
/// This project's own manifest: what its packages share, a plugin's project must have too.
const SHARED: &str = include_str!("../../../../Cargo.toml");

macro_rules! sdk {
    ($($file:literal),* $(,)?) => {
        [$(($file, include_str!(concat!("../../../../plugin-sdk/", $file)))),*]
    };
}

/// Every file of the SDK but the contract.
pub(super) const SDK: [(&str, &str); 18] = sdk![
    "Cargo.toml",
    "README.md",
    "macros/Cargo.toml",
    "macros/README.md",
    "macros/src/lib.rs",
    "src/approval.rs",
    "src/bindings.rs",
    "src/export.rs",
    "src/export/tests.rs",
    "src/granted.rs",
    "src/hooks.rs",
    "src/lib.rs",
    "src/pattern.rs",
    "src/pattern/tests.rs",
    "src/plan.rs",
    "src/plan/tests.rs",
    "src/testing.rs",
    "src/verdict.rs",
];

/// The SDK, in the folder `plugin-sdk`.
pub(super) fn sdk() -> impl Iterator<Item = (String, String)> {
    let contract = [("wit/policy.wit", POLICY)];
    let files = SDK.into_iter().chain(contract);
    files.map(|(path, text)| (format!("plugin-sdk/{path}"), text.to_owned()))
}

/// The manifest of a project that is a workspace of its own, so that what the SDK's manifests refer to is found there.
pub(super) fn manifest() -> String {
    let shared: Table = SHARED.parse().unwrap_or_default();
    let workspace = shared.get("workspace");
    let of = |table: &str| workspace.and_then(|it| it.get(table)?.as_table());
    let mut manifest = MANIFEST.to_owned();
    for key in ["version", "edition", "rust-version", "license"] {
        let value = of("package").and_then(|package| package.get(key)?.as_str()).unwrap_or("");
        manifest = manifest.replace(&format!("{{{{{key}}}}}"), value);
    }
    let known = of("dependencies");
    let line = |name: &str| Some(format!("{name} = {}\n", known?.get(name)?));
    let needed = needed();
    let lines: String = needed.iter().filter_map(|name| line(name)).collect();
    manifest.replace("{{dependencies}}\n", &lines)
}

/// The dependencies that the SDK's manifests take from their workspace.
fn needed() -> Vec<String> {
    let manifests = SDK.iter().filter(|(path, _)| path.ends_with("Cargo.toml"));
    let manifests = manifests.filter_map(|(_, text)| text.parse::<Table>().ok());
    let mut needed: Vec<String> = manifests.flat_map(|manifest| shared_by(&manifest)).collect();
    needed.sort();
    needed.dedup();
    needed
}

fn shared_by(manifest: &Table) -> Vec<String> {
    let dependencies = manifest.get("dependencies").and_then(Value::as_table);
    let shared = dependencies
        .into_iter()
        .flatten()
        .filter(|(_, value)| value.get("workspace").and_then(Value::as_bool).unwrap_or(false));
    shared.map(|(name, _)| name.clone()).collect()
}
