//! GraphQL documents (GraphQL specification, October 2021) as operations: one for each field that a request asks for at its root.

use std::collections::HashMap;

use apollo_parser::Parser;
use apollo_parser::cst::{
    Definition, Document, Field, OperationDefinition, Selection, SelectionSet,
};
use palisade_policy::{Operation, Told, TooMuch, Within};

/// How deep a document may be nested.
const DEEPEST: usize = 64;
/// Most words of a document.
const MOST_TOKENS: usize = 20_000;
/// Most fields of all documents of a request, those of fragments counted wherever they are spread.
const MOST_FIELDS: usize = 2_000;

/// Whether a text begins as a document does; others write queries of their own languages under the same name.
#[must_use]
pub(crate) fn may_be(text: &str) -> bool {
    let begin = text.trim_start_matches(|c: char| c.is_whitespace() || c == ',' || c == '\u{feff}');
    let words = ["{", "#", "query", "mutation", "subscription", "fragment"];
    text.contains('{') && words.into_iter().any(|word| begin.starts_with(word))
}

/// A document's fragments by their names.
type Fragments = HashMap<String, SelectionSet>;

/// What the documents of one request would do: `query`, `mutation` or `subscription` on the root's field, with the paths of the
/// fields below it (`items.price`) and its arguments as facts.
#[derive(Debug)]
pub(crate) struct Walk {
    /// How many fields all documents together may still ask for.
    left: usize,
    /// What is told of them: a fragment's words are told wherever it is spread.
    told: Told,
    found: Vec<Operation>,
}

impl Default for Walk {
    fn default() -> Self {
        Self { left: MOST_FIELDS, told: Told::default(), found: vec![] }
    }
}

impl Walk {
    /// What was found.
    pub(crate) fn found(self) -> Vec<Operation> {
        self.found
    }

    /// Adds what a document would do. Where a name is given, only the operation of that name runs.
    ///
    /// # Errors
    /// What could not be accounted for.
    pub(crate) fn document(&mut self, text: &str, name: Option<&str>) -> Result<(), &'static str> {
        let parser = Parser::new(text).recursion_limit(DEEPEST).token_limit(MOST_TOKENS);
        let tree = parser.parse();
        if tree.errors().next().is_some() {
            return Err("it is no GraphQL document, or a very long one");
        }
        let (fragments, mut requests) = parts_of(&tree.document())?;
        let named = |request: &OperationDefinition| {
            let own = request.name().map(|name| name.text().to_string());
            name.is_none_or(|name| own.as_deref() == Some(name))
        };
        // A name that is not there runs nothing; then all are judged.
        if requests.iter().any(named) {
            requests.retain(named);
        }
        let before = self.found.len();
        for request in &requests {
            self.request(request, &fragments)?;
        }
        if self.found.len() == before { Err("it asks for nothing") } else { Ok(()) }
    }

    fn request(
        &mut self,
        request: &OperationDefinition,
        fragments: &Fragments,
    ) -> Result<(), &'static str> {
        let kind = request.operation_type();
        let action = match kind {
            Some(kind) if kind.mutation_token().is_some() => "mutation",
            Some(kind) if kind.subscription_token().is_some() => "subscription",
            _ => "query",
        };
        let Some(fields) = request.selection_set() else { return Ok(()) };
        for field in self.fields(&fields, fragments, 0)? {
            let object = name_of(&field)?;
            self.told.spend(action.len() + object.len()).map_err(too_much)?;
            if let Some(inner) = field.selection_set() {
                self.paths(&inner, fragments, (Within::default(), 0))?;
            }
            for name in arguments(&field) {
                self.told.spend(name.len()).map_err(too_much)?;
                self.told.fact("argument".to_owned(), name).map_err(too_much)?;
            }
            let (fields, facts) = self.told.take();
            self.found.push(Operation { action: action.to_owned(), object, fields, facts });
        }
        Ok(())
    }

    /// The fields of a selection, with those of its fragments.
    fn fields(
        &mut self,
        set: &SelectionSet,
        fragments: &Fragments,
        depth: usize,
    ) -> Result<Vec<Field>, &'static str> {
        if depth > DEEPEST {
            return Err("it is nested too deeply");
        }
        let mut found = Vec::new();
        for selection in set.selections() {
            self.left = self.left.checked_sub(1).ok_or(TOO_MUCH)?;
            match selection {
                Selection::Field(field) => found.push(field),
                Selection::InlineFragment(fragment) => {
                    if let Some(inner) = fragment.selection_set() {
                        found.extend(self.fields(&inner, fragments, depth + 1)?);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.fragment_name().and_then(|name| name.name());
                    let name = name.map(|name| name.text().to_string()).unwrap_or_default();
                    self.told.spend(name.len()).map_err(too_much)?;
                    let inner = fragments.get(&name).ok_or("it spreads an unknown fragment")?;
                    found.extend(self.fields(inner, fragments, depth + 1)?);
                }
            }
        }
        Ok(found)
    }

    /// Tells the fields of a selection that lies within a field, so deep.
    fn paths(
        &mut self,
        set: &SelectionSet,
        fragments: &Fragments,
        (within, depth): (Within, usize),
    ) -> Result<(), &'static str> {
        if depth > DEEPEST {
            return Err("it is nested too deeply");
        }
        for field in self.fields(set, fragments, depth)? {
            let name = name_of(&field)?;
            // A name that is known by now is looked up all the same.
            self.told.spend(name.len()).map_err(too_much)?;
            let path = self.told.field(within, name).map_err(too_much)?;
            if let Some(inner) = field.selection_set() {
                self.paths(&inner, fragments, (path, depth + 1))?;
            }
        }
        Ok(())
    }
}

/// A document's fragments, and its operations.
fn parts_of(document: &Document) -> Result<(Fragments, Vec<OperationDefinition>), &'static str> {
    let (mut fragments, mut requests) = (Fragments::new(), Vec::new());
    for definition in document.definitions() {
        match definition {
            Definition::OperationDefinition(operation) => requests.push(operation),
            Definition::FragmentDefinition(fragment) => {
                let name = fragment.fragment_name().and_then(|name| name.name());
                let (Some(name), Some(fields)) = (name, fragment.selection_set()) else {
                    return Err("a fragment has no name");
                };
                if fragments.insert(name.text().to_string(), fields).is_some() {
                    return Err("a fragment is there twice");
                }
            }
            _ => return Err("it defines types"),
        }
    }
    Ok((fragments, requests))
}

const TOO_MUCH: &str = "it asks for too much";

fn too_much(_: TooMuch) -> &'static str {
    TOO_MUCH
}

/// A field's own name, whatever alias it is given.
fn name_of(field: &Field) -> Result<String, &'static str> {
    field.name().map(|name| name.text().to_string()).ok_or("a field has no name")
}

fn arguments(field: &Field) -> impl Iterator<Item = String> {
    let arguments = field.arguments().into_iter().flat_map(|arguments| arguments.arguments());
    arguments.filter_map(|argument| Some(argument.name()?.text().to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn operations(document: &str, name: Option<&str>) -> Result<Vec<Operation>, &'static str> {
        let mut walk = Walk::default();
        walk.document(document, name)?;
        Ok(walk.found())
    }

    fn shown(document: &str, name: Option<&str>) -> Result<Vec<String>, &'static str> {
        let shown = |operation: Operation| {
            let Operation { action, object, fields, .. } = operation;
            format!("{action} {object} ({})", fields.join(", "))
        };
        Ok(operations(document, name)?.into_iter().map(shown).collect())
    }

    #[test]
    fn each_field_at_the_root_is_an_operation_under_its_own_name() {
        let shown = shown("mutation { safe: deleteUser(id: 1) { id user { email } } ping }", None);
        assert_eq!(
            shown.unwrap(),
            ["mutation deleteUser (id, user, user.email)", "mutation ping ()"]
        );
        let operations = operations("{ user(id: 1, name: $n) { id } }", None).unwrap();
        let argument = |name: &str| ("argument".to_owned(), name.to_owned());
        assert_eq!(operations[0].facts, [argument("id"), argument("name")]);
    }

    #[test]
    fn fields_in_fragments_are_found() {
        let document = "query { ...A ... on Query { b { ...C } } } fragment A on Query { a } fragment C on B { c }";
        assert_eq!(shown(document, None).unwrap(), ["query a ()", "query b (c)"]);
    }

    #[test]
    fn only_the_named_operation_runs_and_all_are_judged_where_none_is_named() {
        let document = "query A { a } mutation B { b }";
        assert_eq!(shown(document, Some("B")).unwrap(), ["mutation b ()"]);
        assert_eq!(shown(document, None).unwrap().len(), 2);
        assert_eq!(shown(document, Some("C")).unwrap().len(), 2);
    }

    #[test]
    fn what_cannot_be_accounted_for_is_said() {
        let bomb = (0..40).map(|n| format!("fragment F{n} on Q {{ ...F{0} ...F{0} }} ", n + 1));
        let bomb = format!("{{ ...F0 }} {} fragment F40 on Q {{ a }}", bomb.collect::<String>());
        let deep = format!("{}{}", "{a".repeat(200), "}".repeat(200));
        for document in
            ["{", "type A { b: C }", "{ ...A } fragment A on Q { ...A }", "{ ...X }", &bomb, &deep]
        {
            assert!(operations(document, None).is_err(), "{document}");
        }
    }

    /// Several documents of one request; how many operations they make.
    fn all(documents: &[&str]) -> Result<usize, &'static str> {
        let mut walk = Walk::default();
        documents.iter().try_for_each(|document| walk.document(document, None))?;
        Ok(walk.found().len())
    }

    #[test]
    fn the_documents_of_a_request_share_what_they_may_ask_for() {
        let doubling = (0..9).map(|n| format!("fragment F{n} on Q {{ ...F{0} ...F{0} }} ", n + 1));
        let doubling: String = doubling.collect();
        let document = format!("{{ ...F0 }} {doubling} fragment F9 on Q {{ a }}");
        assert_eq!(all(&[&document]), Ok(512));
        assert_eq!(all(&[document.as_str(); 2]), Err(TOO_MUCH));
        assert_eq!(all(&["{ a b }"; 900]), Ok(1800));
    }

    #[test]
    fn a_long_word_counts_wherever_it_is_told() {
        let long = "x".repeat(450_000);
        let names: String = (0..1000).map(|number| format!("a{number} ")).collect();
        let again = |inner: &str| {
            let many = "...G ".repeat(500);
            format!("{{r{{...F}} ...F}} fragment F on Q {{{many}}} fragment G on Q {{{inner}}}")
        };
        for document in [
            // Before the paths of those that lie within it.
            format!("{{r{{{long}{{{names}}}}}}}"),
            // As a field, as an argument, and as a fragment that is looked up again and again.
            again(&long),
            again(&format!("a({long}: 1)")),
            again(&format!("...{long}")) + &format!("fragment {long} on Q {{a}}"),
        ] {
            assert_eq!(operations(&document, None).unwrap_err(), TOO_MUCH);
        }
        // Once it is nothing but long.
        assert!(operations(&format!("{{r{{{long}}}}}"), None).is_ok());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[{}a-c.()$:@\" \\n#0-9]{0,60}") {
            let _ = operations(&text, None);
        }
    }
}
