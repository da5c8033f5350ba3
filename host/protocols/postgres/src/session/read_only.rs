//! What a session that only reads is refused.
//!
//! The server refuses writes as well, since `default_transaction_read_only` is set when the session begins. So what counts
//! here most is what would switch that off.

use palisade_policy::{Command, Denial, Operation};

/// The setting that makes a session's transactions read-only.
pub(crate) const SETTING: &str = "default_transaction_read_only";

/// What may be done; everything else writes, tells others something, or runs what is not followed.
const READS: [&str; 24] = [
    "begin",
    "call",
    "close",
    "commit",
    "copy-to",
    "deallocate",
    "declare",
    "discard",
    "execute",
    "explain",
    "fetch",
    "listen",
    "move",
    "prepare",
    "release",
    "reset",
    "rollback",
    "savepoint",
    "select",
    "set",
    "show",
    "unlisten",
    "use",
    "values",
];

/// Functions that tell others something, or end what they do: a server allows that in a transaction that only reads.
const REACH_OTHERS: [&str; 4] =
    ["pg_cancel_backend", "pg_logical_emit_message", "pg_notify", "pg_terminate_backend"];

/// Why a command may not run in a session that only reads; `None` where it may.
pub(super) fn refusal(command: &Command) -> Option<Denial> {
    let offending = command.operations.iter().find(|operation| !reads(operation))?;
    let Operation { action, object, .. } = offending;
    let what = [action.as_str(), object.as_str()].join(" ");
    Some(Denial {
        reason: format!("this session only reads, and this would do more: {}", what.trim_end()),
        rule: "gateway.read-only".to_owned(),
        hint: "It takes a role that may write here.".to_owned(),
    })
}

fn reads(operation: &Operation) -> bool {
    let Operation { action, object, facts, .. } = operation;
    let has = |name: &str, wanted: &str| {
        facts.iter().any(|(fact, value)| fact == name && value == wanted)
    };
    let object = object.to_ascii_lowercase();
    match action.as_str() {
        "set" | "reset" if object.ends_with("transaction_read_only") => false,
        // SET TRANSACTION, SET SESSION CHARACTERISTICS, BEGIN: only `read_only` says what they switch.
        "set" | "begin" => facts
            .iter()
            .filter(|(name, _)| name == "read_only")
            .all(|(_, value)| matches!(value.as_str(), "1" | "true" | "on")),
        // A procedure may commit and begin anew; code that is not followed may set what it likes.
        "call" => {
            !has("kind", "procedure")
                && !has("function", "unknown")
                && !has("function", "dangerous")
                && !REACH_OTHERS.contains(&object.rsplit('.').next().unwrap_or_default())
        }
        // A file or a program of the server's is no client.
        "copy-to" => !facts.iter().any(|(name, value)| name == "place" && value != "client"),
        known => READS.contains(&known),
    }
}

#[cfg(test)]
mod tests {
    use palisade_sql::{PostgreSql, Trusted};

    use super::*;

    fn check(text: &str, passes: bool) {
        let analysis = PostgreSql.trusting(text, &Trusted::default());
        let operations = analysis.statements.iter().flat_map(|statement| &statement.operations);
        let operations = operations.map(|operation| Operation {
            action: operation.action.to_owned(),
            object: operation.object.to_string(),
            facts: operation
                .facts
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
            ..Operation::default()
        });
        let command = Command { operations: operations.collect(), ..Command::default() };
        let refusal = refusal(&command);
        assert_eq!(refusal.is_none(), passes, "{text}: {refusal:?}");
    }

    #[test]
    fn reading_passes() {
        for text in [
            "SELECT 1",
            "SELECT * FROM t WHERE a = 1",
            "BEGIN",
            "BEGIN READ ONLY",
            "COMMIT",
            "ROLLBACK",
            "SAVEPOINT s",
            "SHOW all",
            "SET search_path = a",
            "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
            "RESET ALL",
            "DISCARD ALL",
            "DECLARE c CURSOR FOR SELECT 1",
            "FETCH c",
            "CLOSE c",
            "EXPLAIN SELECT 1",
            "PREPARE p AS SELECT 1",
            "EXECUTE p",
            "DEALLOCATE p",
            "COPY t TO STDOUT",
            "VALUES (1)",
            "TABLE t",
            "SELECT lower('a')",
        ] {
            check(text, true);
        }
    }

    #[test]
    fn writing_is_refused() {
        for text in [
            "INSERT INTO t VALUES (1)",
            "UPDATE t SET a = 1",
            "DELETE FROM t",
            "TRUNCATE t",
            "DROP TABLE t",
            "CREATE TABLE t (a int)",
            "CREATE TEMP TABLE t (a int)",
            "SELECT 1 INTO t",
            "COPY t FROM STDIN",
            "WITH x AS (DELETE FROM t RETURNING 1) SELECT * FROM x",
            "DO 'begin end'",
            "CALL p()",
            "GRANT ALL ON t TO u",
            "NOTIFY c",
            "LOCK TABLE t",
            "EXPLAIN ANALYZE DELETE FROM t",
            "PREPARE p AS DELETE FROM t",
            "VACUUM",
            "REFRESH MATERIALIZED VIEW v",
            "COPY t TO '/tmp/x'",
            "COPY t TO PROGRAM 'cat'",
            "SELECT unknown_function()",
            "SELECT dblink_exec('x', 'y')",
            "SELECT pg_notify('c', 'x')",
            "SELECT pg_catalog.\"pg_notify\"('c', 'x')",
            "SELECT pg_logical_emit_message(false, 'c', 'x')",
            "SELECT pg_terminate_backend(g) FROM generate_series(1, 99) g",
            "SELECT pg_cancel_backend(1)",
        ] {
            check(text, false);
        }
    }

    #[test]
    fn nothing_switches_it_off() {
        for text in [
            "SET default_transaction_read_only = off",
            "SET LOCAL transaction_read_only = off",
            "SET transaction_read_only TO DEFAULT",
            "RESET transaction_read_only",
            "RESET default_transaction_read_only",
            "SET \"Default_Transaction_Read_Only\" = 0",
            "SET TRANSACTION READ WRITE",
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
            "BEGIN READ WRITE",
            "START TRANSACTION READ WRITE",
            "BEGIN READ ONLY, READ WRITE",
            "SELECT set_config('default_transaction_read_only', 'off', false)",
            "SELECT 1; SELECT set_config('transaction_read_only', 'off', true)",
            "UPDATE pg_settings SET setting = 'off' WHERE name = 'default_transaction_read_only'",
            "ALTER ROLE CURRENT_USER SET default_transaction_read_only = off",
        ] {
            check(text, false);
        }
    }
}
