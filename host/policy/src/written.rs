//! A value with the form in which the journal writes it, so that what is recorded time and again is formed once.

use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// A value that is written as it was before, from the second time on.
///
/// All who write one value write it in the same form.
#[derive(Debug, Default)]
pub struct Written<T> {
    value: T,
    form: OnceLock<Box<[u8]>>,
    /// Most values are written once: for these no form is kept.
    again: AtomicBool,
}

impl<T> Written<T> {
    /// A value that nobody wrote.
    pub const fn new(value: T) -> Self {
        Self { value, form: OnceLock::new(), again: AtomicBool::new(false) }
    }

    /// Appends its form to `out`: what `write` appends, or what that did before.
    ///
    /// # Errors
    /// Those of `write`; nothing is kept then.
    pub fn write_to<E>(
        &self,
        out: &mut Vec<u8>,
        write: impl FnOnce(&T, &mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some(form) = self.form.get() {
            out.extend_from_slice(form);
            return Ok(());
        }
        let start = out.len();
        write(&self.value, out)?;
        if self.again.swap(true, Relaxed) {
            let form = out.get(start..).unwrap_or_default();
            self.form.get_or_init(|| form.into());
        }
        Ok(())
    }

    /// The value, to be changed: what it was written as is forgotten.
    pub fn change(&mut self) -> &mut T {
        self.form = OnceLock::new();
        &mut self.value
    }
}

impl<T> Deref for Written<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> From<T> for Written<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Clone> Clone for Written<T> {
    fn clone(&self) -> Self {
        Self::new(self.value.clone())
    }
}

impl<T: PartialEq> PartialEq for Written<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Written<T> {}

impl<T: Hash> Hash for Written<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn what_is_written_often_is_formed_twice() {
        let (value, formed) = (Written::new("value"), Cell::new(0));
        let mut out = vec![];
        for _ in 0..4 {
            let written: Result<(), Infallible> = value.write_to(&mut out, |value, out| {
                formed.set(formed.get() + 1);
                out.extend_from_slice(value.as_bytes());
                Ok(())
            });
            written.unwrap();
        }
        assert_eq!((out.as_slice(), formed.get()), (b"valuevaluevaluevalue".as_slice(), 2));
    }

    #[test]
    fn what_is_changed_is_written_as_it_is_now() {
        let mut value = Written::new(1);
        let write = |value: &Written<u8>| {
            let mut out = vec![];
            let written: Result<(), Infallible> = value.write_to(&mut out, |value, out| {
                out.push(*value);
                Ok(())
            });
            written.map(|()| out).unwrap()
        };
        assert_eq!([write(&value), write(&value)], [[1], [1]]);
        *value.change() = 2;
        assert_eq!(write(&value), [2]);
    }

    #[test]
    fn a_form_that_failed_is_not_kept() {
        let value = Written::new(1);
        for _ in 0..3 {
            let written = value.write_to(&mut vec![], |_, out| {
                out.push(0);
                Err("no")
            });
            assert_eq!(written, Err("no"));
        }
        let mut out = vec![];
        let written: Result<(), Infallible> = value.write_to(&mut out, |_, out| {
            out.push(1);
            Ok(())
        });
        written.unwrap();
        assert_eq!(out, [1]);
    }
}
