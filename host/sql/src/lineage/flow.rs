//! From where a value may come.

use crate::{Name, Source};
use std::collections::BTreeSet;

/// The columns from which a value may come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flow {
    pub(crate) sources: BTreeSet<Source>,
    /// Whether the value may be another than that of a source.
    pub(crate) derived: bool,
    /// Whether it may come from anywhere.
    pub(crate) opaque: bool,
}

impl Flow {
    /// What comes from one column, as it is.
    pub(crate) fn of(relation: &Name, column: &str) -> Self {
        let source = Source::new(relation, column);
        Self { sources: BTreeSet::from([source]), ..Self::default() }
    }

    /// What comes from no column.
    pub(crate) fn constant() -> Self {
        Self { derived: true, ..Self::default() }
    }

    /// What may come from anywhere.
    pub(crate) fn unknown() -> Self {
        Self { derived: true, opaque: true, ..Self::default() }
    }

    /// Adds all that the other may hold.
    pub(crate) fn absorb(&mut self, other: &Self) {
        self.sources.extend(other.sources.iter().cloned());
        self.derived |= other.derived;
        self.opaque |= other.opaque;
    }

    /// The same columns, computed with.
    pub(crate) fn derive(mut self) -> Self {
        self.derived = true;
        self
    }

    /// Whether it brings nothing from anywhere.
    pub(crate) fn is_empty(&self) -> bool {
        self.sources.is_empty() && !self.opaque
    }
}
