//! GraphQL in forms, and in the query of a request.

use serde::de::value::Error;

use super::{DOCUMENT_ID, Document, GraphQl, Missing};
use crate::body::names;

/// What the pairs of a form or a query ask for together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pairs {
    /// Whether one is a query that says something.
    asks: bool,
    /// Whether one names a stored document.
    stored: bool,
    /// Whether one names it as the GraphQL over HTTP specification does.
    named: bool,
    /// Whether one picks an operation.
    picks: bool,
}

impl Pairs {
    fn read(&mut self, name: &Name<'_>, value: &str) {
        let says = !value.trim().is_empty();
        self.asks |= name.is_whole("query") && says;
        self.named |= name.is_whole(DOCUMENT_ID);
        self.picks |= name.ends("operationName");
        // Servers that nest fields read `extensions[persistedQuery]`.
        self.stored |=
            name.at("extensions") == Some(0) && (names_stored(name.written) || names_stored(value));
    }

    fn is_stored(self) -> bool {
        self.stored && !self.asks
    }
}

/// A pair's name, as servers read it that nest fields.
struct Name<'a> {
    written: &'a str,
    words: Vec<&'a str>,
}

impl<'a> Name<'a> {
    fn of(written: &'a str) -> Self {
        Self { written, words: names::words(written) }
    }

    /// Whether it is this word and nothing else.
    fn is_whole(&self, wanted: &str) -> bool {
        self.words.len() == 1 && self.ends(wanted)
    }

    fn ends(&self, wanted: &str) -> bool {
        self.words.last().is_some_and(|word| word.eq_ignore_ascii_case(wanted))
    }

    /// Where this word stands in it.
    fn at(&self, wanted: &str) -> Option<usize> {
        self.words.iter().position(|word| word.eq_ignore_ascii_case(wanted))
    }
}

/// Whether a text names a stored document, or may: letters may be escaped.
fn names_stored(text: &str) -> bool {
    text.contains("\\u") || text.to_ascii_lowercase().contains("persistedquery")
}

/// What fields of forms are called that GraphQL is asked by.
const ASKS: [&str; 7] =
    ["query", "operations", "graphql", "variables", "operationName", "extensions", DOCUMENT_ID];

impl GraphQl {
    /// Whether a field of a form that has this name is one that GraphQL is asked by.
    pub(in crate::body) fn is_of(name: &str) -> bool {
        let name = Name::of(name);
        ASKS.iter().any(|asks| name.ends(asks))
    }

    /// A form is read to its end: a stored document that no pair writes out is missing, and one that a pair writes out may be
    /// filled by what stands in others.
    pub(in crate::body) fn close_form(&mut self) {
        let pairs = self.pairs;
        self.close_pairs(pairs);
        if pairs.asks {
            self.share_all();
        }
    }

    fn close_pairs(&mut self, pairs: Pairs) {
        if pairs.is_stored() {
            self.miss(Missing::Stored);
        }
        if pairs.named {
            self.miss(Missing::Object);
        }
        if pairs.picks {
            // Many servers take this name before that of an object: any operation may be the one that runs.
            self.documents.iter_mut().for_each(|document| document.operation = None);
        }
    }

    /// A field of a form: GraphQL is sent in forms as well, by browsers and with files (the GraphQL multipart request
    /// specification).
    pub(in crate::body) fn pair(&mut self, name: &str, value: &str) {
        let name = Name::of(name);
        self.pairs.read(&name, value);
        self.ask(&name, value);
    }

    /// What the pairs of a query ask for; of those that ask where GraphQL is not spoken, texts that begin as documents do.
    pub(crate) fn query<'a>(
        &mut self,
        pairs: impl Iterator<Item = (&'a str, &'a str)>,
        is_endpoint: bool,
    ) {
        let mut pairs = pairs.peekable();
        if pairs.peek().is_none() {
            return;
        }
        let mut all = Pairs::default();
        let mut asked = Self::default();
        for (name, value) in pairs {
            let name = Name::of(name);
            all.read(&name, value);
            if !name.ends("query") || is_endpoint || crate::graphql::may_be(value) {
                asked.ask(&name, value);
            }
        }
        let asks = !asked.documents.is_empty();
        self.extend(asked);
        self.close_pairs(all);
        if asks {
            self.share_all();
        }
    }

    /// What one pair asks for.
    fn ask(&mut self, name: &Name<'_>, value: &str) {
        if name.ends("query") && value.contains('{') {
            self.keep(Document { expected: name.is_whole("query"), ..Document::of(value) });
        }
        let at = name.at("variables");
        if let Some(at) = at {
            match name.words.get(at + 1..) {
                Some([variable, inner @ ..]) => self.fill_named(variable, inner, value),
                _ => self.fill_shared(value, 0),
            }
        }
        if at != Some(0) {
            self.within(value, 0);
        }
    }

    /// Fills a variable, or what lies within one, where a form's name says which (`variables[input][role]`).
    fn fill_named(&mut self, variable: &str, inner: &[&str], value: &str) {
        let shared = self.share_path::<Error>(None, "", variable).and_then(|_| {
            let mut names = inner.iter();
            names.try_fold(String::new(), |path, name| self.share_path(Some(variable), &path, name))
        });
        // What there is no room for is missing by now.
        if let Ok(path) = shared {
            self.fill_within((variable, &path), value);
        }
    }
}
