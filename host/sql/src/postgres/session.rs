//! Statements about the session: settings, transactions, cursors, stored statements.

use super::Walker;
use super::constants::Constants;
use super::statements::{option_value, options};
use crate::lineage::{Flow, Piece, Shape};
use crate::{Effect, Operation};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    DiscardMode, FetchStmt, Node, TransactionStmt, TransactionStmtKind, VariableSetKind,
    VariableSetStmt,
};

impl Walker<'_> {
    /// A statement about the session, or one of the families after it.
    pub(super) fn session(&mut self, node: &NodeEnum) -> Shape {
        match node {
            NodeEnum::TransactionStmt(transaction) => self.transaction(transaction),
            NodeEnum::VariableSetStmt(set) => self.set(set),
            NodeEnum::VariableShowStmt(show) => return self.show(&show.name),
            NodeEnum::FetchStmt(fetch) => return self.fetch(fetch),
            NodeEnum::ClosePortalStmt(close) => {
                let name = (!close.portalname.is_empty()).then(|| close.portalname.clone());
                self.found.operate(Operation::other("close", close.portalname.clone()));
                self.found.effects.push(Effect::CloseCursor { name });
            }
            NodeEnum::DeallocateStmt(deallocate) => {
                let all = deallocate.isall || deallocate.name.is_empty();
                self.found.operate(Operation::other("deallocate", deallocate.name.clone()));
                let name = (!all).then(|| deallocate.name.clone());
                self.found.effects.push(Effect::Deallocate { name });
            }
            NodeEnum::DiscardStmt(discard) => {
                let what = match discard.target() {
                    DiscardMode::DiscardPlans => "plans",
                    DiscardMode::DiscardSequences => "sequences",
                    DiscardMode::DiscardTemp => "temp",
                    _ => "all",
                };
                self.found.operate(Operation::other("discard", what));
                self.found.effects.push(Effect::Discard { what });
            }
            NodeEnum::ConstraintsSetStmt(constraints) => {
                let mode = if constraints.deferred { "deferred" } else { "immediate" };
                let operation = Operation::other("set", "constraints");
                self.found.operate(operation.fact("value", mode));
            }
            other => return self.utility(other),
        }
        Shape::default()
    }

    fn transaction(&mut self, transaction: &TransactionStmt) {
        let name = transaction.savepoint_name.clone();
        let chain = transaction.chain;
        let (action, object, effect) = match transaction.kind() {
            TransactionStmtKind::TransStmtBegin | TransactionStmtKind::TransStmtStart => {
                ("begin", String::new(), Some(Effect::Begin))
            }
            TransactionStmtKind::TransStmtCommit => {
                ("commit", String::new(), Some(Effect::Commit { chain }))
            }
            TransactionStmtKind::TransStmtRollback => {
                ("rollback", String::new(), Some(Effect::Rollback { chain }))
            }
            TransactionStmtKind::TransStmtSavepoint => {
                ("savepoint", name.clone(), Some(Effect::Savepoint { name }))
            }
            TransactionStmtKind::TransStmtRelease => {
                ("release", name.clone(), Some(Effect::Release { name }))
            }
            TransactionStmtKind::TransStmtRollbackTo => {
                ("rollback", name.clone(), Some(Effect::RollbackTo { name }))
            }
            TransactionStmtKind::TransStmtPrepare => {
                ("prepare-transaction", transaction.gid.clone(), Some(Effect::PrepareTransaction))
            }
            TransactionStmtKind::TransStmtCommitPrepared => {
                ("commit-prepared", transaction.gid.clone(), Some(Effect::ChangesCatalog))
            }
            TransactionStmtKind::TransStmtRollbackPrepared => {
                ("rollback-prepared", transaction.gid.clone(), None)
            }
            TransactionStmtKind::Undefined => return drop(self.unreadable()),
        };
        let operation = Operation::other(action, object);
        self.found.operate(with_modes(operation, &transaction.options, &self.constants));
        self.found.effects.extend(effect);
    }

    fn set(&mut self, set: &VariableSetStmt) {
        let name = set.name.to_ascii_lowercase();
        match set.kind() {
            VariableSetKind::VarResetAll => {
                self.found.operate(Operation::other("reset", "all"));
                self.found.effects.push(Effect::ResetAll);
            }
            VariableSetKind::VarReset | VariableSetKind::VarSetDefault => {
                self.found.operate(Operation::other("reset", name.clone()));
                self.found.effects.push(Effect::Reset { name });
            }
            VariableSetKind::VarSetMulti => {
                let operation = Operation::other("set", name.clone());
                self.found.operate(with_modes(operation, &set.args, &self.constants));
                self.found.effects.push(Effect::Set { name, value: None, local: set.is_local });
            }
            VariableSetKind::VarSetValue | VariableSetKind::VarSetCurrent => {
                let value = (set.kind() == VariableSetKind::VarSetValue)
                    .then(|| joined(&set.args, &self.constants));
                let value = value.flatten();
                self.check_setting(&name, value.as_deref());
                let operation = Operation::other("set", name.clone());
                self.found.operate(match &value {
                    Some(value) => operation.fact("value", value.clone()),
                    None => operation,
                });
                self.found.effects.push(Effect::Set { name, value, local: set.is_local });
            }
            VariableSetKind::Undefined => drop(self.unreadable()),
        }
    }

    /// A setting under which text or identity would not be what this crate takes them for is a gap.
    pub(super) fn check_setting(&mut self, name: &str, value: Option<&str>) {
        let value = value.unwrap_or_default().to_ascii_lowercase();
        match name {
            // PostgreSQL takes any unambiguous start of a boolean word; these are the ones in use.
            "standard_conforming_strings"
                if !matches!(value.as_str(), "on" | "true" | "yes" | "1" | "t") =>
            {
                self.found.gap("SET standard_conforming_strings changes how text is read");
            }
            "client_encoding" | "names" => {
                let plain: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
                if !matches!(plain.as_str(), "utf8" | "unicode") {
                    self.found.gap("SET client_encoding changes how text is read");
                }
            }
            "role" => self.found.gap("SET ROLE changes who acts"),
            "session_authorization" => {
                self.found.gap("SET SESSION AUTHORIZATION changes who acts");
            }
            _ => {}
        }
    }

    fn show(&mut self, name: &str) -> Shape {
        let name = name.to_ascii_lowercase();
        self.found.operate(Operation::other("show", name.clone()));
        if name == "all" {
            let columns = ["name", "setting", "description"];
            return Shape::of(columns.map(|name| Piece::column(name, Flow::constant())).into());
        }
        Shape::of(vec![Piece::column(name, Flow::constant())])
    }

    fn fetch(&mut self, fetch: &FetchStmt) -> Shape {
        let cursor = fetch.portalname.clone();
        let action = if fetch.ismove { "move" } else { "fetch" };
        self.found.operate(Operation::other(action, cursor.clone()));
        self.found.effects.push(Effect::Fetch { cursor });
        if fetch.ismove { Shape::default() } else { Shape::opaque(Flow::unknown()) }
    }
}

/// Transaction modes as facts: (`transaction_read_only`, `1`).
fn with_modes(operation: Operation, modes: &[Node], constants: &Constants) -> Operation {
    options(modes).fold(operation, |operation, mode| {
        let name = match mode.defname.as_str() {
            "transaction_isolation" => "isolation",
            "transaction_read_only" => "read_only",
            "transaction_deferrable" => "deferrable",
            _ => "snapshot",
        };
        operation.fact(
            name,
            value_of(mode.arg.as_deref(), constants)
                .or_else(|| option_value(mode))
                .unwrap_or_default(),
        )
    })
}

/// The values of a setting with `, ` between them; none where one of them is no plain value.
pub(super) fn joined(values: &[Node], constants: &Constants) -> Option<String> {
    let values: Option<Vec<String>> =
        values.iter().map(|value| value_of(Some(value), constants)).collect();
    values.map(|values| values.join(", "))
}

/// A plain value as a function is given it: a cast may cut it, or make another of it.
pub(super) fn given(node: &Node, constants: &Constants) -> Option<String> {
    match node.node.as_ref()? {
        NodeEnum::TypeCast(cast) => {
            let to =
                cast.type_name.as_ref().filter(|to| super::names::is_whole(to, &["bool", "text"]));
            to.and_then(|_| given(cast.arg.as_deref()?, constants))
        }
        other => constants.plain(other),
    }
}

/// A plain value as text.
pub(super) fn value_of(node: Option<&Node>, constants: &Constants) -> Option<String> {
    match node?.node.as_ref()? {
        // SET TIME ZONE INTERVAL '…'
        NodeEnum::TypeCast(cast) => value_of(cast.arg.as_deref(), constants),
        other => constants.plain(other),
    }
}
