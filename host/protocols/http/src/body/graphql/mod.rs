//! GraphQL requests within JSON: where servers look for them, and wherever a text that asks for something is a document.
//!
//! At the top, in a list of requests, and as a message's `payload` (graphql-ws, subscriptions-transport-ws, Phoenix) a `query` is
//! a request's own; elsewhere one is taken for a document that reads as such. A text that is JSON itself (Action Cable's `data`,
//! AppSync's) is looked through as well.

/// A visitor's part for values that name nothing and hold no text.
macro_rules! passes_over_scalars {
    () => {
        passes_over_scalars!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64);

        fn visit_unit<E>(self) -> Result<(), E> {
            Ok(())
        }
    };
    ($($visit:ident: $scalar:ty),+) => {
        $(fn $visit<E>(self, _: $scalar) -> Result<(), E> {
            Ok(())
        })+
    };
}

mod forms;
mod variables;

use std::sync::Arc;

use memchr::memmem;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use forms::Pairs;
pub use variables::Variables;
use variables::{Filled, Keys, MOST_NAMES};

/// Deeper texts are not read.
const DEEPEST: usize = 64;
/// So many documents of a request are kept to be read.
const MOST_DOCUMENTS: usize = 2000;
/// So many texts within texts are read.
const MOST_WITHIN: usize = 2;

/// A GraphQL document as a request has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// Its text.
    pub text: String,
    /// The operation that is to run; all may where none is named.
    pub operation: Option<String>,
    /// What its variables are filled with.
    pub variables: Arc<Variables>,
    /// Whether it stands where a server looks for one. Elsewhere it is one if it reads as one.
    pub expected: bool,
}

/// What is asked of GraphQL and is written in no document that was found, the more certain behind the less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// An object without a `query`, or one that names a document beside it.
    Object,
    /// A message that begins an operation, without a `query`.
    Operation,
    /// A stored document, or one that may be in what is not read.
    Stored,
}

/// What of GraphQL was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphQl {
    /// The documents.
    pub documents: Vec<Document>,
    /// What else is asked.
    pub missing: Option<Missing>,
    /// What any of them may be filled with besides: variables that stand apart from their document, in a form or the query.
    pub shared: Arc<Variables>,
    /// What the pairs of a form ask for.
    pairs: Pairs,
    /// How much of the names within variables may still be kept, in bytes.
    left: usize,
}

impl Document {
    /// A text alone.
    pub(super) fn of(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }
}

impl Default for GraphQl {
    fn default() -> Self {
        Self {
            documents: vec![],
            missing: None,
            shared: Arc::default(),
            pairs: Pairs::default(),
            left: MOST_NAMES,
        }
    }
}

impl GraphQl {
    /// Looks through a body that was read as JSON.
    pub(super) fn body(&mut self, json: &[u8]) {
        if may_ask(json) {
            self.look(json, Place::Top, 0);
        }
    }

    /// A body that is a document.
    pub(super) fn whole(&mut self, text: &str) {
        self.documents.push(Document { expected: true, ..Document::of(text) });
    }

    /// Takes what another found, as far as there is room for the names that it kept.
    pub(super) fn extend(&mut self, other: Self) {
        self.missing = self.missing.max(other.missing);
        match (self.left + other.left).checked_sub(MOST_NAMES) {
            Some(left) => {
                self.left = left;
                other.documents.into_iter().for_each(|document| self.keep(document));
                self.share(Arc::unwrap_or_clone(other.shared));
            }
            None => self.miss(Missing::Stored),
        }
    }

    fn share(&mut self, variables: Variables) {
        if variables.is_empty() {
            return;
        }
        let shared = Arc::make_mut(&mut self.shared);
        for (variable, names) in variables {
            shared.entry(variable).or_default().extend(names);
        }
    }

    /// Has every document filled with what any is filled with: servers that find a query in one place take variables from
    /// another, and whichever stands first.
    fn share_all(&mut self) {
        let mut before: Option<Arc<Variables>> = None;
        for at in 0..self.documents.len() {
            let Some(document) = self.documents.get_mut(at) else { continue };
            let variables = std::mem::take(&mut document.variables);
            // Those of one object have the same.
            if before.as_ref().is_none_or(|before| !Arc::ptr_eq(before, &variables)) {
                self.share(Variables::clone(&variables));
                before = Some(variables);
            }
        }
    }

    fn within(&mut self, text: &str, within: usize) {
        let text = bare(text);
        if !text.starts_with(['{', '[']) || !may_ask(text.as_bytes()) {
            return;
        }
        match within < MOST_WITHIN {
            true => self.look(text.as_bytes(), Place::Text, within + 1),
            false => self.miss(Missing::Stored),
        }
    }

    fn look(&mut self, json: &[u8], place: Place, within: usize) {
        let request = &mut Asking::default();
        let filled = &[][..];
        let node =
            Node { found: self, request, name: Name::Other, filled, place, within, depth: 0 };
        // What is no JSON to its end may be to those who read its beginning: what was found stays.
        let _ = node.deserialize(&mut serde_json::Deserializer::from_slice(json));
    }

    fn keep(&mut self, document: Document) {
        match self.documents.len() < MOST_DOCUMENTS {
            true => self.documents.push(document),
            false => self.miss(Missing::Stored),
        }
    }

    pub(super) fn miss(&mut self, what: Missing) {
        self.missing = self.missing.max(Some(what));
    }

    /// An object is read to its end.
    fn close(&mut self, place: Place, asking: Asking) {
        let Asking { queries, operation, variables, other, stored, named, begins, asked, .. } =
            asking;
        let expected = place.is_request();
        if expected && named {
            // Servers that keep documents take this name before a query.
            self.miss(Missing::Object);
        }
        if stored && queries.iter().all(|query| query.trim().is_empty()) {
            self.miss(Missing::Stored);
        }
        if queries.is_empty() && place == Place::Top {
            self.miss(if begins && !asked { Missing::Operation } else { Missing::Object });
        }
        // Names that GraphQL does not have make no other request of it for servers, which pass over them; but a text without
        // braces beside such names is no document, and by which name an operation is picked is not sure.
        let plain = expected && queries.len() == 1 && !other;
        let operation = operation.filter(|_| plain);
        let mut texts = queries.into_iter().filter(|text| plain || text.contains('{')).peekable();
        if expected && texts.peek().is_none() {
            self.share(variables);
            return;
        }
        let variables = Arc::new(variables);
        for text in texts {
            let (operation, variables) = (operation.clone(), Arc::clone(&variables));
            self.keep(Document { text, operation, variables, expected });
        }
    }
}

/// Whether bytes may hold what this looks for; letters may be escaped.
fn may_ask(json: &[u8]) -> bool {
    let is_there = |word: &[u8], at: usize| {
        json.get(at..at + word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word))
    };
    memchr::memchr2_iter(b'q', b'Q', json).any(|at| is_there(b"query", at))
        || memchr::memchr2_iter(b'v', b'V', json).any(|at| is_there(b"variables", at))
        || ["\\u", "\"subscribe\"", "\"start\""]
            .iter()
            .any(|word| memmem::find(json, word.as_bytes()).is_some())
}

/// A text without what readers pass over before JSON.
fn bare(text: &str) -> &str {
    text.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '\u{feff}')
}

/// Where a value stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The body, or an entry of its list.
    Top,
    /// The same of a text that is JSON.
    Text,
    /// The `payload` of one of these.
    Payload,
    /// The `extensions` of a request.
    Extensions,
    /// Anywhere else.
    Deeper,
}

impl Place {
    fn is_request(self) -> bool {
        matches!(self, Self::Top | Self::Text | Self::Payload)
    }

    /// The place of what stands under a name.
    fn under(self, name: &str) -> Self {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        match self {
            Self::Top | Self::Text if is("payload") => Self::Payload,
            Self::Top | Self::Text | Self::Payload if is("extensions") => Self::Extensions,
            _ => Self::Deeper,
        }
    }
}

/// What a value's name is to GraphQL.
#[derive(Clone, Copy)]
enum Name {
    Query,
    Operation,
    Type,
    Other,
}

impl Name {
    fn of(name: &str) -> Self {
        match name {
            // Readers that do not tell upper from lower case find it as well.
            _ if name.eq_ignore_ascii_case("query") => Self::Query,
            "operationName" => Self::Operation,
            "type" => Self::Type,
            _ => Self::Other,
        }
    }
}

/// What an object asks for.
#[derive(Default)]
struct Asking {
    /// Its queries, of which there is one but in odd requests.
    queries: Vec<String>,
    operation: Option<String>,
    variables: Variables,
    /// Whether it has names that GraphQL has not.
    other: bool,
    /// Whether it names a stored document.
    stored: bool,
    /// Whether it names a stored document as the GraphQL over HTTP specification does.
    named: bool,
    /// Whether it is a message that begins an operation.
    begins: bool,
    /// Whether its payload has a query.
    asked: bool,
    /// Whether its `data` is a text that has one.
    wraps: bool,
    /// Whether it has names that stand in no object around such a text.
    loose: bool,
}

/// One value, and the object that it belongs to.
struct Node<'a> {
    found: &'a mut GraphQl,
    request: &'a mut Asking,
    name: Name,
    /// The variables that it fills a part of, where such stand beside no request of their own: one within another.
    filled: &'a [Filled],
    place: Place,
    /// How many texts it lies within.
    within: usize,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    passes_over_scalars!();

    fn visit_str<E>(mut self, value: &str) -> Result<(), E> {
        match self.name {
            Name::Query => self.request.queries.push(value.to_owned()),
            Name::Operation => self.request.operation = Some(value.to_owned()),
            Name::Type => self.request.begins |= matches!(value, "subscribe" | "start"),
            Name::Other => {}
        }
        self.fill(value);
        self.found.within(value, self.within);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Self { found, request, name, filled, place, within, depth } = self;
        let depth = deeper(found, depth)?;
        loop {
            let (found, request) = (&mut *found, &mut *request);
            let node = Node { found, request, name, filled, place, within, depth };
            if entries.next_element_seed(node)?.is_none() {
                return Ok(());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let depth = deeper(self.found, self.depth)?;
        let mut own = Asking::default();
        while let Some(name) = entries.next_key::<String>()? {
            let is = |other: &str| name.eq_ignore_ascii_case(other);
            self.request.stored |= self.place == Place::Extensions && is("persistedQuery");
            own.other |= !is_graphql(&name);
            own.named |= is(DOCUMENT_ID);
            own.loose |= !matches!(name.as_str(), "data" | "extensions");
            let found = &mut *self.found;
            let before = found.documents.len();
            if self.place.is_request() && is("variables") {
                let (variables, within) = (&mut own.variables, self.within);
                entries.next_value_seed(Keys { found, variables, at: None, within, depth })?;
                continue;
            }
            let mut filled = found.filled(self.filled, &name)?;
            if is("variables") {
                filled.push(Filled::default());
            }
            entries.next_value_seed(Node {
                found,
                request: &mut own,
                name: Name::of(&name),
                filled: &filled,
                place: self.place.under(&name),
                within: self.within,
                depth,
            })?;
            let mut documents = self.found.documents.iter().skip(before);
            own.wraps |= name == "data" && documents.any(|document| document.expected);
        }
        // Another name beside the text may be that of a stored document.
        let asks = !own.named && (!own.queries.is_empty() || own.wraps && !own.loose);
        self.request.asked |= self.place == Place::Payload && asks;
        self.found.close(self.place, own);
        Ok(())
    }
}

/// By which a stored document is named (GraphQL over HTTP, appendix A).
const DOCUMENT_ID: &str = "documentId";

/// Names at the top of a GraphQL request.
fn is_graphql(name: &str) -> bool {
    matches!(name, "query" | "variables" | "operationName" | "extensions")
}

/// One step deeper into a text.
fn deeper<E: Error>(found: &mut GraphQl, depth: usize) -> Result<usize, E> {
    if depth == DEEPEST {
        found.miss(Missing::Stored);
        return Err(E::custom("it is nested too deeply"));
    }
    Ok(depth + 1)
}

#[cfg(test)]
mod tests;
