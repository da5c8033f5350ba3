//! The names that output columns get where the statement gives none, as `FigureColname` of PostgreSQL does it.

use super::constants::Constants;
use super::names;
use crate::lineage::{Flow, Piece, Shape};
use pg_query::NodeEnum;
use pg_query::protobuf::{AExprKind, CoercionForm, Node, SelectStmt, SubLinkType};

/// How firmly a name is chosen: a type's or `case` gives way to whatever stands around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strength {
    None,
    Weak,
    Firm,
}

/// The name of a target's column; none where it is not known here.
pub(super) fn of(value: &Node) -> Option<String> {
    figure(value).map(|(name, _)| name)
}

fn figure(value: &Node) -> Option<(String, Strength)> {
    let firm = |name: &str| Some((name.to_owned(), Strength::Firm));
    match value.node.as_ref()? {
        NodeEnum::ColumnRef(reference) if ends_in_star(&reference.fields) => None,
        NodeEnum::ColumnRef(reference) => firm(last(&reference.fields)?),
        NodeEnum::AIndirection(indirection) if ends_in_star(&indirection.indirection) => None,
        NodeEnum::AIndirection(indirection) => match last(&indirection.indirection) {
            Some(name) => firm(name),
            None => figure(indirection.arg.as_deref()?),
        },
        NodeEnum::FuncCall(call) => firm(last(&call.funcname)?),
        NodeEnum::AExpr(expression) if expression.kind() == AExprKind::AexprNullif => {
            firm("nullif")
        }
        NodeEnum::TypeCast(cast) => {
            let type_name = names::type_name(cast.type_name.as_ref()?);
            around(figure(cast.arg.as_deref()?)?, type_name)
        }
        NodeEnum::CaseExpr(case) => match case.defresult.as_deref() {
            Some(result) => around(figure(result)?, "case".into()),
            None => Some(("case".into(), Strength::Weak)),
        },
        NodeEnum::CollateClause(collate) => figure(collate.arg.as_deref()?),
        NodeEnum::SubLink(link) => match link.sub_link_type() {
            SubLinkType::ExistsSublink => firm("exists"),
            SubLinkType::ArraySublink => firm("array"),
            SubLinkType::ExprSublink => match link.subselect.as_deref()?.node.as_ref()? {
                NodeEnum::SelectStmt(select) => firm(&first_target(select)?),
                _ => None,
            },
            _ => nameless(),
        },
        NodeEnum::AConst(_)
        | NodeEnum::ParamRef(_)
        | NodeEnum::BoolExpr(_)
        | NodeEnum::NullTest(_)
        | NodeEnum::BooleanTest(_)
        | NodeEnum::AExpr(_) => nameless(),
        NodeEnum::AArrayExpr(_) => firm("array"),
        NodeEnum::RowExpr(_) => firm("row"),
        NodeEnum::CoalesceExpr(_) => firm("coalesce"),
        NodeEnum::GroupingFunc(_) => firm("grouping"),
        // The names of the others differ from version to version: they may have any.
        _ => None,
    }
}

/// The name of what stands around an expression: the expression's own, where that is firm.
fn around(inner: (String, Strength), own: String) -> Option<(String, Strength)> {
    Some(if inner.1 == Strength::Firm { inner } else { (own, Strength::Weak) })
}

/// What PostgreSQL calls a column that has no name.
fn nameless() -> Option<(String, Strength)> {
    Some(("?column?".into(), Strength::None))
}

/// Whether a reference or an indirection ends in `*`.
pub(super) fn ends_in_star(parts: &[Node]) -> bool {
    matches!(parts.last().and_then(|part| part.node.as_ref()), Some(NodeEnum::AStar(_)))
}

/// The one part of an unqualified column reference.
pub(super) fn plain_name(node: &Node) -> Option<&str> {
    match node.node.as_ref()? {
        NodeEnum::ColumnRef(reference) => match reference.fields.as_slice() {
            [only] => names::string(only),
            _ => None,
        },
        _ => None,
    }
}

/// The output column that a sort or group key names by its name or its number.
pub(super) fn output(key: &Node, shape: &Shape, constants: &Constants) -> Option<Flow> {
    if let Some(name) = plain_name(key) {
        return shape.pieces.iter().find_map(|piece| match piece {
            Piece::Column(column) if column.name.as_deref() == Some(name) => {
                Some(column.flow.clone())
            }
            _ => None,
        });
    }
    let number = constants.number(key.node.as_ref()?)?;
    let index = usize::try_from(number).ok()?.checked_sub(1)?;
    match shape.pieces.get(index) {
        Some(Piece::Column(column)) if counted(shape, index) => Some(column.flow.clone()),
        _ => Some(starred(shape, index).unwrap_or_else(|| shape.whole())),
    }
}

/// The group keys that a key is made of: `GROUPING SETS`, `ROLLUP`, `CUBE` and brackets. A `ROW` that is written out is a
/// value.
pub(super) fn keys_within(key: &Node) -> Option<&[Node]> {
    match key.node.as_ref()? {
        NodeEnum::GroupingSet(set) => Some(&set.content),
        NodeEnum::RowExpr(row) if row.row_format() == CoercionForm::CoerceImplicitCast => {
            Some(&row.args)
        }
        NodeEnum::List(list) => Some(&list.items),
        _ => None,
    }
}

/// Whether the pieces before a column are one column each.
fn counted(shape: &Shape, index: usize) -> bool {
    let before = shape.pieces.iter().take(index);
    shape.exact && before.into_iter().all(|piece| matches!(piece, Piece::Column(_)))
}

/// The output column at `index`, where it is one of a star at the end: the relation's column at its place.
fn starred(shape: &Shape, index: usize) -> Option<Flow> {
    let (last, before) = shape.pieces.split_last()?;
    let Piece::Star { relation, inflow } = last else { return None };
    let place = index.checked_sub(before.len())? + 1;
    (counted(shape, before.len()) && inflow.is_empty())
        .then(|| Flow::of(relation, &format!("#{place}")))
}

/// The name of a relation in a locking clause.
pub(super) fn range_name(node: &Node) -> Option<&str> {
    match node.node.as_ref()? {
        NodeEnum::RangeVar(range) => Some(&range.relname),
        _ => None,
    }
}

fn first_target(select: &SelectStmt) -> Option<String> {
    if !select.values_lists.is_empty() {
        return Some("column1".into());
    }
    if let Some(left) = &select.larg {
        return first_target(left);
    }
    match select.target_list.first()?.node.as_ref()? {
        NodeEnum::ResTarget(target) if !target.name.is_empty() => Some(target.name.clone()),
        NodeEnum::ResTarget(target) => of(target.val.as_deref()?),
        _ => None,
    }
}

fn last(parts: &[Node]) -> Option<&str> {
    parts.iter().rev().find_map(names::string)
}
