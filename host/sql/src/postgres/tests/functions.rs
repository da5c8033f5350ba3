//! Calls: what functions may do.

use super::{check, only};

#[test]
fn what_functions_may_do_is_told() {
    check("SELECT upper(name), pg_catalog.lower(name) FROM users", "select users [name]");
    check(
        "SELECT my_function(1), app.other(x) FROM t",
        "select t [x]; call my_function {function: unknown}; call app.other {function: unknown}",
    );
    check(
        "SELECT public.upper(name) FROM users",
        "select users [name]; call public.upper {function: unknown}",
    );
    check("SELECT 1 OPERATOR(public.+) 2", "call operator public.+ {function: unknown}");
    for key in ["id", "1", "i"] {
        check(
            &format!("SELECT id AS i FROM users ORDER BY {key} USING OPERATOR(public.<)"),
            "select users [id]; call operator public.< {function: unknown}",
        );
    }
    check(
        "SELECT nextval('s'), currval('s')",
        "call nextval {function: stateful}; update s {via: nextval, where: present}; call currval {function: stateful}; select s",
    );
    check(
        "SELECT setval('s', (SELECT max(ssn) FROM users))",
        "select users [ssn]; call setval {function: stateful}; update s {via: setval, where: present}",
    );
    check("SELECT pg_sleep(1)", "call pg_sleep {function: stateful}");
    check(
        "SELECT pg_sleep(ascii(ssn)) FROM users",
        "select users [ssn]; call pg_sleep {function: stateful}",
    );
    check("SELECT pg_notify('c', 'x')", "call pg_notify {function: stateful}");
    check(
        "SELECT pg_notify('c', ssn) FROM users",
        "select users [ssn]; call pg_notify {function: stateful}",
    );
    check("SELECT pg_advisory_lock(1)", "call pg_advisory_lock {function: stateful}");
}

#[test]
fn functions_that_act_out_of_sight_are_gaps() {
    check(
        "SELECT set_config(x, 'admin', false) FROM t",
        "select t [x]; call set_config {function: dangerous}; ! function set_config changes settings",
    );
    check("SELECT current_setting('x')", "call current_setting {function: stateful}");
    check("SELECT pg_terminate_backend(1)", "call pg_terminate_backend {function: stateful}");
    check(
        "SELECT query_to_xml('select 1', true, true, '')",
        "call query_to_xml {function: dangerous}; ! function query_to_xml runs SQL text that is not seen",
    );
    check(
        "SELECT table_to_xml('users', true, true, '')",
        "call table_to_xml {function: dangerous}; ! function table_to_xml reads relations that are not named",
    );
    check(
        "SELECT * FROM dblink('host=x', 'select 1') AS t (a int)",
        "call dblink {function: dangerous}; ! function dblink runs SQL text that is not seen",
    );
    check(
        "SELECT * FROM ext.dblink('host=x', 'select 1') AS t (a int)",
        "call ext.dblink {function: dangerous}; ! function ext.dblink runs SQL text that is not seen",
    );
    check(
        "SELECT pg_read_file('/etc/passwd')",
        "call pg_read_file {function: dangerous}; ! function pg_read_file reads or writes files of the server",
    );
    check(
        "SELECT pg_ls_dir('.')",
        "call pg_ls_dir {function: dangerous}; ! function pg_ls_dir reads or writes files of the server",
    );
    check(
        "SELECT lo_import('/etc/passwd')",
        "call lo_import {function: dangerous}; ! function lo_import reads or writes files of the server",
    );
    check(
        "SELECT * FROM ts_stat('select v from t')",
        "call ts_stat {function: dangerous}; ! function ts_stat runs SQL text that is not seen",
    );
    check("SELECT xpath('/a', '<a/>')", "");
    check(
        "SELECT pg_logical_slot_get_changes('s', NULL, NULL)",
        "call pg_logical_slot_get_changes {function: dangerous}; ! function pg_logical_slot_get_changes reads the changes of any table",
    );
    check(
        "SELECT * FROM pg_stat_get_activity(NULL)",
        "call pg_stat_get_activity {function: dangerous}; ! function pg_stat_get_activity shows other sessions' statements or sampled values",
    );
}

#[test]
fn catalog_functions_and_aggregates_are_harmless() {
    check(
        "SELECT c.relname, pg_catalog.pg_get_userbyid(c.relowner) FROM pg_catalog.pg_class c WHERE pg_catalog.pg_table_is_visible(c.oid)",
        "select pg_catalog.pg_class [oid,relname,relowner]",
    );
    check(
        "SELECT count(*) FILTER (WHERE ssn LIKE '1%'), string_agg(name, ',' ORDER BY ssn) FROM users",
        "select users [ssn,name]",
    );
}

#[test]
fn set_config_of_a_setting_that_is_written_out_is_a_set() {
    check(
        "SELECT set_config('role', 'admin', false)",
        "set role {via: set_config, value: admin}; ~ Set { name: \"role\", value: Some(\"admin\"), local: false }; ! SET ROLE changes who acts",
    );
    check(
        "SELECT pg_catalog.set_config('search_path', '', false)",
        "set search_path {via: set_config, value: }; ~ Set { name: \"search_path\", value: Some(\"\"), local: false }",
    );
}

#[test]
fn what_counts_only_where_something_is_protected_is_kept_apart() {
    let reserved = |text: &str| only(text).reservations.join("; ");
    assert_eq!(reserved("SELECT upper(name) FROM users"), "");
    assert_eq!(
        reserved("SELECT my_function(name) FROM users"),
        "function my_function is not known to be harmless"
    );
    assert_eq!(
        reserved("SELECT pg_notify('c', ssn) FROM users"),
        "function pg_notify takes column values out of sight"
    );
    assert_eq!(reserved("SELECT ssn::posint FROM users"), "a cast to posint runs what is not seen");
    assert_eq!(reserved("SELECT $1::posint, ssn::text FROM users"), "");
}

#[test]
fn a_function_that_somebody_vouches_for_is_harmless() {
    let trusted = crate::Trusted::new(["app.tidy".to_owned()]);
    let analysis =
        crate::PostgreSql.trusting("SELECT tidy(name), app.tidy(name) FROM users", &trusted);
    assert_eq!(crate::rendering::render(&analysis), "select users [name]");
    assert!(!analysis.statements[0].outputs.opaque);
}

#[test]
fn what_a_function_keeps_or_draws_by_is_a_reservation_unless_it_is_constant() {
    for call in [
        "lo_create(#::oid)",
        "lo_creat(#)",
        "lo_lseek(0, #, 0)",
        "lo_unlink(#)",
        "loread(0, #)",
        "setseed(#)",
        "nextval(('s' || #)::regclass)",
        "random(1, #)",
        "array_shuffle(string_to_array(#, ','))",
    ] {
        let reservations = |argument: &str| {
            let text = format!("SELECT {} FROM users", call.replace('#', argument));
            only(&text).reservations
        };
        assert_eq!(reservations("ssn").len(), 1, "{call}");
        assert_eq!(reservations("0").len(), 0, "{call}");
        assert_eq!(reservations("$1").len(), 0, "{call}");
    }
    assert_eq!(only("SELECT random(), lo_get(picture) FROM users").reservations, [""; 0]);
}
