use super::*;

fn column(name: &'static str, type_name: &'static str) -> Column<'static> {
    Column { name: name.into(), type_name: type_name.into(), masked: false, sources: None }
}

#[test]
fn a_result_looks_as_it_does_in_psql() {
    let rows =
        vec![vec!["7".to_owned(), "***".to_owned()], vec!["12".to_owned(), "NULL".to_owned()]];
    assert_eq!(
        grid(&[column("id", "int4"), column("password", "text")], &rows),
        [" id | password", "----+----------", "  7 | ***", " 12 | NULL"],
    );
}

#[test]
fn a_name_or_value_cannot_move_the_cursor() {
    let rows = vec![vec![shown(Some("\u{1b}[2J"), 60)]];
    let lines = grid(&[column("a\nb", "text")], &rows).join("");
    assert!(!lines.contains(['\u{1b}', '\n']), "{lines:?}");
}

#[test]
fn a_damaged_event_is_still_an_event() {
    let event = serde_json::json!({"id": "3", "kind": "damaged", "problem": "gone"});
    let event: ShownEvent = serde_json::from_value(event).unwrap();
    assert!(event.record.is_none());
    assert_eq!(event.problem.as_deref(), Some("gone"));
}

#[test]
fn an_event_is_read_as_the_gateway_shows_it() {
    let event = serde_json::json!({
        "id": "3", "at": "2026-01-01T00:00:00.000001Z", "kind": "result", "number": 1,
        "fields": [{"name": "a", "type": "int4", "masked": true}], "rows": [[null]],
        "row_count": 1, "bytes": 2, "truncated": false, "tag": "SELECT 1",
    });
    let event: ShownEvent = serde_json::from_value(event).unwrap();
    assert!(matches!(event.record, Some(Record::Result { row_count: 1, .. })));
}

#[test]
fn what_comes_of_a_command_stands_under_its_number_where_several_are_under_way() {
    let event = |number: u64, kind: &str| {
        let event = serde_json::json!({
            "id": "1", "at": "2026-01-01T00:00:00.000001Z", "kind": kind, "number": number,
            "moment": "run", "text": "", "operations": [], "complete": true, "verdict": "allow",
            "rule": "", "reason": "", "by": "", "policies": 1, "observed": [], "code": "", "message": "",
        });
        serde_json::from_value::<ShownEvent>(event).unwrap().record.unwrap()
    };
    let mut replay = Replay::new(0.0);
    let shown = [
        (1, "command"),
        (1, "error"),
        (2, "command"),
        (1, "error"),
        (1, "error"),
        (2, "error"),
        (0, "error"),
    ]
    .map(|(number, kind)| replay.turn(&event(number, kind)));
    assert_eq!(shown, [None, None, None, Some(1), None, Some(2), None]);
}
