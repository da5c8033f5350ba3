//! A client does not see what it must not see.

use tokio_postgres::NoTls;

use crate::harness::{Gateway, Postgres, Settings, baseline};

const MASK: &str = "********";

#[test]
fn a_protected_column_comes_back_masked() {
    let (_postgres, gateway) = baseline();
    let rows = gateway
        .agent()
        .query("SELECT id, name, password, api_key, token FROM secrets WHERE id = 1");
    assert_eq!(rows, format!("1|billing|{MASK}|{MASK}|{MASK}"));
}

#[test]
fn null_stays_null() {
    let (_postgres, gateway) = baseline();
    assert_eq!(gateway.agent().query("SELECT name, password FROM secrets WHERE id = 3"), "empty|");
}

#[test]
fn an_alias_does_not_uncover_a_column() {
    let (_postgres, gateway) = baseline();
    assert_eq!(gateway.agent().query("SELECT password AS x FROM secrets WHERE id = 1"), MASK);
}

#[test]
fn a_subquery_a_cte_and_a_star_do_not_uncover_a_column() {
    let (_postgres, gateway) = baseline();
    let agent = gateway.agent();
    for query in [
        "SELECT x FROM (SELECT password AS x FROM secrets WHERE id = 1) s",
        "WITH s(x) AS (SELECT password FROM secrets WHERE id = 1) SELECT x FROM s",
        "SELECT t.x FROM secrets AS t(a, b, x, d, e) WHERE a = 1",
    ] {
        assert_eq!(agent.query(query), MASK, "{query}");
    }
    assert_eq!(
        agent.query("SELECT * FROM secrets WHERE id = 1"),
        format!("1|billing|{MASK}|{MASK}|{MASK}")
    );
}

#[test]
fn an_expression_on_a_protected_column_is_masked_whole() {
    let (_postgres, gateway) = baseline();
    let agent = gateway.agent();
    for query in [
        "SELECT upper(password) FROM secrets WHERE id = 1",
        "SELECT reverse(password) FROM secrets WHERE id = 1",
        "SELECT password || name FROM secrets WHERE id = 1",
        "SELECT row_to_json(s) FROM secrets s WHERE id = 1",
        "SELECT string_agg(password, ',') FROM secrets",
        "SELECT password FROM secrets WHERE id = 1 UNION ALL SELECT 'x' WHERE false",
    ] {
        let shown = agent.query(query);
        assert!(
            !shown.contains("hunter2") && !shown.to_lowercase().contains("hunter2"),
            "{query}: {shown}"
        );
        assert!(!shown.contains("2retnuh"), "{query}: {shown}");
    }
}

#[test]
fn a_view_does_not_uncover_a_column() {
    let (postgres, gateway) = baseline();
    postgres
        .direct("CREATE VIEW seen AS SELECT id, name AS label, password AS remark FROM secrets");
    postgres.direct("CREATE VIEW seen_again AS SELECT remark AS note, label FROM seen");
    let agent = gateway.agent();
    assert_eq!(
        agent.query("SELECT label, remark FROM seen WHERE id = 1"),
        format!("billing|{MASK}")
    );
    assert_eq!(
        agent.query("SELECT note, label FROM seen_again WHERE label = 'mail'"),
        format!("{MASK}|mail")
    );
}

#[test]
fn a_renamed_column_inside_a_transaction_stays_masked() {
    let (_postgres, gateway) = baseline();
    let outcome = gateway.agent().run(&[
        "BEGIN; ALTER TABLE secrets RENAME COLUMN password TO remark; SELECT remark FROM secrets; ROLLBACK",
    ]);
    assert!(!outcome.stdout.contains("hunter2"), "{}", outcome.stdout);
}

#[test]
fn columns_that_nobody_protects_pass_as_they_are() {
    let (_postgres, gateway) = baseline();
    let agent = gateway.agent();
    assert_eq!(agent.query("SELECT count(*), sum(amount) FROM orders"), "100|7575.0");
    assert_eq!(agent.query("SELECT upper(item) FROM orders WHERE id = 7"), "ITEM 7");
}

#[test]
fn a_secret_in_free_text_is_found_by_its_looks() {
    let (_postgres, gateway) = baseline();
    let shown = gateway.agent().query("SELECT 'use AKIAIOSFODNN7EXAMPLE for it'");
    assert!(!shown.contains("AKIAIOSFODNN7EXAMPLE"), "{shown}");
    assert!(shown.starts_with("use "), "{shown}");
}

#[test]
fn a_numeric_protected_column_becomes_null_since_no_text_can_stand_for_it() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(
        &postgres,
        Settings::policy(
            "[[use]]\nplugin = 'mask-secrets'\n[use.config]\nprotect = ['*.orders.amount']\n",
        ),
    );
    assert_eq!(gateway.agent().query("SELECT id, amount FROM orders WHERE id = 2"), "2|");
}

#[tokio::test]
async fn binary_results_of_prepared_statements_are_masked() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::insecure());
    let client = connect(&gateway).await;
    let statement =
        client.prepare("SELECT id, name, password FROM secrets ORDER BY id").await.unwrap();
    for _ in 0..2 {
        let rows = client.query(&statement, &[]).await.unwrap();
        assert_eq!(rows[0].get::<_, i32>(0), 1);
        assert_eq!(rows[0].get::<_, &str>(1), "billing");
        assert_eq!(rows[0].get::<_, &str>(2), MASK);
        assert_eq!(rows[2].get::<_, Option<&str>>(2), None);
    }
}

#[tokio::test]
async fn rows_in_a_cursor_are_masked() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::insecure());
    let mut client = connect(&gateway).await;
    let transaction = client.transaction().await.unwrap();
    let portal = transaction.bind("SELECT password FROM secrets ORDER BY id", &[]).await.unwrap();
    for expected in [Some(MASK), Some(MASK), None] {
        let rows = transaction.query_portal(&portal, 1).await.unwrap();
        assert_eq!(rows[0].get::<_, Option<&str>>(0), expected);
    }
}

#[test]
fn a_sql_cursor_and_a_sql_prepared_statement_are_masked() {
    let (_postgres, gateway) = baseline();
    let outcome = gateway.agent().run(&[
        "BEGIN; DECLARE c CURSOR FOR SELECT password FROM secrets ORDER BY id; FETCH 2 FROM c; COMMIT",
        "PREPARE p AS SELECT upper(password) FROM secrets WHERE id = 1",
        "EXECUTE p",
    ]);
    assert!(outcome.ok, "{}", outcome.stderr);
    assert!(!outcome.stdout.to_lowercase().contains("hunter2"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains(MASK), "{}", outcome.stdout);
}

#[test]
fn equal_values_have_equal_pseudonyms_in_a_session() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(
        &postgres,
        Settings::policy(
            "[[use]]\nplugin = 'mask-secrets'\n[use.config]\nprotect = ['*.*.password']\naction = 'pseudonym'\n",
        ),
    );
    let shown = gateway.agent().query("SELECT password FROM secrets WHERE id = 1 UNION ALL SELECT password FROM secrets WHERE id = 1");
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0], lines[1]);
    assert!(!lines[0].contains("hunter2") && !lines[0].is_empty(), "{shown}");
}

#[test]
fn a_mask_on_the_name_of_one_of_many_partitions_holds_where_their_parent_is_read() {
    const PARTS: usize = 80;
    let postgres = Postgres::start();
    let list = |form: &dyn Fn(usize) -> String| (0..PARTS).map(form).collect::<Vec<_>>().join(",");
    let (columns, values) = (list(&|at| format!("c{at} text")), list(&|at| format!("'seen {at}'")));
    postgres.direct(&format!("CREATE TABLE visits (day int, {columns}) PARTITION BY LIST (day)"));
    for at in 0..PARTS {
        postgres.direct(&format!("CREATE TABLE v{at} PARTITION OF visits FOR VALUES IN ({at})"));
    }
    postgres.direct(&format!("INSERT INTO visits VALUES (7, {values})"));
    let protect = list(&|at| format!("'*.v{at}.c{at}'"));
    let policy = format!(
        "[[use]]\nplugin = 'mask-secrets'\nlimits = {{ time_ms = 1000 }}\n[use.config]\nprotect = [{protect}]\n"
    );
    let gateway = Gateway::start(&postgres, Settings::policy(&policy));
    let shown = gateway.agent().query("SELECT * FROM visits");
    assert!(shown.starts_with("7|") && !shown.contains("seen"), "{shown}");
    assert_eq!(shown.matches(MASK).count(), PARTS, "{shown}");
}

/// A client without TLS, towards a gateway that was told to allow that.
pub(crate) async fn connect(gateway: &Gateway) -> tokio_postgres::Client {
    let token = gateway.token("agent-7", "support-agent");
    let target = format!(
        "host=127.0.0.1 port={} user=orders dbname=orders password={token} sslmode=disable",
        gateway.port
    );
    let (client, connection) = tokio_postgres::connect(&target, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

#[test]
fn what_a_writing_statement_returns_is_masked() {
    let (postgres, gateway) = baseline();
    let agent = gateway.agent();
    let shown = agent.query(
        "INSERT INTO secrets VALUES (9, 'new', 'a-password', 'a-key', 'a-token') RETURNING *",
    );
    assert_eq!(shown, format!("9|new|{MASK}|{MASK}|{MASK}\nINSERT 0 1"));
    assert_eq!(postgres.direct("SELECT password FROM secrets WHERE id = 9"), "a-password");
}

#[test]
fn an_errors_words_are_withheld_where_they_could_quote_a_protected_value() {
    let (_postgres, gateway) = baseline();
    let agent = gateway.agent();
    for query in [
        "SELECT password::int FROM secrets",
        "SELECT password::regclass FROM secrets WHERE id = 1",
        "SELECT to_date(password, 'YYYY') FROM secrets",
        "INSERT INTO secrets SELECT 1, name, password FROM secrets",
    ] {
        let error = agent.error(query);
        assert!(!error.contains("hunter2"), "{query}: {error}");
        assert!(error.contains("withheld") || error.contains("gateway."), "{query}: {error}");
    }
    assert!(!gateway.everything_kept().contains("hunter2"), "what the client did not see is kept");
    assert!(agent.error("SELECT 'word'::int").contains("\"word\""), "nothing protected is in play");
    assert!(agent.error("SELECT passwort FROM secrets").contains("passwort"));
}

#[test]
fn a_notification_and_a_notice_are_searched_for_secrets() {
    let (postgres, gateway) = baseline();
    postgres.direct(
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         RAISE NOTICE 'use AKIAIOSFODNN7EXAMPLE'; RETURN NEW; END $$; \
         CREATE TRIGGER note BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION note()",
    );
    let outcome = gateway.agent().run(&[
        "UPDATE orders SET amount = 2 WHERE id = 1",
        "LISTEN c",
        "NOTIFY c, 'use AKIAIOSFODNN7EXAMPLE'",
    ]);
    let shown = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(shown.contains("NOTICE") && shown.contains("notification"), "{shown}");
    assert!(!shown.contains("AKIA"), "{shown}");
}
