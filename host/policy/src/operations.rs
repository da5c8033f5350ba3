//! What a command would do.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::{Operation, Written};

/// A command's operations, shared by the commands that differ in their text alone.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Operations(Arc<Written<Box<[Operation]>>>);

impl Operations {
    /// Whether both are the same operations in one place, so that nobody needs to compare them.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Appends the form in which a journal writes them, as [`Written::write_to`].
    ///
    /// # Errors
    /// Those of `write`.
    pub fn write_to<E>(
        &self,
        out: &mut Vec<u8>,
        write: impl FnOnce(&[Operation], &mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.0.write_to(out, |operations, out| write(operations, out))
    }
}

impl Deref for Operations {
    type Target = [Operation];

    fn deref(&self) -> &[Operation] {
        &self.0
    }
}

impl fmt::Debug for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T: Into<Box<[Operation]>>> From<T> for Operations {
    fn from(operations: T) -> Self {
        Self(Arc::new(Written::new(operations.into())))
    }
}

impl FromIterator<Operation> for Operations {
    fn from_iter<I: IntoIterator<Item = Operation>>(operations: I) -> Self {
        operations.into_iter().collect::<Box<[_]>>().into()
    }
}
