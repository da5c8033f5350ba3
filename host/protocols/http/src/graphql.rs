//! GraphQL documents (GraphQL specification, October 2021) as operations: one for each field that a request asks for at its root.

use std::collections::HashMap;

use apollo_parser::Parser;
use apollo_parser::cst::{Definition, Field, OperationDefinition, Selection, SelectionSet};
use palisade_policy::Operation;

/// How deep a document may be nested.
const DEEPEST: usize = 64;
/// Most words of a document.
const MOST_TOKENS: usize = 20_000;
/// Most fields of a request, those of fragments counted wherever they are spread.
const MOST_FIELDS: usize = 2_000;

/// What a document would do: `query`, `mutation` or `subscription` on the root's field, with the paths of the fields below it
/// (`items.price`) and its arguments as facts. Where a name is given, only the operation of that name runs.
///
/// # Errors
/// What could not be accounted for.
pub fn operations(document: &str, name: Option<&str>) -> Result<Vec<Operation>, &'static str> {
    let parser = Parser::new(document).recursion_limit(DEEPEST).token_limit(MOST_TOKENS);
    let tree = parser.parse();
    if tree.errors().next().is_some() {
        return Err("it is no GraphQL document, or a very long one");
    }
    let mut fragments = HashMap::new();
    let mut requests = Vec::new();
    for definition in tree.document().definitions() {
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
    let named = |request: &OperationDefinition| {
        let own = request.name().map(|name| name.text().to_string());
        name.is_none_or(|name| own.as_deref() == Some(name))
    };
    // A name that is not there runs nothing; then all are judged.
    if requests.iter().any(named) {
        requests.retain(named);
    }
    let mut walk = Walk { fragments: &fragments, left: MOST_FIELDS, found: vec![] };
    for request in &requests {
        walk.request(request)?;
    }
    if walk.found.is_empty() { Err("it asks for nothing") } else { Ok(walk.found) }
}

/// Whether a text begins as a document does; others write queries of their own languages under the same name.
#[must_use]
pub(crate) fn may_be(text: &str) -> bool {
    let begin = text.trim_start_matches(|c: char| c.is_whitespace() || c == ',' || c == '\u{feff}');
    let words = ["{", "#", "query", "mutation", "subscription", "fragment"];
    text.contains('{') && words.into_iter().any(|word| begin.starts_with(word))
}

struct Walk<'a> {
    fragments: &'a HashMap<String, SelectionSet>,
    left: usize,
    found: Vec<Operation>,
}

impl Walk<'_> {
    fn request(&mut self, request: &OperationDefinition) -> Result<(), &'static str> {
        let kind = request.operation_type();
        let action = match kind {
            Some(kind) if kind.mutation_token().is_some() => "mutation",
            Some(kind) if kind.subscription_token().is_some() => "subscription",
            _ => "query",
        };
        let Some(fields) = request.selection_set() else { return Ok(()) };
        for field in self.fields(&fields, 0)? {
            let object = name_of(&field)?;
            let mut fields = Vec::new();
            if let Some(inner) = field.selection_set() {
                self.paths(&inner, "", 0, &mut fields)?;
            }
            let facts = arguments(&field).map(|name| ("argument".to_owned(), name)).collect();
            self.found.push(Operation { action: action.to_owned(), object, fields, facts });
        }
        Ok(())
    }

    /// The fields of a selection, with those of its fragments.
    fn fields(&mut self, set: &SelectionSet, depth: usize) -> Result<Vec<Field>, &'static str> {
        if depth > DEEPEST {
            return Err("it is nested too deeply");
        }
        let mut found = Vec::new();
        for selection in set.selections() {
            self.left = self.left.checked_sub(1).ok_or("it asks for too much")?;
            match selection {
                Selection::Field(field) => found.push(field),
                Selection::InlineFragment(fragment) => {
                    if let Some(inner) = fragment.selection_set() {
                        found.extend(self.fields(&inner, depth + 1)?);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.fragment_name().and_then(|name| name.name());
                    let name = name.map(|name| name.text().to_string()).unwrap_or_default();
                    let fragments = self.fragments;
                    let inner = fragments.get(&name).ok_or("it spreads an unknown fragment")?;
                    found.extend(self.fields(inner, depth + 1)?);
                }
            }
        }
        Ok(found)
    }

    fn paths(
        &mut self,
        set: &SelectionSet,
        prefix: &str,
        depth: usize,
        found: &mut Vec<String>,
    ) -> Result<(), &'static str> {
        if depth > DEEPEST {
            return Err("it is nested too deeply");
        }
        for field in self.fields(set, depth)? {
            let path = format!("{prefix}{}", name_of(&field)?);
            if let Some(inner) = field.selection_set() {
                self.paths(&inner, &format!("{path}."), depth + 1, found)?;
            }
            if !found.contains(&path) {
                found.push(path);
            }
        }
        Ok(())
    }
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
            ["mutation deleteUser (id, user.email, user)", "mutation ping ()"]
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

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[{}a-c.()$:@\" \\n#0-9]{0,60}") {
            let _ = operations(&text, None);
        }
    }
}
