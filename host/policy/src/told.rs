//! What a command tells of what its client named: fields by their whole paths, and facts; of all that, no more than so much.
//!
//! A text bounds what is written in it, and not the sum of the paths: a long name is told again with each that lies within it.

use std::collections::HashMap;

/// So much is told of one command, in bytes: its fields' whole paths, its facts' names, and [`EACH`] for each. Values are in the
/// command's text once, and no longer there.
const MOST: usize = 4 << 20;
/// What one of them counts besides its bytes.
const EACH: usize = 16;
/// So many facts are told of one command.
const MOST_FACTS: usize = 1 << 16;

/// More is named than is told to policies, who must know all of it: the command is to be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "its names, each told with those that it lies within, are more than {} MiB, or its values more than {MOST_FACTS}",
    MOST >> 20
)]
pub struct TooMuch;

/// A field, by which those within it are told. The default is the top, which is no field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Within(usize);

/// Fields and facts, as they are found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    fields: Vec<String>,
    facts: Vec<(String, String)>,
    /// Each field by the one it lies in and by its own name, so that a path is put together once.
    known: HashMap<(Within, String), Within>,
    /// What was told, in bytes.
    spent: usize,
    /// How many facts were.
    count: usize,
}

impl Told {
    /// Tells a field by its own name, where it was not told before; its path has a dot behind the one that it lies within.
    ///
    /// # Errors
    /// When it is too much.
    pub fn field(&mut self, within: Within, name: impl Into<String>) -> Result<Within, TooMuch> {
        // What lies within the empty name is at the top: it has the same path.
        let within = if self.path(within).is_empty() { Within::default() } else { within };
        let key = (within, name.into());
        if let Some(known) = self.known.get(&key) {
            return Ok(*known);
        }
        let outer = self.path(within).len();
        self.spend(outer + key.1.len())?;
        let path = match self.path(within) {
            "" => key.1.clone(),
            outer => format!("{outer}.{}", key.1),
        };
        self.fields.push(path);
        let field = Within(self.fields.len());
        self.known.insert(key, field);
        Ok(field)
    }

    /// A field's whole path; empty at the top.
    #[must_use]
    pub fn path(&self, field: Within) -> &str {
        let index = field.0.checked_sub(1);
        index.and_then(|index| self.fields.get(index)).map_or("", String::as_str)
    }

    /// Tells a fact. A value that is longer than what it is read from, or told more than once, is to be [spent](Self::spend).
    ///
    /// # Errors
    /// When it is too much, or one too many.
    pub fn fact(&mut self, name: String, value: String) -> Result<(), TooMuch> {
        if self.count == MOST_FACTS {
            return Err(TooMuch);
        }
        self.spend(name.len())?;
        self.count += 1;
        self.facts.push((name, value));
        Ok(())
    }

    /// How many fields were told since the last were taken.
    #[must_use]
    pub fn fields(&self) -> usize {
        self.fields.len()
    }

    /// How many facts were told.
    #[must_use]
    pub fn facts(&self) -> usize {
        self.count
    }

    /// Counts something else that is told, of so many bytes.
    ///
    /// # Errors
    /// When it is too much.
    pub fn spend(&mut self, bytes: usize) -> Result<(), TooMuch> {
        let spent = self.spent.saturating_add(bytes).saturating_add(EACH);
        if spent > MOST {
            return Err(TooMuch);
        }
        self.spent = spent;
        Ok(())
    }

    /// The fields and the facts that were told, outer ones before inner ones. What is told from now on begins anew, of what is
    /// left.
    pub fn take(&mut self) -> (Vec<String>, Vec<(String, String)>) {
        self.known = HashMap::new();
        (std::mem::take(&mut self.fields), std::mem::take(&mut self.facts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOP: Within = Within(0);

    #[test]
    fn a_field_is_told_once_by_its_whole_path_outer_before_inner() {
        let mut told = Told::default();
        for _ in 0..2 {
            let order = told.field(TOP, "order").unwrap();
            let lines = told.field(order, "lines").unwrap();
            told.field(lines, "sku").unwrap();
            told.field(TOP, "sku").unwrap();
        }
        assert_eq!(told.take().0, ["order", "order.lines", "order.lines.sku", "sku"]);
    }

    #[test]
    fn what_lies_within_an_empty_name_is_at_the_top() {
        let mut told = Told::default();
        let empty = told.field(TOP, "").unwrap();
        assert_eq!(told.field(empty, "a"), told.field(TOP, "a"));
        assert_eq!(told.take().0, ["", "a"]);
    }

    #[test]
    fn a_long_name_counts_with_each_that_lies_within_it() {
        let mut told = Told::default();
        let long = told.field(TOP, "x".repeat(400_000)).unwrap();
        let inner = (0..).map_while(|number| told.field(long, format!("{number}")).ok()).count();
        assert_eq!(inner, 9);
        let bytes: usize = told.take().0.iter().map(String::len).sum();
        assert!(bytes <= MOST, "{bytes}");
    }

    #[test]
    fn no_more_facts_are_told_than_so_many_or_so_long_ones() {
        let mut told = Told::default();
        let fact = |told: &mut Told| told.fact(String::new(), String::new());
        assert!((0..MOST_FACTS).all(|_| fact(&mut told).is_ok()));
        assert_eq!(fact(&mut told), Err(TooMuch));
        assert_eq!(Told::default().fact("x".repeat(MOST), String::new()), Err(TooMuch));
    }

    #[test]
    fn what_begins_anew_has_what_is_left() {
        let mut told = Told::default();
        told.field(TOP, "x".repeat(MOST / 2)).unwrap();
        assert_eq!(told.take().0.len(), 1);
        assert_eq!(told.field(TOP, "x".repeat(MOST / 2)), Err(TooMuch));
        assert!(told.field(TOP, "y").is_ok());
    }
}
