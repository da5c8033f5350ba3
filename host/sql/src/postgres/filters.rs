//! Whether a `WHERE` chooses rows at all, or lets all of them through.

use super::{Walker, names};
use crate::Name;
use crate::lineage::{Piece, Scope};
use pg_query::NodeEnum;
use pg_query::protobuf::{AExpr, AExprKind, BoolExprType, Node};

impl Walker<'_> {
    /// Whether the predicate holds, or fails, for all rows of the target alike. Not every such predicate
    /// can be told (`id > 0`); those that need no knowledge of the data are.
    ///
    /// The target is the first entry of the scope. For this walk it goes by a name that no relation has:
    /// the same relation may stand in the scope again, and what chooses rows of that entry chooses none here.
    pub(super) fn is_constant(&mut self, predicate: &Node, scope: &mut Scope<'_>) -> bool {
        let real = scope.items.first().map(|target| target.shape.clone());
        if let Some(target) = scope.items.first_mut() {
            target.shape.pieces = vec![Piece::star(target_row())];
        }
        let kept = self.found.set_aside();
        let constant = self.selects_all(predicate, scope);
        self.found.take_back(kept);
        if let (Some(target), Some(real)) = (scope.items.first_mut(), real) {
            target.shape = real;
        }
        constant
    }

    fn selects_all(&mut self, node: &Node, scope: &Scope<'_>) -> bool {
        let all = !self.found.enter() || self.same_for_all(node, scope);
        self.found.leave();
        all
    }

    fn same_for_all(&mut self, node: &Node, scope: &Scope<'_>) -> bool {
        let inner = match node.node.as_ref() {
            Some(NodeEnum::CurrentOfExpr(_)) => return false,
            Some(NodeEnum::BoolExpr(expression)) => {
                let mut arms = expression.args.iter();
                return match expression.boolop() {
                    BoolExprType::OrExpr => arms.any(|arm| self.selects_all(arm, scope)),
                    _ => arms.all(|arm| self.selects_all(arm, scope)),
                };
            }
            Some(NodeEnum::AExpr(expression)) => return self.compares_alike(expression, scope),
            Some(NodeEnum::CoalesceExpr(coalesce)) => {
                return coalesce.args.iter().all(|argument| self.selects_all(argument, scope));
            }
            Some(NodeEnum::BooleanTest(test)) => test.arg.as_deref(),
            Some(NodeEnum::NullTest(test)) => test.arg.as_deref(),
            Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref(),
            _ => None,
        };
        match inner {
            Some(inner) => self.selects_all(inner, scope),
            None => {
                let target = target_row();
                let flow = self.expression(node, scope);
                !flow.sources.iter().any(|source| source.relation == target)
            }
        }
    }

    /// Whether an operator gives the same for every row: something is compared with itself, or the row does not come in.
    fn compares_alike(&mut self, expression: &AExpr, scope: &Scope<'_>) -> bool {
        let (left, right) = (expression.lexpr.as_deref(), expression.rexpr.as_deref());
        let listed = match right.and_then(|right| right.node.as_ref()) {
            Some(NodeEnum::List(list)) => list.items.as_slice(),
            _ => &[],
        };
        let itself = |other: &Node| left.is_some_and(|left| same(left, other));
        let alike = match expression.kind() {
            AExprKind::AexprIn => listed.iter().any(itself),
            AExprKind::AexprBetween
            | AExprKind::AexprNotBetween
            | AExprKind::AexprBetweenSym
            | AExprKind::AexprNotBetweenSym => listed.iter().all(itself),
            _ => right.is_some_and(itself),
        };
        let listed = if listed.is_empty() { right.map(std::slice::from_ref) } else { Some(listed) };
        let mut operands = left.into_iter().chain(listed.unwrap_or_default());
        alike || operands.all(|operand| self.selects_all(operand, scope))
    }
}

/// The name of the target's row while a predicate is judged: one that no relation can have.
fn target_row() -> Name {
    Name::default()
}

/// Whether two expressions are the same one, wherever they stand: `id`, `coalesce(id, 1)`.
fn same(left: &Node, right: &Node) -> bool {
    match (left.node.as_ref(), right.node.as_ref()) {
        (Some(NodeEnum::ColumnRef(left)), Some(NodeEnum::ColumnRef(right))) => {
            // A column may be written with its table or without; other tables with such a column make it ambiguous.
            let (left, right) = (names::strings(&left.fields), names::strings(&right.fields));
            let shorter = left.len().min(right.len());
            let ends = left.iter().rev().zip(right.iter().rev()).take(shorter);
            shorter > 0 && ends.into_iter().all(|(left, right)| left == right)
        }
        (Some(NodeEnum::AConst(left)), Some(NodeEnum::AConst(right))) => {
            left.isnull == right.isnull && left.val == right.val
        }
        (Some(NodeEnum::TypeCast(left)), Some(NodeEnum::TypeCast(right))) => {
            both(left.arg.as_deref(), right.arg.as_deref())
        }
        (Some(NodeEnum::CoalesceExpr(left)), Some(NodeEnum::CoalesceExpr(right))) => {
            all_same(&left.args, &right.args)
        }
        (Some(NodeEnum::RowExpr(left)), Some(NodeEnum::RowExpr(right))) => {
            all_same(&left.args, &right.args)
        }
        (Some(NodeEnum::FuncCall(left)), Some(NodeEnum::FuncCall(right))) => {
            names::strings(&left.funcname) == names::strings(&right.funcname)
                && all_same(&left.args, &right.args)
        }
        (Some(NodeEnum::AExpr(left)), Some(NodeEnum::AExpr(right))) => {
            left.kind == right.kind
                && names::strings(&left.name) == names::strings(&right.name)
                && both(left.lexpr.as_deref(), right.lexpr.as_deref())
                && both(left.rexpr.as_deref(), right.rexpr.as_deref())
        }
        _ => false,
    }
}

fn all_same(left: &[Node], right: &[Node]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
}

fn both(left: Option<&Node>, right: Option<&Node>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => same(left, right),
        (left, right) => left.is_none() && right.is_none(),
    }
}
