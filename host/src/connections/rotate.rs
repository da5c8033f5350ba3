//! A new master key in the place of an old one.
//!
//! Every record is exchanged as a whole, and says which key it takes: wherever a crash falls, each secret opens by the old
//! key or the new one, and the same command goes on from there.

use std::sync::{Arc, PoisonError};

use palisade_admin::Problem;
use palisade_vault::{MasterKey, Reference};
use serde::Deserialize;
use serde_json::{Value, json};

use super::stored::StoredConnection;
use super::{Author, Connections, Known, failed, keys, sealing};
use crate::changes::KeyChange;

/// What is asked for. Neither holds a key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// Where the new key is.
    pub new: Reference,
    /// Where the old one is.
    pub old: Reference,
}

impl Connections {
    /// Wraps every data key by the new master key, which seals from then on.
    ///
    /// # Errors
    /// When a key cannot be used, or a secret takes another than these; then nothing was changed.
    pub fn rotate(&self, rotation: &Rotation, author: Author<'_>) -> Result<Value, Problem> {
        if !author.operator {
            return Err(Problem::forbidden("only the operator changes the master key"));
        }
        let _alone = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let key = |reference, which: &str| {
            let read = keys::read(reference);
            read.map_err(|error| Problem::refused(format!("the {which} master key: {error:#}")))
        };
        let (new, old) = (key(&rotation.new, "new")?, key(&rotation.old, "old")?);
        let moved = self.moved(&old, &new)?;
        let to = new.id().to_owned();
        let change = KeyChange { change: "rotate", from: old.id(), to: &to, by: author.name };
        self.changes.put(&change).map_err(Problem::failed)?;
        // Before the first record takes it: what is kept must open at any moment.
        self.keys.put_first(new);
        let secrets: usize = moved.iter().map(sealing::count).sum();
        for stored in &moved {
            self.documents.put(&stored.name, stored).map_err(failed)?;
            self.exchange(stored);
        }
        tracing::info!(secrets, key = to, by = author.name, "a new master key seals");
        Ok(json!({ "id": to, "from": old.id(), "secrets": secrets }))
    }

    /// All records that the new key does not seal yet, sealed by it.
    fn moved(&self, old: &MasterKey, new: &MasterKey) -> Result<Vec<StoredConnection>, Problem> {
        let mut moved = vec![];
        for (name, stored) in self.documents.list().map_err(failed)? {
            let anew = sealing::rewrapped(&stored, old, new).map_err(|error| {
                Problem::refused(format!("the secrets of `{name}`: {error}; nothing was changed"))
            })?;
            moved.extend(anew);
        }
        Ok(moved)
    }

    /// New sessions go by the new record; what is known of the server's relations stays.
    fn exchange(&self, stored: &StoredConnection) {
        let Ok(mut anew) = self.stored(stored.clone()) else { return };
        self.write(|running| {
            if let Some(known) = running.known.get_mut(&stored.name)
                && known.stored.is_some()
            {
                if let Some(before) = &known.service {
                    anew.service = anew.service.map(|service| service.in_place_of(before));
                }
                *known = Known { catalog: Arc::clone(&known.catalog), ..anew };
            }
        });
    }
}

#[cfg(test)]
mod tests;
