//! Which columns decide where nothing of them is shown, in MySQL.

use crate::MySql;

fn uses(text: &str, expected: &str) {
    super::uses(&MySql, text, expected);
}

#[test]
fn every_set_operation_but_union_all_compares_rows() {
    uses("SELECT ssn FROM users UNION ALL SELECT 'x'", "");
    for operation in ["UNION", "UNION DISTINCT", "EXCEPT", "EXCEPT ALL", "INTERSECT ALL"] {
        let text = format!("SELECT ssn FROM users {operation} SELECT 'x'");
        uses(&text, "group users.ssn other");
    }
    uses("SELECT ssn FROM users UNION SELECT ssn FROM users", "group users.ssn amongthemselves");
}

#[test]
fn groups_of_a_plain_column_compare_it_with_itself_alone() {
    for text in [
        "SELECT DISTINCT ssn FROM users",
        "SELECT count(*) FROM users GROUP BY ssn",
        "SELECT ssn FROM users GROUP BY ssn",
        "SELECT count(*) FROM users u GROUP BY u.ssn",
    ] {
        uses(text, "group users.ssn amongthemselves");
    }
    uses("SELECT DISTINCT concat(ssn, 'x') FROM users", "group users.ssn other");
    uses("SELECT count(*) FROM users GROUP BY ssn + 1", "group users.ssn other");
}
