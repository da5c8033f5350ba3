//! A value that must not be shown.
//!
//! There is no `Display`, no `Serialize` and no `Clone`: each way out goes through [`Secret::expose`], which is easy to search for.

use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A value that is never printed and is wiped from memory when dropped.
pub struct Secret<T: Zeroize>(T);

/// A secret text: a password, a token.
pub type SecretString = Secret<String>;

impl<T: Zeroize> Secret<T> {
    /// Takes a value into custody.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// Shows the value; whoever calls this answers for where it goes.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> ZeroizeOnDrop for Secret<T> {}

#[cfg(test)]
mod tests;
