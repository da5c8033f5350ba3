//! A request's body, read to be judged: which fields it has, and what they hold.
//!
//! A body is read strictly: what two readers could understand differently is refused, so that the bytes that are judged mean
//! the same to the server they are sent to.

mod form;
mod json;
mod media;
mod multipart;
mod names;

use std::collections::HashSet;

use crate::Refused;

pub use media::Kind;

pub(crate) use media::{essence, is_plainly_typed};
pub(crate) use names::nested;

/// Values up to so many bytes are told to policies one by one; the whole is in the command's text.
const LONGEST_FACT: usize = 256;
/// So many of them.
const MOST_FACTS: usize = 64;

/// What a body says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The names of its fields, outer before inner: `order`, `order.total`; the entries of a list are not told apart.
    pub fields: Vec<String>,
    /// Short values by their field: (`body:order.total`, `12`); and the names of files (`file:avatar`, `me.png`).
    pub facts: Vec<(String, String)>,
    /// Whether there are more values, or longer ones, than are told: a policy must not take them for absent.
    pub cut: bool,
    /// GraphQL documents that it holds, each with the operation that is to run.
    pub documents: Vec<(String, Option<String>)>,
    /// The fields again: a body may have a hundred thousand of them.
    known: HashSet<String>,
}

impl Contents {
    /// Reads a body of a kind.
    ///
    /// # Errors
    /// What has no single reading.
    pub fn read(kind: &Kind, body: &[u8]) -> Result<Self, Refused> {
        let mut contents = Self::default();
        match kind {
            Kind::Json => json::read(body, &mut contents)?,
            Kind::Form => form::read(body, &mut contents)?,
            Kind::Multipart { boundary } => multipart::read(body, boundary, &mut contents)?,
            Kind::GraphQl => {
                let text =
                    std::str::from_utf8(body).map_err(|_| Refused::Form("it is no UTF-8"))?;
                contents.documents.push((text.to_owned(), None));
            }
            Kind::Opaque => {}
        }
        Ok(contents)
    }

    pub(crate) fn field(&mut self, name: &str) {
        // Lists of objects repeat their fields.
        if !self.known.contains(name) {
            self.known.insert(name.to_owned());
            self.fields.push(name.to_owned());
        }
    }

    /// A field of a form and its value, under its own name and under the one that servers read which nest fields.
    fn pair(&mut self, name: &str, value: &str) {
        match name {
            // GraphQL is sent in forms as well, by browsers and with files (the GraphQL multipart request specification).
            "query" if value.contains('{') => self.documents.push((value.to_owned(), None)),
            "operations" if value.contains('{') => {
                let mut inner = Self::default();
                let read = json::read(value.as_bytes(), &mut inner);
                let unread = read.err().map(|_| (value.to_owned(), None));
                self.documents.extend(inner.documents.into_iter().chain(unread));
            }
            _ => {}
        }
        self.field(name);
        self.fact(format!("body:{name}"), value.to_owned());
        if let Some(nested) = nested(name) {
            self.field(&nested);
            self.fact(format!("body:{nested}"), value.to_owned());
        }
    }

    pub(crate) fn fact(&mut self, name: String, value: String) {
        if value.len() <= LONGEST_FACT && self.facts.len() < MOST_FACTS {
            self.facts.push((name, value));
        } else {
            self.cut = true;
        }
    }
}

/// A name that servers take for the request's method.
fn check_name(name: &str) -> Result<(), Refused> {
    if name.eq_ignore_ascii_case("_method") {
        return Err(Refused::Override("_method"));
    }
    Ok(())
}

/// A field of a form by which servers choose how the others are decoded (RFC 7578 section 4.6).
fn check_charset(name: &str, value: &[u8]) -> Result<(), Refused> {
    if name.eq_ignore_ascii_case("_charset_") && !value.eq_ignore_ascii_case(b"utf-8") {
        return Err(Refused::Form("its charset is not UTF-8"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
