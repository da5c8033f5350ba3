//! The row sources that are visible at one place.

use std::collections::BTreeSet;

/// The columns from which a value comes, as `relation.column`.
pub type Flow = BTreeSet<String>;

/// What values a column has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `int`.
    Int,
    /// `text`.
    Text,
}

/// A column of a row source.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: Kind,
    /// Where its values come from.
    pub from: Flow,
}

/// A row source.
#[derive(Clone, Debug)]
pub struct Item {
    /// The name by which its columns are qualified.
    pub name: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// The columns that are one with those of an item before (`USING`, `NATURAL`).
    pub merged: Vec<String>,
}

impl Item {
    /// A row source of this name with these columns.
    #[must_use]
    pub fn of(name: String, columns: Vec<Column>) -> Self {
        Self { name, columns, merged: Vec::new() }
    }

    /// What flows into its whole row.
    pub(super) fn whole(&self) -> Flow {
        self.columns.iter().flat_map(|column| column.from.iter().cloned()).collect()
    }
}

/// Row sources, and those of the queries around.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scope<'s> {
    items: &'s [Item],
    outer: Option<&'s Scope<'s>>,
}

impl<'s> Scope<'s> {
    /// The scope of a query with these row sources inside of this one.
    pub(super) fn inside(&'s self, items: &'s [Item]) -> Scope<'s> {
        Scope { items, outer: Some(self) }
    }

    /// The row sources of this query itself.
    pub(super) fn items(&self) -> &'s [Item] {
        self.items
    }

    /// The row sources that are visible: those of a name that an inner one has are not.
    pub(super) fn visible(&self) -> Vec<&'s Item> {
        let mut visible: Vec<&Item> = Vec::new();
        let mut next = Some(*self);
        while let Some(scope) = next {
            let new = scope.items.iter();
            let new: Vec<_> =
                new.filter(|item| visible.iter().all(|known| known.name != item.name)).collect();
            visible.extend(new);
            next = scope.outer.copied();
        }
        visible
    }

    /// Whether a column of this row source may be named without it.
    pub(super) fn stands_alone(&self, item: &Item, column: &str) -> bool {
        let mut next = Some(*self);
        while let Some(scope) = next {
            let has = |item: &&Item| {
                item.name == column
                    || item.columns.iter().any(|c| c.name == column)
                        && !item.merged.iter().any(|m| m == column)
            };
            let mut having = scope.items.iter().filter(has);
            if let Some(found) = having.next() {
                return std::ptr::eq(found, item)
                    && having.next().is_none()
                    && found.name != column;
            }
            next = scope.outer.copied();
        }
        false
    }
}

/// The flow of one column of a relation.
pub(super) fn flow_of(relation: &str, column: &str) -> Flow {
    Flow::from([format!("{relation}.{column}")])
}
