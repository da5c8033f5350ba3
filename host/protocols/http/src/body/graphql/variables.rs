//! What the variables of GraphQL requests are filled with: the names in them.

use std::collections::HashMap;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{GraphQl, MOST_WITHIN, Missing, Node, bare, deeper};

/// So much of the names within variables is kept, in bytes, each with [`EACH`] more.
pub(super) const MOST_NAMES: usize = 1 << 20;
const EACH: usize = 16;

/// The names within each variable's value, outer before inner: `role`, `address.city`.
pub type Variables = HashMap<String, Vec<String>>;

impl GraphQl {
    /// Reads variables that are written as a text.
    pub(super) fn fill(&mut self, text: &str, variables: &mut Variables, within: usize) {
        let keys = Keys { found: self, variables, at: None, within, depth: 0 };
        // What is no JSON fills nothing; of what is cut, the beginning.
        let _ = keys.deserialize(&mut serde_json::Deserializer::from_str(bare(text)));
    }

    /// Reads those that any document may be filled with.
    pub(super) fn fill_shared(&mut self, text: &str, within: usize) {
        let mut shared = std::mem::take(&mut self.shared);
        self.fill(text, Arc::make_mut(&mut shared), within);
        self.shared = shared;
    }

    /// Reads a part of them, where that is written as JSON.
    pub(super) fn fill_within(&mut self, at: (&str, &str), text: &str) {
        let text = bare(text);
        if !text.starts_with(['{', '[']) {
            return;
        }
        let mut shared = std::mem::take(&mut self.shared);
        let variables = Arc::make_mut(&mut shared);
        let keys = Keys { found: self, variables, at: Some(at), within: 0, depth: 0 };
        // What is no JSON is a text to servers.
        let _ = keys.deserialize(&mut serde_json::Deserializer::from_str(text));
        self.shared = shared;
    }
}

/// A value within variables: which one it belongs to, and by which names.
pub(super) struct Keys<'a> {
    pub(super) found: &'a mut GraphQl,
    pub(super) variables: &'a mut Variables,
    pub(super) at: Option<(&'a str, &'a str)>,
    /// How many texts it lies within.
    pub(super) within: usize,
    pub(super) depth: usize,
}

impl Keys<'_> {
    /// Keeps a name, and gives its path.
    fn keep<E: Error>(&mut self, name: &str) -> Result<String, E> {
        let outer = self.at.map_or("", |(_, outer)| outer);
        let path = self.found.path(outer, name)?;
        keep(self.variables, self.at.map(|(variable, _)| variable), &path);
        Ok(path)
    }
}

/// Where a value stands within variables that fill documents which are not known by their place.
#[derive(Clone, Default)]
pub(super) struct Filled {
    /// The variable; none at the top.
    variable: Option<Arc<str>>,
    /// The names within it, outer before inner.
    path: String,
}

impl GraphQl {
    /// The path of a name. Where there is no room for it no more is read: each path would have to be put together.
    fn path<E: Error>(&mut self, outer: &str, name: &str) -> Result<String, E> {
        let Some(left) = self.left.checked_sub(outer.len() + name.len() + EACH) else {
            self.miss(Missing::Stored);
            return Err(E::custom("it names more than is kept"));
        };
        self.left = left;
        Ok(match outer {
            "" => name.to_owned(),
            outer => format!("{outer}.{name}"),
        })
    }

    /// Shares a variable's name, or one within it, and gives its path.
    pub(super) fn share_path<E: Error>(
        &mut self,
        variable: Option<&str>,
        outer: &str,
        name: &str,
    ) -> Result<String, E> {
        let path = self.path(outer, name)?;
        keep(Arc::make_mut(&mut self.shared), variable, &path);
        Ok(path)
    }

    /// Shares a name within such variables, and says where its own value stands.
    pub(super) fn filled<E: Error>(
        &mut self,
        within: &[Filled],
        name: &str,
    ) -> Result<Vec<Filled>, E> {
        let mut inner = Vec::with_capacity(within.len());
        for Filled { variable, path } in within {
            let path = self.share_path(variable.as_deref(), path, name)?;
            inner.push(match variable {
                None => Filled { variable: Some(path.into()), path: String::new() },
                Some(variable) => Filled { variable: Some(Arc::clone(variable)), path },
            });
        }
        Ok(inner)
    }
}

impl Node<'_> {
    /// Shares what a text fills that is all of such variables.
    pub(super) fn fill(&mut self, text: &str) {
        let is_whole = self.filled.last().is_some_and(|filled| filled.variable.is_none());
        if is_whole && self.within < MOST_WITHIN {
            self.found.fill_shared(text, self.within + 1);
        }
    }
}

/// Keeps a variable, or a name within one.
fn keep(variables: &mut Variables, variable: Option<&str>, path: &str) {
    match variable {
        None => drop(variables.entry(path.to_owned()).or_default()),
        Some(variable) => {
            if let Some(names) = variables.get_mut(variable) {
                names.push(path.to_owned());
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for Keys<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Keys<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("variables")
    }

    passes_over_scalars!();

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        // Some clients write all of them as a text.
        if self.at.is_none() && self.within < MOST_WITHIN {
            let within = self.within + 1;
            self.found.fill(value, self.variables, within);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Self { found, variables, at, within, depth } = self;
        let depth = deeper(found, depth)?;
        loop {
            let (found, variables) = (&mut *found, &mut *variables);
            if entries.next_element_seed(Keys { found, variables, at, within, depth })?.is_none() {
                return Ok(());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        let depth = deeper(self.found, self.depth)?;
        while let Some(name) = entries.next_key::<String>()? {
            let path = self.keep(&name)?;
            let at = match self.at {
                None => (path.as_str(), ""),
                Some((variable, _)) => (variable, path.as_str()),
            };
            let (found, variables) = (&mut *self.found, &mut *self.variables);
            let within = self.within;
            entries.next_value_seed(Keys { found, variables, at: Some(at), within, depth })?;
        }
        Ok(())
    }
}
