//! Roads around the gateway that work against others of its kind: here they end.

use std::net::TcpStream;

use crate::harness::{Gateway, Postgres, Settings, baseline};
use crate::protocol::{raw_session, read_until, send};

/// What no client may see.
const SECRET: &str = "hunter2-billing";

fn insecure() -> (Postgres, Gateway) {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::insecure());
    (postgres, gateway)
}

/// Sends messages, and gives all that came back up to so many `ReadyForQuery`.
fn talk(stream: &mut TcpStream, messages: &[(u8, &[u8])], answers: usize) -> String {
    for (tag, body) in messages {
        send(stream, *tag, body);
    }
    (0..answers).map(|_| read_until(stream, b'Z').1).collect()
}

fn query(stream: &mut TcpStream, text: &str) -> String {
    talk(stream, &[(b'Q', format!("{text}\0").as_bytes())], 1)
}

/// The bodies of `Parse`, `Bind`, and `Execute`.
fn parse(name: &str, text: &str) -> Vec<u8> {
    format!("{name}\0{text}\0\0\0").into_bytes()
}

fn bind(portal: &str, statement: &str) -> Vec<u8> {
    [format!("{portal}\0{statement}\0").as_bytes(), &[0; 6]].concat()
}

fn execute(portal: &str) -> Vec<u8> {
    [format!("{portal}\0").as_bytes(), &[0; 4]].concat()
}

fn hidden(shown: &str) {
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn views_upon_views_made_by_the_agent_uncover_nothing_and_write_nothing() {
    let (postgres, gateway) = baseline();
    let agent = gateway.agent();
    agent.run(&[
        "CREATE VIEW va AS SELECT id, entry FROM audit.log",
        "CREATE VIEW vs AS SELECT id, name FROM secrets",
        "CREATE VIEW w1 AS SELECT password AS foo FROM secrets",
        "CREATE VIEW w2 AS SELECT foo AS bar FROM w1",
        "CREATE VIEW w3 AS SELECT bar AS baz FROM w2",
    ]);
    let shown = agent.run(&[
        "SELECT baz FROM w3",
        "SELECT baz || '' FROM w3",
        "COPY (SELECT * FROM w3) TO STDOUT",
    ]);
    hidden(&shown.stdout);
    assert!(agent.error("INSERT INTO va VALUES (2, 'x')").contains("read-only"));
    let waiting = agent.start(&["UPDATE vs SET name = 'x' WHERE id = 1"]);
    let hold = gateway.hold();
    assert!(gateway.cli(&["approvals", "deny", hold["id"].as_str().unwrap()]).ok);
    assert!(!crate::harness::finish(waiting).ok);
    assert_eq!(postgres.direct("SELECT count(*) FROM audit.log"), "1");
}

#[test]
fn a_view_made_in_the_same_transaction_or_text_uncovers_nothing() {
    let (_postgres, gateway) = baseline();
    let agent = gateway.agent();
    let view = "CREATE VIEW nv AS SELECT password AS foo FROM secrets";
    let shown = agent.run(&[
        "BEGIN",
        view,
        "SELECT foo FROM nv",
        "SELECT foo || '' FROM nv",
        "COPY (SELECT foo FROM nv) TO STDOUT",
        "ROLLBACK",
        &format!("{view}; SELECT foo || '' FROM nv"),
    ]);
    hidden(&shown.stdout);
}

#[test]
fn a_view_that_is_replaced_behind_a_prepared_statement_uncovers_nothing() {
    let (postgres, gateway) = insecure();
    postgres.direct("CREATE VIEW v2 AS SELECT name AS foo FROM secrets");
    let mut stream = raw_session(&gateway);
    let prepared =
        talk(&mut stream, &[(b'P', &parse("s", "SELECT foo || '' FROM v2")), (b'S', b"")], 1);
    assert!(!prepared.contains("ERROR"), "{prepared}");
    query(&mut stream, "CREATE OR REPLACE VIEW v2 AS SELECT password AS foo FROM secrets");
    let shown = talk(&mut stream, &[(b'B', &bind("", "s")), (b'E', &execute("")), (b'S', b"")], 1);
    hidden(&shown);
    query(&mut stream, "CREATE OR REPLACE VIEW v2 AS SELECT name AS foo FROM secrets");
    let replace = b"CREATE OR REPLACE VIEW v2 AS SELECT password AS foo FROM secrets\0";
    let shown = talk(&mut stream, &[(b'Q', replace), (b'Q', b"SELECT foo || '' FROM v2\0")], 2);
    hidden(&shown);
}

#[test]
fn a_bind_that_failed_does_not_lend_its_statement_to_the_portal() {
    let (_postgres, gateway) = insecure();
    let mut stream = raw_session(&gateway);
    query(&mut stream, "BEGIN");
    let describe: &[u8] = b"Sb\0";
    talk(
        &mut stream,
        &[
            (b'P', &parse("a", "SELECT password FROM secrets")),
            (b'P', &parse("b", "SELECT item FROM orders")),
            (b'D', describe),
            (b'B', &bind("p", "a")),
            (b'S', b""),
        ],
        1,
    );
    query(&mut stream, "SAVEPOINT s");
    let failed = talk(&mut stream, &[(b'B', &bind("p", "b")), (b'S', b"")], 1);
    assert!(failed.contains("42P03"), "{failed}");
    query(&mut stream, "ROLLBACK TO s");
    let shown = talk(&mut stream, &[(b'E', &execute("p")), (b'S', b"")], 1);
    hidden(&shown);
}

#[test]
fn a_name_that_sql_gave_away_is_not_run_under_its_old_meaning() {
    let (_postgres, gateway) = insecure();
    let mut stream = raw_session(&gateway);
    talk(&mut stream, &[(b'P', &parse("s", "SELECT 'x' || ''")), (b'D', b"Ss\0"), (b'S', b"")], 1);
    query(&mut stream, "DEALLOCATE s");
    query(&mut stream, "PREPARE s AS SELECT password || '' FROM secrets");
    let shown = talk(&mut stream, &[(b'B', &bind("", "s")), (b'E', &execute("")), (b'S', b"")], 1);
    hidden(&shown);
    query(&mut stream, "BEGIN");
    talk(
        &mut stream,
        &[(b'P', &parse("t", "SELECT 'x' || ''")), (b'B', &bind("p", "t")), (b'S', b"")],
        1,
    );
    query(&mut stream, "CLOSE p");
    query(&mut stream, "DECLARE p CURSOR FOR SELECT password FROM secrets");
    let shown = talk(&mut stream, &[(b'E', &execute("p")), (b'S', b"")], 1);
    hidden(&shown);
}

#[test]
fn a_statement_that_failed_twice_does_not_hide_the_one_that_stands() {
    let (_postgres, gateway) = insecure();
    let mut stream = raw_session(&gateway);
    talk(&mut stream, &[(b'P', &parse("s", "SELECT password || '' FROM secrets")), (b'S', b"")], 1);
    talk(
        &mut stream,
        &[
            (b'P', &parse("s", "SELECT 'x' || ''")),
            (b'P', &parse("s", "SELECT 'y' || ''")),
            (b'S', b""),
        ],
        1,
    );
    let shown = talk(&mut stream, &[(b'B', &bind("", "s")), (b'E', &execute("")), (b'S', b"")], 1);
    hidden(&shown);
}

#[test]
fn queries_that_the_server_skips_do_not_shift_the_answers() {
    let (_postgres, gateway) = insecure();
    let mut stream = raw_session(&gateway);
    send(&mut stream, b'P', &parse("", "SELECT nonexistent"));
    send(&mut stream, b'H', b"");
    assert_eq!(read_until(&mut stream, b'E').0, "E");
    let skipped = talk(
        &mut stream,
        &[(b'Q', b"SELECT 'a' || ''\0"), (b'Q', b"SELECT 'b' || ''\0"), (b'S', b"")],
        1,
    );
    assert!(!skipped.contains("SELECT 1"), "{skipped}");
    hidden(&query(&mut stream, "SELECT password || '' FROM secrets"));
}

#[test]
fn the_servers_settings_are_not_changed_through_its_catalog() {
    let (postgres, gateway) = insecure();
    let mut stream = raw_session(&gateway);
    let shown = talk(
        &mut stream,
        &[
            (b'Q', b"UPDATE pg_settings SET setting = 'off' WHERE name = 'standard_conforming_strings'\0"),
            (b'Q', b"SELECT '\\', '; DROP TABLE orders; --'\0"),
        ],
        2,
    );
    assert!(shown.contains("sql-guard.incomplete"), "{shown}");
    assert_eq!(postgres.direct("SELECT count(*) FROM orders"), "100");
    let shown = query(
        &mut stream,
        "UPDATE pg_settings SET setting = (SELECT password FROM secrets LIMIT 1) WHERE name = 'application_name'",
    );
    hidden(&shown);
    hidden(&query(&mut stream, "SHOW application_name"));
}

#[test]
fn a_protected_value_is_not_copied_to_where_nothing_protects_it() {
    let (_postgres, gateway) = baseline();
    let agent = gateway.agent();
    for text in [
        "CREATE TABLE c1 AS SELECT password AS foo FROM secrets",
        "SELECT password AS foo INTO c2 FROM secrets",
        "UPDATE orders SET item = (SELECT password FROM secrets WHERE id = 1) WHERE id = 1",
        "INSERT INTO orders SELECT 100 + id, token, 1 FROM secrets",
    ] {
        let error = agent.error(text);
        assert!(error.contains("gateway.copies-protected"), "{text}: {error}");
    }
    let outcome = agent.run(&[
        "PREPARE p AS SELECT password AS foo FROM secrets",
        "CREATE TABLE c3 AS EXECUTE p",
        "SELECT foo FROM c3",
    ]);
    hidden(&outcome.stdout);
    assert!(outcome.stderr.contains("gateway.copies-protected"), "{outcome:?}");
    let fine = agent.run(&["INSERT INTO secrets VALUES (9, 'new', 'a', 'b', 'c')"]);
    assert!(fine.ok, "{}", fine.stderr);
}

#[test]
fn the_gateways_own_credential_cannot_be_changed() {
    let (_postgres, gateway) = baseline();
    for text in
        ["ALTER ROLE CURRENT_USER PASSWORD 'mine'", "ALTER DATABASE orders CONNECTION LIMIT 0"]
    {
        let error = gateway.agent().error(text);
        assert!(error.contains("42501"), "{text}: {error}");
    }
}

#[test]
fn a_text_made_to_keep_the_parser_busy_is_refused_at_once() {
    let (_postgres, gateway) = insecure();
    let mut stream = raw_session(&gateway);
    let shown = query(&mut stream, &"/*".repeat(300_000));
    assert!(shown.contains("sql-guard.incomplete"), "{shown}");
}

#[test]
fn a_value_in_an_error_text_is_not_recorded() {
    let (_postgres, gateway) = baseline();
    gateway.agent().error("SELECT password::int FROM secrets");
    assert!(!gateway.everything_kept().contains(SECRET));
}

#[test]
fn a_copy_in_another_encoding_that_would_have_to_be_masked_is_refused() {
    let (_postgres, gateway) = baseline();
    let agent = gateway.agent().option("PGCLIENTENCODING", "SJIS");
    let error = agent.error("COPY (SELECT password, name FROM secrets) TO STDOUT (DELIMITER '|')");
    assert!(error.contains("gateway.copy-unmaskable"), "{error}");
}

#[test]
fn a_prepared_execute_means_what_its_name_means_when_it_runs() {
    let (_postgres, gateway) = insecure();
    let mut stream = raw_session(&gateway);
    query(&mut stream, "PREPARE pp AS SELECT item FROM orders");
    talk(
        &mut stream,
        &[
            (b'P', &parse("g", "EXECUTE pp")),
            (b'B', &bind("", "g")),
            (b'D', b"P\0"),
            (b'E', &execute("")),
            (b'S', b""),
        ],
        1,
    );
    query(&mut stream, "DEALLOCATE pp");
    query(&mut stream, "PREPARE pp AS SELECT password FROM secrets");
    let shown = talk(&mut stream, &[(b'B', &bind("", "g")), (b'E', &execute("")), (b'S', b"")], 1);
    hidden(&shown);
}

/// A portal that gives passwords in a column of no origin.
fn computed(portal: &str) -> [(u8, Vec<u8>); 3] {
    let text = "SELECT password || '' FROM secrets";
    [(b'P', parse("", text)), (b'B', bind(portal, "")), (b'S', vec![])]
}

fn say(stream: &mut TcpStream, messages: &[(u8, Vec<u8>)]) -> String {
    let messages: Vec<_> = messages.iter().map(|(tag, body)| (*tag, &**body)).collect();
    talk(stream, &messages, messages.iter().filter(|(tag, _)| b"QS".contains(tag)).count())
}

#[test]
fn a_portal_that_shares_its_name_with_a_cursor_is_read_as_either() {
    let (_postgres, gateway) = insecure();
    let other = "DECLARE c CURSOR FOR SELECT 'x'::text";
    // The cursor is gone, and the portal is not known any more; or the cursor could not be made.
    let before: [&[&str]; 2] = [&[other, "CLOSE c"], &[]];
    let after: [&[&str]; 2] =
        [&["SAVEPOINT s", "ROLLBACK TO s"], &["SAVEPOINT s", other, "ROLLBACK TO s"]];
    for (before, after) in before.into_iter().zip(after) {
        let mut stream = raw_session(&gateway);
        query(&mut stream, "BEGIN");
        before.iter().for_each(|text| drop(query(&mut stream, text)));
        say(&mut stream, &computed("c"));
        after.iter().for_each(|text| drop(query(&mut stream, text)));
        let shown = query(&mut stream, "FETCH ALL FROM c");
        assert!(shown.contains("FETCH 3"), "the portal is still there: {shown}");
        hidden(&shown);
    }
}

#[test]
fn a_cursor_whose_name_a_portal_could_not_take_is_not_read_as_the_portal() {
    let (_postgres, gateway) = insecure();
    let mut stream = raw_session(&gateway);
    query(&mut stream, "DECLARE c CURSOR WITH HOLD FOR SELECT password || '' FROM secrets");
    let harmless = [(b'P', parse("", "SELECT 'x'::text")), (b'B', bind("c", "")), (b'S', vec![])];
    for read in
        [vec![(b'Q', b"FETCH ALL FROM c\0".to_vec())], vec![(b'E', execute("c")), (b'S', vec![])]]
    {
        hidden(&say(&mut stream, &[&harmless[..], &read].concat()));
    }
}

#[test]
fn a_portal_that_runs_what_a_name_stands_for_is_read_as_what_it_runs() {
    let (_postgres, gateway) = insecure();
    let mut stream = raw_session(&gateway);
    query(&mut stream, "BEGIN");
    query(&mut stream, "PREPARE s AS SELECT 'x'::text");
    say(&mut stream, &[(b'P', parse("", "EXECUTE s")), (b'B', bind("q", "")), (b'S', vec![])]);
    query(&mut stream, "DEALLOCATE s");
    query(&mut stream, "PREPARE s AS SELECT password || '' FROM secrets");
    hidden(&query(&mut stream, "FETCH ALL FROM q"));
}

#[test]
fn the_rest_of_a_portal_is_read_as_its_beginning_was() {
    let (_postgres, gateway) = insecure();
    let mut stream = raw_session(&gateway);
    query(&mut stream, "BEGIN");
    say(&mut stream, &computed("p"));
    let one_row = [b"q\0".as_slice(), &1_u32.to_be_bytes()].concat();
    let fetch = [
        (b'P', parse("", "FETCH ALL FROM p")),
        (b'B', bind("q", "")),
        (b'E', one_row),
        (b'S', vec![]),
    ];
    hidden(&say(&mut stream, &fetch));
    let anew = [
        (b'C', b"Pp\0".to_vec()),
        (b'P', parse("", "SELECT 'x'::text")),
        (b'B', bind("p", "")),
        (b'S', vec![]),
    ];
    say(&mut stream, &anew);
    let rest = say(&mut stream, &[(b'E', execute("q")), (b'S', vec![])]);
    assert!(rest.contains("FETCH"), "its rows come: {rest}");
    hidden(&rest);
}

#[test]
fn a_portal_read_by_sql_gives_what_was_planned_when_it_was_bound() {
    let (_postgres, gateway) = insecure();
    let mut stream = raw_session(&gateway);
    query(&mut stream, "CREATE VIEW v3 AS SELECT 'x'::text AS foo");
    say(&mut stream, &[(b'P', parse("s", "SELECT foo || '' FROM v3")), (b'S', vec![])]);
    query(&mut stream, "CREATE OR REPLACE VIEW v3 AS SELECT password AS foo FROM secrets");
    query(&mut stream, "BEGIN");
    say(&mut stream, &[(b'B', bind("p", "s")), (b'S', vec![])]);
    hidden(&query(&mut stream, "FETCH ALL FROM p"));
    query(&mut stream, "COMMIT");
    query(&mut stream, "DECLARE h CURSOR WITH HOLD FOR SELECT foo || '' FROM v3");
    query(&mut stream, "CREATE OR REPLACE VIEW v3 AS SELECT 'x'::text AS foo");
    hidden(&query(&mut stream, "FETCH ALL FROM h"));
}

#[test]
fn what_a_portal_that_is_read_by_sql_makes_the_server_say_tells_nothing() {
    let (_postgres, gateway) = insecure();
    let mut stream = raw_session(&gateway);
    query(&mut stream, "BEGIN");
    let text = "SELECT password::int FROM secrets";
    say(&mut stream, &[(b'P', parse("", text)), (b'B', bind("p", "")), (b'S', vec![])]);
    let told = query(&mut stream, "FETCH ALL FROM p");
    assert!(told.contains("22P02"), "{told}");
    hidden(&told);
}

#[test]
fn how_a_text_is_read_is_not_set_by_a_function_in_front_of_it() {
    let (postgres, gateway) = insecure();
    postgres.direct(
        "CREATE FUNCTION f_enc() RETURNS int LANGUAGE plpgsql AS
           $$ BEGIN PERFORM set_config('client_encoding', 'SJIS', false); RETURN 1; END $$;
         CREATE FUNCTION f_scs() RETURNS int LANGUAGE plpgsql AS
           $$ BEGIN PERFORM set_config('standard_conforming_strings', 'off', false); RETURN 1; END $$",
    );
    let in_encoding = "SELECT E'\u{30c4}\\', password || '' FROM secrets --'";
    let in_strings = "SELECT 'a\\', ', password || '' FROM secrets --'";
    let local = |name: &str, value: &str| format!("SET LOCAL {name} = {value}");
    let hides = [local("client_encoding", "'UTF8'"), local("standard_conforming_strings", "on")];
    for (function, text, hides) in
        [("f_enc", in_encoding, &hides[0]), ("f_scs", in_strings, &hides[1])]
    {
        let simple = |text: &str| (b'Q', format!("{text}\0").into_bytes());
        let sets = simple(&format!("SELECT {function}()"));
        let mut stream = raw_session(&gateway);
        hidden(&say(&mut stream, &[sets, simple(text)]));
        let mut stream = raw_session(&gateway);
        query(&mut stream, "BEGIN");
        query(&mut stream, &format!("SELECT {function}(); {hides}"));
        hidden(&say(&mut stream, &[simple("COMMIT"), simple(text)]));
        let mut stream = raw_session(&gateway);
        let run = |text: &str| {
            [(b'P', parse("", text)), (b'B', bind("", "")), (b'E', execute("")), (b'S', vec![])]
        };
        let first = run(&format!("SELECT {function}()"));
        let messages = [first.split_last().unwrap().1, &run(text)].concat();
        hidden(&say(&mut stream, &messages));
    }
}

#[test]
fn what_a_function_sets_is_not_told_as_a_parameter() {
    let (postgres, gateway) = insecure();
    for (name, value) in [("TimeZone", "'<' || password || '>0'"), ("application_name", "password")]
    {
        postgres.direct(&format!(
            "CREATE OR REPLACE FUNCTION f_set() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
               PERFORM set_config('{name}', {value}, false) FROM secrets WHERE id = 1;
               RETURN 1; END $$"
        ));
        let shown = query(&mut raw_session(&gateway), "SELECT f_set()");
        assert!(shown.contains("SELECT 1"), "{shown}");
        hidden(&shown.to_lowercase());
    }
}

/// The messages that run a text, without an end of the run.
fn run(text: &str) -> Vec<(u8, Vec<u8>)> {
    vec![(b'P', parse("", text)), (b'B', bind("", "")), (b'E', execute(""))]
}

/// Code that sets nothing, and code that does, hung and called in several ways.
const CODE: &str = "CREATE TABLE trail (at timestamptz DEFAULT now(), what text);
         CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN INSERT INTO trail (what) VALUES (TG_OP); UPDATE trail SET what = 'n'; RETURN NEW; END $$;
         CREATE FUNCTION enc() RETURNS int LANGUAGE plpgsql AS
           $$ BEGIN PERFORM set_config('client_encoding', 'SJIS', true); RETURN 1; END $$;
         CREATE FUNCTION adds(int, int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN enc() + $1; END $$;
         CREATE FUNCTION note_enc() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN PERFORM enc(); RETURN NEW; END $$;
         CREATE TABLE audited (id int); CREATE TABLE setting (id int);
         CREATE TRIGGER t BEFORE INSERT ON audited FOR EACH ROW EXECUTE FUNCTION note();
         CREATE TRIGGER t BEFORE INSERT ON setting FOR EACH ROW EXECUTE FUNCTION note_enc();
         CREATE FUNCTION ids() RETURNS int LANGUAGE plpgsql AS
           $$ BEGIN UPDATE audited SET id = 1; RETURN 1; END $$;
         CREATE FUNCTION through() RETURNS int LANGUAGE plpgsql AS
           $$ BEGIN INSERT INTO setting VALUES (1); RETURN 1; END $$;
         CREATE FUNCTION through_two() RETURNS int LANGUAGE plpgsql AS
           $$ BEGIN UPDATE audited SET id = 1; RETURN through(); END $$;
         CREATE AGGREGATE summed(int) (sfunc = adds, stype = int, initcond = '0');
         CREATE FUNCTION defaults(a int DEFAULT enc()) RETURNS int LANGUAGE plpgsql AS
           $$ BEGIN UPDATE audited SET id = 1; RETURN 1; END $$;
         CREATE TABLE conditional (id int);
         CREATE TRIGGER t BEFORE INSERT ON conditional FOR EACH ROW WHEN (enc() = 1) EXECUTE FUNCTION note();
         CREATE TABLE plain (id int, \"Gr\u{f6}\u{df}e\" text)";

#[test]
fn a_text_behind_code_that_sets_nothing_is_read_as_ever() {
    let (postgres, gateway) = insecure();
    postgres.direct(CODE);
    let text = "INSERT INTO plain (id, \"Gr\u{f6}\u{df}e\") VALUES (1, '\u{e9}\\')";
    let behind = |first: &str| {
        let mut stream = raw_session(&gateway);
        say(&mut stream, &[run(first), run(text), vec![(b'S', vec![])]].concat())
    };
    for first in ["INSERT INTO audited VALUES (1)", "SELECT ids()"] {
        let told = behind(first);
        assert!(told.contains("INSERT 0 1\0") && !told.contains("42501"), "{first}: {told}");
    }
    for first in [
        "INSERT INTO setting VALUES (1)",
        "SELECT enc()",
        "SELECT through()",
        "SELECT through_two()",
        "SELECT summed(1)",
        "SELECT defaults()",
        "INSERT INTO conditional VALUES (1)",
    ] {
        let told = behind(first);
        assert!(told.contains("may be off"), "{first}: {told}");
    }
}

#[test]
fn a_time_zone_that_the_client_sets_is_told_whatever_ran_before() {
    let (postgres, gateway) = insecure();
    postgres.direct(CODE);
    for first in ["INSERT INTO audited VALUES (1)", "INSERT INTO setting VALUES (1)"] {
        let mut stream = raw_session(&gateway);
        query(&mut stream, "BEGIN");
        query(&mut stream, first);
        for text in ["SET TIME ZONE 'Asia/Tokyo'", "SET application_name = 'zz'"] {
            let told = query(&mut stream, text);
            assert!(told.contains("Asia/Tokyo\0") || told.contains("zz\0"), "{first}: {told}");
        }
    }
}
