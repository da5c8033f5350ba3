//! A body that may hold a secret.

use std::fmt;

use bytes::Bytes;
use zeroize::Zeroize;

/// Bytes that are not shown, and are wiped when dropped where nobody else holds them.
#[derive(Clone, PartialEq, Eq)]
pub struct Sensitive(Bytes);

impl Sensitive {
    /// Takes a body into custody.
    #[must_use]
    pub fn new(body: Bytes) -> Self {
        Self(body)
    }

    /// The bytes; whoever calls this answers for where they go.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Sensitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Drop for Sensitive {
    fn drop(&mut self) {
        if let Ok(mut bytes) = std::mem::take(&mut self.0).try_into_mut() {
            bytes.as_mut().zeroize();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_holds_is_not_shown() {
        let body = Sensitive::new(Bytes::from_static(b"hunter2"));
        assert_eq!(format!("{body:?}"), "***");
        assert_eq!(body.expose(), b"hunter2");
    }
}
