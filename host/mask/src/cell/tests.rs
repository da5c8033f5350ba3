use super::*;
use palisade_policy::Action;

fn mask(actions: &[Action]) -> CellMask {
    let mut treatment = Treatment::default();
    for action in actions {
        treatment.add(0, action);
    }
    CellMask::new(&treatment).unwrap()
}

/// What a client sees: `None` for null.
fn treat(actions: &[Action], form: CellForm, value: &str) -> Option<String> {
    let mut out = Vec::new();
    match Masker::new([7; 32]).treat(&mask(actions), form, value.as_bytes(), &mut out) {
        Treated::Changed => Some(String::from_utf8(out).unwrap()),
        Treated::Unchanged => {
            assert!(out.is_empty());
            Some(value.to_owned())
        }
        Treated::Null => {
            assert!(out.is_empty());
            None
        }
    }
}

fn check(actions: &[Action], form: CellForm, value: &str, expected: Option<&str>) {
    assert_eq!(treat(actions, form, value).as_deref(), expected);
}

fn replace() -> Action {
    Action::Replace("a \"b\"".into())
}

fn scan(name: &str) -> Action {
    Action::Scan(vec![name.into()])
}

#[test]
fn what_nobody_treats_passes_unchanged() {
    for form in [CellForm::Text, CellForm::JsonText, CellForm::Opaque] {
        check(&[Action::Keep], form, "alice@example.com", Some("alice@example.com"));
    }
    assert!(mask(&[Action::Keep]).is_keep());
    assert!(!mask(&[scan("email")]).is_keep());
    assert!(!mask(&[Action::Nullify]).is_keep());
}

#[test]
fn nullify_makes_every_form_null() {
    for form in [CellForm::Text, CellForm::JsonText, CellForm::Opaque] {
        check(&[Action::Nullify], form, "x", None);
    }
}

#[test]
fn an_opaque_cell_under_a_cover_becomes_null() {
    for action in [replace(), Action::Pseudonym, Action::Partial(1, 1)] {
        check(&[action], CellForm::Opaque, "1234567890", None);
    }
}

#[test]
fn an_opaque_cell_with_a_hit_becomes_null() {
    check(&[scan("card")], CellForm::Opaque, "4111111111111111", None);
    check(&[scan("card")], CellForm::Opaque, "4711", Some("4711"));
}

#[test]
fn a_text_cell_is_covered_with_plain_text() {
    check(&[replace()], CellForm::Text, "hunter2", Some("a \"b\""));
    check(&[Action::Partial(1, 1)], CellForm::Text, "abcdefgh", Some("a****h"));
}

#[test]
fn a_json_cell_is_covered_with_a_json_string() {
    check(&[replace()], CellForm::JsonText, "{\"a\":1}", Some(r#""a \"b\"""#));
    check(&[Action::Partial(1, 1)], CellForm::JsonText, "12345678", Some("\"1****8\""));
}

#[test]
fn a_json_string_is_covered_as_it_reads() {
    check(&[Action::Partial(1, 1)], CellForm::JsonText, r#""\"bcdefgh""#, Some(r#""\"****h""#));
    let plain = treat(&[Action::Pseudonym], CellForm::Text, "a@b").unwrap();
    check(&[Action::Pseudonym], CellForm::JsonText, r#""a\u0040b""#, Some(&format!("\"{plain}\"")));
}

#[test]
fn a_scan_covers_hits_in_text_and_in_json() {
    check(&[scan("email")], CellForm::Text, "to a@b.example", Some("to [email]"));
    check(&[scan("card")], CellForm::JsonText, "[4111111111111111]", Some("[\"[card]\"]"));
}

#[test]
fn a_cover_is_stricter_than_a_scan() {
    check(&[scan("email"), replace()], CellForm::Text, "a@b.example", Some("a \"b\""));
}

#[test]
fn a_partial_cover_does_not_show_what_a_scan_would_hide() {
    let actions = [Action::Partial(18, 0), scan("email")];
    let value = "alice@example.com wrote that it works now";
    check(&actions, CellForm::Text, value, Some("****"));
    let actions = [Action::Partial(9, 0), scan("email")];
    check(&actions, CellForm::Text, value, Some("[email] w****"));
}

#[test]
fn an_unknown_detector_is_refused_before_any_value() {
    let treatment = Treatment { scan: ["emial".to_owned()].into(), ..Treatment::default() };
    assert_eq!(CellMask::new(&treatment).unwrap_err(), DetectorRefused::Unknown("emial".into()));
}
