//! Texts as a whole: several statements, odd spellings, texts that cannot be read.

use super::check;

#[test]
fn several_statements_come_in_order() {
    check(
        "SELECT 1; DROP TABLE a; BEGIN",
        " | drop a {kind: table}; ~ ChangesCatalog | begin; ~ Begin",
    );
    check("SELECT a FROM t; SELECT a FROM t", "select t [a] | select t [a]");
    check(";;SELECT a FROM t", "select t [a]");
}

#[test]
fn a_text_without_a_statement_is_complete() {
    check("", "");
    check(" \n\t-- nothing here", "");
    check(";;", "");
    check("/* a /* nested */ comment */", "");
}

#[test]
fn comments_and_literals_end_where_the_server_ends_them() {
    check("/* a /* nested */ comment */ SELECT ssn FROM users -- tail", "select users [ssn]");
    check("SELECT 1 --\n, ssn FROM users", "select users [ssn]");
    check("SELECT $a$ FROM t $$ $a$, ssn FROM users", "select users [ssn]");
    check("SELECT E'\\' FROM t --', ssn FROM users", "select users [ssn]");
    check("SELECT '\\', ssn FROM users --'", "select users [ssn]");
    check("SELECT 'it''s', 'a'\n'b', ssn FROM users", "select users [ssn]");
    check("SELECT a$b$ FROM t", "select t [a$b$]");
    check("SELECT\x0cssn\x0bFROM users", "select users [ssn]");
    check("SELECT 'ü', \"Ü\" FROM t", "select t [Ü]");
    check("SELECT U&\"!0073sn\" UESCAPE '!' FROM users", "select users [ssn]");
    check("SELECT 1 OPERATOR(pg_catalog.-) -1, ssn FROM users", "select users [ssn]");
}

#[test]
fn a_long_name_is_cut_as_the_server_cuts_it() {
    let name = "n".repeat(63);
    check(&format!("SELECT {name}xyz FROM users"), &format!("select users [{name}]"));
}

#[test]
fn a_text_that_the_grammar_refuses_is_a_gap_which_does_not_quote_it() {
    check("SELEC 1", "! the statement could not be parsed: syntax error");
    check("DROP TABLE secret_name extra", "! the statement could not be parsed: syntax error");
    check("SELECT 'secret", "! the statement could not be parsed: unterminated quoted string");
    check("SELECT 'a' 'b'", "! the statement could not be parsed: syntax error");
    check("SELECT 1 \\g", "! the statement could not be parsed: syntax error");
    check("SELECT 1\0; DROP TABLE a", "! the statement could not be parsed: the text is not valid");
}

#[test]
fn one_statement_that_cannot_be_read_leaves_none_of_the_text() {
    check("DROP TABLE a; SELEC 1", "! the statement could not be parsed: syntax error");
}
