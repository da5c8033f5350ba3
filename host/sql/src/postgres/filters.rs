//! Whether a `WHERE` chooses rows at all, or lets all of them through.

use super::constants::Constants;
use super::{Walker, names};
use crate::Name;
use crate::lineage::{Piece, Scope};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AExpr, AExprKind, BoolExprType, BoolTestType, Node, NullTestType, SubLink, SubLinkType,
};

impl Walker<'_> {
    /// Whether the predicate holds, or fails, for all rows of the target alike. Not every such predicate
    /// can be told (`id > 0`); those that need no knowledge of the data are.
    ///
    /// The target is the first entry of the scope. For this walk it goes by a name that no relation has:
    /// the same relation may stand in the scope again, and what chooses rows of that entry chooses none here.
    pub(super) fn is_constant(&mut self, predicate: &Node, scope: &mut Scope<'_>) -> bool {
        let real = scope.items.first().map(|target| target.shape.clone());
        let around = self.target.take();
        self.target = real.as_ref().and_then(|shape| match shape.pieces.as_slice() {
            [Piece::Star { relation, .. }] => Some(relation.clone()),
            _ => None,
        });
        if let Some(target) = scope.items.first_mut() {
            target.shape.pieces = vec![Piece::star(target_row())];
        }
        let kept = self.found.set_aside();
        let constant = self.selects_all(predicate, scope) || self.joins_itself(predicate, scope);
        self.found.take_back(kept);
        self.target = around;
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
                    BoolExprType::OrExpr => {
                        exhaustive(&expression.args, &self.constants)
                            || arms.any(|arm| self.selects_all(arm, scope))
                    }
                    _ => arms.all(|arm| self.selects_all(arm, scope)),
                };
            }
            Some(NodeEnum::AExpr(expression)) => return self.compares_alike(expression, scope),
            Some(NodeEnum::SubLink(link)) if self.is_among_all(link) => return true,
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

    /// Whether a column of the target is looked for among all values that it has: `id IN (SELECT id FROM target)`.
    fn is_among_all(&self, link: &SubLink) -> bool {
        let (Some(target), Some(test)) = (&self.target, link.testexpr.as_deref()) else {
            return false;
        };
        let Some(NodeEnum::SelectStmt(query)) = query_of(link) else { return false };
        let bare = link.sub_link_type() == SubLinkType::AnySublink
            && names::strings(&link.oper_name).iter().all(|operator| operator == "=")
            && query.where_clause.is_none()
            && query.having_clause.is_none()
            && query.limit_count.is_none()
            && query.limit_offset.is_none()
            && query.with_clause.is_none();
        let [from] = query.from_clause.as_slice() else { return false };
        let Some(NodeEnum::RangeVar(from)) = from.node.as_ref() else { return false };
        let from = names::relation(from);
        let schema =
            from.schema.is_none() || target.schema.is_none() || from.schema == target.schema;
        let [output] = query.target_list.as_slice() else { return false };
        let Some(NodeEnum::ResTarget(output)) = output.node.as_ref() else { return false };
        let alike = output.val.as_deref().is_some_and(|value| same_column(value, test));
        bare && schema && from.name == target.name && alike
    }

    /// Whether an operator gives the same for every row: something is compared with itself, or the row does not come in.
    fn compares_alike(&mut self, expression: &AExpr, scope: &Scope<'_>) -> bool {
        let (left, right) = (expression.lexpr.as_deref(), expression.rexpr.as_deref());
        let listed = match right.and_then(|right| right.node.as_ref()) {
            Some(NodeEnum::List(list)) => list.items.as_slice(),
            _ => &[],
        };
        let itself = |other: &Node| left.is_some_and(|left| same(left, other, &self.constants));
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

impl Walker<'_> {
    /// Whether all that a predicate asks is that a row is found in the target itself, under another name of it: every row finds
    /// its own. What else is asked of that other row chooses rows.
    fn joins_itself(&mut self, predicate: &Node, scope: &Scope<'_>) -> bool {
        match predicate.node.as_ref() {
            Some(NodeEnum::BoolExpr(all)) if all.boolop() == BoolExprType::AndExpr => {
                let mut joins = false;
                all.args.iter().all(|one| {
                    let itself = self.joins_itself(one, scope);
                    joins |= itself;
                    itself || self.expression(one, scope).sources.is_empty()
                }) && joins
            }
            Some(NodeEnum::AExpr(expression)) => {
                let equals = names::strings(&expression.name).pop().is_some_and(|it| it == "=");
                let operands = expression.lexpr.as_deref().zip(expression.rexpr.as_deref());
                let Some((left, right)) = operands.filter(|_| equals) else { return false };
                match (expression.kind(), right.node.as_ref()) {
                    (AExprKind::AexprIn, Some(NodeEnum::List(list))) => {
                        list.items.iter().any(|other| self.is_twin(left, other, scope))
                    }
                    (AExprKind::AexprOp, _) => self.is_twin(left, right, scope),
                    _ => false,
                }
            }
            _ => false,
        }
    }

    /// Whether one is a column of the target's, and the other the same of another entry that is the target as a whole; of rows
    /// each such pair, or what is the same on both sides.
    fn is_twin(&self, left: &Node, right: &Node, scope: &Scope<'_>) -> bool {
        if let (Some(NodeEnum::RowExpr(left)), Some(NodeEnum::RowExpr(right))) =
            (left.node.as_ref(), right.node.as_ref())
        {
            let mut pairs = left.args.iter().zip(&right.args);
            let alike = |(left, right)| {
                self.is_twin(left, right, scope) || same(left, right, &self.constants)
            };
            return left.args.len() == right.args.len() && pairs.all(alike);
        }
        let (Some(target), true) = (&self.target, same_column(left, right)) else { return false };
        let relations = [left, right].map(|side| entry_of(side, scope));
        let [Some(left), Some(right)] = relations else { return false };
        let twin = |it: &Name| {
            let schemas = [&it.schema, &target.schema];
            it.name == target.name && (schemas.contains(&&None) || it.schema == target.schema)
        };
        let is_target = |it: &Name| *it == target_row();
        is_target(left) && twin(right) || is_target(right) && twin(left)
    }
}

/// The relation of which a qualified column is, where its entry of the FROM clause is one as a whole.
fn entry_of<'s>(column: &Node, scope: &'s Scope<'_>) -> Option<&'s Name> {
    let Some(NodeEnum::ColumnRef(column)) = column.node.as_ref() else { return None };
    let fields = names::strings(&column.fields);
    let [.., entry, _column] = fields.as_slice() else { return None };
    let entry = scope.items.iter().find(|item| item.name.as_ref() == Some(entry))?;
    match entry.shape.pieces.as_slice() {
        [Piece::Star { relation, .. }] => Some(relation),
        _ => None,
    }
}

/// The name of the target's row while a predicate is judged: one that no relation can have.
fn target_row() -> Name {
    Name::default()
}

fn query_of(link: &SubLink) -> Option<&NodeEnum> {
    link.subselect.as_deref()?.node.as_ref()
}

/// Whether two expressions are columns of one name, whatever table they are said to be of.
fn same_column(left: &Node, right: &Node) -> bool {
    let last = |node: &Node| match node.node.as_ref() {
        Some(NodeEnum::ColumnRef(column)) => names::strings(&column.fields).pop(),
        _ => None,
    };
    last(left).is_some_and(|name| last(right) == Some(name))
}

/// Whether one of these conditions holds for every row: one of them is another's opposite.
fn exhaustive(arms: &[Node], constants: &Constants) -> bool {
    let arms = flattened(arms);
    // Conditions that are written by hand are few; so are the pairs.
    let few = arms.get(..arms.len().min(MOST_ARMS)).unwrap_or_default();
    few.iter()
        .enumerate()
        .any(|(at, left)| few.iter().skip(at + 1).any(|right| opposite(left, right, constants)))
}

/// How many conditions of an `OR` are compared with each other.
const MOST_ARMS: usize = 32;

/// The conditions of an `OR`, those of an `OR` inside of it among them.
fn flattened(arms: &[Node]) -> Vec<&Node> {
    let mut flat: Vec<&Node> = Vec::new();
    let mut left: Vec<&Node> = arms.iter().rev().collect();
    while let Some(arm) = left.pop() {
        match arm.node.as_ref() {
            Some(NodeEnum::BoolExpr(inner)) if inner.boolop() == BoolExprType::OrExpr => {
                left.extend(inner.args.iter().rev());
            }
            _ => flat.push(arm),
        }
    }
    flat
}

/// Whether what one of two conditions leaves out the other takes, but for rows where both are unknown.
fn opposite(left: &Node, right: &Node, constants: &Constants) -> bool {
    match (left.node.as_ref(), right.node.as_ref()) {
        (Some(NodeEnum::NullTest(left)), Some(NodeEnum::NullTest(right))) => {
            let kinds = [left.nulltesttype(), right.nulltesttype()];
            kinds.contains(&NullTestType::IsNull)
                && kinds.contains(&NullTestType::IsNotNull)
                && both(left.arg.as_deref(), right.arg.as_deref(), constants)
        }
        (Some(NodeEnum::BooleanTest(left)), Some(NodeEnum::BooleanTest(right))) => {
            let kinds = [left.booltesttype(), right.booltesttype()];
            let pairs = [
                [BoolTestType::IsTrue, BoolTestType::IsNotTrue],
                [BoolTestType::IsFalse, BoolTestType::IsNotFalse],
                [BoolTestType::IsUnknown, BoolTestType::IsNotUnknown],
            ];
            pairs.iter().any(|pair| pair.iter().all(|kind| kinds.contains(kind)))
                && both(left.arg.as_deref(), right.arg.as_deref(), constants)
        }
        (Some(NodeEnum::BoolExpr(not)), _) if not.boolop() == BoolExprType::NotExpr => {
            not.args.first().is_some_and(|inner| same(inner, right, constants))
        }
        (_, Some(NodeEnum::BoolExpr(not))) if not.boolop() == BoolExprType::NotExpr => {
            not.args.first().is_some_and(|inner| same(left, inner, constants))
        }
        (Some(NodeEnum::AExpr(left)), Some(NodeEnum::AExpr(right))) => {
            let kinds = [left.kind(), right.kind()];
            let between = [AExprKind::AexprBetween, AExprKind::AexprNotBetween];
            let distinct = [AExprKind::AexprDistinct, AExprKind::AexprNotDistinct];
            let negated =
                [between, distinct].iter().any(|pair| pair.iter().all(|kind| kinds.contains(kind)));
            let operators = [&left.name, &right.name].map(|name| names::strings(name).pop());
            let one_kind = matches!(
                left.kind(),
                AExprKind::AexprOp
                    | AExprKind::AexprIn
                    | AExprKind::AexprLike
                    | AExprKind::AexprIlike
            );
            let plain = one_kind && left.kind == right.kind;
            (negated || (plain && are_opposites(&operators)))
                && operands_are_same(left, right, constants)
        }
        _ => false,
    }
}

fn operands_are_same(left: &AExpr, right: &AExpr, constants: &Constants) -> bool {
    both(left.lexpr.as_deref(), right.lexpr.as_deref(), constants)
        && both(left.rexpr.as_deref(), right.rexpr.as_deref(), constants)
}

/// Whether of two operators one holds where the other does not.
fn are_opposites(operators: &[Option<String>; 2]) -> bool {
    let pairs = [
        ["=", "<>"],
        ["<", ">="],
        [">", "<="],
        ["~", "!~"],
        ["~*", "!~*"],
        ["~~", "!~~"],
        ["~~*", "!~~*"],
    ];
    let written = |one: &str| operators.iter().flatten().any(|operator| operator == one);
    pairs.iter().any(|pair| pair.iter().all(|one| written(one)))
}

/// Whether two expressions are the same one, wherever they stand: `id`, `coalesce(id, 1)`.
fn same(left: &Node, right: &Node, constants: &Constants) -> bool {
    match (left.node.as_ref(), right.node.as_ref()) {
        (Some(NodeEnum::ColumnRef(left)), Some(NodeEnum::ColumnRef(right))) => {
            // A column may be written with its table or without; other tables with such a column make it ambiguous.
            let (left, right) = (names::strings(&left.fields), names::strings(&right.fields));
            let shorter = left.len().min(right.len());
            let ends = left.iter().rev().zip(right.iter().rev()).take(shorter);
            shorter > 0 && ends.into_iter().all(|(left, right)| left == right)
        }
        (Some(NodeEnum::ParamRef(left)), Some(NodeEnum::ParamRef(right))) => {
            left.number == right.number && left.number > 0
        }
        (Some(NodeEnum::List(left)), Some(NodeEnum::List(right))) => {
            all_same(&left.items, &right.items, constants)
        }
        (Some(NodeEnum::NullTest(left)), Some(NodeEnum::NullTest(right))) => {
            left.nulltesttype == right.nulltesttype
                && both(left.arg.as_deref(), right.arg.as_deref(), constants)
        }
        (Some(NodeEnum::AConst(_)), Some(NodeEnum::AConst(_))) => constants.are_equal(left, right),
        (Some(NodeEnum::TypeCast(left)), Some(NodeEnum::TypeCast(right))) => {
            both(left.arg.as_deref(), right.arg.as_deref(), constants)
        }
        (Some(NodeEnum::CoalesceExpr(left)), Some(NodeEnum::CoalesceExpr(right))) => {
            all_same(&left.args, &right.args, constants)
        }
        (Some(NodeEnum::RowExpr(left)), Some(NodeEnum::RowExpr(right))) => {
            all_same(&left.args, &right.args, constants)
        }
        (Some(NodeEnum::FuncCall(left)), Some(NodeEnum::FuncCall(right))) => {
            names::strings(&left.funcname) == names::strings(&right.funcname)
                && all_same(&left.args, &right.args, constants)
        }
        (Some(NodeEnum::AExpr(left)), Some(NodeEnum::AExpr(right))) => {
            left.kind == right.kind
                && names::strings(&left.name) == names::strings(&right.name)
                && both(left.lexpr.as_deref(), right.lexpr.as_deref(), constants)
                && both(left.rexpr.as_deref(), right.rexpr.as_deref(), constants)
        }
        _ => false,
    }
}

fn all_same(left: &[Node], right: &[Node], constants: &Constants) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).all(|(left, right)| same(left, right, constants))
}

fn both(left: Option<&Node>, right: Option<&Node>, constants: &Constants) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => same(left, right, constants),
        (left, right) => left.is_none() && right.is_none(),
    }
}
