//! The crates know only what ARCHITECTURE.md says that they know.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::harness::run;

/// Every edge that there may be between our crates.
const EDGES: [(&str, &[&str]); 24] = [
    (
        "palisade",
        &[
            "palisade-admin",
            "palisade-author",
            "palisade-http",
            "palisade-identity",
            "palisade-mask",
            "palisade-mcp",
            "palisade-policy",
            "palisade-postgres",
            "palisade-relay",
            "palisade-store",
            "palisade-vault",
            "palisade-wasm",
        ],
    ),
    ("palisade-admin", &[]),
    ("palisade-author", &["palisade-policy", "palisade-wasm"]),
    ("palisade-http", &["palisade-mask", "palisade-policy"]),
    ("palisade-identity", &["palisade-policy"]),
    ("palisade-mask", &["palisade-policy"]),
    ("palisade-mcp", &["palisade-mask", "palisade-policy"]),
    ("palisade-policy", &[]),
    ("palisade-postgres", &["palisade-mask", "palisade-policy", "palisade-relay", "palisade-sql"]),
    ("palisade-relay", &[]),
    ("palisade-sql", &[]),
    ("palisade-store", &[]),
    ("palisade-vault", &["palisade-identity"]),
    ("palisade-wasm", &["palisade-policy"]),
    ("palisade-plugin-sdk", &["palisade-plugin-sdk-macros"]),
    ("palisade-plugin-sdk-macros", &[]),
    ("sql-guard", &["palisade-plugin-sdk"]),
    ("mask-secrets", &["palisade-plugin-sdk"]),
    ("approve-risky", &["palisade-plugin-sdk"]),
    ("budget", &["palisade-plugin-sdk"]),
    ("http-guard", &["palisade-plugin-sdk"]),
    ("trickster", &[]),
    ("lookout", &[]),
    ("traveller", &[]),
];

/// Packages that only tests load.
const GUESTS: [&str; 6] = ["asker", "blinkered", "moody", "denier", "no-ddl", "picket"];

#[test]
fn no_crate_depends_on_another_than_the_plan_says() {
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let outcome = run(Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR")));
    assert!(outcome.ok, "{}", outcome.stderr);
    let metadata: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let names: BTreeSet<&str> = packages.iter().filter_map(|p| p["name"].as_str()).collect();
    let allowed: BTreeMap<_, _> = EDGES.into_iter().collect();
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let ours = package["dependencies"].as_array().unwrap().iter();
        let ours = ours.filter(|dependency| dependency["kind"].is_null());
        let ours: BTreeSet<&str> =
            ours.filter_map(|d| d["name"].as_str()).filter(|d| names.contains(d)).collect();
        let may = match allowed.get(name) {
            Some(may) => may.iter().copied().collect(),
            None if GUESTS.contains(&name) => BTreeSet::from(["palisade-plugin-sdk"]),
            None => panic!("{name} is not in the plan"),
        };
        let wrong: Vec<_> = ours.difference(&may).collect();
        assert!(wrong.is_empty(), "{name} must not depend on {wrong:?}");
    }
}
