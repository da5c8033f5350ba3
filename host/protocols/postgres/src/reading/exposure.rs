//! What a statement has to do with columns that somebody may protect: which it uses, and what it stores where.

use std::collections::{BTreeMap, BTreeSet};

use palisade_policy::Operation;
use palisade_sql::{How, Name, Object, Source, Statement, Usage, Use};

use super::by_index;
use super::called::views;
use super::stored::{Stored, stored};
use super::targets::{Targets, reached};
use crate::catalog::{
    Behind, DEEPEST, Known, Relation, View, behind_names, in_the_guise_of_a_column, is_write,
    resolve, source_names,
};

/// The action of an operation that says how columns are used without being shown.
pub const USE: &str = "use";

/// What becomes of consequence where something that the statement touches is protected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exposure {
    /// The relations that it touches, as (schema, name), those that a view passes it on to among them.
    pub relations: BTreeSet<(String, String)>,
    /// It touches a relation of which nothing is certain.
    pub in_doubt: bool,
    /// Why it is not accounted for, should one of them be protected.
    pub reservations: Vec<String>,
    /// What it stores.
    pub stored: Vec<Stored>,
}

impl Exposure {
    pub(super) fn new(statement: &Statement, known: &Known, certain: bool) -> Self {
        let mut exposure = Self {
            reservations: statement.reservations.clone(),
            stored: stored(statement, known),
            ..Self::default()
        };
        for operation in &statement.operations {
            let Object::Relation(name) = &operation.object else { continue };
            let mut found = false;
            for relation in resolve(known, name) {
                found = true;
                relation.touched(known, &mut exposure.relations);
            }
            exposure.in_doubt |= !found && !certain && operation.action != "create";
        }
        let tests = |(_, change): &(&str, String)| change == "test-values";
        exposure.in_doubt |= by_index::orders_every_table(statement)
            || statement.operations.iter().any(|operation| operation.facts.iter().any(tests));
        exposure.doubt_names(statement, known);
        // One that is followed shows what it reads.
        let called = statement.sources().filter(|source| is_called(known, source));
        let called = called.map(|source| source.column.as_str());
        let called: BTreeSet<&str> =
            called.filter(|it| known.function_reads(it).is_none()).collect();
        let called = called.into_iter();
        exposure
            .reservations
            .extend(called.map(|it| format!("{it} is called in the guise of a column")));
        for view in views(statement, known).values() {
            exposure.read_view(view, known);
        }
        exposure
    }

    /// Adds what another statement is exposed to, which this one runs.
    pub(crate) fn add(&mut self, other: &Self) {
        self.relations.extend(other.relations.iter().cloned());
        self.in_doubt |= other.in_doubt;
        self.reservations.extend(other.reservations.iter().cloned());
        self.stored.extend(other.stored.iter().cloned());
    }

    /// What reads a view runs its query, which may read something else by now than when somebody judged that.
    fn read_view(&mut self, view: &View, known: &Known) {
        self.reservations.extend(view.statement.reservations.iter().cloned());
        self.doubt_names(&view.statement, known);
        if view.reads.iter().any(|name| resolve(known, name).next().is_none()) {
            self.in_doubt = true;
            self.reservations.push("a view stands on relations that are not known".to_owned());
        }
    }

    /// A function or an operator that somebody defined may stand behind a name of the server's own.
    fn doubt_names(&mut self, statement: &Statement, known: &Known) {
        // What a cast makes of a value is told from the type.
        let doubted = behind_names(statement, known).filter(|(kind, _)| *kind != Behind::Cast);
        let reason = |(kind, name): (Behind, &str)| {
            format!("{} may be another than the server's", kind.of(name))
        };
        self.reservations.extend(doubted.map(reason));
    }
}

/// A call of each of these.
fn calls_behind_names(statement: &Statement, known: &Known) -> Vec<Operation> {
    let call = |(kind, name): (Behind, &str)| Operation {
        action: "call".to_owned(),
        object: if kind == Behind::Function { name.to_owned() } else { kind.of(name) },
        facts: vec![("function".to_owned(), "unknown".to_owned())],
        ..Operation::default()
    };
    behind_names(statement, known).map(call).collect()
}

/// Whether code runs that nobody sees: a function, operator or cast that somebody defined under a name of the server's
/// own, or what hangs on a relation that is written.
pub(super) fn runs_unseen_code(statement: &Statement, known: &Known) -> bool {
    let runs = |operation: &palisade_sql::Operation| match &operation.object {
        Object::Relation(name) if is_write(operation.action) => {
            reached(known, name).iter().any(|it| it.runs_code(operation.action))
        }
        _ => false,
    };
    behind_names(statement, known).next().is_some() || statement.operations.iter().any(runs)
}

/// What a statement does besides what it says: on parts of a relation, by foreign keys, by code that hangs on one.
pub(super) fn elsewhere(statement: &Statement, known: &Known) -> Vec<Operation> {
    let mut operations = calls_behind_names(statement, known);
    for operation in &statement.operations {
        let Object::Relation(name) = &operation.object else { continue };
        if !is_write(operation.action) {
            continue;
        }
        for relation in reached(known, name) {
            relation.done_elsewhere(operation.action, known, &mut operations);
        }
        operations.extend(collisions(operation, name, known));
    }
    operations.extend(
        statement.operations.iter().filter_map(|operation| reference(operation, known)).flatten(),
    );
    operations
}

/// A value that is written to a unique column is compared with those that are there, as is one that is made of it.
fn collisions(operation: &palisade_sql::Operation, name: &Name, known: &Known) -> Vec<Operation> {
    if !matches!(operation.action, "insert" | "update" | "merge") {
        return vec![];
    }
    let mut compared: BTreeMap<Place, BTreeSet<String>> = BTreeMap::new();
    for field in &operation.fields {
        let target = Source::new(name, field);
        for (relation, column) in Targets::of(known, &target).columns() {
            let made = relation.made_of(column).any(|made| relation.unique.contains(made));
            if made || relation.unique.contains(column) {
                compared.entry(relation.place()).or_default().insert(column.to_owned());
            }
        }
    }
    let facts = vec![
        ("for".to_owned(), "unique".to_owned()),
        ("how".to_owned(), how_name(How::Other).to_owned()),
    ];
    let used = compared.into_iter().map(|((schema, relation), fields)| Operation {
        action: USE.to_owned(),
        object: format!("{schema}.{relation}"),
        fields: fields.into_iter().collect(),
        facts: facts.clone(),
    });
    used.collect()
}

/// A foreign key compares its own values with the column that it refers to.
fn reference(operation: &palisade_sql::Operation, known: &Known) -> Option<Vec<Operation>> {
    let Object::Relation(name) = &operation.object else { return None };
    let by_key = operation.facts.iter().any(|(_, via)| via == "foreign-key");
    if operation.action != "references" || !by_key {
        return None;
    }
    // Without columns it refers to the primary key.
    let key = |relation: &Relation| match (operation.fields.is_empty(), relation.primary.is_empty())
    {
        (false, _) => operation.fields.clone(),
        (true, false) => relation.primary.iter().cloned().collect(),
        (true, true) => vec!["*".to_owned()],
    };
    let used = resolve(known, name).map(|relation| Operation {
        action: USE.to_owned(),
        object: relation.full_name(),
        fields: key(relation),
        facts: vec![
            ("for".to_owned(), usage_name(Usage::Join).to_owned()),
            ("how".to_owned(), how_name(How::Other).to_owned()),
        ],
    });
    Some(used.collect())
}

/// What decides without being shown, in the statement itself and in the views that it reads.
pub(super) fn uses(statement: &Statement, known: &Known) -> Vec<Operation> {
    // A function in the guise of a column that is not evaluated is called all the same, and may give any number of rows.
    let called = statement.idle.iter();
    let called = called.filter(|source| in_the_guise_of_a_column(known, source).is_some());
    let called: Vec<Use> = called
        .map(|source| Use { usage: Usage::Predicate, how: How::Other, source: source.clone() })
        .collect();
    let shown = statement.sources().filter(|source| is_called(known, source));
    let computed: Vec<Use> = shown
        .map(|source| Use { usage: Usage::Expression, how: How::Other, source: source.clone() })
        .collect();
    let all = statement.uses.iter().chain(&called).chain(&computed);
    let mut operations = used(all, known);
    operations.extend(picked(statement, known));
    let guesses = |operation: &&mut Operation| {
        operation.facts.iter().any(|(_, how)| how == how_name(How::EqualsParameter))
    };
    for operation in operations.iter_mut().filter(guesses) {
        operation.facts.push(("guesses".to_owned(), statement.guesses.to_string()));
    }
    for (name, view) in views(statement, known) {
        // What it computes with is a part of what it shows, unless that is a view: it may be another than when this one was made.
        let is_view = |source: &Source| {
            resolve(known, &source.relation).any(|relation| relation.view.is_some())
        };
        let decides = view.statement.uses.iter();
        let decides =
            decides.filter(|used| used.usage != Usage::Expression || is_view(&used.source));
        operations.extend(used(decides, known).into_iter().map(|mut operation| {
            operation.facts.push(("through".to_owned(), name.clone()));
            operation
        }));
    }
    operations
}

/// One operation for each relation, usage and way of using.
fn used<'a>(uses: impl IntoIterator<Item = &'a Use>, known: &Known) -> Vec<Operation> {
    let mut grouped: BTreeMap<(Place, Usage, How), BTreeSet<String>> = BTreeMap::new();
    for used in uses {
        // To ask whether what a view or a function computed is NULL, or equals something, is to ask what that asks.
        let computed = is_computed(known, &used.source, 0) || is_called(known, &used.source);
        let how = if computed { How::Other } else { used.how };
        for (relation, column) in columns_of(&used.source, known) {
            grouped.entry((relation, used.usage, how)).or_default().insert(column);
        }
    }
    grouped
        .into_iter()
        .map(|((relation, usage, how), columns)| use_of(relation, columns, usage, how))
        .collect()
}

/// The columns by which row policies pick the rows that a statement reads or changes. New ones are [tested](super::tested).
fn picked(statement: &Statement, known: &Known) -> Vec<Operation> {
    let rows = ["select", "update", "delete", "merge", "copy-to"];
    let names = statement.operations.iter().filter(|operation| rows.contains(&operation.action));
    let names = names.filter_map(|operation| operation.object.relation());
    let mut picked: BTreeMap<Place, BTreeSet<String>> = BTreeMap::new();
    for relation in names.flat_map(|name| reached(known, name)) {
        if !relation.judged_by.is_empty() {
            picked.entry(relation.place()).or_default().extend(relation.judged_by.iter().cloned());
        }
    }
    let of = |(place, columns)| use_of(place, columns, Usage::Predicate, How::Other);
    picked.into_iter().map(of).collect()
}

/// Whether a function of somebody's own is called in the guise of a column.
fn is_called(known: &Known, source: &Source) -> bool {
    in_the_guise_of_a_column(known, source)
        .is_some_and(|name| known.defines_function(name) || known.defines_cast(name))
}

/// Whether a source is a column of a view that is another value than any column of a table, or may be.
fn is_computed(known: &Known, source: &Source, depth: usize) -> bool {
    resolve(known, &source.relation).any(|relation| {
        let Some(view) = &relation.view else { return false };
        let outputs = &view.statement.outputs;
        let mut columns = relation.columns.values();
        let position = source.position().map(|at| at.saturating_sub(1));
        let at = position.or_else(|| columns.position(|column| *column == source.column));
        let exact = outputs.exact && outputs.columns.len() == relation.columns.len();
        let column = at.filter(|_| exact).and_then(|at| outputs.columns.get(at));
        let plain = column.filter(|it| !it.derived && !it.star && !it.opaque && depth < DEEPEST);
        plain.is_none_or(|it| it.sources.iter().any(|of| is_computed(known, of, depth + 1)))
    })
}

/// A relation, as (schema, name).
pub(super) type Place = (String, String);

/// The columns that a source may be, each with its relation; none of what nothing is known of.
pub(super) fn columns_of(
    source: &Source,
    known: &Known,
) -> impl Iterator<Item = (Place, String)> + use<> {
    let mut names = BTreeSet::new();
    source_names(known, source, &mut names, 0);
    let names = names.into_iter().filter(|name| (&*name.schema, &*name.relation) != ("?", "?"));
    names.map(|name| (name.place(), name.column))
}

/// Columns of a relation, used so.
pub(super) fn use_of(
    (schema, name): Place,
    columns: BTreeSet<String>,
    usage: Usage,
    how: How,
) -> Operation {
    let (usage, relation) = (usage_name(usage), format!("{schema}.{name}"));
    let mut facts =
        vec![("for".to_owned(), usage.to_owned()), ("how".to_owned(), how_name(how).to_owned())];
    let each = columns.iter().map(|column| format!("{usage} {relation}.{column}"));
    facts.extend(each.map(|uses| ("uses".to_owned(), uses)));
    let fields = columns.into_iter().collect();
    Operation { action: USE.to_owned(), object: relation, fields, facts }
}

fn usage_name(usage: Usage) -> &'static str {
    match usage {
        Usage::Predicate => "predicate",
        Usage::Join => "join",
        Usage::Sort => "sort",
        Usage::Group => "group",
        Usage::Expression => "expression",
    }
}

fn how_name(how: How) -> &'static str {
    match how {
        How::NullTest => "null-test",
        How::EqualsParameter => "equals-parameter",
        How::EqualsConstant => "equals-constant",
        How::AmongThemselves => "among-themselves",
        How::ByIndex => "by-index",
        How::Other => "other",
    }
}
