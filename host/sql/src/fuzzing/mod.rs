//! What the fuzzers of the repository's `fuzz` folder call, and what their findings are replayed by.

mod grammar;

use crate::{Analysis, Dialect, Generic, MySql, Output, Outputs, PostgreSql, Source};
use grammar::{Choices, Column, Kind, Query, Table};

/// Words and signs of SQL, for texts that come further into the parsers than any bytes.
#[rustfmt::skip]
pub(crate) const WORDS: &[&str] = &[
    "SELECT", "FROM", "WHERE", "WITH", "RECURSIVE", "AS", "(", ")", ",", "*", "a", "b.c", "t",
    "1", "'x'", "$1", "UNION ALL", "INSERT INTO", "VALUES", "UPDATE", "SET", "=", "DELETE FROM",
    "RETURNING", "JOIN", "LEFT JOIN", "NATURAL", "USING", "ON", "LATERAL", "DROP TABLE",
    "ALTER TABLE", "ADD COLUMN", "int", "GROUP BY", "ORDER BY", "OVER", "CASE WHEN", "THEN", "END",
    "EXISTS", "IN", "NOT", "AND", "OR", "::text", "[1]", "CREATE TABLE", "CREATE VIEW v AS",
    "COPY", "TO STDOUT", "FROM STDIN", "EXPLAIN", "PREPARE p AS", "EXECUTE p", "DEALLOCATE",
    "DECLARE c CURSOR FOR", "FETCH", "MOVE", "CLOSE", "GRANT", "MERGE INTO", "WHEN MATCHED",
    "DO NOTHING", "ON CONFLICT", ";", "count(*)", "f(", "ARRAY[", "]", "ROWS FROM (", "/*", "*/",
    "--", "\n", "\"", "`", "$$", "E'\\'", "U&\"\\0061\"", "TABLE", "FOR UPDATE", "DEFAULT", "BEGIN",
    "COMMIT", "ROLLBACK TO", "SAVEPOINT s", "SET LOCAL", "RESET", "DISCARD", "CALL", "DO", "LIMIT",
    "DISTINCT ON (", "GROUPING SETS (", "WINDOW w AS (", "JSON_TABLE(", "XMLTABLE(", "COLLATE",
    ".*", "->>", "||", "excluded.", "old.", "new.", "ROW(", "FILTER (", "WITHIN GROUP (",
];

/// Relations that the generated texts are about.
const TABLES: &[Table] = &[
    ("people", &[("id", Kind::Int), ("name", Kind::Text), ("password", Kind::Text)]),
    ("keys", &[("id", Kind::Int), ("owner", Kind::Int), ("api_key", Kind::Text)]),
    ("parts", &[("id", Kind::Int), ("token", Kind::Text), ("name", Kind::Text)]),
];

/// Analyses a text in every dialect: any bytes, words of SQL in any order, or a SELECT
/// of which it is known what flows where.
pub fn lineage(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    match kind % 3 {
        0 => every_dialect(&String::from_utf8_lossy(rest)),
        1 => {
            let word = |byte: &u8| WORDS.get(usize::from(*byte) % WORDS.len()).copied();
            let words: Vec<_> = rest.iter().take(200).filter_map(word).collect();
            every_dialect(&words.join(" "));
        }
        _ => follows(&grammar::select(&mut Choices::new(rest), TABLES)),
    }
}

/// A SELECT that these bytes choose.
#[cfg(test)]
pub(crate) fn generated(data: &[u8]) -> String {
    grammar::select(&mut Choices::new(data), TABLES).text
}

fn every_dialect(text: &str) {
    for dialect in [&PostgreSql as &dyn Dialect, &MySql, &Generic] {
        let analysis = dialect.analyze(text);
        consistent(text, &analysis);
    }
}

/// What holds of any analysis.
fn consistent(text: &str, analysis: &Analysis) {
    assert!(analysis.gaps.iter().all(|gap| !gap.is_empty()), "a gap without a reason: {text}");
    for statement in &analysis.statements {
        let outputs = &statement.outputs;
        for column in &outputs.columns {
            assert!(outputs.opaque || !column.opaque, "a column hides that it is opaque: {text}");
            for source in &column.sources {
                let known = outputs.all_sources.contains(source);
                assert!(known, "{source} is a column's source but not the result's: {text}");
            }
        }
        let odd = statement.operations.iter().find(|operation| operation.action.is_empty());
        assert!(odd.is_none(), "an operation without an action: {text}");
    }
}

/// A generated SELECT is understood whole, and everything that flows is found.
fn follows(query: &Query) {
    let text = &query.text;
    every_dialect(text);
    let analysis = PostgreSql.analyze(text);
    if !analysis.is_complete() {
        // Nesting beyond what is decoded is a gap; nothing else of these texts may be one.
        let deep = analysis.gaps.iter().all(|gap| gap.contains("depth") || gap.contains("nested"));
        assert!(deep, "{:?}: {text}", analysis.gaps);
        return;
    }
    assert_eq!(analysis.statements.len(), 1, "{text}");
    for statement in &analysis.statements {
        for (at, column) in query.columns.iter().enumerate() {
            check_column(text, &statement.outputs, at, column, query.columns.len());
        }
    }
}

fn check_column(text: &str, outputs: &Outputs, at: usize, column: &Column, width: usize) {
    let has_star = outputs.columns.iter().any(|output| output.star);
    let known = outputs.exact && outputs.columns.len() == width && !has_star;
    let output = outputs.columns.get(at).filter(|_| known);
    for wanted in &column.from {
        let (found, opaque): (&[Source], bool) = match output {
            Some(Output { sources, opaque, .. }) => (sources, *opaque),
            None => (&outputs.all_sources, outputs.opaque),
        };
        let covers = |source: &Source| {
            let (relation, name) = wanted.split_once('.').unwrap_or_default();
            let column =
                source.column == name || source.column == "*" || source.position().is_some();
            source.relation.name == relation && column
        };
        let ok = opaque || found.iter().any(covers);
        assert!(ok, "{wanted} flows into column {at} and is not found there: {text}\n{outputs:?}");
    }
}

#[cfg(test)]
mod tests;
