//! DDL of relations.

use super::check;

#[test]
fn tables_and_views_tell_what_they_are_made_of() {
    check(
        "CREATE TABLE t (id serial PRIMARY KEY, x text DEFAULT my_default(), y int CHECK (y > 0) REFERENCES public.other (id))",
        "create t {kind: table}; call my_default {function: unknown}; references public.other [id] {via: foreign-key}; ~ ChangesCatalog",
    );
    check(
        "CREATE TEMP TABLE t (LIKE users INCLUDING ALL)",
        "create t {kind: table, temporary: true}; references users {via: like}; ~ ChangesCatalog",
    );
    check(
        "CREATE TABLE t () INHERITS (users)",
        "create t {kind: table}; references users {via: inherit}; ~ ChangesCatalog",
    );
    check(
        "CREATE TABLE t PARTITION OF users FOR VALUES FROM (MINVALUE) TO (10)",
        "create t {kind: table}; references users {via: inherit}; ~ ChangesCatalog",
    );
    check(
        "CREATE TABLE t (a int) PARTITION BY RANGE (a, lower(b))",
        "create t {kind: table}; ~ ChangesCatalog",
    );
    check(
        "CREATE TABLE copied AS SELECT ssn FROM users",
        "create copied {kind: table}; select users [ssn]; ~ ChangesCatalog",
    );
    check(
        "SELECT ssn INTO copied FROM users",
        "select users [ssn]; create copied {kind: table}; ~ ChangesCatalog",
    );
    check(
        "SELECT * INTO TEMP copied FROM users",
        "select users [*]; create copied {kind: table, temporary: true}; ~ ChangesCatalog",
    );
    check(
        "CREATE VIEW v AS SELECT ssn FROM users",
        "create v {kind: view}; select users [ssn]; ~ ChangesCatalog",
    );
    check(
        "CREATE OR REPLACE TEMP VIEW v (a) AS SELECT ssn FROM users",
        "create v {kind: view, replace: true}; select users [ssn]; ~ ChangesCatalog",
    );
    check(
        "CREATE MATERIALIZED VIEW v AS SELECT ssn FROM users",
        "create v {kind: matview}; select users [ssn]; ~ ChangesCatalog",
    );
    check("REFRESH MATERIALIZED VIEW v", "refresh v; ~ ChangesCatalog");
    check(
        "CREATE UNIQUE INDEX i ON public.users (ssn, lower(name)) WHERE active",
        "create public.i {kind: index, on: public.users}; alter public.users {change: add-index}; select public.users [name,active]; ~ ChangesCatalog",
    );
    check("CREATE SEQUENCE s", "create s {kind: sequence}; ~ ChangesCatalog");
    check(
        "CREATE STATISTICS st ON a, b FROM t",
        "create st {kind: statistics}; alter t {change: add-statistics}; select t [a,b]; ~ ChangesCatalog",
    );
}

#[test]
fn changes_of_tables_are_named() {
    check(
        "ALTER TABLE a RENAME COLUMN x TO y",
        "alter a {kind: table, change: rename-column, from: x, to: y}; ~ ChangesCatalog",
    );
    check(
        "ALTER TABLE a RENAME TO b",
        "alter a {kind: table, change: rename, to: b}; ~ ChangesCatalog",
    );
    check(
        "ALTER TABLE a RENAME CONSTRAINT x TO y",
        "alter a {kind: table, change: rename-constraint, from: x, to: y}; ~ ChangesCatalog",
    );
    check(
        "ALTER VIEW a RENAME TO b",
        "alter a {kind: view, change: rename, to: b}; ~ ChangesCatalog",
    );
    check(
        "ALTER TABLE a ADD COLUMN x int DEFAULT f(), DROP COLUMN y, ALTER z TYPE text USING z || ssn",
        "alter a {kind: table, change: add-column, change: drop-column, change: alter-column-type}; call f {function: unknown}; drop a [y] {kind: column}; select a [z,ssn]; ~ ChangesCatalog",
    );
    check(
        "ALTER TABLE a ADD CONSTRAINT c FOREIGN KEY (x) REFERENCES b (y)",
        "alter a {kind: table, change: add-constraint}; references b [y] {via: foreign-key}; ~ ChangesCatalog",
    );
    check(
        "ALTER TABLE a DISABLE TRIGGER ALL",
        "alter a {kind: table, change: disable-trig-all}; ~ ChangesCatalog",
    );
    check(
        "ALTER TABLE a ATTACH PARTITION b FOR VALUES IN (1)",
        "alter a {kind: table, change: attach-partition}; alter b {change: partition-of}; ~ ChangesCatalog",
    );
    check(
        "ALTER TABLE a INHERIT b",
        "alter a {kind: table, change: add-inherit}; references b {via: inherit}; ~ ChangesCatalog",
    );
    check(
        "ALTER TABLE a OWNER TO bob",
        "alter a {kind: table, change: change-owner}; ~ ChangesCatalog; ! OWNER TO changes who may do what",
    );
    check(
        "ALTER TABLE a SET SCHEMA s",
        "alter a {kind: table, change: set-schema, to: s}; ~ ChangesCatalog",
    );
    check("ALTER SEQUENCE s RESTART", "alter s {kind: sequence}; ~ ChangesCatalog");
}

#[test]
fn every_dropped_object_is_an_operation() {
    check(
        "DROP TABLE a, public.b",
        "drop a {kind: table}; drop public.b {kind: table}; ~ ChangesCatalog",
    );
    check(
        "DROP TABLE IF EXISTS a CASCADE",
        "drop a {kind: table, cascade: true}; ~ ChangesCatalog",
    );
    check("DROP VIEW v", "drop v {kind: view}; ~ ChangesCatalog");
    check("DROP INDEX i", "drop i {kind: index}; ~ ChangesCatalog");
    check("DROP SCHEMA s CASCADE", "drop s {kind: schema, cascade: true}; ~ ChangesCatalog");
    check(
        "DROP FUNCTION f(int), g",
        "drop f {kind: function}; drop g {kind: function}; ~ ChangesCatalog",
    );
    check(
        "DROP TRIGGER tr ON public.users",
        "drop public.users {kind: trigger, part: tr}; ~ ChangesCatalog",
    );
    check("DROP DATABASE d", "drop d {kind: database}; ~ ChangesCatalog");
    check(
        "DROP ROLE a, b",
        "drop a {kind: role}; drop b {kind: role}; ~ ChangesCatalog; ! DROP ROLE changes who may do what",
    );
    check(
        "DROP OWNED BY bob",
        "drop bob {kind: owned}; ~ ChangesCatalog; ! DROP OWNED changes who may do what; ! the statement changes objects that it does not name",
    );
    check("DROP EXTENSION e", "drop e {kind: extension}; ~ ChangesCatalog");
    check("DROP TYPE t", "drop t {kind: type}; ~ ChangesCatalog");
    check("DROP POLICY p ON users", "drop users {kind: policy, part: p}; ~ ChangesCatalog");
}

#[test]
fn a_dropped_column_is_dropped_data() {
    check(
        "ALTER TABLE s.a DROP COLUMN x CASCADE",
        "alter s.a {kind: table, change: drop-column}; drop s.a [x] {kind: column, cascade: true}; ~ ChangesCatalog",
    );
}

#[test]
fn comments_and_maintenance_are_told() {
    check("COMMENT ON TABLE users IS 'x'", "comment users {kind: table}; ~ ChangesCatalog");
    check("COMMENT ON COLUMN users.ssn IS 'x'", "comment users {kind: column}; ~ ChangesCatalog");
    check("VACUUM FULL users", "vacuum users");
    check("VACUUM", "vacuum");
    check("ANALYZE users (ssn)", "analyze users [ssn]");
    check("CLUSTER users USING i", "cluster users {index: i}; ~ ChangesCatalog");
    check("REINDEX TABLE users", "reindex users; ~ ChangesCatalog");
    check("REINDEX DATABASE d", "reindex d; ~ ChangesCatalog");
}
