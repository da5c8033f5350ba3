//! GraphQL in forms, and in the query of a request.

use super::{Document, GraphQl, Missing};

/// What the pairs of a form or a query ask for together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pairs {
    /// Whether one is a query that says something.
    asks: bool,
    /// Whether one names a stored document.
    stored: bool,
}

impl Pairs {
    fn read(&mut self, name: &str, value: &str) {
        self.asks |= name.eq_ignore_ascii_case("query") && !value.trim().is_empty();
        // Servers that nest fields read `extensions[persistedQuery]`.
        let first = name.split(['[', '.']).next().unwrap_or_default();
        self.stored |= first.trim().eq_ignore_ascii_case("extensions")
            && (names_stored(name) || names_stored(value));
    }

    fn is_stored(self) -> bool {
        self.stored && !self.asks
    }
}

/// Whether a text names a stored document, or may: letters may be escaped.
fn names_stored(text: &str) -> bool {
    text.contains("\\u") || text.to_ascii_lowercase().contains("persistedquery")
}

impl GraphQl {
    /// A form is read to its end: a stored document that no pair writes out is missing, and one that a pair writes out may be
    /// filled by what stands in others.
    pub(in crate::body) fn close_form(&mut self) {
        if self.pairs.asks {
            self.share_all();
        }
        if self.pairs.is_stored() {
            self.miss(Missing::Stored);
        }
    }

    /// A field of a form: GraphQL is sent in forms as well, by browsers and with files (the GraphQL multipart request
    /// specification).
    pub(in crate::body) fn pair(&mut self, name: &str, value: &str) {
        self.pairs.read(name, value);
        let is = |word: &str| name.eq_ignore_ascii_case(word);
        let last = name.rsplit(['[', ']', '.']).map(str::trim).find(|word| !word.is_empty());
        if last.is_some_and(|last| last.eq_ignore_ascii_case("query")) && value.contains('{') {
            self.keep(Document { expected: is("query"), ..Document::of(value) });
        }
        if is("variables") {
            self.fill_shared(value, 0);
        } else {
            self.within(value, 0);
        }
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
            let is = |word: &str| name.eq_ignore_ascii_case(word);
            all.read(name, value);
            if is("query") && (is_endpoint || crate::graphql::may_be(value)) {
                asked.documents.push(Document { expected: true, ..Document::of(value) });
            }
            if is("variables") {
                asked.pair(name, value);
            }
        }
        let asks = !asked.documents.is_empty();
        self.extend(asked);
        if asks {
            self.share_all();
        }
        if all.is_stored() {
            self.miss(Missing::Stored);
        }
    }
}
