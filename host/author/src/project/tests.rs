use super::*;

fn read(text: &str, world: Option<&str>) -> Result<Project, String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(FILE), text).unwrap();
    if let Some(world) = world {
        fs::create_dir(folder.path().join("wit")).unwrap();
        fs::write(folder.path().join("wit/world.wit"), world).unwrap();
    }
    Project::read(folder.path()).map_err(|error| error.to_string())
}

fn mistake(text: &str, told: &str) {
    let mistake = read(text, None).unwrap_err();
    assert!(mistake.contains(told), "{mistake}");
}

const OWN: &str = "package my:plugin;
world loud-guard {
  import palisade:policy/log@0.1.0;
  export palisade:policy/plugin@0.1.0;
  export palisade:policy/guard@0.1.0;
}";

#[test]
fn a_project_says_its_name_its_language_and_its_world() {
    let project = read("name = 'a'\nlanguage = 'c'\nworld = 'mask-plugin'", None).unwrap();
    assert_eq!((project.name.as_str(), project.language), ("a", Language::C));
    assert_eq!(project.world.as_ref().unwrap().name, "mask-plugin");
    assert!(project.built().ends_with("a.wasm"));
}

#[test]
fn a_world_of_its_own_lies_beside_the_contract() {
    let project = read("name = 'a'\nlanguage = 'go'\nworld = 'loud-guard'", Some(OWN)).unwrap();
    let (resolve, world) = project.world.unwrap().resolve().unwrap();
    assert_eq!(resolve.worlds[world].name, "loud-guard");
    // The contract's worlds are there as well.
    assert!(read("name = 'a'\nlanguage = 'go'\nworld = 'guard-plugin'", Some(OWN)).is_ok());
}

#[test]
fn rust_needs_no_world() {
    assert!(read("name = 'a'\nlanguage = 'rust'", None).unwrap().world.is_none());
}

#[test]
fn mistakes_are_told_with_their_line_and_what_was_meant() {
    mistake(
        "name = 'a'\nlangage = 'c'",
        ":2: unknown key `langage`\n  fix: did you mean `language`?",
    );
    mistake("name = 'a'\nlanguage = 'cobol'", ":2: `cobol`: no such language; there are rust, js");
    mistake("name = 'a b'\nlanguage = 'c'", ":1: `a b` cannot be a plugin's name");
    mistake("name = 'a'\nlanguage = 'c'", "there is no `world`\n  fix: add one of guard-plugin");
    mistake(
        "name = 'a'\nlanguage = 'c'\nworld = 'gard-plugin'",
        ":3: there is no world `gard-plugin`\n  fix: did you mean `guard-plugin`?",
    );
    mistake("name = 'a'\nlanguage = 'c'\nworld = 'x'\nwit = 'no.wit'", "cannot read");
}
