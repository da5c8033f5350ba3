//! GraphQL documents (GraphQL specification, October 2021) as operations: one for each field that a request asks for at its root.

use std::collections::HashMap;
use std::sync::Arc;

use apollo_parser::Parser;
use apollo_parser::cst::{
    self, Argument, Definition, Field, OperationDefinition, Selection, SelectionSet, Value,
};
use palisade_policy::{Operation, Told, TooMuch, Within};

use crate::body::{Document, Variables};

/// How deep a document may be nested.
const DEEPEST: usize = 64;
/// Most words of a document.
const MOST_TOKENS: usize = 20_000;
/// Most fields of all documents of a request, those of fragments counted wherever they are spread.
const MOST_FIELDS: usize = 2_000;

/// Whether a text begins as a document does; others write queries of their own languages under the same name.
#[must_use]
pub(crate) fn may_be(text: &str) -> bool {
    // Readers pass over commas, blanks and a byte order mark; lenient ones may over whatever is no mark of ASCII.
    let begin = text.trim_start_matches(|c: char| !c.is_ascii_graphic() || c == ',');
    let words = ["query", "mutation", "subscription", "fragment"];
    // What describes an operation stands before it.
    let described = begin.starts_with('"') && words.into_iter().any(|word| text.contains(word));
    let begins = begin.starts_with(['{', '#']) || words.iter().any(|word| begin.starts_with(word));
    text.contains('{') && (described || begins)
}

/// Whether a text that is no document is that to other readers too: none of its words changes anything.
#[must_use]
pub(crate) fn is_other(text: &str, why: &str) -> bool {
    why == NO_DOCUMENT && !["mutation", "subscription"].into_iter().any(|word| text.contains(word))
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
    /// What the variables of all documents are filled with.
    shared: Arc<Variables>,
    /// And those of the document at hand.
    given: Arc<Variables>,
    /// And what those of the operation at hand are filled with where nothing is given.
    defaults: Arc<Variables>,
    found: Vec<Operation>,
}

impl Default for Walk {
    fn default() -> Self {
        Self {
            left: MOST_FIELDS,
            told: Told::default(),
            shared: Arc::default(),
            given: Arc::default(),
            defaults: Arc::default(),
            found: vec![],
        }
    }
}

impl Walk {
    /// A walk through documents that may all be filled with this.
    pub(crate) fn new(shared: &Arc<Variables>) -> Self {
        Self { shared: Arc::clone(shared), ..Self::default() }
    }

    /// What was found.
    pub(crate) fn found(self) -> Vec<Operation> {
        self.found
    }

    /// Adds what a document would do. Where an operation is named, only that one runs.
    ///
    /// # Errors
    /// What could not be accounted for.
    pub(crate) fn document(&mut self, document: &Document) -> Result<(), &'static str> {
        let parser = Parser::new(&document.text).recursion_limit(DEEPEST).token_limit(MOST_TOKENS);
        let tree = parser.parse();
        if tree.errors().next().is_some() {
            let is_limit = tree.errors().any(apollo_parser::Error::is_limit);
            return Err(if is_limit {
                "it is very long, or nested very deeply"
            } else {
                NO_DOCUMENT
            });
        }
        let name = document.operation.as_deref();
        let (fragments, mut requests) = parts_of(&tree.document())?;
        let named = |request: &OperationDefinition| {
            let own = request.name().map(|name| name.text().to_string());
            name.is_none_or(|name| own.as_deref() == Some(name))
        };
        // A name that is not there runs nothing; then all are judged.
        if requests.iter().any(named) {
            requests.retain(named);
        }
        self.given = Arc::clone(&document.variables);
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
        self.defaults(request)?;
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
            for argument in arguments(&field) {
                let name = argument.name().map(|name| name.text().to_string()).unwrap_or_default();
                self.told.spend(name.len()).map_err(too_much)?;
                self.told.fact("argument".to_owned(), name).map_err(too_much)?;
            }
            self.arguments(&field, Within::default())?;
            if let Some(inner) = field.selection_set() {
                self.paths(&inner, fragments, (Within::default(), 0))?;
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
            return Err(TOO_DEEP);
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
            return Err(TOO_DEEP);
        }
        for field in self.fields(set, fragments, depth)? {
            let name = name_of(&field)?;
            // A name that is known by now is looked up all the same.
            self.told.spend(name.len()).map_err(too_much)?;
            let path = self.told.field(within, name).map_err(too_much)?;
            self.arguments(&field, path)?;
            if let Some(inner) = field.selection_set() {
                self.paths(&inner, fragments, (path, depth + 1))?;
            }
        }
        Ok(())
    }
}

impl Walk {
    /// Tells what a field's arguments name, apart from what is asked for: `arguments.role`, `arguments.input.role`.
    fn arguments(&mut self, field: &Field, within: Within) -> Result<(), &'static str> {
        for argument in arguments(field) {
            let name = argument.name().map(|name| name.text().to_string()).unwrap_or_default();
            let path = self.name(within, &format!("arguments.{name}"))?;
            if let Some(value) = argument.value() {
                self.value(&value, path, 0)?;
            }
        }
        Ok(())
    }

    /// Tells what a value names.
    fn value(&mut self, value: &Value, within: Within, depth: usize) -> Result<(), &'static str> {
        if depth > DEEPEST {
            return Err(TOO_DEEP);
        }
        // A list of many is looked through wherever its fragment is spread.
        self.told.spend(0).map_err(too_much)?;
        match value {
            Value::Variable(variable) => {
                let name = variable.name().map(|name| name.text().to_string()).unwrap_or_default();
                self.told.spend(name.len()).map_err(too_much)?;
                let filled = [&self.shared, &self.given, &self.defaults].map(Arc::clone);
                for name in filled.iter().filter_map(|names| names.get(&name)).flatten() {
                    self.name(within, name)?;
                }
            }
            Value::ListValue(list) => {
                for value in list.values() {
                    self.value(&value, within, depth + 1)?;
                }
            }
            Value::ObjectValue(object) => {
                for field in object.object_fields() {
                    let name = field.name().map(|name| name.text().to_string()).unwrap_or_default();
                    let path = self.name(within, &name)?;
                    if let Some(value) = field.value() {
                        self.value(&value, path, depth + 1)?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Tells a name, which counts also where it is known by now.
    fn name(&mut self, within: Within, name: &str) -> Result<Within, &'static str> {
        self.told.spend(name.len()).map_err(too_much)?;
        self.told.field(within, name).map_err(too_much)
    }

    /// Keeps what an operation's variables are filled with where nothing is given: nothing of it is told by itself.
    fn defaults(&mut self, request: &OperationDefinition) -> Result<(), &'static str> {
        self.defaults = Arc::default();
        let definitions = request.variable_definitions();
        let mut defaults = Variables::new();
        for definition in definitions.into_iter().flat_map(|all| all.variable_definitions()) {
            let name = definition.variable().and_then(|variable| variable.name());
            let value = definition.default_value().and_then(|default| default.value());
            let (Some(name), Some(value)) = (name, value) else { continue };
            self.value(&value, Within::default(), 0)?;
            defaults.insert(name.text().to_string(), self.told.take().0);
        }
        self.defaults = Arc::new(defaults);
        Ok(())
    }
}

/// A document's fragments, and its operations.
fn parts_of(
    document: &cst::Document,
) -> Result<(Fragments, Vec<OperationDefinition>), &'static str> {
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

const NO_DOCUMENT: &str = "it is no GraphQL document";
const TOO_DEEP: &str = "it is nested too deeply";
const TOO_MUCH: &str = "it asks for too much";

fn too_much(_: TooMuch) -> &'static str {
    TOO_MUCH
}

/// A field's own name, whatever alias it is given.
fn name_of(field: &Field) -> Result<String, &'static str> {
    field.name().map(|name| name.text().to_string()).ok_or("a field has no name")
}

fn arguments(field: &Field) -> impl Iterator<Item = Argument> {
    field.arguments().into_iter().flat_map(|arguments| arguments.arguments())
}

#[cfg(test)]
mod tests;
