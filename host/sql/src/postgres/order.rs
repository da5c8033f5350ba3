//! `ORDER BY`, and whether it settles in which order the rows of a query come.

use super::comparisons::is_column;
use super::{Walker, labels, names};
use crate::lineage::{Scope, Shape};
use crate::{Source, Usage};
use pg_query::NodeEnum;
use pg_query::protobuf::{Node, SelectStmt};

impl Walker<'_> {
    /// `ORDER BY`: a name or a number of an output column, or an expression.
    pub(super) fn sort(&mut self, keys: &[Node], shape: &Shape, scope: &Scope<'_>) {
        let before = self.found.use_for(Usage::Sort);
        for key in keys {
            let (inner, by) = match key.node.as_ref() {
                Some(NodeEnum::SortBy(sort)) => (sort.node.as_deref(), sort.use_op.as_slice()),
                _ => (None, [].as_slice()),
            };
            let inner = inner.unwrap_or(key);
            match labels::output(inner, shape, &self.constants) {
                Some(flow) => {
                    self.check_operator(by);
                    self.found.consume(&flow);
                }
                None => drop(self.expression(key, scope)),
            }
        }
        self.found.usage = before;
    }

    /// The columns that a query's rows come in the order of; none where the order of others may show in what it gives.
    ///
    /// Only a query of one relation that gives values of each row alone: a number that a window counts, or a list that an
    /// aggregate makes, is in the order of what it is made of.
    pub(super) fn order_of(
        &self,
        select: &SelectStmt,
        shape: &Shape,
        scope: &Scope<'_>,
    ) -> Vec<Source> {
        let of_one = matches!(
            select.from_clause.as_slice(),
            [only] if matches!(only.node, Some(NodeEnum::RangeVar(_)))
        );
        let more = !select.group_clause.is_empty()
            || !select.distinct_clause.is_empty()
            || !select.window_clause.is_empty()
            || select.having_clause.is_some()
            || select.with_clause.is_some();
        let plain = select.target_list.iter().all(|target| match target.node.as_ref() {
            Some(NodeEnum::ResTarget(target)) => target.val.as_deref().is_some_and(is_plain),
            _ => false,
        });
        if !of_one || more || !plain {
            return Vec::new();
        }
        select.sort_clause.iter().filter_map(|key| self.sorted_by(key, shape, scope)).collect()
    }

    /// The column that a sort key is, where it is one and nothing else.
    fn sorted_by(&self, key: &Node, shape: &Shape, scope: &Scope<'_>) -> Option<Source> {
        let Some(NodeEnum::SortBy(sort)) = key.node.as_ref() else { return None };
        let inner = sort.node.as_deref().filter(|_| sort.use_op.is_empty())?;
        let Some(NodeEnum::ColumnRef(column)) = inner.node.as_ref() else { return None };
        let flow = match (labels::output(inner, shape, &self.constants), labels::plain_name(inner))
        {
            (Some(flow), _) => flow,
            (None, Some(name)) => scope.resolve(name).flow,
            (None, None) => {
                let parts = names::strings(&column.fields);
                let mut parts = parts.iter().rev().map(String::as_str);
                let (column, item, schema) = (parts.next()?, parts.next()?, parts.next());
                scope.resolve_qualified(schema, item, column).flow
            }
        };
        let mut sources = flow.sources.into_iter();
        let only = sources.next().filter(|_| !flow.derived && !flow.opaque);
        only.filter(|_| sources.next().is_none())
    }
}

/// Whether a value is of its row alone: a column, what it is tested for or cast to, or what is bound or written.
fn is_plain(value: &Node) -> bool {
    let inner = match value.node.as_ref() {
        Some(NodeEnum::NullTest(test)) => test.arg.as_deref(),
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref(),
        Some(NodeEnum::AConst(_) | NodeEnum::ParamRef(_)) => return true,
        _ => Some(value),
    };
    inner.is_some_and(is_column)
}
