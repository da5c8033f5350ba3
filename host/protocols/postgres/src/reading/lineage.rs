//! Which columns may flow into which column of a result, by their full names.

use std::collections::BTreeSet;

use palisade_sql::{Outputs, Source};

use crate::catalog::{ANYWHERE, ColumnName, Known, resolve, source_names};

/// Where a result comes from. What nothing is known of comes from anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lineage {
    /// The sources of each column, where each column is known.
    columns: Option<Vec<Vec<String>>>,
    /// The sources of all of them together.
    all: Vec<String>,
}

impl Default for Lineage {
    fn default() -> Self {
        Self { columns: None, all: vec![ANYWHERE.to_owned()] }
    }
}

impl Lineage {
    /// Resolves what an analysis found.
    #[must_use]
    pub fn new(outputs: &Outputs, known: &Known) -> Self {
        let columns = columns(outputs, known);
        let every = outputs.columns.iter().flat_map(|column| &column.sources);
        let every = every.chain(&outputs.all_sources).cloned().collect::<Vec<_>>();
        let opaque = outputs.opaque || outputs.columns.iter().any(|column| column.opaque);
        Self { columns, all: names(known, &every, opaque) }
    }

    /// Adds that any column may hold a value from anywhere.
    pub(super) fn open(&mut self) {
        let anywhere = ANYWHERE.to_owned();
        for sources in self.columns.iter_mut().flatten().chain([&mut self.all]) {
            if !sources.contains(&anywhere) {
                sources.push(anywhere.clone());
            }
        }
    }

    /// Adds that all columns together tell more than each: something from anywhere chose the rows.
    pub(super) fn open_whole(&mut self) {
        if !self.all.iter().any(|source| source == ANYWHERE) {
            self.all.push(ANYWHERE.to_owned());
        }
    }

    /// Everything that any of several results may hold.
    pub fn union<'a>(several: impl IntoIterator<Item = &'a Self>) -> Self {
        let all: BTreeSet<_> =
            several.into_iter().flat_map(|one| one.all.iter().cloned()).collect();
        Self { columns: None, all: all.into_iter().collect() }
    }

    /// What may flow into the column at `position` of a result of `width` columns.
    #[must_use]
    pub fn of(&self, position: usize, width: usize) -> &[String] {
        let columns = self.columns.as_ref().filter(|columns| columns.len() == width);
        columns.and_then(|columns| columns.get(position)).unwrap_or(&self.all)
    }

    /// The sources of each column, where each column is known.
    #[must_use]
    pub fn columns(&self) -> Option<&[Vec<String>]> {
        self.columns.as_deref()
    }

    /// The sources of all columns together.
    #[must_use]
    pub fn all(&self) -> &[String] {
        &self.all
    }
}

/// The sources of each column; `None` where a column is not known to be one.
fn columns(outputs: &Outputs, known: &Known) -> Option<Vec<Vec<String>>> {
    if outputs.columns.is_empty() || !outputs.ordered {
        return None;
    }
    let mut columns = Vec::new();
    for output in &outputs.columns {
        if !output.star {
            columns.push(names(known, &output.sources, output.opaque));
            continue;
        }
        // What stands for the columns of several relations, or of none that is known, cannot be told apart.
        let [source] = output.sources.as_slice() else { return None };
        if output.opaque || source.column != "*" {
            return None;
        }
        columns.extend(star(source, known)?);
    }
    Some(columns)
}

/// The columns that `relation.*` stands for, where it is clear which relation is meant.
fn star(source: &Source, known: &Known) -> Option<Vec<Vec<String>>> {
    let mut candidates = resolve(known, &source.relation);
    let (relation, None) = (candidates.next()?, candidates.next()) else { return None };
    let columns = relation.columns.values().map(|column| {
        let mut sources = BTreeSet::new();
        relation.sources(known, column, &mut sources);
        sources.iter().map(ColumnName::to_string).collect()
    });
    Some(columns.collect())
}

fn names(known: &Known, sources: &[Source], opaque: bool) -> Vec<String> {
    let mut names = BTreeSet::new();
    for source in sources {
        source_names(known, source, &mut names, 0);
    }
    if opaque {
        names.insert(ColumnName::any());
    }
    names.iter().map(ColumnName::to_string).collect()
}
