//! Which operators compare, and with what: a column that is compared with a guess tells whether the guess is right.

use super::names;
use crate::{How, Name};
use pg_query::NodeEnum;
use pg_query::protobuf::{AExpr, AExprKind, Node};

/// Operators that compute a value out of their operands. Every other one is taken to compare them.
const COMPUTING: [&str; 20] = [
    "!!", "#", "#-", "#>", "#>>", "%", "&", "*", "+", "-", "->", "->>", "/", "<->", "^", "|", "|/",
    "||", "||/", "~",
];

/// Built-in types by the names that the grammar gives them. Casts to any other run what somebody defined.
const BUILT_IN: [&str; 77] = [
    "aclitem",
    "bit",
    "bool",
    "box",
    "bpchar",
    "bytea",
    "char",
    "cid",
    "cidr",
    "circle",
    "date",
    "datemultirange",
    "daterange",
    "float4",
    "float8",
    "inet",
    "int2",
    "int2vector",
    "int4",
    "int4multirange",
    "int4range",
    "int8",
    "int8multirange",
    "int8range",
    "interval",
    "json",
    "jsonb",
    "jsonpath",
    "line",
    "lseg",
    "macaddr",
    "macaddr8",
    "money",
    "name",
    "numeric",
    "nummultirange",
    "numrange",
    "oid",
    "oidvector",
    "path",
    "pg_lsn",
    "pg_snapshot",
    "point",
    "polygon",
    "record",
    "refcursor",
    "regclass",
    "regcollation",
    "regconfig",
    "regdictionary",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
    "text",
    "tid",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "tsmultirange",
    "tsquery",
    "tsrange",
    "tstzmultirange",
    "tstzrange",
    "tsvector",
    "txid_snapshot",
    "unknown",
    "uuid",
    "varbit",
    "varchar",
    "void",
    "xid",
    "xid8",
];

/// Whether a type is the server's own.
pub(super) fn is_built_in(name: &Name) -> bool {
    let schema = name.schema.as_deref().is_none_or(|schema| schema == "pg_catalog");
    schema && (name.name == "xml" || BUILT_IN.binary_search(&name.name.as_str()).is_ok())
}

/// Whether an operator's operands are compared with each other.
pub(super) fn compares(expression: &AExpr) -> bool {
    match expression.kind() {
        AExprKind::AexprOp => {
            let name = names::qualified(&expression.name).name;
            let unary = expression.lexpr.is_none();
            !COMPUTING.contains(&name.as_str()) || (name == "~" && !unary)
        }
        _ => true,
    }
}

/// The operators that an expression uses without naming them.
pub(super) fn implied(kind: AExprKind) -> &'static [&'static str] {
    match kind {
        AExprKind::AexprBetween
        | AExprKind::AexprNotBetween
        | AExprKind::AexprBetweenSym
        | AExprKind::AexprNotBetweenSym => &["<", "<=", ">", ">="],
        AExprKind::AexprDistinct | AExprKind::AexprNotDistinct | AExprKind::AexprNullif => &["="],
        _ => &[],
    }
}

/// In what way they are: a plain column with a parameter or a constant, or otherwise.
pub(super) fn how(expression: &AExpr) -> How {
    let equals = names::qualified(&expression.name).name == "=";
    let kinds = matches!(
        expression.kind(),
        AExprKind::AexprOp | AExprKind::AexprOpAny | AExprKind::AexprIn
    );
    let (Some(left), Some(right)) = (expression.lexpr.as_deref(), expression.rexpr.as_deref())
    else {
        return How::Other;
    };
    if !(equals && kinds) {
        return How::Other;
    }
    let with = if is_column(left) {
        right
    } else if is_column(right) && expression.kind() == AExprKind::AexprOp {
        left
    } else {
        return How::Other;
    };
    match with.node.as_ref() {
        Some(NodeEnum::List(list)) => list.items.iter().map(guess).max().unwrap_or(How::Other),
        // Of an array it is not known how many guesses it holds: what is bound in it may be an array as well. In a few
        // questions they tell any value apart.
        _ if expression.kind() == AExprKind::AexprOpAny => How::Other,
        _ => guess(with),
    }
}

/// How many parameters a column is compared with, in the way that [`how`] tells.
pub(super) fn guesses(expression: &AExpr, how: How) -> usize {
    let listed = |node: &Node| match node.node.as_ref() {
        Some(NodeEnum::List(list)) => list.items.len(),
        _ => 1,
    };
    if how == How::EqualsParameter { expression.rexpr.as_deref().map_or(1, listed) } else { 0 }
}

/// Whether it is a column and nothing else, or a star.
pub(super) fn is_column(node: &Node) -> bool {
    matches!(node.node, Some(NodeEnum::ColumnRef(_)))
}

/// What a column is compared with: a parameter, a constant, either under a cast to a type of the server's own. Any other may
/// compare in a way of its own, by which many values are equal.
fn guess(node: &Node) -> How {
    match node.node.as_ref() {
        Some(NodeEnum::ParamRef(_)) => How::EqualsParameter,
        Some(NodeEnum::AConst(_)) => How::EqualsConstant,
        Some(NodeEnum::TypeCast(cast)) => {
            let to = cast.type_name.as_ref().map(|to| names::qualified(&to.names));
            let inner = cast.arg.as_deref().filter(|_| to.is_some_and(|to| is_built_in(&to)));
            inner.map_or(How::Other, guess)
        }
        _ => How::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_are_sorted_for_the_search() {
        assert!(BUILT_IN.is_sorted());
    }
}
