//! GraphQL in forms, and in the query of a request.

use std::sync::Arc;

use super::{Document, GraphQl, Missing};

impl GraphQl {
    /// A field of a form: GraphQL is sent in forms as well, by browsers and with files (the GraphQL multipart request
    /// specification).
    pub(in crate::body) fn pair(&mut self, name: &str, value: &str) {
        let is = |word: &str| name.eq_ignore_ascii_case(word);
        let last = name.rsplit(['[', ']', '.']).map(str::trim).find(|word| !word.is_empty());
        if last.is_some_and(|last| last.eq_ignore_ascii_case("query")) && value.contains('{') {
            self.keep(Document { expected: is("query"), ..Document::of(value) });
        }
        if is("variables") {
            let mut shared = std::mem::take(&mut self.shared);
            self.fill(value, Arc::make_mut(&mut shared), 0);
            self.shared = shared;
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
        let (mut asks, mut stored) = (false, false);
        let mut asked = Self::default();
        for (name, value) in pairs {
            let is = |word: &str| name.eq_ignore_ascii_case(word);
            asks |= is("query");
            stored |= is("extensions") && value.contains("persistedQuery");
            if is("query") && (is_endpoint || crate::graphql::may_be(value)) {
                asked.documents.push(Document { expected: true, ..Document::of(value) });
            }
            if is("variables") {
                asked.pair(name, value);
            }
        }
        self.extend(asked);
        if stored && !asks {
            self.miss(Missing::Stored);
        }
    }
}
