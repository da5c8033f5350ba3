//! Whether a `WHERE` chooses rows at all, or lets all of them through.

use super::{Walker, names};
use crate::Name;
use crate::lineage::Scope;
use pg_query::NodeEnum;
use pg_query::protobuf::{AExprKind, BoolExprType, Node};

impl Walker {
    /// Whether the predicate holds, or fails, for all rows of the target alike. Not every such predicate
    /// can be told (`id > 0`); those that need no knowledge of the data are.
    pub(super) fn selects_all(&mut self, node: &Node, target: &Name, scope: &Scope<'_>) -> bool {
        if !self.found.enter() {
            self.found.leave();
            return true;
        }
        let all = match node.node.as_ref() {
            Some(NodeEnum::CurrentOfExpr(_)) => false,
            Some(NodeEnum::BoolExpr(expression)) => {
                let mut arms = expression.args.iter();
                match expression.boolop() {
                    BoolExprType::OrExpr => arms.any(|arm| self.selects_all(arm, target, scope)),
                    _ => arms.all(|arm| self.selects_all(arm, target, scope)),
                }
            }
            Some(NodeEnum::AExpr(expression))
                if expression.kind() == AExprKind::AexprOp
                    && same_column(expression.lexpr.as_deref(), expression.rexpr.as_deref()) =>
            {
                true
            }
            _ => {
                let flow = self.expression(node, scope);
                !flow.sources.iter().any(|source| source.relation == *target)
            }
        };
        self.found.leave();
        all
    }
}

/// Whether both sides are the same column: `id = id`.
fn same_column(left: Option<&Node>, right: Option<&Node>) -> bool {
    let fields = |node: Option<&Node>| match node.and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::ColumnRef(reference)) => Some(names::strings(&reference.fields)),
        _ => None,
    };
    fields(left).is_some_and(|left| fields(right) == Some(left))
}
