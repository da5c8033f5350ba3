//! MySQL and generic SQL, read by `sqlparser`.
//!
//! That grammar is no server's own: it accepts more, and now and then reads otherwise. So every part of a statement
//! that has no plain meaning here is a gap, and names that a server might read in another way are gaps too.
//! Unquoted names are lower-cased; in MySQL quoted ones also, for there most names are compared without case.

mod dml;
mod expressions;
mod from;
mod functions;
mod keys;
mod names;
mod parse;
mod query;
mod session;
mod statements;
mod tables;

use crate::dialect::with_stack;
use crate::findings::Findings;
use crate::lineage::{Flow, Shape};
use crate::{Analysis, Dialect};
use sqlparser::dialect::{GenericDialect, MySqlDialect};
use std::collections::HashSet;

/// MySQL and MariaDB with their default `sql_mode` and a UTF-8 connection.
///
/// A statement that changes how later text is read is a gap.
#[derive(Clone, Copy, Debug, Default)]
pub struct MySql;

/// SQL as most servers read it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Generic;

impl Dialect for MySql {
    fn name(&self) -> &'static str {
        "mysql"
    }

    fn analyze(&self, text: &str) -> Analysis {
        if let Some(reason) = parse::mysql_doubt(text) {
            return Analysis::refused(reason);
        }
        with_stack(|| analyze(&MySqlDialect {}, text, true))
    }
}

impl Dialect for Generic {
    fn name(&self) -> &'static str {
        "generic"
    }

    fn analyze(&self, text: &str) -> Analysis {
        if let Some(reason) = parse::generic_doubt(text) {
            return Analysis::refused(reason);
        }
        with_stack(|| analyze(&GenericDialect {}, text, false))
    }
}

fn analyze(dialect: &dyn sqlparser::dialect::Dialect, text: &str, mysql: bool) -> Analysis {
    let statements = match parse::parse(dialect, text) {
        Ok(statements) => statements,
        Err(reason) => return Analysis::refused(reason),
    };
    let found = Findings::new(text.len());
    let mut walker = Walker { found, mysql, windows: Vec::new(), named: HashSet::new() };
    for statement in &statements {
        let shape = walker.statement(statement);
        walker.check_relations(statement);
        walker.named.clear();
        let shape = walker.found.bound(shape);
        walker.found.finish_statement(&shape);
    }
    walker.found.finish()
}

/// Walks the tree of one text.
#[derive(Debug)]
struct Walker {
    found: Findings,
    /// Whether names and functions are those of MySQL.
    mysql: bool,
    /// The named windows of the query whose targets are walked.
    windows: Vec<(String, Flow)>,
    /// All names that a `WITH` gave in the statement.
    named: HashSet<String>,
}

impl Walker {
    /// Something that has no plain meaning here.
    fn strange(&mut self, what: &str) -> Shape {
        self.found.gap(format!("{what} is not accounted for"));
        Shape::opaque(Flow::unknown())
    }

    /// The same, where it is there.
    fn strange_if(&mut self, present: bool, what: &str) {
        if present {
            self.strange(what);
        }
    }
}

#[cfg(test)]
mod tests;
