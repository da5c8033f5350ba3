use palisade_policy::{Command, Field, Operation, Shape};

use super::*;

fn operation(action: &str, fields: &[&str], facts: &[(&str, &str)]) -> Operation {
    Operation {
        action: action.to_owned(),
        object: "o".to_owned(),
        fields: fields.iter().map(ToString::to_string).collect(),
        facts: facts.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(),
    }
}

#[test]
fn each_operation_keeps_its_own_fields_and_facts() {
    let operations = [
        operation("a", &["1", "2"], &[]),
        operation("b", &[], &[("k", "v")]),
        operation("c", &["3"], &[("l", "w"), ("m", "x")]),
    ];
    let given = Command { text: "t".to_owned(), operations: operations.into(), complete: true };
    command(&given, |given| {
        let [a, b, c] = given.operations else { panic!("three operations") };
        assert_eq!((a.fields, a.facts), (&["1", "2"][..], &[][..]));
        assert_eq!((b.fields, b.facts), (&[][..], &[("k", "v")][..]));
        assert_eq!((c.fields, c.facts), (&["3"][..], &[("l", "w"), ("m", "x")][..]));
    });
}

#[test]
fn each_field_keeps_its_own_sources() {
    let field = |name: &str, sources: &[&str]| Field {
        name: name.to_owned(),
        sources: sources.iter().map(ToString::to_string).collect(),
        type_name: "text".to_owned(),
    };
    let table = Shape::Table(vec![field("a", &["x"]), field("b", &[]), field("c", &["y", "z"])]);
    shape(&table, |given| {
        let wit::Shape::Table(fields) = given else { panic!("a table") };
        let sources: Vec<_> = fields.iter().map(|field| field.sources).collect();
        assert_eq!(sources, [&["x"][..], &[], &["y", "z"]]);
    });
}
