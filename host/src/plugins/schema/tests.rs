use serde_json::json;

use super::*;

const SCHEMA: &str = r##"{
    "type": "object",
    "properties": {
        "deny": {"type": "array", "items": {"type": "string"}},
        "hold": {"type": "array", "items": {"$ref": "#/$defs/rule"}}
    },
    "additionalProperties": false,
    "$defs": {"rule": {"type": "object", "properties": {"actions": {"type": "array"}},
        "required": ["actions"], "additionalProperties": false}}
}"##;

const FILE: &str = "[[use]]\nplugin = 'a'\n[[use]]\nplugin = 'b'\n[use.config]\ndeny = [\n  'x',\n  7,\n]\n\
    denny = 1\nhold = [\n  { action = 1 },\n]\n";

fn check(config: Value, expected: &[(&str, usize, &str)]) {
    let misfits = misfits(SCHEMA, &config);
    let mut found: Vec<_> = misfits
        .iter()
        .map(|misfit| {
            let line = mistake(misfit, Path::new("f"), FILE, 1, 99).line.unwrap();
            (misfit.pointer.clone(), line, misfit.fix.clone())
        })
        .collect();
    found.sort();
    let expected: Vec<_> = expected
        .iter()
        .map(|(pointer, line, fix)| ((*pointer).to_owned(), *line, (*fix).to_owned()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn what_fits_is_no_mistake() {
    check(json!({"deny": ["x"]}), &[]);
}

#[test]
fn every_misfit_has_its_place_its_line_and_where_cheap_its_fix() {
    check(
        json!({"deny": ["x", 7], "denny": 1, "hold": [{"action": 1}]}),
        &[
            ("/denny", 10, "did you mean `deny`?"),
            ("/deny/1", 8, ""),
            ("/hold/0", 12, ""),
            ("/hold/0/action", 12, "did you mean `actions`?"),
        ],
    );
}

#[test]
fn a_schema_that_is_none_is_the_plugins_mistake() {
    assert!(misfits("{", &json!({}))[0].problem.contains("schema cannot be used"));
}

#[test]
fn what_is_recorded_quotes_no_value() {
    let found = &misfits(SCHEMA, &json!({ "deny": [{ "key": "s3cret" }] }))[0];
    assert!(found.problem.contains("s3cret"), "{}", found.problem);
    assert!(!found.unquoted.contains("s3cret"), "{}", found.unquoted);
}
