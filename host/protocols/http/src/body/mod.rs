//! A request's body, read to be judged: which fields it has, and what they hold.
//!
//! A body is read strictly: what two readers could understand differently is refused, so that the bytes that are judged mean
//! the same to the server they are sent to.

mod form;
mod graphql;
mod json;
mod media;
mod multipart;
mod names;
mod patch;
mod requests;

use palisade_policy::{MOST_INNER, Told, TooMuch, Within};

use crate::{Query, Refused};

use requests::may_say_method;

pub use graphql::{Document, GraphQl, Missing, Variables};
pub use media::Kind;
pub use requests::Requests;

pub(crate) use media::{essence, is_plainly_typed};
pub(crate) use names::{check_pair, tell};

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
    /// Whether a part of it is of a type that is not read, and that servers may fill fields from, or a text is in it that they
    /// may read as JSON in more than one way, or that names more than is told.
    pub unread: bool,
    /// GraphQL that it holds.
    pub graphql: GraphQl,
    /// Requests that it holds, as objects of JSON.
    pub requests: Requests,
}

impl Contents {
    /// Reads a body of a kind.
    ///
    /// # Errors
    /// What has no single reading, or names too much.
    pub fn read(kind: &Kind, body: &[u8]) -> Result<Self, Refused> {
        let mut reading = Reading::default();
        match kind {
            Kind::Json => json::read(body, &mut reading)?,
            Kind::Form => form::read(body, &mut reading)?,
            Kind::Multipart { boundary } => multipart::read(body, boundary, &mut reading)?,
            Kind::GraphQl => {
                let text =
                    std::str::from_utf8(body).map_err(|_| Refused::Form("it is no UTF-8"))?;
                reading.graphql.whole(text);
            }
            Kind::Opaque => {}
        }
        Ok(reading.contents())
    }
}

/// Whether a query may hold requests for a service of these names: servers look there for what stands in forms as well.
pub(crate) fn may_hold_requests(query: &Query, names: &[&str]) -> bool {
    if !query.pairs().any(|(name, value)| may_say_method(name) || may_say_method(value)) {
        return false;
    }
    let mut reading = Reading::default();
    if query.pairs().try_for_each(|(name, value)| reading.pair(name, value)).is_err() {
        return true;
    }
    let contents = reading.contents();
    contents.unread || contents.requests.are_for(names)
}

/// What is found in a body, while it is read.
#[derive(Default)]
pub(crate) struct Reading {
    told: Told,
    cut: bool,
    unread: bool,
    graphql: GraphQl,
    requests: Requests,
    /// Fields that are parts of requests.
    by_field: requests::ByField,
    /// So many texts that are JSON lie around what is read now.
    around: usize,
    /// So many fields were told of what texts say.
    inner: usize,
}

impl Reading {
    /// What was found.
    pub(crate) fn contents(mut self) -> Contents {
        self.graphql.close_form();
        std::mem::take(&mut self.by_field).end(&mut self.requests);
        let (fields, facts) = self.told.take();
        let Self { cut, unread, graphql, requests, .. } = self;
        Contents { fields, facts, cut, unread, graphql, requests }
    }

    /// A field, within another or at the top.
    pub(crate) fn field(
        &mut self,
        within: Within,
        name: impl Into<String>,
    ) -> Result<Within, TooMuch> {
        let before = self.told.fields();
        let field = self.told.field(within, name)?;
        if self.around > 0 {
            self.inner += self.told.fields() - before;
            if self.inner > MOST_INNER {
                return Err(TooMuch);
            }
        }
        Ok(field)
    }

    /// A field at the end of a path, with dots between its names.
    pub(crate) fn path_within(&mut self, within: Within, path: &str) -> Result<(), TooMuch> {
        let mut names = path.split('.');
        names.try_fold(within, |within, name| self.field(within, name)).map(drop)
    }

    /// A field's path; empty at the top.
    fn path(&self, field: Within) -> &str {
        self.told.path(field)
    }

    /// What the name of a JSON object's member leads to besides.
    fn member(&mut self, within: Within, name: &str) -> Result<(), TooMuch> {
        names::tell_member(&mut self.told, within, name)
    }

    /// The field of a form that has this name, and those that servers read for it.
    fn named(&mut self, name: &str) -> Result<Vec<Within>, TooMuch> {
        tell(&mut self.told, name)
    }

    /// A field of a form and its value, under its own name and under those that servers read for it, and what the value says
    /// where they read it as JSON.
    fn pair(&mut self, name: &str, value: &str) -> Result<(), TooMuch> {
        self.text(name, value)?;
        for field in self.named(name)? {
            json::read_inner(value, self, field);
        }
        Ok(())
    }

    /// The same, of a value that is read by its type.
    fn text(&mut self, name: &str, value: &str) -> Result<(), TooMuch> {
        self.ask(name, value);
        for field in self.named(name)? {
            self.fact("body", field, value)?;
        }
        Ok(())
    }

    /// What such a field asks of GraphQL.
    fn ask(&mut self, name: &str, value: &str) {
        if name.eq_ignore_ascii_case("operations") && value.contains('{') {
            match Contents::read(&Kind::Json, value.as_bytes()) {
                Ok(inner) => self.graphql.extend(inner.graphql),
                // What is read in more than one way is not accounted for.
                Err(_) => self.graphql.miss(Missing::Stored),
            }
        } else {
            self.graphql.pair(name, value);
        }
    }

    /// The value of a field; that of the whole body is in the command's text alone.
    pub(crate) fn value(&mut self, field: Within, value: &str) -> Result<(), TooMuch> {
        if self.path(field).is_empty() {
            return Ok(());
        }
        self.fact("body", field, value)
    }

    /// What a body says of a field.
    fn fact(&mut self, what: &str, field: Within, value: &str) -> Result<(), TooMuch> {
        // Also what is not told may be a request's.
        self.by_field.say(self.told.path(field), value);
        if value.len() > LONGEST_FACT || self.told.facts() == MOST_FACTS {
            self.cut = true;
            return Ok(());
        }
        self.told.fact(format!("{what}:{}", self.path(field)), value.to_owned())
    }
}

/// A name that servers take for the request's method.
fn check_name(name: &str) -> Result<(), Refused> {
    if name.eq_ignore_ascii_case("_method") {
        return Err(Refused::Override("_method"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
