//! Names out of tree nodes, folded to lower case where the server does not tell cases apart.

use super::Walker;
use crate::Name;
use sqlparser::ast::{Ident, ObjectName, TableAlias};

impl Walker {
    /// One part of a name.
    pub(super) fn ident(&self, ident: &Ident) -> String {
        if self.mysql || ident.quote_style.is_none() {
            ident.value.to_lowercase()
        } else {
            ident.value.clone()
        }
    }

    /// All parts of a name; a part that is computed is a gap.
    pub(super) fn parts(&mut self, name: &ObjectName) -> Vec<String> {
        let mut parts = Vec::new();
        for part in &name.0 {
            match part.as_ident() {
                Some(ident) => parts.push(self.ident(ident)),
                None => drop(self.strange("a computed name")),
            }
        }
        parts
    }

    /// A relation's name. More than two parts (a catalog before the schema) are a gap.
    pub(super) fn relation(&mut self, name: &ObjectName) -> Name {
        let mut parts = self.parts(name);
        self.strange_if(parts.len() > 2, "a name with more than two parts");
        let name = parts.pop().unwrap_or_default();
        Name { schema: parts.pop(), name }
    }

    /// A name with dots between its parts.
    pub(super) fn dotted(&mut self, name: &ObjectName) -> String {
        self.parts(name).join(".")
    }

    /// The last part of a column's name.
    pub(super) fn column_name(&mut self, name: &ObjectName) -> String {
        self.parts(name).pop().unwrap_or_default()
    }

    /// An alias and its column names.
    pub(super) fn alias(&self, alias: Option<&TableAlias>) -> Option<(String, Vec<String>)> {
        let alias = alias?;
        let columns = alias.columns.iter().map(|column| self.ident(&column.name));
        Some((self.ident(&alias.name), columns.collect()))
    }
}
