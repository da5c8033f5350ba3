use serde_json::json;

use super::*;

fn check(entry: &Entry<'_>, expected: serde_json::Value) {
    let text = serde_json::to_string(&Record::from(entry)).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), expected);
    for _ in 0..3 {
        // What repeats is written from memory the third time.
        let mut encoded = vec![];
        encode(entry, &mut encoded).unwrap();
        assert_eq!(String::from_utf8(encoded).unwrap(), text);
    }
    let back: Record<'_> = serde_json::from_str(&text).unwrap();
    assert_eq!(back, Record::from(entry), "a record must be readable as it was written");
}

#[test]
fn a_command_keeps_its_text_its_operations_and_its_verdict() {
    let command = Command {
        text: "DROP TABLE x".into(),
        operations: [Operation {
            action: "drop".into(),
            object: "public.x".into(),
            fields: vec![],
            facts: vec![("kind".into(), "table".into())],
        }]
        .into(),
        complete: true,
    };
    let entry = Entry::Command {
        number: 3,
        command: &command,
        moment: Moment::Run,
        ruling: "deny",
        rule: "sql-guard.drop",
        reason: "no",
        by: "sql-guard",
        policies: 2,
        observed: &[],
    };
    check(
        &entry,
        json!({
            "kind": "command", "number": 3, "moment": "run", "text": "DROP TABLE x",
            "operations": [{"action": "drop", "object": "public.x", "facts": [["kind", "table"]]}],
            "complete": true, "verdict": "deny", "rule": "sql-guard.drop", "reason": "no",
            "policy": "sql-guard", "policies": 2,
        }),
    );
}

#[test]
fn a_hold_and_its_end_name_who_and_why() {
    let terms = Hold {
        reason: "risky".into(),
        rule: "r".into(),
        approvers: vec!["boss".into()],
        quorum: 1,
        expires_in: 60,
        for_approvers: "+ new".into(),
    };
    check(
        &Entry::Held { number: 1, hold: "h", terms: &terms },
        json!({"kind": "held", "number": 1, "hold": "h", "rule": "r", "reason": "risky",
            "approvers": ["boss"], "quorum": 1, "expires_in": 60, "for_approvers": "+ new"}),
    );
    let outcome = Outcome::Refused { by: "ada".into(), reason: "no".into() };
    check(
        &Entry::Decided { number: 1, hold: "h", outcome: &outcome },
        json!({"kind": "decided", "number": 1, "hold": "h", "outcome": "refused",
            "by": ["ada"], "reason": "no"}),
    );
    check(
        &Entry::Decided { number: 1, hold: "h", outcome: &Outcome::Expired },
        json!({"kind": "decided", "number": 1, "hold": "h", "outcome": "expired"}),
    );
}

#[test]
fn a_result_keeps_null_apart_from_empty() {
    let result = RecordedResult {
        fields: vec![RecordedField {
            name: "a".into(),
            type_name: "text".into(),
            masked: true,
            sources: Some(vec!["public.t.a".into()]),
        }]
        .into(),
        rows: vec![vec![None], vec![Some(String::new())]],
        row_count: 2,
        bytes: 9,
        truncated: false,
        tag: "SELECT 2".into(),
        observed: std::sync::Arc::default(),
    };
    check(
        &Entry::Result { number: 1, result: &result },
        json!({"kind": "result", "number": 1,
            "fields": [{"name": "a", "type": "text", "masked": true, "sources": ["public.t.a"]}],
            "rows": [[null], [""]], "row_count": 2, "bytes": 9, "truncated": false,
            "tag": "SELECT 2"}),
    );
}

#[test]
fn what_observing_policies_would_have_done_is_kept() {
    let observed = [Observation {
        policy: "p".into(),
        word: "hold",
        rule: String::new(),
        reason: "\"quoted\"\n\u{1}ü".into(),
    }];
    let command = Command { text: "\u{0}\\".into(), ..Command::default() };
    let entry = Entry::Command {
        number: 1,
        command: &command,
        moment: Moment::Prepare,
        ruling: "allow",
        rule: "",
        reason: "",
        by: "",
        policies: 2,
        observed: &observed,
    };
    check(
        &entry,
        json!({"kind": "command", "number": 1, "moment": "prepare", "text": "\u{0}\\",
            "operations": [], "complete": false, "verdict": "allow", "policies": 2,
            "observed": [{"policy": "p", "verdict": "hold", "reason": "\"quoted\"\n\u{1}ü"}]}),
    );
}
