use plugin_sdk::prelude::*;
use plugin_sdk::testing::{command, configure, context, incomplete, operation, schema};

use super::SqlGuard;

const BASELINE: &str = r#"{
    "deny": ["drop", "truncate", "delete-without-where", "update-without-where"],
    "read_only": ["audit.*"]
}"#;

fn judge(config: &str, command: &Command) -> Verdict {
    configure::<SqlGuard>(config).unwrap().judge(&context(), command)
}

/// The rule that denies this one operation, empty where it is allowed.
fn denied_by(config: &str, operation: Operation) -> String {
    match judge(config, &command("", [operation])) {
        Verdict::Allow => String::new(),
        Verdict::Deny(denial) => denial.rule,
        other => panic!("{other:?}"),
    }
}

fn check(operation: Operation, rule: &str) {
    assert_eq!(denied_by(BASELINE, operation.clone()), rule, "{operation:?}");
}

fn delete(fact: &str) -> Operation {
    operation("delete", "public.users").with_fact("where", fact)
}

#[test]
fn a_drop_is_denied_with_its_rule_its_object_and_a_hint() {
    let Verdict::Deny(denial) = judge(BASELINE, &command("", [operation("drop", "public.users")]))
    else {
        panic!("not denied");
    };
    assert_eq!(denial.rule, "sql-guard.drop");
    assert_eq!(denial.reason, "DROP on public.users is not allowed here");
    assert!(!denial.hint.is_empty());
}

#[test]
fn a_truncate_is_denied() {
    check(operation("truncate", "public.users"), "sql-guard.truncate");
}

#[test]
fn a_delete_without_where_is_denied() {
    check(delete("absent"), "sql-guard.delete-without-where");
}

#[test]
fn a_where_that_is_the_same_for_every_row_is_none() {
    check(delete("constant"), "sql-guard.delete-without-where");
}

#[test]
fn a_where_that_nobody_vouches_for_is_none() {
    check(operation("delete", "public.users"), "sql-guard.delete-without-where");
}

#[test]
fn an_update_without_where_is_denied() {
    let update = operation("update", "public.users").with_fact("where", "absent");
    check(update, "sql-guard.update-without-where");
}

#[test]
fn a_delete_that_chooses_rows_is_allowed() {
    check(delete("present"), "");
}

#[test]
fn a_select_is_allowed() {
    check(operation("select", "public.users"), "");
}

#[test]
fn every_way_to_write_a_read_only_table_is_denied() {
    for action in ["insert", "merge", "copy-from", "create", "alter", "lock", "refresh", "grant"] {
        check(operation(action, "audit.log"), "sql-guard.read-only");
    }
    check(operation("update", "audit.log").with_fact("where", "present"), "sql-guard.read-only");
}

#[test]
fn a_read_only_table_can_be_read() {
    check(operation("select", "audit.log"), "");
    check(operation("copy-to", "audit.log"), "");
}

#[test]
fn a_write_to_another_table_is_allowed() {
    check(operation("insert", "public.audit_log"), "");
}

#[test]
fn the_schema_around_read_only_tables_cannot_be_changed() {
    let schema = |action, name| operation(action, name).with_fact("kind", "schema");
    check(schema("alter", "audit"), "sql-guard.read-only");
    check(schema("alter", "public"), "");
    let grant = operation("grant", "audit").with_fact("all", "in-schema");
    check(grant, "sql-guard.read-only");
}

#[test]
fn nothing_is_moved_into_a_schema_of_read_only_tables() {
    let moved = |to| {
        let alter = operation("alter", "public.orders");
        alter.with_fact("change", "set-schema").with_fact("to", to)
    };
    check(moved("audit"), "sql-guard.read-only");
    check(moved("archive"), "");
}

#[test]
fn a_table_that_nobody_knows_may_be_read_only() {
    check(operation("insert", "?.new_view"), "sql-guard.read-only");
}

#[test]
fn a_new_table_is_no_change_of_a_read_only_one_unless_it_is_put_beside_it() {
    check(operation("create", "?.new_table").with_fact("kind", "table"), "");
    check(operation("create", "audit.new_table").with_fact("kind", "table"), "sql-guard.read-only");
}

#[test]
fn an_upsert_updates_only_what_it_would_have_inserted() {
    check(operation("update", "public.users").with_fact("conflict", "update"), "");
}

#[test]
fn a_merge_of_which_nothing_is_known_may_delete_every_row() {
    let delete = operation("delete", "public.users").with_fact("via", "merge");
    check(delete, "sql-guard.delete-without-where");
}

#[test]
fn functions_that_nobody_knows_can_be_denied() {
    let call = |function| operation("call", "f").with_fact("function", function);
    let config = r#"{"deny": ["unknown-function"]}"#;
    assert_eq!(denied_by(config, call("unknown")), "sql-guard.unknown-function");
    assert_eq!(denied_by(config, call("stateful")), "");
}

#[test]
fn a_read_only_database_still_has_sessions_and_transactions() {
    let everything = r#"{"read_only": ["*"]}"#;
    for (action, object) in [("begin", ""), ("set", "search_path"), ("savepoint", "a")] {
        assert_eq!(denied_by(everything, operation(action, object)), "");
    }
    assert_eq!(denied_by(everything, operation("insert", "a.b")), "sql-guard.read-only");
}

#[test]
fn the_first_objection_of_several_operations_decides() {
    let both = command("", [operation("select", "public.a"), delete("absent")]);
    assert!(matches!(judge(BASELINE, &both), Verdict::Deny(_)));
}

#[test]
fn copy_that_reaches_the_server_is_told_from_copy_that_does_not() {
    let config = r#"{"deny": ["copy-program"]}"#;
    let copy = |place| operation("copy-to", "public.users").with_fact("place", place);
    assert_eq!(denied_by(config, copy("client")), "");
    assert_eq!(denied_by(config, copy("program")), "sql-guard.copy-program");
    assert_eq!(denied_by(config, copy("file")), "sql-guard.copy-program");
}

#[test]
fn each_statement_is_denied_under_its_own_name() {
    for name in ["alter", "create", "grant", "revoke", "do", "call", "execute", "copy-from"] {
        let config = format!(r#"{{"deny": ["{name}"]}}"#);
        assert_eq!(denied_by(&config, operation(name, "")), format!("sql-guard.{name}"));
    }
}

#[test]
fn an_incomplete_command_is_denied_with_the_reason_unless_told_otherwise() {
    let Verdict::Deny(denial) = judge("{}", &incomplete("DO $$ … $$", "a procedural block"))
    else {
        panic!("not denied");
    };
    assert_eq!(denial.rule, "sql-guard.incomplete");
    assert!(denial.reason.ends_with(": a procedural block"), "{}", denial.reason);
}

#[test]
fn an_incomplete_command_can_be_allowed() {
    let config = r#"{"incomplete": "allow"}"#;
    assert_eq!(judge(config, &incomplete("DO", "a block")), Verdict::Allow);
}

#[test]
fn an_incomplete_command_that_is_allowed_is_still_judged_by_what_is_known() {
    let mut known = incomplete("", "a block");
    known.operations.push(operation("drop", "public.users"));
    let config = r#"{"deny": ["drop"], "incomplete": "allow"}"#;
    assert!(matches!(judge(config, &known), Verdict::Deny(_)));
}

#[test]
fn an_incomplete_command_can_be_held() {
    let config = r#"{"incomplete": {"hold": {"approvers": ["dba"], "expires_in": 60}}}"#;
    let Verdict::Hold(hold) = judge(config, &incomplete("DO", "a block")) else {
        panic!("not held");
    };
    assert_eq!((hold.rule.as_str(), hold.quorum, hold.expires_in), ("sql-guard.incomplete", 1, 60));
    assert_eq!(hold.approvers, ["dba"]);
}

#[test]
fn a_statement_that_does_not_exist_is_refused() {
    let error = configure::<SqlGuard>(r#"{"deny": ["dropp"]}"#).unwrap_err();
    assert!(error.contains("unknown variant `dropp`"), "{error}");
}

#[test]
fn a_hold_that_nobody_can_decide_is_refused() {
    assert!(configure::<SqlGuard>(r#"{"incomplete": {"hold": {"approvers": []}}}"#).is_err());
}

#[test]
fn the_schema_names_every_statement() {
    let schema = schema::<SqlGuard>().to_string();
    assert!(schema.contains("delete-without-where") && schema.contains("copy-program"));
}
