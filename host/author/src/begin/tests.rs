use super::*;
use crate::Project;

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn files(folder: &Path, under: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, under, found);
        } else {
            found.push(path.strip_prefix(under).unwrap().display().to_string());
        }
    }
}

#[test]
fn every_file_of_the_sdk_comes_with_a_plugin_in_rust() {
    let sdk = repository().join("plugin-sdk");
    let mut there = vec![];
    files(&sdk, &sdk, &mut there);
    let mut listed: Vec<String> = rust::sdk().map(|(path, _)| path).collect();
    let mut there: Vec<String> = there.iter().map(|path| format!("plugin-sdk/{path}")).collect();
    listed.sort();
    there.sort();
    assert_eq!(listed, there);
}

#[test]
fn a_plugin_in_rust_has_the_versions_that_the_sdk_is_tested_with() {
    let shared = fs::read_to_string(repository().join("Cargo.toml")).unwrap();
    let shared: toml::Table = shared.parse().unwrap();
    let made: toml::Table = rust::manifest().replace("{{name}}", "x").parse().unwrap();
    let of = |table: &toml::Table, key: &str| table["workspace"][key].as_table().unwrap().clone();
    let (ours, theirs) = (of(&shared, "dependencies"), of(&made, "dependencies"));
    assert_eq!(
        theirs.keys().collect::<Vec<_>>(),
        ["schemars", "serde", "serde_json", "wit-bindgen"]
    );
    for (name, version) in theirs {
        assert_eq!(ours[&name], version, "{name}");
    }
    for (key, value) in of(&made, "package") {
        assert_eq!(of(&shared, "package")[&key], value, "{key}");
    }
}

/// Whoever writes a rule on the text into it would else be given an empty one, and the rule would never hold.
#[test]
fn a_new_guard_in_rust_is_given_all_of_a_command() {
    let parent = tempfile::tempdir().unwrap();
    let folder = begin(parent.path(), "keep-orders", Language::Rust).unwrap();
    let made = fs::read_to_string(folder.join("src/lib.rs")).unwrap();
    assert!(made.contains("impl Guard for Keep") && !made.contains("const JUDGES_BY"), "{made}");
    assert!(!made.contains("const LOOKS_AT"), "{made}");
}

#[test]
fn a_new_folder_is_a_project_and_has_nothing_left_to_fill_in() {
    for language in Language::ALL {
        let parent = tempfile::tempdir().unwrap();
        let folder = begin(parent.path(), "keep-orders", language).unwrap();
        let project = Project::read(&folder).unwrap();
        assert_eq!((project.name.as_str(), project.language), ("keep-orders", language));
        assert_eq!(project.world.is_none(), language == Language::Rust);
        let mut made = vec![];
        files(&folder, &folder, &mut made);
        for file in made {
            let text = fs::read_to_string(folder.join(&file)).unwrap();
            assert!(!text.contains("{{name}}") && !text.contains("{{dep"), "{language}: {file}");
        }
        crate::read_cases(&folder).unwrap();
    }
}

#[test]
fn nothing_that_is_there_is_overwritten() {
    let parent = tempfile::tempdir().unwrap();
    fs::create_dir(parent.path().join("empty")).unwrap();
    begin(parent.path(), "empty", Language::C).unwrap();
    let again = begin(parent.path(), "empty", Language::C).unwrap_err();
    assert!(matches!(again, AuthorError::Occupied(_)), "{again}");
    fs::write(parent.path().join("file"), "").unwrap();
    assert!(begin(parent.path(), "file", Language::C).is_err());
}

#[test]
fn a_name_is_letters_digits_and_hyphens() {
    let parent = tempfile::tempdir().unwrap();
    for name in ["", "1st", "-x", "a b", "a/b", "..", "a_b", "ä", "a.b", "a\"b"] {
        let refused = begin(parent.path(), name, Language::Js);
        assert!(matches!(refused, Err(AuthorError::Name(_))), "{name}");
    }
}
