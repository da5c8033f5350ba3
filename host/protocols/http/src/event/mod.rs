//! A request as the command that policies judge and the record keeps.

mod batch;
mod elsewhere;
pub(crate) mod headers;
mod template;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};
use palisade_policy::{Command, Operation, Told, TooMuch};

use crate::body::{Document, GraphQl, Missing, essence};
use crate::{Contents, Head, Kind, Length, Query, Refused, Target, graphql};

pub use template::Templates;

/// What stands for the method of a message that comes by a WebSocket.
pub const MESSAGE: &str = "MESSAGE";

/// A request, as far as it was read, and as it will be sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its head; the target is that of the service.
    pub head: Head,
    /// Its body.
    pub body: Body,
}

/// A request's body.
#[derive(Clone, Debug)]
pub enum Body {
    /// It was read: these bytes are judged and sent.
    Read {
        /// How it was read.
        kind: Kind,
        /// The bytes.
        bytes: Bytes,
        /// What they say.
        contents: Contents,
    },
    /// It streams through, unread.
    Unread(Length),
}

impl Body {
    /// No body.
    #[must_use]
    pub fn none() -> Self {
        Self::Unread(Length::Known(0))
    }

    /// Reads a body of a kind.
    ///
    /// # Errors
    /// What has no single reading.
    pub fn read(kind: Kind, bytes: Bytes) -> Result<Self, Refused> {
        let contents = Contents::read(&kind, &bytes)?;
        Ok(Self::Read { kind, bytes, contents })
    }
}

impl Request {
    /// A message that a client sends by a WebSocket, which this head opened. What is no JSON is not read.
    #[must_use]
    pub fn message(opening: &Head, bytes: Bytes) -> Self {
        let json = Body::read(Kind::Json, bytes.clone());
        let (kind, body) = match json {
            Ok(body) if !bytes.is_empty() => ("application/json", body),
            _ => {
                let kind = match std::str::from_utf8(&bytes) {
                    Ok(_) => "text/plain",
                    Err(_) => "application/octet-stream",
                };
                (kind, Body::Read { kind: Kind::Opaque, bytes, contents: Contents::default() })
            }
        };
        let headers = [(CONTENT_TYPE, HeaderValue::from_static(kind))];
        let head = Head {
            // A method may be any token.
            method: Method::from_bytes(MESSAGE.as_bytes()).unwrap_or_default(),
            headers: headers.into_iter().collect(),
            websocket: false,
            expects: false,
            respond_async: false,
            ..opening.clone()
        };
        Self { head, body }
    }

    /// Why its body, which is JSON to some readers, was not read as such: others could find something else in it, or it names
    /// too much.
    ///
    /// # Errors
    /// That, where it is so.
    pub fn check_unread(&self) -> Result<(), Refused> {
        let Body::Read { kind: Kind::Opaque, bytes, .. } = &self.body else { return Ok(()) };
        let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        if serde_json::from_slice::<serde::de::IgnoredAny>(text).is_err() {
            return Ok(());
        }
        match Contents::read(&Kind::Json, text) {
            Err(why @ Refused::Names(_)) => Err(why),
            _ => Err(Refused::Body("its JSON has more than one reading")),
        }
    }

    /// What it takes in memory, in bytes, roughly: its body, and what that says, which its command says again.
    #[must_use]
    pub fn size(&self) -> usize {
        let Body::Read { bytes, contents, .. } = &self.body else { return 0 };
        let facts = contents.facts.iter().flat_map(|(name, value)| [name, value]);
        let texts = contents.fields.iter().chain(facts);
        let told: usize = texts.map(|text| size_of::<String>() + text.len()).sum();
        2 * (bytes.len() + told)
    }

    /// What its body is, where it was read.
    #[must_use]
    pub fn body_bytes(&self) -> &[u8] {
        match &self.body {
            Body::Read { bytes, .. } => bytes,
            Body::Unread(_) => &[],
        }
    }

    /// What the request would do.
    #[must_use]
    pub fn command(&self, templates: &Templates) -> Command {
        let mut complete = true;
        let (object, mut facts) = templates.apply(&self.head.target.path);
        let query = self.head.target.query.as_ref();
        let (mut fields, query) = match query.map_or_else(|| Ok(Told::default()), Query::told) {
            Ok(mut told) => told.take(),
            Err(TooMuch) => {
                complete = false;
                (vec![], vec![("query".to_owned(), "unaccounted".to_owned())])
            }
        };
        facts.extend(query);
        facts.extend(headers::facts(&self.head.headers));
        if let Some(kind) = self.head.headers.get(CONTENT_TYPE).and_then(essence) {
            facts.push(("content-type".to_owned(), kind));
        }
        if self.head.websocket {
            // What is said in it is judged then.
            facts.push(("upgrade".to_owned(), "websocket".to_owned()));
        }
        complete &= self.tell_body(&mut fields, &mut facts);
        if batch::holds_requests(self, templates) {
            facts.push(("batch".to_owned(), "unaccounted".to_owned()));
            complete = false;
        }
        let inner = self.graphql();
        match &inner {
            Ok(inner) if inner.is_empty() => {}
            Ok(_) => facts.push(("graphql".to_owned(), "document".to_owned())),
            Err(why) => {
                facts.push(("graphql".to_owned(), format!("unaccounted: {why}")));
                complete = false;
            }
        }
        let elsewhere = elsewhere::operations(&self.head, templates);
        if elsewhere.is_none() {
            facts.push(("elsewhere".to_owned(), "unaccounted".to_owned()));
            complete = false;
        }
        let action = self.head.method.as_str().to_owned();
        let mut operations = vec![Operation { action, object, fields, facts }];
        operations.extend(elsewhere.unwrap_or_default());
        operations.extend(inner.unwrap_or_default());
        Command { text: self.text(), operations: operations.into(), complete }
    }

    /// Tells what its body says. Gives whether that is all.
    fn tell_body(&self, fields: &mut Vec<String>, facts: &mut Vec<(String, String)>) -> bool {
        let mut fact = |name: &str, value: &str| facts.push((name.to_owned(), value.to_owned()));
        match &self.body {
            Body::Unread(Length::Known(0)) => true,
            Body::Unread(length) => {
                if let Length::Known(length) = length {
                    fact("size", &length.to_string());
                }
                fact("body", "unread");
                false
            }
            Body::Read { kind, bytes, contents } => {
                fact("size", &bytes.len().to_string());
                let unread = *kind == Kind::Opaque || contents.unread;
                if unread {
                    fact("body", "unread");
                }
                fields.extend(contents.fields.iter().cloned());
                contents.facts.iter().for_each(|(name, value)| fact(name, value));
                if contents.cut {
                    fact("values", "cut");
                }
                !unread
            }
        }
    }

    /// Whether a GraphQL document in it changes something, or may.
    #[must_use]
    pub fn may_mutate(&self) -> bool {
        let is_mutation = |operation: &Operation| operation.action == "mutation";
        self.graphql().map_or(true, |operations| operations.iter().any(is_mutation))
    }

    /// What the documents that it carries would do.
    fn graphql(&self) -> Result<Vec<Operation>, &'static str> {
        let target = &self.head.target;
        let is_endpoint = is_graphql(&target.path);
        let pairs = || target.query.iter().flat_map(|query| query.pairs());
        let mut asked = match &self.body {
            Body::Read { contents, .. } => contents.graphql.clone(),
            Body::Unread(_) => GraphQl::default(),
        };
        asked.query(pairs(), is_endpoint);
        // Nearly no request has any, and a walk takes some preparation.
        let found = match asked.documents.is_empty() {
            true => vec![],
            false => walked(&asked, is_endpoint)?,
        };
        let is_message = self.head.method.as_str() == MESSAGE;
        // A query that says something may name a stored document by any word; that of a socket is for those who open it.
        let says = !matches!(&self.body, Body::Unread(Length::Known(0)))
            || !self.head.websocket && pairs().next().is_some();
        let is_missing = match asked.missing {
            Some(Missing::Stored) => true,
            Some(Missing::Operation) => is_endpoint,
            Some(Missing::Object) => is_endpoint && !is_message,
            None => is_endpoint && !is_message && says && asked.documents.is_empty(),
        };
        if is_missing { Err("there is no document") } else { Ok(found) }
    }

    /// The request as text: its line, the headers that matter, and the body where that is text.
    fn text(&self) -> String {
        let mut text = format!("{} {}\n", self.head.method, self.head.target.text());
        for (name, value) in headers::shown(&self.head.headers) {
            text.push_str(&format!("{name}: {value}\n"));
        }
        match &self.body {
            Body::Unread(Length::Known(0)) => text.truncate(text.trim_end().len()),
            Body::Unread(Length::Known(length)) => {
                text.push_str(&format!("\n[{length} bytes, not read]"));
            }
            Body::Unread(Length::Open) => text.push_str("\n[a body of any length, not read]"),
            Body::Read { bytes, .. } => match std::str::from_utf8(bytes) {
                Ok(body) => text.extend(["\n", body]),
                Err(_) => text.push_str(&format!("\n[{} bytes that are no text]", bytes.len())),
            },
        }
        text
    }

    /// The request that a policy's text stands for: its line and its body are taken from there, all else stays.
    ///
    /// # Errors
    /// When the text has no request line, or a body where none can be.
    pub fn rewritten(&self, text: &str) -> Result<Self, Refused> {
        let (head, body) = match text.split_once("\n\n") {
            Some((head, body)) => (head, Some(body)),
            None => (text, None),
        };
        let line = head.lines().next().unwrap_or_default();
        let (method, target) =
            line.split_once(' ').ok_or(Refused::Head("the rewritten text has no request line"))?;
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|_| Refused::Head("the rewritten method is none"))?;
        let mut request = self.clone();
        request.head.target = Target::parse(target.as_bytes())?;
        request.head.method = method;
        if let (Some(body), Body::Read { kind, bytes, .. }) = (body, &self.body) {
            if std::str::from_utf8(bytes).is_err() {
                return Err(Refused::Body("a body that is no text cannot be rewritten"));
            }
            request.body = Body::read(kind.clone(), Bytes::copy_from_slice(body.as_bytes()))?;
        }
        Ok(request)
    }
}

/// What the documents of a request would do.
fn walked(asked: &GraphQl, is_endpoint: bool) -> Result<Vec<Operation>, &'static str> {
    // Where GraphQL is not known to be spoken, what does not begin as a document is none to any server.
    let may_be_other = |document: &Document| {
        !document.expected || !is_endpoint && !graphql::may_be(&document.text)
    };
    let mut walk = graphql::Walk::new(&asked.shared);
    for document in &asked.documents {
        match walk.document(document) {
            Ok(()) => {}
            // A search has its query under the same name.
            Err(_) if !is_endpoint && !document.text.contains('{') => {}
            Err(why) if may_be_other(document) && graphql::is_other(&document.text, why) => {}
            Err(why) => return Err(why),
        }
    }
    Ok(walk.found())
}

/// Whether GraphQL is spoken at a path: `/graphql`, whatever is before it, its letters' case, and what servers cut off.
fn is_graphql(path: &str) -> bool {
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let stem = last.split('.').next().unwrap_or_default();
    stem.trim().eq_ignore_ascii_case("graphql")
}

#[cfg(test)]
mod tests;
