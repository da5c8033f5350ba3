//! Statements about the session, and those that hold others.

use super::check;

#[test]
fn explain_tells_what_is_inside() {
    check(
        "EXPLAIN SELECT ssn FROM users WHERE id = 1",
        "explain {explain: plan}; select users [id,ssn] {explain: plan}",
    );
    check(
        "EXPLAIN ANALYZE DELETE FROM users",
        "explain {explain: analyze}; delete users {where: absent, explain: analyze}",
    );
    check(
        "EXPLAIN (ANALYZE false, VERBOSE) UPDATE users SET a = 1",
        "explain {explain: plan}; update users [a] {where: absent, explain: plan}",
    );
    check("EXPLAIN (ANALYZE on) SELECT 1", "explain {explain: analyze}");
    check(
        "EXPLAIN CREATE TABLE x AS SELECT * FROM users",
        "explain {explain: plan}; create x {kind: table, explain: plan}; select users [*] {explain: plan}",
    );
    check(
        "EXPLAIN EXECUTE p",
        "explain {explain: plan}; execute p {explain: plan}; ~ Execute { name: \"p\" }",
    );
    check(
        "EXPLAIN ANALYZE CREATE TABLE x AS SELECT * FROM users",
        "explain {explain: analyze}; create x {kind: table, explain: analyze}; select users [*] {explain: analyze}; ~ ChangesCatalog",
    );
}

#[test]
fn stored_statements_and_cursors_are_effects() {
    check(
        "PREPARE p AS SELECT ssn FROM users WHERE id = $1",
        "prepare p; select users [id,ssn]; ~ Prepare { name: \"p\" }",
    );
    check(
        "PREPARE p (int) AS DELETE FROM users",
        "prepare p; delete users {where: absent}; ~ Prepare { name: \"p\" }",
    );
    check("EXECUTE p (1)", "execute p; ~ Execute { name: \"p\" }");
    check(
        "CREATE TABLE x AS EXECUTE p",
        "create x {kind: table}; execute p; ~ ChangesCatalog; ~ Execute { name: \"p\" }",
    );
    check("DEALLOCATE p", "deallocate p; ~ Deallocate { name: Some(\"p\") }");
    check("DEALLOCATE ALL", "deallocate; ~ Deallocate { name: None }");
    check(
        "DECLARE c CURSOR FOR SELECT ssn FROM users",
        "declare c; select users [ssn]; ~ DeclareCursor { name: \"c\", hold: false }",
    );
    check(
        "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
        "declare c; ~ DeclareCursor { name: \"c\", hold: true }",
    );
    check("FETCH 10 FROM c", "fetch c; ~ Fetch { cursor: \"c\" }");
    check("MOVE c", "move c; ~ Fetch { cursor: \"c\" }");
    check("CLOSE c", "close c; ~ CloseCursor { name: Some(\"c\") }");
    check("CLOSE ALL", "close; ~ CloseCursor { name: None }");
}

#[test]
fn transactions_are_effects() {
    check("BEGIN", "begin; ~ Begin");
    check(
        "START TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY",
        "begin {isolation: serializable, read_only: 1}; ~ Begin",
    );
    check("COMMIT", "commit; ~ Commit { chain: false }");
    check("END", "commit; ~ Commit { chain: false }");
    check("ROLLBACK AND CHAIN", "rollback; ~ Rollback { chain: true }");
    check("ABORT", "rollback; ~ Rollback { chain: false }");
    check("SAVEPOINT s", "savepoint s; ~ Savepoint { name: \"s\" }");
    check("ROLLBACK TO s", "rollback s; ~ RollbackTo { name: \"s\" }");
    check("RELEASE s", "release s; ~ Release { name: \"s\" }");
    check("PREPARE TRANSACTION 'x'", "prepare-transaction x; ~ PrepareTransaction");
    check("COMMIT PREPARED 'x'", "commit-prepared x; ~ ChangesCatalog");
}

#[test]
fn settings_are_effects() {
    check(
        "SET search_path = a, public",
        "set search_path {value: a, public}; ~ Set { name: \"search_path\", value: Some(\"a, public\"), local: false }",
    );
    check(
        "SET LOCAL statement_timeout = 100",
        "set statement_timeout {value: 100}; ~ Set { name: \"statement_timeout\", value: Some(\"100\"), local: true }",
    );
    check(
        "SET TIME ZONE 'UTC'",
        "set timezone {value: UTC}; ~ Set { name: \"timezone\", value: Some(\"UTC\"), local: false }",
    );
    check("SET TIME ZONE LOCAL", "reset timezone; ~ Reset { name: \"timezone\" }");
    check("SET x.y TO DEFAULT", "reset x.y; ~ Reset { name: \"x.y\" }");
    check(
        "SET search_path FROM CURRENT",
        "set search_path; ~ Set { name: \"search_path\", value: None, local: false }",
    );
    check(
        "SET TRANSACTION READ WRITE",
        "set transaction {read_only: 0}; ~ Set { name: \"transaction\", value: None, local: false }",
    );
    check(
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
        "set session characteristics {read_only: 0}; ~ Set { name: \"session characteristics\", value: None, local: false }",
    );
    check("SET CONSTRAINTS ALL DEFERRED", "set constraints {value: deferred}");
}

#[test]
fn settings_that_change_how_text_is_read_are_gaps() {
    check(
        "SET standard_conforming_strings = on",
        "set standard_conforming_strings {value: on}; ~ Set { name: \"standard_conforming_strings\", value: Some(\"on\"), local: false }",
    );
    check(
        "SET standard_conforming_strings = off",
        "set standard_conforming_strings {value: off}; ~ Set { name: \"standard_conforming_strings\", value: Some(\"off\"), local: false }; ! SET standard_conforming_strings changes how text is read",
    );
    check(
        "SET Standard_Conforming_Strings TO 'of'",
        "set standard_conforming_strings {value: of}; ~ Set { name: \"standard_conforming_strings\", value: Some(\"of\"), local: false }; ! SET standard_conforming_strings changes how text is read",
    );
    check(
        "SET client_encoding = 'UTF8'",
        "set client_encoding {value: UTF8}; ~ Set { name: \"client_encoding\", value: Some(\"UTF8\"), local: false }",
    );
    check(
        "SET client_encoding TO 'utf-8'",
        "set client_encoding {value: utf-8}; ~ Set { name: \"client_encoding\", value: Some(\"utf-8\"), local: false }",
    );
    check(
        "SET NAMES 'SJIS'",
        "set client_encoding {value: SJIS}; ~ Set { name: \"client_encoding\", value: Some(\"SJIS\"), local: false }; ! SET client_encoding changes how text is read",
    );
    check(
        "SET ROLE admin",
        "set role {value: admin}; ~ Set { name: \"role\", value: Some(\"admin\"), local: false }; ! SET ROLE changes who acts",
    );
    check(
        "SET LOCAL ROLE none",
        "set role {value: none}; ~ Set { name: \"role\", value: Some(\"none\"), local: true }; ! SET ROLE changes who acts",
    );
    check(
        "SET SESSION AUTHORIZATION bob",
        "set session_authorization {value: bob}; ~ Set { name: \"session_authorization\", value: Some(\"bob\"), local: false }; ! SET SESSION AUTHORIZATION changes who acts",
    );
}

#[test]
fn resets_and_messages_are_told() {
    check("RESET ROLE", "reset role; ~ Reset { name: \"role\" }");
    check("RESET search_path", "reset search_path; ~ Reset { name: \"search_path\" }");
    check("RESET ALL", "reset all; ~ ResetAll");
    check("DISCARD ALL", "discard all; ~ Discard { what: \"all\" }");
    check("DISCARD TEMP", "discard temp; ~ Discard { what: \"temp\" }");
    check("SHOW search_path", "show search_path");
    check("SHOW ALL", "show all");
    check("LISTEN c", "listen c");
    check("UNLISTEN *", "unlisten");
    check("NOTIFY c, 'hello'", "notify c");
    check("LOCK TABLE a, b IN SHARE MODE", "lock a {mode: share}; lock b {mode: share}");
    check("CHECKPOINT", "checkpoint");
}
