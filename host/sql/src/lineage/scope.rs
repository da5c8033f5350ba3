//! Names that are visible at one place, and what a reference to them means.

use super::{Flow, Inflow, Piece, Shape};
use crate::{Name, Source};
use std::collections::HashMap;

/// How many relations a name is looked for in one by one.
const MOST_RIVALS: usize = 32;

/// Whether a row source has a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Match {
    No,
    Maybe,
    Sure,
}

/// What a reference means.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resolved {
    pub(crate) flow: Flow,
    /// Whether something was computed with what it means, in the query where it comes from.
    pub(crate) computed: bool,
    /// The columns of base relations that it reads.
    pub(crate) reads: Vec<Source>,
    /// The outermost scope that it may reach.
    pub(crate) level: usize,
    /// What the lookup cost.
    pub(crate) steps: usize,
    /// The relations of which a name that stands alone may be a column.
    rivals: Vec<Name>,
}

impl Resolved {
    fn add(&mut self, flow: &Flow) {
        self.steps += flow.sources.len();
        self.computed |= flow.derived;
        self.flow.absorb(flow);
    }

    /// Adds what holds more than one column, or may: none of them as it is.
    fn add_derived(&mut self, flow: Flow) {
        self.steps += flow.sources.len();
        self.computed |= flow.derived;
        self.flow.absorb(&flow.derive());
    }

    fn add_star(&mut self, relation: &Name, inflow: &Inflow, column: &str) {
        self.steps += 4;
        let mut source = Source::new(relation, column);
        self.reads.push(source.clone());
        let rivals = self.rivals.iter().filter(|rival| *rival != relation);
        source.rivals.extend(rivals.cloned());
        self.flow.sources.insert(source);
        for (name, flow) in inflow {
            if column == "*" || name.as_deref().is_none_or(|name| name == column) {
                self.add_derived(flow.clone());
            }
        }
    }

    fn add_whole(&mut self, item: &Item) {
        self.reads.extend(item.shape.pieces.iter().filter_map(Piece::reads));
        self.add_derived(item.shape.whole());
    }
}

/// One entry of a `FROM` clause.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// The name by which its columns are qualified.
    pub(crate) name: Option<String>,
    /// The relation, where it is one and goes by its own name.
    pub(crate) relation: Option<Name>,
    pub(crate) shape: Shape,
    /// Whether its columns are not found by their name alone (`excluded`, `old`).
    pub(crate) qualified_only: bool,
}

/// Names that are visible in one query, and the queries around it.
#[derive(Debug)]
pub(crate) struct Scope<'p> {
    parent: Option<&'p Scope<'p>>,
    /// Whether the entries of the parent itself are visible (they are not for a derived table without LATERAL).
    sees_siblings: bool,
    pub(crate) level: usize,
    pub(crate) items: Vec<Item>,
    /// Whether columns of several entries are one (`USING`, `NATURAL`).
    pub(crate) merged: bool,
    /// The queries named by `WITH`.
    pub(crate) named: HashMap<String, Shape>,
}

impl<'p> Scope<'p> {
    /// The outermost scope.
    pub(crate) fn root() -> Self {
        Self {
            parent: None,
            sees_siblings: true,
            level: 0,
            items: Vec::new(),
            merged: false,
            named: HashMap::new(),
        }
    }

    /// The scope of a query inside of another.
    pub(crate) fn inside(parent: &'p Scope<'p>, sees_siblings: bool) -> Self {
        Self { parent: Some(parent), sees_siblings, level: parent.level + 1, ..Self::root() }
    }

    /// This scope and those around it, each with whether its entries are visible.
    fn visible(&self) -> impl Iterator<Item = (&Scope<'p>, bool)> {
        let mut next = Some((self, true));
        std::iter::from_fn(move || {
            let (scope, visible) = next?;
            next = scope.parent.map(|parent| (parent, scope.sees_siblings));
            Some((scope, visible))
        })
    }

    /// The query that a `WITH` gave this name.
    pub(crate) fn named(&self, name: &str) -> Option<&Shape> {
        self.visible().find_map(|(scope, _)| scope.named.get(name))
    }

    /// All columns of all entries of this query.
    pub(crate) fn whole_rows(&self) -> Resolved {
        let mut all = Resolved { level: self.level, ..Resolved::default() };
        for item in &self.items {
            all.add_whole(item);
        }
        all
    }

    /// A name that stands alone: a column of whatever is in scope, or a whole row.
    pub(crate) fn resolve(&self, column: &str) -> Resolved {
        let mut all = Resolved { level: self.level, ..Resolved::default() };
        let mut hit = false;
        let rivals = self.rivals(column);
        for (scope, _) in self.visible().filter(|(_, visible)| *visible) {
            let (sure, maybe) = scope.resolve_here(column, &rivals);
            all.steps += scope.items.len() + rivals.len();
            hit |= sure.is_some() || maybe.is_some();
            if let Some(found) = sure {
                all.join(found, scope.level);
                if !scope.merged {
                    return all;
                }
            }
            if let Some(found) = maybe {
                all.join(found, scope.level);
            }
        }
        // Nothing has that name as far as is known here. Should the server find something, it may be anything.
        if hit { all } else { self.anything() }
    }

    /// Whatever is visible.
    fn anything(&self) -> Resolved {
        let mut all = Resolved { level: self.level, ..Resolved::default() };
        for (scope, _) in self.visible().filter(|(_, visible)| *visible) {
            for item in &scope.items {
                all.level = scope.level;
                all.add_whole(item);
            }
        }
        all
    }

    /// What a name that stands alone may be a column of: the visible relations of the database, and one without a
    /// name for what is of the statement's own making. None where there is but one.
    fn rivals(&self, column: &str) -> Vec<Name> {
        let mut rivals = Vec::new();
        for (scope, _) in self.visible().filter(|(_, visible)| *visible) {
            for item in scope.items.iter().filter(|item| !item.qualified_only) {
                let own = item.relation.is_none() && item.name.as_deref() == Some(column);
                let named = item.shape.pieces.iter().map(|piece| match piece {
                    Piece::Star { relation, .. } => Some(relation.clone()),
                    Piece::Column(column) => column.name.is_none().then(Name::default),
                    Piece::Opaque(_) => Some(Name::default()),
                });
                for rival in named.flatten().chain(own.then(Name::default)) {
                    if !rivals.contains(&rival) && rivals.len() < MOST_RIVALS {
                        rivals.push(rival);
                    }
                }
            }
        }
        if rivals.len() > 1 { rivals } else { Vec::new() }
    }

    fn resolve_here(&self, column: &str, rivals: &[Name]) -> (Option<Resolved>, Option<Resolved>) {
        let (mut sure, mut maybe) = (None::<Resolved>, None::<Resolved>);
        for item in self.items.iter().filter(|item| !item.qualified_only) {
            let mut found = Resolved { rivals: rivals.to_vec(), ..Resolved::default() };
            let matched = item.shape.find(column, &mut found);
            let into = match matched {
                Match::Sure => sure.get_or_insert_default(),
                Match::Maybe => maybe.get_or_insert_default(),
                Match::No => continue,
            };
            into.join(found, self.level);
        }
        for item in self.items.iter().filter(|item| item.name.as_deref() == Some(column)) {
            maybe.get_or_insert_default().add_whole(item);
        }
        (sure, maybe)
    }

    /// A qualified name: `item.column`, `schema.item.column`, or `item.*` for the whole row.
    pub(crate) fn resolve_qualified(
        &self,
        schema: Option<&str>,
        item: &str,
        column: &str,
    ) -> Resolved {
        let mut all = Resolved { level: self.level, ..Resolved::default() };
        for (scope, visible) in self.visible() {
            let mut hit = false;
            for item in scope.items.iter().filter(|known| visible && known.goes_by(schema, item)) {
                hit = true;
                all.level = scope.level;
                all.add_from(item, column);
            }
            all.steps += scope.items.len();
            if hit {
                return all;
            }
        }
        // No such entry: the server would refuse it. Should it not, every reading is taken.
        let mut all = self.resolve(column);
        let relation = Name { schema: schema.map(str::to_owned), name: item.to_owned() };
        all.flow.absorb(&Flow::of(&relation, column));
        all
    }

    /// The entries that `item.*` or `*` stands for, and the level at which they are.
    pub(crate) fn star_of(&self, schema: Option<&str>, item: Option<&str>) -> (usize, Vec<&Item>) {
        let Some(item) = item else {
            let all = self.items.iter().filter(|known| !known.qualified_only);
            return (self.level, all.collect());
        };
        for (scope, visible) in self.visible() {
            let hits: Vec<&Item> =
                scope.items.iter().filter(|known| visible && known.goes_by(schema, item)).collect();
            if !hits.is_empty() {
                return (scope.level, hits);
            }
        }
        (self.level, Vec::new())
    }
}

impl Resolved {
    fn join(&mut self, other: Self, level: usize) {
        self.computed |= other.computed;
        self.steps += other.flow.sources.len();
        self.flow.absorb(&other.flow);
        self.reads.extend(other.reads);
        self.steps += other.steps;
        self.level = self.level.min(level);
    }

    fn add_from(&mut self, item: &Item, column: &str) {
        if column == "*" {
            return self.add_whole(item);
        }
        if item.shape.find(column, self) == Match::No {
            // No column of that name: `item.f` may be the function `f` of the row.
            self.add_whole(item);
            self.computed = true;
            self.flow.opaque = true;
        } else if crate::functions::takes_a_row(column) {
            self.add_whole(item);
            self.computed = true;
        }
    }
}

impl Item {
    /// An entry by its name.
    pub(crate) fn named(name: impl Into<String>, shape: Shape) -> Self {
        Self { name: Some(name.into()), relation: None, shape, qualified_only: false }
    }

    /// A reference to all of its columns.
    pub(crate) fn whole_row(&self, level: usize) -> Resolved {
        let mut whole = Resolved { level, ..Resolved::default() };
        whole.add_whole(self);
        whole
    }

    fn goes_by(&self, schema: Option<&str>, name: &str) -> bool {
        match (schema, &self.relation) {
            (None, _) => self.name.as_deref() == Some(name),
            (Some(schema), Some(relation)) => {
                relation.name == name && relation.schema.as_deref().is_none_or(|own| own == schema)
            }
            (Some(_), None) => false,
        }
    }
}

impl Shape {
    /// Looks for a column: whether it surely is one, and what it may hold.
    fn find(&self, column: &str, found: &mut Resolved) -> Match {
        let mut result = Match::No;
        let named = |piece: &&Piece| matches!(piece, Piece::Column(known) if known.name.as_deref() == Some(column));
        // Had what is not known by name such a column as well, the server would refuse the name as ambiguous.
        let sure = self.pieces.iter().any(|piece| named(&piece));
        for piece in self.pieces.iter().filter(|piece| !sure || named(piece)) {
            found.steps += 1;
            match piece {
                Piece::Column(known) if known.name.as_deref() == Some(column) => {
                    found.add(&known.flow);
                    result = Match::Sure;
                }
                Piece::Column(known) if known.name.is_none() => {
                    found.add(&known.flow);
                    result = result.max(Match::Maybe);
                }
                Piece::Column(_) => {}
                Piece::Opaque(flow) => {
                    found.add(flow);
                    result = result.max(Match::Maybe);
                }
                Piece::Star { relation, inflow } => {
                    found.add_star(relation, inflow, column);
                    result = result.max(Match::Maybe);
                }
            }
        }
        result
    }
}
