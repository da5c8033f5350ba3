//! Kept connections of which a file was replaced under its path: made anew with it, as those of the configuration file are.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use anyhow::{Error, Result};

use super::server::Server;
use super::stored::StoredConnection;
use super::{Connections, Known};

/// Connections of the store, made anew, by name.
#[derive(Debug, Default)]
pub(super) struct Renewed(BTreeMap<String, One>);

#[derive(Debug)]
struct One {
    /// The record that it was made of.
    record: Arc<StoredConnection>,
    known: Known,
}

impl Renewed {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What takes the place of a kept connection: itself where it has other files, or was replaced, meanwhile.
    pub(super) fn in_place_of(&mut self, name: &str, before: Known) -> Known {
        let is_same =
            |one: &One| before.stored.as_ref().is_some_and(|it| Arc::ptr_eq(it, &one.record));
        match self.0.remove(name).filter(is_same) {
            Some(one) => one.known,
            None => before,
        }
    }
}

impl Connections {
    /// Those whose files are others than those that they were made with. One that cannot be made of the new ones stays as it is.
    pub(super) fn renewed(&self) -> Renewed {
        let mut renewed = BTreeMap::new();
        for (record, server) in self.kept() {
            match self.made_anew(&record, &server) {
                Ok(None) => {}
                Ok(Some(known)) => {
                    renewed.insert(record.name.clone(), One { record, known });
                }
                Err(error) => tracing::warn!(
                    connection = record.name,
                    error = format!("{error:#}"),
                    "a connection of the store goes on with its files as they were"
                ),
            }
        }
        Renewed(renewed)
    }

    /// The files that connections of the store name.
    pub fn kept_files(&self) -> Vec<PathBuf> {
        let kept = self.kept().into_iter();
        kept.flat_map(|(_, server)| server.connection.files.paths().cloned().collect::<Vec<_>>())
            .collect()
    }

    fn kept(&self) -> Vec<(Arc<StoredConnection>, Arc<Server>)> {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        let known = running.known.values();
        known.filter_map(|known| Some((known.stored.clone()?, Arc::clone(&known.server)))).collect()
    }

    fn made_anew(&self, record: &StoredConnection, server: &Server) -> Result<Option<Known>> {
        let now = self.connection(record).map_err(Error::msg)?;
        match now.files == server.connection.files {
            true => Ok(None),
            false => self.stored(record.clone()).map(Some),
        }
    }
}

#[cfg(test)]
mod tests;
