//! How an operation is put together while a text is walked.

use crate::{Name, Object, Operation};

impl Operation {
    /// An operation of which nothing more is known yet.
    pub(crate) fn new(action: &'static str, object: Object) -> Self {
        Self { action, object, fields: Vec::new(), facts: Vec::new() }
    }

    /// On a relation.
    pub(crate) fn on(action: &'static str, relation: Name) -> Self {
        Self::new(action, Object::Relation(relation))
    }

    /// On anything else.
    pub(crate) fn other(action: &'static str, name: impl Into<String>) -> Self {
        Self::new(action, Object::Other(name.into()))
    }

    /// Marks what writes as standing inside of a `WITH`.
    pub(crate) fn mark_writable(&mut self) {
        let writes = matches!(self.action, "insert" | "update" | "delete" | "merge");
        if writes && !self.facts.iter().any(|(name, _)| *name == "cte") {
            self.facts.push(("cte", "writable".to_owned()));
        }
    }

    /// Whether it is a `select` of nothing from a relation that is written.
    pub(crate) fn is_idle_read(&self, written: &[Name]) -> bool {
        let reads_nothing = self.action == "select" && self.fields.is_empty();
        reads_nothing && matches!(&self.object, Object::Relation(name) if written.contains(name))
    }

    /// With one more fact.
    pub(crate) fn fact(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.facts.push((name, value.into()));
        self
    }

    /// With one more fact, where it holds.
    pub(crate) fn fact_if(self, holds: bool, name: &'static str, value: &str) -> Self {
        if holds { self.fact(name, value) } else { self }
    }

    /// With these fields.
    pub(crate) fn fields(mut self, fields: Vec<String>) -> Self {
        self.fields = fields;
        self
    }
}
