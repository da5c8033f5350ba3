use super::*;

const OWN: &str = "package my:plugin;
world my-plugin { export palisade:policy/plugin@0.1.0; export palisade:policy/mask@0.1.0; }";

fn contract(own: Option<&str>) -> Contract {
    let own = own.map(|text| (PathBuf::from("wit/world.wit"), text.to_owned()));
    Contract { policy: POLICY.to_owned(), own }
}

#[test]
fn the_worlds_of_the_contract_are_named_without_its_pieces() {
    let worlds = contract(None).worlds();
    assert_eq!(worlds, ["guard-plugin", "mask-plugin", "reviewer-plugin", "policy-plugin"]);
    assert_eq!(contract(Some(OWN)).worlds().first().map(String::as_str), Some("my-plugin"));
}

#[test]
fn tools_are_given_one_file_or_a_folder_with_the_contract_below_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = contract(None).world("guard-plugin").unwrap().write(folder.path()).unwrap();
    assert_eq!(file, folder.path().join("policy.wit"));
    let folder = tempfile::tempdir().unwrap();
    let named = contract(Some(OWN)).world("my-plugin").unwrap().write(folder.path()).unwrap();
    assert_eq!(named, folder.path());
    assert!(named.join("deps/palisade-policy/policy.wit").is_file());
}

#[test]
fn a_world_that_is_no_wit_is_told() {
    let wrong = contract(Some("world {")).world("x").unwrap_err();
    assert!(!wrong.0.is_empty());
}
