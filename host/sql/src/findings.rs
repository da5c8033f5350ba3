//! Where a walk over a syntax tree writes down what it finds. Shared by all dialects.

use crate::functions::{self, Function};
use crate::lineage::{Column, Flow, Piece, Resolved, Shape};
use crate::{
    Analysis, Effect, How, Name, Object, Operation, Output, Outputs, Routine, Source, Statement,
    Store, Usage, Use,
};
use std::collections::{BTreeSet, HashMap, HashSet};

/// The deepest nesting of queries and expressions that is followed.
const MAX_DEPTH: usize = 120;

/// The most columns that a query can have in PostgreSQL, and no more than MySQL allows.
const MAX_COLUMNS: usize = 4096;

/// The most reasons that are written down why a text is not accounted for.
const MAX_GAPS: usize = 100;

/// A subquery that is a value: references that leave it flow into that value.
#[derive(Debug)]
struct Boundary {
    level: usize,
    flow: Flow,
}

/// What has been found so far in one statement, and the limits of the walk through the whole text.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// For what the expression under the walk is used; none = for its value.
    pub(crate) usage: Option<Usage>,
    /// In what way.
    pub(crate) how: How,
    /// What is walked now is not evaluated: its columns are used for nothing.
    pub(crate) idle: bool,
    /// How many parameters columns are compared with.
    pub(crate) guesses: usize,
    /// How many queries there are.
    pub(crate) queries: usize,
    /// The columns that the rows of a plain query come in the order of.
    pub(crate) ordered_by: Vec<Source>,
    pub(crate) operations: Vec<Operation>,
    pub(crate) effects: Vec<Effect>,
    gaps: Vec<String>,
    statements: Vec<Statement>,
    reads: HashMap<Name, usize>,
    /// Relations that are written: that they stand in a `FROM` does not mean that they are read.
    pub(crate) written: Vec<Name>,
    fields: HashSet<Source>,
    values: BTreeSet<Source>,
    uses: BTreeSet<Use>,
    /// What was referred to while idle.
    unused: BTreeSet<Source>,
    stores: BTreeSet<Store>,
    pub(crate) calls: BTreeSet<String>,
    unknown: BTreeSet<String>,
    pub(crate) defines: Vec<Routine>,
    pub(crate) blocks: Vec<Routine>,
    operators: BTreeSet<String>,
    pub(crate) casts: BTreeSet<String>,
    reservations: BTreeSet<String>,
    opaque: bool,
    boundaries: Vec<Boundary>,
    depth: usize,
    steps_left: usize,
}

impl Findings {
    /// For a text of so many bytes: the walk may take a number of steps in proportion to it.
    pub(crate) fn new(text_length: usize) -> Self {
        Self { steps_left: 50_000 + text_length.saturating_mul(4), ..Self::default() }
    }

    /// Writes down why something is not accounted for, once.
    pub(crate) fn gap(&mut self, reason: impl Into<String>) {
        let reason = reason.into();
        if self.gaps.len() < MAX_GAPS && !self.gaps.contains(&reason) {
            self.gaps.push(reason);
        }
    }

    /// Writes down why it is not accounted for, should it touch something protected.
    pub(crate) fn reserve(&mut self, reason: impl Into<String>) {
        if self.reservations.len() < MAX_GAPS {
            self.reservations.insert(reason.into());
        }
    }

    /// Goes one level down; false where that is too deep or the walk too long.
    /// Every call needs its [`leave`](Self::leave).
    pub(crate) fn enter(&mut self) -> bool {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            self.gap("the statement is nested too deeply");
            self.opaque = true;
            return false;
        }
        self.pay(1)
    }

    /// Comes back up.
    pub(crate) fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Takes some of the steps that are left; false where there are none.
    pub(crate) fn pay(&mut self, steps: usize) -> bool {
        self.steps_left = self.steps_left.saturating_sub(steps);
        if self.steps_left == 0 {
            self.gap("the statement takes too long to follow");
            self.opaque = true;
        }
        self.steps_left > 0
    }

    /// Sets what the next expressions are used for and returns what they were used for before.
    pub(crate) fn use_for(&mut self, usage: Usage) -> Option<Usage> {
        self.usage.replace(usage)
    }

    /// Begins a walk over something that was walked before, of which nothing but its gaps shall be written down.
    /// Returns what was found until then, for [`take_back`](Self::take_back).
    pub(crate) fn set_aside(&mut self) -> Self {
        let (depth, steps_left, usage) = (self.depth, self.steps_left, self.usage);
        let (how, idle) = (self.how, self.idle);
        let fresh = Self { depth, steps_left, usage, how, idle, ..Self::default() };
        std::mem::replace(self, fresh)
    }

    /// Ends such a walk.
    pub(crate) fn take_back(&mut self, kept: Self) {
        let walked = std::mem::replace(self, kept);
        self.steps_left = walked.steps_left;
        for gap in walked.gaps {
            self.gap(gap);
        }
    }

    /// Adds an operation.
    pub(crate) fn operate(&mut self, operation: Operation) {
        self.operations.push(operation);
    }

    /// Notes that a relation is read, whatever of it.
    pub(crate) fn touch(&mut self, relation: &Name) -> usize {
        if let Some(index) = self.reads.get(relation) {
            return *index;
        }
        self.operate(Operation::new("select", Object::Relation(relation.clone())));
        let index = self.operations.len() - 1;
        self.reads.insert(relation.clone(), index);
        index
    }

    /// Notes that a column is read.
    pub(crate) fn read(&mut self, source: &Source) {
        if !self.fields.contains(source) {
            let index = self.touch(&source.relation);
            if let Some(operation) = self.operations.get_mut(index) {
                operation.fields.push(source.column.clone());
            }
            self.fields.insert(source.clone());
        }
    }

    /// Notes that values are put into a column of a relation.
    pub(crate) fn store(&mut self, relation: &Name, column: &str, flow: &Flow) {
        self.pay(flow.sources.len());
        let target = Source::new(relation, column);
        let stores = flow.sources.iter();
        let stores = stores.map(|source| Store { target: target.clone(), source: source.clone() });
        self.stores.extend(stores);
        if flow.opaque {
            self.stores.insert(Store { target, source: Source::anywhere() });
        }
    }

    /// Notes that an operator is used.
    pub(crate) fn operator(&mut self, name: &str) {
        if !self.operators.contains(name) {
            self.operators.insert(name.to_owned());
        }
    }

    /// Notes a reference to columns, and that they are used for what is walked now.
    pub(crate) fn refer(&mut self, resolved: &Resolved) {
        self.pay(resolved.steps);
        for source in &resolved.reads {
            self.read(source);
        }
        self.consume(&resolved.flow);
        for boundary in &mut self.boundaries {
            if resolved.level <= boundary.level {
                boundary.flow.absorb(&resolved.flow);
            }
        }
    }

    /// Notes that columns are used for what is walked now, without reading them anew.
    pub(crate) fn consume(&mut self, flow: &Flow) {
        self.pay(flow.sources.len());
        match self.usage {
            _ if self.idle => self.unused.extend(flow.sources.iter().cloned()),
            None => self.values.extend(flow.sources.iter().cloned()),
            Some(usage) => self.uses.extend(flow.sources.iter().map(|source| Use {
                usage,
                how: self.how,
                source: source.clone(),
            })),
        }
        self.opaque |= flow.opaque;
    }

    /// Opens a subquery that is a value, inside of a scope at `level`.
    pub(crate) fn open_boundary(&mut self, level: usize) {
        self.boundaries.push(Boundary { level, flow: Flow::default() });
    }

    /// Closes it and returns what reached it from outside.
    pub(crate) fn close_boundary(&mut self) -> Flow {
        self.boundaries.pop().map(|boundary| boundary.flow).unwrap_or_default()
    }

    /// Everything that was referred to so far in this statement, for whatever.
    pub(crate) fn everything(&self) -> Flow {
        let used = self.uses.iter().map(|used| &used.source);
        Flow {
            sources: self.values.iter().chain(used).cloned().collect(),
            derived: true,
            opaque: self.opaque,
        }
    }

    /// Whether so many columns can be followed; where not, it is a gap.
    pub(crate) fn fits(&mut self, columns: usize) -> bool {
        if columns > MAX_COLUMNS {
            self.gap("the statement has more columns than can be followed");
            self.opaque = true;
        }
        columns <= MAX_COLUMNS
    }

    /// A shape that can be no result: cut off where it has more columns than any server allows.
    pub(crate) fn bound(&mut self, mut shape: Shape) -> Shape {
        if !self.fits(shape.pieces.len()) {
            shape.pieces.truncate(MAX_COLUMNS);
            shape.exact = false;
        }
        self.pay(shape.pieces.len());
        shape
    }

    /// Writes down what a call of a function does, and returns what its value may hold besides its arguments.
    pub(crate) fn call(&mut self, label: String, function: Function, arguments: &Flow) -> Flow {
        let (fact, opaque) = match function {
            Function::Harmless => {
                self.calls.insert(label);
                return Flow::default();
            }
            Function::Drawing => {
                self.keeps(&label, arguments);
                self.calls.insert(label);
                return Flow::default();
            }
            Function::Stateful => ("stateful", false),
            Function::Sink => {
                self.keeps(&label, arguments);
                ("stateful", false)
            }
            Function::Dangerous(reason) => {
                self.gap(format!("function {label} {reason}"));
                ("dangerous", true)
            }
            Function::Unknown => {
                self.operate(Operation::other("call", label.clone()).fact("function", "unknown"));
                self.reserve(format!("function {label} is not known to be harmless"));
                return self.give(label);
            }
        };
        self.calls.insert(label.clone());
        self.operate(Operation::other("call", label).fact("function", fact));
        let given = Flow { opaque, ..Flow::default() };
        self.consume(&given);
        given
    }

    /// Something of what a function is given can be found out afterwards.
    fn keeps(&mut self, label: &str, arguments: &Flow) {
        if !arguments.sources.is_empty() {
            self.reserve(format!("function {label} takes column values out of sight"));
        }
    }

    /// Writes down that a procedure is called, and returns what it may give.
    pub(crate) fn call_procedure(&mut self, label: String) -> Flow {
        self.reserve(format!("procedure {label} is not known to be harmless"));
        self.give(label)
    }

    /// What somebody's own function or procedure gives.
    fn give(&mut self, label: String) -> Flow {
        let given = Flow { sources: [Source::called(&label)].into(), ..Flow::default() };
        self.consume(&given);
        self.unknown.insert(label);
        given
    }

    /// Ends a statement, whose result has this shape.
    pub(crate) fn finish_statement(&mut self, shape: &Shape) {
        self.usage = None;
        self.consume(&shape.whole());
        let columns: Vec<Output> = shape.pieces.iter().map(output).collect();
        let starred = columns.iter().any(|column| column.star);
        let opaque = self.opaque || columns.iter().any(|column| column.opaque);
        // A query that is walked more than once says the same each time.
        let mut seen = HashSet::new();
        let written = std::mem::take(&mut self.written);
        self.operations.retain(|operation| {
            !operation.is_idle_read(&written) && seen.insert(operation.clone())
        });
        let draws = self.operations.iter().any(|operation| operation.action == "call")
            || self.calls.iter().any(|label| functions::draws(label));
        self.statements.push(Statement {
            operations: std::mem::take(&mut self.operations),
            effects: std::mem::take(&mut self.effects),
            outputs: Outputs {
                columns,
                exact: shape.exact && !starred,
                ordered: shape.exact,
                all_sources: std::mem::take(&mut self.values).into_iter().collect(),
                opaque,
            },
            uses: std::mem::take(&mut self.uses).into_iter().collect(),
            idle: std::mem::take(&mut self.unused).into_iter().collect(),
            ordered_by: match std::mem::take(&mut self.queries) {
                1 => std::mem::take(&mut self.ordered_by),
                _ => Vec::new(),
            },
            guesses: std::mem::take(&mut self.guesses),
            draws,
            stores: std::mem::take(&mut self.stores).into_iter().collect(),
            calls: std::mem::take(&mut self.calls),
            unknown: std::mem::take(&mut self.unknown),
            defines: std::mem::take(&mut self.defines),
            blocks: std::mem::take(&mut self.blocks),
            operators: std::mem::take(&mut self.operators),
            casts: std::mem::take(&mut self.casts),
            reservations: std::mem::take(&mut self.reservations).into_iter().collect(),
        });
        self.ordered_by.clear();
        self.reads.clear();
        self.fields.clear();
        self.boundaries.clear();
        self.opaque = false;
        self.usage = None;
        self.how = How::Other;
        self.idle = false;
        self.depth = 0;
    }

    /// Ends the text.
    pub(crate) fn finish(self) -> Analysis {
        Analysis { statements: self.statements, gaps: self.gaps, of_shape: false }
    }
}

fn output(piece: &Piece) -> Output {
    let (name, flow, star) = match piece {
        Piece::Column(Column { name, flow }) => (name.clone(), flow.clone(), false),
        Piece::Star { .. } => (None, piece.whole(), true),
        Piece::Opaque(flow) => (None, flow.clone(), true),
    };
    Output {
        name,
        sources: flow.sources.into_iter().collect(),
        derived: flow.derived,
        star,
        opaque: flow.opaque,
    }
}
