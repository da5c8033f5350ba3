//! The file's connections, put in force in steps: whoever changes more than these does all that can fail before the first
//! part of it is in force.

use std::sync::{Arc, MutexGuard, PoisonError};

use anyhow::Result;

use super::asked::withdrawn;
use super::stored::StoredConnection;
use super::{Connections, Prepared};

/// Connections that are about to be put in force. No other change of the connections comes between.
pub struct Following<'a> {
    connections: &'a Connections,
    prepared: Prepared,
    stored: Vec<(String, StoredConnection)>,
    _alone: MutexGuard<'a, ()>,
}

impl Connections {
    /// Does what can fail of putting these in force.
    ///
    /// # Errors
    /// Failures of the store; everything is then as before.
    pub fn begin(&self, prepared: Prepared) -> Result<Following<'_>> {
        let alone = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        // Not sooner: what is removed before the lock is had must not come back.
        let stored = self.documents.list()?;
        Ok(Following { connections: self, prepared, stored, _alone: alone })
    }

    /// One that cannot be used keeps no other from working.
    fn take_up(&self, name: &str, stored: StoredConnection) {
        if let Some(known) = self.get(name) {
            if known.stored.is_none() {
                let connection = name;
                tracing::warn!(
                    connection,
                    "the configuration file has this connection as well, and counts"
                );
            }
            return;
        }
        match self.stored(stored) {
            Ok(known) => self.write(|running| drop(running.known.insert(name.to_owned(), known))),
            Err(error) => tracing::error!(
                connection = name,
                error = format!("{error:#}"),
                "a connection of the store cannot be used"
            ),
        }
    }
}

impl Following<'_> {
    /// Puts the file's connections in force, and those of the store that the file does not have, which cannot fail. Nobody sees
    /// the file's before `also` is done.
    pub fn put(self, also: impl FnOnce()) {
        let Self { connections, prepared, stored, _alone } = self;
        let Prepared { configured, mut renewed, allowed } = prepared;
        connections.write(|running| {
            running.allowed = allowed;
            for (name, known) in std::mem::replace(&mut running.known, configured) {
                // Sessions may still be at what was there before.
                running.left.push(Arc::downgrade(&known.catalog));
                if known.stored.is_some() {
                    let known = renewed.in_place_of(&name, known);
                    running.known.entry(name).or_insert(known);
                }
            }
            also();
        });
        for (name, stored) in stored {
            connections.take_up(&name, stored);
        }
        let running = connections.running.read().unwrap_or_else(PoisonError::into_inner);
        for (connection, known) in &running.known {
            if let Some(why) = withdrawn(known, &running.allowed) {
                tracing::warn!(connection, why, "a connection of the store is refused");
            }
        }
    }
}
