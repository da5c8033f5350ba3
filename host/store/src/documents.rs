//! Small JSON records that change, by id, in named collections.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;
use crate::engine::Engine;

/// The largest document the store takes, in bytes of JSON (256 KiB).
pub const MAX_DOCUMENT_BYTES: usize = 256 << 10;

/// A named set of records of one type, ordered by id.
///
/// Ids that begin with the time (UUIDv7) make that the order of creation. What `put`, `remove` and
/// `update` have done when they return survives the killing of the process; with
/// `Durability::Disk`, a power failure as well. They wait for the disk: call them where blocking is allowed.
pub struct Collection<T> {
    engine: Arc<Engine>,
    tree: sled::Tree,
    name: Arc<str>,
    records: PhantomData<fn() -> T>,
}

/// What an update found and what it left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<T> {
    /// The record before, `None` where there was none.
    pub before: Option<T>,
    /// The record after, `None` where it was removed or not made.
    pub after: Option<T>,
}

impl<T: Serialize + DeserializeOwned> Collection<T> {
    pub(crate) fn open(engine: Arc<Engine>, name: &str) -> Result<Self, StoreError> {
        let tree = engine.tree(&format!("documents/{name}"))?;
        Ok(Self { engine, tree, name: name.into(), records: PhantomData })
    }

    /// Stores a record, in place of the one that had this id.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooLarge`], [`StoreError::Document`] where the record has no JSON form, and
    /// failures of the engine.
    pub fn put(&self, id: &str, record: &T) -> Result<(), StoreError> {
        self.put_with_room(id, record, 0)
    }

    /// Stores a record that will grow: one that leaves less than so many bytes to the limit is refused now, when that can
    /// still be told whoever wants it.
    ///
    /// # Errors
    ///
    /// As for [`Collection::put`].
    pub fn put_with_room(&self, id: &str, record: &T, room: usize) -> Result<(), StoreError> {
        self.tree.insert(id, self.encode(id, record, room)?)?;
        self.engine.commit()
    }

    /// The record of this id.
    ///
    /// # Errors
    ///
    /// [`StoreError::Document`] where what is stored is no `T`, and failures of the engine.
    pub fn get(&self, id: &str) -> Result<Option<T>, StoreError> {
        self.tree.get(id)?.map(|json| self.decode(id, &json)).transpose()
    }

    /// The record of this id, with its size in bytes of JSON.
    ///
    /// # Errors
    ///
    /// As for [`Collection::get`].
    pub fn sized(&self, id: &str) -> Result<Option<(T, usize)>, StoreError> {
        let stored = self.tree.get(id)?;
        stored.map(|json| Ok((self.decode(id, &json)?, json.len()))).transpose()
    }

    /// Removes a record; says whether there was one.
    ///
    /// # Errors
    ///
    /// Failures of the engine.
    pub fn remove(&self, id: &str) -> Result<bool, StoreError> {
        let removed = self.tree.remove(id)?.is_some();
        self.engine.commit()?;
        Ok(removed)
    }

    /// Replaces a record by what `change` makes of it, atomically.
    ///
    /// `change` is given the record, or `None`; it gives the new one, or `None` to remove it. It may be
    /// called again where another thread was faster, and only its last answer counts. To do something exactly
    /// once, look at [`Change::before`]: of several updates, one alone finds the record undone.
    ///
    /// # Errors
    ///
    /// As for [`Collection::put`] and [`Collection::get`].
    pub fn update(
        &self,
        id: &str,
        mut change: impl FnMut(Option<T>) -> Option<T>,
    ) -> Result<Change<T>, StoreError> {
        loop {
            let old = self.tree.get(id)?;
            let read = || old.as_ref().map(|json| self.decode(id, json)).transpose();
            let after = change(read()?);
            let new = after.as_ref().map(|record| self.encode(id, record, 0)).transpose()?;
            if self.tree.compare_and_swap(id, old.as_deref(), new)?.is_ok() {
                self.engine.commit()?;
                return Ok(Change { before: read()?, after });
            }
        }
    }

    /// All records, by id.
    ///
    /// # Errors
    ///
    /// As for [`Collection::get`]: one record that is not readable fails the whole list.
    pub fn list(&self) -> Result<Vec<(String, T)>, StoreError> {
        self.tree.iter().map(|entry| self.entry(entry)).collect()
    }

    /// The last records by id, at most `limit`, the last one first.
    ///
    /// # Errors
    ///
    /// As for [`Collection::list`].
    pub fn newest(&self, limit: usize) -> Result<Vec<(String, T)>, StoreError> {
        self.tree.iter().rev().take(limit).map(|entry| self.entry(entry)).collect()
    }

    /// The records from the last one by id back, of those before an id where one is given, each with its size in bytes of
    /// JSON. They are read one by one, as they are asked for.
    pub fn backwards(
        &self,
        before: Option<&str>,
    ) -> impl Iterator<Item = Result<(T, usize), StoreError>> + '_ {
        let range = match before {
            Some(id) => self.tree.range(..id.as_bytes()),
            None => self.tree.iter(),
        };
        range.rev().map(|entry| {
            let (key, value) = entry?;
            Ok((self.decode(&String::from_utf8_lossy(&key), &value)?, value.len()))
        })
    }

    /// All records that can be read, the last one by id first, one by one as they are asked for: what cannot is told in the log, and
    /// does not keep the others back.
    ///
    /// # Errors
    ///
    /// Failures of the engine.
    pub fn readable(&self) -> impl Iterator<Item = Result<T, StoreError>> + '_ {
        self.backwards(None).filter_map(|found| match found {
            Ok((record, _)) => Some(Ok(record)),
            Err(error @ StoreError::Document { .. }) => {
                tracing::error!(%error, "a record is passed over");
                None
            }
            Err(error) => Some(Err(error)),
        })
    }

    /// The records from an id on, at most `limit`, in the order of their ids.
    ///
    /// # Errors
    ///
    /// As for [`Collection::list`].
    pub fn from(&self, id: &str, limit: usize) -> Result<Vec<(String, T)>, StoreError> {
        self.tree.range(id.as_bytes()..).take(limit).map(|entry| self.entry(entry)).collect()
    }

    /// The ids that begin so, in their order, one by one as they are asked for; no record is decoded.
    pub fn ids(&self, prefix: &str) -> impl Iterator<Item = Result<String, StoreError>> {
        let keys = self.tree.scan_prefix(prefix).keys();
        keys.map(|key| Ok(String::from_utf8_lossy(&key?).into_owned()))
    }

    fn entry(
        &self,
        entry: sled::Result<(sled::IVec, sled::IVec)>,
    ) -> Result<(String, T), StoreError> {
        let (key, value) = entry?;
        let id = String::from_utf8_lossy(&key).into_owned();
        let record = self.decode(&id, &value)?;
        Ok((id, record))
    }

    fn encode(&self, id: &str, record: &T, room: usize) -> Result<Vec<u8>, StoreError> {
        let json = serde_json::to_vec(record).map_err(|error| self.error(id, &error))?;
        let limit = MAX_DOCUMENT_BYTES.saturating_sub(room);
        if json.len() > limit {
            return Err(StoreError::TooLarge { bytes: json.len(), limit });
        }
        Ok(json)
    }

    fn decode(&self, id: &str, json: &[u8]) -> Result<T, StoreError> {
        serde_json::from_slice(json).map_err(|error| self.error(id, &error))
    }

    fn error(&self, id: &str, error: &serde_json::Error) -> StoreError {
        // The error's own text may quote the record.
        let reason = match error.classify() {
            serde_json::error::Category::Io => "no JSON form",
            serde_json::error::Category::Syntax => "no JSON",
            serde_json::error::Category::Data => "not a record of this collection",
            serde_json::error::Category::Eof => "cut short",
        };
        StoreError::Document { collection: self.name.to_string(), id: id.to_owned(), reason }
    }
}

impl<T> Clone for Collection<T> {
    fn clone(&self) -> Self {
        Self {
            engine: Arc::clone(&self.engine),
            tree: self.tree.clone(),
            name: Arc::clone(&self.name),
            records: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Collection<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collection").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
