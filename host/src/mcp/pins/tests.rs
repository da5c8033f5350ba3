use palisade_store::Options;

use super::*;

const FIRST: Said<'static> =
    Said { server: "notes", tool: "add", digest: DIGEST, text: "{\"name\":\"add\"}" };
const SECOND: Said<'static> = Said { digest: OTHER, text: "{\"name\":\"add!\"}", ..FIRST };
const DIGEST: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const OTHER: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

struct Scene(Tools, #[expect(dead_code, reason = "it goes with the scene")] tempfile::TempDir);

fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Options::default()).unwrap();
    Scene(Tools::new(&store).unwrap(), folder)
}

fn state(Scene(tools, _): &Scene) -> String {
    tools.show("notes", "add").unwrap()["state"].as_str().unwrap().to_owned()
}

#[test]
fn what_changed_waits_until_it_is_approved_as_it_was_looked_at() {
    let scene = scene();
    let tools = &scene.0;
    tools.pin(&FIRST, Trusted::FirstSeen).unwrap();
    tools.said(&FIRST);
    assert_eq!(state(&scene), "approved");
    tools.said(&SECOND);
    assert_eq!(state(&scene), "changed");
    let approve = |digest: &str| tools.approve(("notes", "add"), digest, "ada");
    assert_eq!(approve(DIGEST).unwrap_err().status, 409, "that is what was there before");
    for part in ["", "b", "bbbbbbbbbbbb", OTHER.split_at(1).1] {
        assert_eq!(approve(part).unwrap_err().status, 409, "another text may have that, too");
    }
    let approved = approve(OTHER).unwrap();
    assert_eq!((&approved["state"], &approved["approved_by"]), (&"approved".into(), &"ada".into()));
    assert_eq!(tools.pinned("notes", "add").unwrap().unwrap(), SECOND.digest);
    let history = tools.history(9).unwrap();
    assert_eq!((&history[0]["change"], &history[0]["by"]), (&"approve".into(), &"ada".into()));
}

#[test]
fn what_waits_already_is_not_taken_as_first_seen() {
    let scene = scene();
    scene.0.said(&FIRST);
    for said in [&FIRST, &SECOND] {
        scene.0.pin(said, Trusted::FirstSeen).unwrap();
        assert_eq!(scene.0.pinned("notes", "add").unwrap(), None);
    }
    scene.0.pin(&SECOND, Trusted::CallApproved(&[])).unwrap();
    scene.0.pin(&FIRST, Trusted::FirstSeen).unwrap();
    assert_eq!(scene.0.pinned("notes", "add").unwrap().unwrap(), SECOND.digest);
}

#[test]
fn of_one_server_no_more_tools_are_taken_as_first_seen_than_are_kept() {
    let scene = scene();
    let tools = &scene.0;
    let see = |server: &'static str, tool: &str| {
        tools.pin(&Said { server, tool, ..FIRST }, Trusted::FirstSeen).unwrap();
        tools.pinned(server, tool).unwrap().is_some()
    };
    assert!(see("notes", "a") && see("notes2", "a"));
    tools.alone().forget("notes");
    assert!(see("notes", "b"));
    assert_eq!(tools.alone().approved["notes"], 2, "those that there were are counted");
    tools.alone().approved.insert("notes".into(), MOST_TRUSTED);
    assert!(!see("notes", "c") && see("notes2", "c"));
    tools.said(&Said { tool: "c", ..FIRST });
    assert_eq!(tools.show("notes", "c").unwrap()["state"], "new", "it can be approved");
}

#[test]
fn what_is_too_long_to_be_looked_at_is_not_approved() {
    let scene = scene();
    let text = format!("\"{}\"", "\\\"".repeat(LONGEST));
    scene.0.said(&Said { text: &text, ..FIRST });
    let refused = scene.0.approve(("notes", "add"), FIRST.digest, "ada").unwrap_err();
    assert_eq!(refused.status, 409);
    assert_eq!(scene.0.pinned("notes", "add").unwrap(), None);
}

#[test]
fn what_is_offered_as_it_was_approved_again_waits_no_more() {
    let scene = scene();
    scene.0.pin(&FIRST, Trusted::FirstSeen).unwrap();
    scene.0.said(&SECOND);
    scene.0.said(&FIRST);
    assert_eq!(state(&scene), "approved");
}

#[test]
fn what_is_forgotten_is_new_again() {
    let scene = scene();
    scene.0.pin(&FIRST, Trusted::FirstSeen).unwrap();
    scene.0.forget("notes", "add", "ada").unwrap();
    assert_eq!(scene.0.show("notes", "add").unwrap_err().status, 404);
    assert_eq!(scene.0.pinned("notes", "add").unwrap(), None);
    scene.0.said(&FIRST);
    assert_eq!(state(&scene), "new");
    assert_eq!(scene.0.list(Some("notes")).unwrap().len(), 1);
    assert!(scene.0.list(Some("other")).unwrap().is_empty());
}

#[test]
fn a_record_of_the_first_form_gets_its_text_when_it_is_seen_next() {
    let scene = scene();
    let old = Approved {
        digest: FIRST.digest.to_owned(),
        at: "then".to_owned(),
        by: String::new(),
        text: String::new(),
    };
    scene.0.approved.put("notes/add", &old).unwrap();
    scene.0.said(&FIRST);
    assert_eq!(scene.0.show("notes", "add").unwrap()["approved_text"], FIRST.text);
}
