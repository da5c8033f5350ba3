//! A protected column does not answer questions about its values.

use palisade_sql::{Dialect, PostgreSql, Statement, Usage};

use crate::harness::baseline;
use crate::harness::{Gateway, Postgres, Settings};
use crate::masking::connect;

#[test]
fn a_protected_column_decides_neither_rows_nor_their_order() {
    let (_postgres, gateway) = baseline();
    let agent = gateway.agent();
    for (query, rule) in [
        ("SELECT name FROM secrets WHERE password LIKE 'h%'", "protected-predicate"),
        (
            "SELECT name FROM secrets WHERE password = 'hunter2-billing'",
            "protected-equals-constant",
        ),
        ("SELECT name FROM secrets s WHERE s::text LIKE '%hunter2%'", "protected-predicate"),
        ("SELECT CASE WHEN password > 'h' THEN 1 END FROM secrets", "protected-predicate"),
        ("SELECT count(*) FILTER (WHERE password > 'h') FROM secrets", "protected-predicate"),
        ("SELECT name FROM secrets ORDER BY password", "protected-sort"),
        ("SELECT a.name FROM secrets a JOIN secrets b ON a.password = b.token", "protected-join"),
        ("SELECT password FROM secrets UNION SELECT 'guess'", "protected-group"),
        (
            "SELECT 1 FROM generate_series(1, (SELECT ascii(password) FROM secrets WHERE id = 1))",
            "protected-predicate",
        ),
        ("DELETE FROM secrets WHERE password = 'x'", "protected-equals-constant"),
        (
            "SELECT count(*) FROM (SELECT password FROM secrets EXCEPT ALL SELECT 'guess') s",
            "protected-group",
        ),
        (
            "WITH RECURSIVE r(v) AS (SELECT password FROM secrets UNION ALL SELECT 'guess' FROM r) \
             CYCLE v SET c USING p SELECT count(*) FROM r",
            "protected-group",
        ),
        (
            "SELECT id FROM orders TABLESAMPLE system (9) REPEATABLE ((SELECT ascii(password) FROM secrets))",
            "protected-predicate",
        ),
        (
            "SELECT EXISTS (SELECT regexp_matches(password, '^h') FROM secrets)",
            "protected-predicate",
        ),
        (
            "SELECT pg_typeof(generate_series(1, ascii(password))) FROM secrets",
            "protected-predicate",
        ),
        ("SELECT pg_options_to_table(ARRAY[password]) FROM secrets", "protected-predicate"),
    ] {
        let error = agent.error(query);
        assert!(error.contains(rule), "{query}: {error}");
    }
}

/// A list of ours cannot know what functions the next server has.
#[test]
fn every_function_of_the_server_that_makes_rows_decides_by_what_it_is_given() {
    let postgres = Postgres::start();
    let names = postgres.admin(
        "SELECT DISTINCT proname FROM pg_proc WHERE proretset AND pronargs > 0 \
         AND pronamespace = 'pg_catalog'::regnamespace ORDER BY proname",
    );
    assert!(names.lines().any(|name| name == "generate_series"), "{names}");
    let silent = names.lines().filter(|name| {
        let analysis =
            PostgreSql.analyze(&format!("SELECT 1 FROM (SELECT {name}(ssn) FROM users) s"));
        let used = |statement: &Statement| {
            let decides = statement.uses.iter().any(|used| used.usage == Usage::Predicate);
            decides || !statement.unknown.is_empty() || !statement.reservations.is_empty()
        };
        analysis.is_complete() && !analysis.statements.iter().any(used)
    });
    assert_eq!(silent.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn nothing_that_is_kept_is_told_a_protected_value() {
    let (_postgres, gateway) = baseline();
    let agent = gateway.agent();
    for call in [
        "lo_create((1000000 + ascii(password))::oid)",
        "lo_open(771099, ascii(password))",
        "lo_lseek(0, ascii(password), 0)",
        "setseed(1.0 / ascii(password))",
    ] {
        let error = agent.error(&format!("SELECT {call} FROM secrets WHERE id = 1"));
        assert!(error.contains("takes column values out of sight"), "{call}: {error}");
    }
    agent.query("SELECT setseed(0.5), random(), lo_open(lo_create(771099), 131072) FROM secrets WHERE id = 1");
}

#[test]
fn other_columns_of_a_protected_table_are_used_freely() {
    let (_postgres, gateway) = baseline();
    let agent = gateway.agent();
    for query in [
        "SELECT name FROM secrets WHERE name LIKE 'b%' ORDER BY name, id",
        "SELECT * FROM secrets ORDER BY 1",
        "SELECT item FROM orders o JOIN secrets s ON s.id = o.id WHERE item <> 'x'",
        "SELECT name FROM secrets WHERE password IS NOT NULL",
        "SELECT DISTINCT password FROM secrets",
        "SELECT count(*), max(id) FROM secrets GROUP BY name",
        "SELECT 1 FROM orders o WHERE EXISTS (SELECT * FROM secrets s WHERE s.id = o.id)",
    ] {
        agent.query(query);
    }
}

#[tokio::test]
async fn equality_with_a_bound_parameter_is_allowed() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::insecure());
    let client = connect(&gateway).await;
    let query = "SELECT name FROM secrets WHERE password = $1";
    let rows = client.query(query, &[&"hunter2-mail"]).await.unwrap();
    assert_eq!(rows[0].get::<_, &str>(0), "mail");
}

#[test]
fn a_function_of_ones_own_meets_no_protected_table() {
    let (postgres, gateway) = baseline();
    postgres.direct("CREATE FUNCTION twice(x int) RETURNS int LANGUAGE sql AS 'SELECT $1 * 2'");
    let agent = gateway.agent();
    let error = agent.error("SELECT twice(id) FROM secrets");
    assert!(error.contains("function twice is not known to be harmless"), "{error}");
    agent.query("SELECT twice(id) FROM orders");
}

#[test]
fn a_function_that_the_policy_vouches_for_is_one_of_the_harmless() {
    let postgres = Postgres::start();
    postgres.direct("CREATE FUNCTION twice(x int) RETURNS int LANGUAGE sql AS 'SELECT $1 * 2'");
    let baseline =
        std::fs::read_to_string(crate::harness::repository().join("policies/baseline.toml"));
    let policy = format!("harmless_functions = ['public.twice']\n{}", baseline.unwrap());
    let gateway = Gateway::start(&postgres, Settings::policy(&policy));
    assert_eq!(gateway.agent().query("SELECT twice(id) FROM secrets WHERE id = 2"), "4");
}

/// The baseline's masks, and a budget of two guesses.
const TWO_GUESSES: &str = "
[[use]]
plugin = 'mask-secrets'
config = { protect = ['*.*.password'] }
[[use]]
plugin = 'budget'
grants = ['state']
on = { actions = ['use'], facts = ['protected'] }
[use.config]
budgets = [{ name = 'guesses', actions = ['use'], facts = { protected = '*' }, weight = 'guesses', most = 2, within = 3600 }]
";

fn with_two_guesses() -> (Postgres, Gateway) {
    let postgres = Postgres::start();
    let settings = Settings { insecure: true, ..Settings::policy(TWO_GUESSES) };
    let gateway = Gateway::start(&postgres, settings);
    (postgres, gateway)
}

#[tokio::test]
async fn guesses_are_counted_at_each_run_and_across_sessions() {
    let (_postgres, gateway) = with_two_guesses();
    let client = connect(&gateway).await;
    let guess = client.prepare("SELECT name FROM secrets WHERE password = $1").await.unwrap();
    for password in ["a", "b"] {
        assert!(client.query(&guess, &[&password]).await.unwrap().is_empty());
    }
    let denied = client.query(&guess, &[&"hunter2-mail"]).await.unwrap_err();
    assert!(denied.as_db_error().unwrap().message().contains("\"guesses\" is used up"), "{denied}");
    client.query("SELECT item FROM orders WHERE item = $1", &[&"lamp"]).await.unwrap();
    let again = connect(&gateway).await;
    let text = "SELECT name FROM secrets WHERE password = $1";
    assert!(again.query(text, &[&"hunter2-mail"]).await.is_err());
}

#[tokio::test]
async fn many_guesses_in_one_statement_are_many() {
    let (_postgres, gateway) = with_two_guesses();
    let client = connect(&gateway).await;
    let text = "SELECT name FROM secrets WHERE password IN ($1, $2, $3)";
    let denied = client.query(text, &[&"a", &"b", &"hunter2-mail"]).await.unwrap_err();
    assert!(denied.as_db_error().unwrap().message().contains("\"guesses\" is used up"), "{denied}");
}

#[tokio::test]
async fn what_an_index_may_answer_spends_no_guesses_of_the_baseline() {
    let postgres = Postgres::start();
    postgres.direct("CREATE INDEX ON secrets (name, password)");
    let baseline =
        std::fs::read_to_string(crate::harness::repository().join("policies/baseline.toml"));
    let policy = baseline.unwrap().replace("most = 1000", "most = 2");
    let settings = Settings { insecure: true, ..Settings::policy(&policy) };
    let gateway = Gateway::start(&postgres, settings);
    let client = connect(&gateway).await;
    for _ in 0..4 {
        client.query("SELECT id FROM secrets WHERE name = $1", &[&"mail"]).await.unwrap();
        client.query("SELECT id FROM secrets WHERE password IS NOT NULL", &[]).await.unwrap();
    }
    let guess = "SELECT id FROM secrets WHERE password = $1";
    let computed = "SELECT length(password) FROM secrets";
    client.query(guess, &[&"a"]).await.unwrap();
    client.query(computed, &[]).await.unwrap();
    assert!(client.query(guess, &[&"b"]).await.is_err());
}
