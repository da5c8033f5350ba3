//! PostgreSQL, read by its own grammar: the tree is walked whole, and what has no place in the walk is a gap.
//!
//! The grammar is that of PostgreSQL 18. What an older server reads otherwise instead of refusing it: `SYSTEM_USER`
//! (a column before 16; both are taken), and `JSON_VALUE(…)` with its kin (a function of that name before 17).

mod calls;
mod comparisons;
mod constants;
mod copy;
mod ddl;
mod dml;
mod expressions;
mod filters;
mod from;
mod labels;
mod limits;
mod names;
mod objects;
mod order;
mod parse;
mod routines;
mod select;
mod session;
mod shape;
mod statements;
mod tables;
mod utility;

use self::constants::Constants;
use crate::dialect::with_stack;
use crate::findings::Findings;
use crate::lineage::{Flow, Scope, Shape};
use crate::{Analysis, Dialect, Trusted};
use pg_query::NodeEnum;
use pg_query::protobuf::RawStmt;

pub use parse::{has_name, has_name_with};
pub use shape::shape;

/// PostgreSQL with `standard_conforming_strings` on and a UTF-8 client encoding.
///
/// A statement that changes either is a gap; that a session begins with them is for the caller to ensure.
#[derive(Clone, Copy, Debug, Default)]
pub struct PostgreSql;

impl Dialect for PostgreSql {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn analyze(&self, text: &str) -> Analysis {
        self.trusting(text, &Trusted::default())
    }
}

impl PostgreSql {
    /// The same, where an operator vouches for functions that are not the server's own.
    #[must_use]
    pub fn trusting(&self, text: &str, trusted: &Trusted) -> Analysis {
        with_stack(|| analyze(text, trusted))
    }
}

fn analyze(text: &str, trusted: &Trusted) -> Analysis {
    let tree = match parse::parse(text) {
        Ok(tree) => tree,
        Err(reason) => return Analysis::refused(reason),
    };
    let mut walker = Walker {
        trusted,
        found: Findings::new(text.len()),
        windows: Vec::new(),
        only_rows: false,
        target: None,
        constants: Constants::default(),
    };
    for statement in &tree.stmts {
        let shape = match statement.stmt.as_deref() {
            Some(node) => walker.statement(node, &Scope::root()),
            None => walker.unreadable(),
        };
        let shape = walker.found.bound(shape);
        walker.found.finish_statement(&shape);
    }
    let looked = walker.constants.were_looked_at();
    let mut analysis = walker.found.finish();
    let effects = analysis.statements.iter().any(|statement| !statement.effects.is_empty());
    let plain = tree.stmts.iter().all(is_plain);
    analysis.of_shape = plain && !looked && !effects && analysis.is_complete();
    analysis
}

/// Whether all constants of a statement are in nodes of their own: the others have some in their options.
fn is_plain(statement: &RawStmt) -> bool {
    let plain = |node: &NodeEnum| {
        matches!(
            node,
            NodeEnum::SelectStmt(_)
                | NodeEnum::InsertStmt(_)
                | NodeEnum::UpdateStmt(_)
                | NodeEnum::DeleteStmt(_)
                | NodeEnum::MergeStmt(_)
        )
    };
    let node = statement.stmt.as_ref().and_then(|node| node.node.as_ref());
    node.is_some_and(plain)
}

/// Walks the tree of one text.
#[derive(Debug)]
struct Walker<'t> {
    trusted: &'t Trusted,
    found: Findings,
    /// The named windows of the query whose targets are walked.
    windows: Vec<(String, Flow)>,
    /// Of the query that is walked next it only counts whether it has rows.
    only_rows: bool,
    /// The relation that the statement writes, while its condition is looked at.
    target: Option<crate::Name>,
    /// The values of its constants.
    constants: Constants,
}

impl Walker<'_> {
    /// A node that the grammar made and the tree does not show.
    fn unreadable(&mut self) -> Shape {
        self.found.gap("a part of the statement cannot be read");
        Shape::opaque(Flow::unknown())
    }
}

#[cfg(test)]
mod tests;
