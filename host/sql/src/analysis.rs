//! What is known of a text after analysis: plain data, no behaviour of SQL in it.

use crate::CopyOut;
use std::collections::BTreeSet;
use std::fmt;

/// All that is known of one text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Analysis {
    /// One for each statement of the text, in order; none where the text could not be read.
    pub statements: Vec<Statement>,
    /// Why not everything that the text may do is accounted for; empty = complete.
    pub gaps: Vec<String>,
    /// Whether the same is known of every text of the same [`shape`](crate::shape): no constant was looked at.
    pub of_shape: bool,
}

impl Analysis {
    /// Whether everything that the text may do is accounted for.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.gaps.is_empty()
    }

    /// An analysis that found out nothing, for one reason.
    pub(crate) fn refused(reason: impl Into<String>) -> Self {
        Self { gaps: vec![reason.into()], ..Self::default() }
    }
}

/// One statement of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    /// What it would do.
    pub operations: Vec<Operation>,
    /// What it does to the session.
    pub effects: Vec<Effect>,
    /// Where the values of its result come from.
    ///
    /// For `PREPARE` and `DECLARE CURSOR`: the outputs of the statement inside.
    pub outputs: Outputs,
    /// Columns whose values decide something, or are computed with, without being put out as they are.
    pub uses: Vec<Use>,
    /// Columns that are named where their values matter to nothing: what is not evaluated, but for functions that are
    /// written like them.
    pub idle: Vec<Source>,
    /// The columns that its rows come in the order of, where it is one plain query of one relation; else none.
    pub ordered_by: Vec<Source>,
    /// How many bound parameters columns are compared with for equality.
    pub guesses: usize,
    /// Whether it calls what may give something else for each row, by how often it was called: a sequence, random numbers, the
    /// clock. Which row got which tells in what order they were read.
    pub draws: bool,
    /// What it stores, and where.
    pub stores: Vec<Store>,
    /// The server's own functions that it calls, by their names as written.
    pub calls: BTreeSet<String>,
    /// The functions that it calls of which nothing is known, by their names as written.
    pub unknown: BTreeSet<String>,
    /// The functions that it defines.
    pub defines: Vec<Routine>,
    /// The blocks of code that it runs.
    pub blocks: Vec<Routine>,
    /// The operators that it uses, by their names as written.
    pub operators: BTreeSet<String>,
    /// The types that values are cast to, by their names.
    pub casts: BTreeSet<String>,
    /// Why it is not accounted for, should it touch what somebody protects; no gaps where it does not.
    pub reservations: Vec<String>,
}

impl Statement {
    /// Every column that it refers to, for whatever. What turns out to be no column may be a function of the row.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        let columns = self.outputs.columns.iter().flat_map(|column| &column.sources);
        let shown = columns.chain(&self.outputs.all_sources);
        shown.chain(self.uses.iter().map(|used| &used.source)).chain(&self.idle)
    }
}

/// What a function, a procedure or a block of code does that somebody wrote, as far as its text tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routine {
    /// Its name as written; empty for a block.
    pub name: Name,
    /// What it may do. That a relation is named does not mean that there is one.
    pub operations: Vec<Operation>,
    /// The server's own functions that it calls, and other names that stand for no function unless somebody defined one.
    pub calls: BTreeSet<String>,
    /// The functions that it calls of which nothing is known.
    pub unknown: BTreeSet<String>,
    /// The operators that it uses.
    pub operators: BTreeSet<String>,
    /// The types that it may cast to.
    pub casts: BTreeSet<String>,
    /// Why not everything that it may do is accounted for.
    pub gaps: Vec<String>,
}

impl Routine {
    /// One of which nothing is known, for one reason.
    #[must_use]
    pub fn unknown(reason: &str) -> Self {
        Self { gaps: vec![reason.to_owned()], ..Self::default() }
    }

    /// Adds why something is not accounted for.
    pub(crate) fn gap(&mut self, reason: &str) {
        if self.gaps.len() < 10 && !self.gaps.iter().any(|known| known == reason) {
            self.gaps.push(reason.to_owned());
        }
    }
}

/// The column of a [`Store`] that goes into every column, each into its own.
pub const EVERY_COLUMN: &str = "(every)";

/// A value that a statement puts into a relation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Store {
    /// The column that it is put into; `*` where that is not known, [`EVERY_COLUMN`] where it is each.
    pub target: Source,
    /// A column that it may come from.
    pub source: Source,
}

/// A relation's name as written (folded as the dialect folds it), not resolved by any search path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// The schema (MySQL: the database), where one was written.
    pub schema: Option<String>,
    /// The relation.
    pub name: String,
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(out, "{schema}.{}", self.name),
            None => out.write_str(&self.name),
        }
    }
}

/// What an operation acts on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Object {
    /// A table, view, index, sequence or other relation.
    Relation(Name),
    /// Anything else by its name: function, setting, role, schema, prepared statement. May be empty.
    Other(String),
}

impl Object {
    /// The relation's name; `None` of anything else.
    #[must_use]
    pub fn relation(&self) -> Option<&Name> {
        match self {
            Self::Relation(name) => Some(name),
            Self::Other(_) => None,
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Relation(name) => name.fmt(out),
            Self::Other(name) => out.write_str(name),
        }
    }
}

/// One thing that a statement would do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Operation {
    /// The verb in lower case: `select`, `delete`, `copy-to`.
    pub action: &'static str,
    /// What it acts on.
    pub object: Object,
    /// Columns read or written, as written; `*` for all of them or for a whole row.
    pub fields: Vec<String>,
    /// What is known besides, such as (`where`, `absent`).
    pub facts: Vec<(&'static str, String)>,
}

/// What a statement does to the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Stores a statement under a name.
    Prepare {
        /// The statement's name.
        name: String,
    },
    /// Runs a stored statement.
    Execute {
        /// The statement's name.
        name: String,
    },
    /// Forgets a stored statement.
    Deallocate {
        /// Its name; all of them where none.
        name: Option<String>,
    },
    /// Begins a transaction.
    Begin,
    /// Ends a transaction, keeping what it did.
    Commit {
        /// Whether the next one begins at once.
        chain: bool,
    },
    /// Ends a transaction, undoing what it did.
    Rollback {
        /// Whether the next one begins at once.
        chain: bool,
    },
    /// Ends a transaction and keeps it for a later `COMMIT PREPARED`.
    PrepareTransaction,
    /// Marks a point to return to.
    Savepoint {
        /// The point's name.
        name: String,
    },
    /// Forgets such a point.
    Release {
        /// The point's name.
        name: String,
    },
    /// Returns to such a point.
    RollbackTo {
        /// The point's name.
        name: String,
    },
    /// Changes a setting.
    Set {
        /// The setting in lower case.
        name: String,
        /// Its new value as written, lists joined by `, `; none where it is not a plain value.
        value: Option<String>,
        /// Whether only until the transaction ends.
        local: bool,
    },
    /// Puts a setting back to what it was when the session began.
    Reset {
        /// The setting in lower case.
        name: String,
    },
    /// Puts all settings back.
    ResetAll,
    /// Drops session state.
    Discard {
        /// `all`, `plans`, `sequences` or `temp`.
        what: &'static str,
    },
    /// Opens a cursor.
    DeclareCursor {
        /// The cursor's name.
        name: String,
        /// Whether it outlives the transaction.
        hold: bool,
    },
    /// Reads from, or moves, a cursor.
    Fetch {
        /// The cursor's name.
        cursor: String,
    },
    /// Closes a cursor.
    CloseCursor {
        /// Its name; all of them where none.
        name: Option<String>,
    },
    /// Changes the catalog: any DDL.
    ChangesCatalog,
    /// Takes rows from the client.
    CopyIn,
    /// Sends rows to the client outside of a result.
    CopyOut(Box<CopyOut>),
}

/// What stands where a schema would for what a function gives.
pub(crate) const CALLED: &str = "(call)";

/// A column of a relation from which a value may come, or what a function gives.
///
/// A column that the relation turns out not to have may be a function of the row (`t.f` is `f(t)`):
/// treat it as `*`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source {
    /// The relation as written in the statement.
    pub relation: Name,
    /// The column; `*` = any column of the relation, `#3` = its third.
    pub column: String,
    /// Other relations of which the column may be as well, since its name was written alone:
    /// where this relation has no such column and one of them has, that one is meant.
    pub rivals: Vec<Name>,
}

impl Source {
    /// A column of a relation.
    #[must_use]
    pub fn new(relation: &Name, column: impl Into<String>) -> Self {
        Self { relation: relation.clone(), column: column.into(), rivals: Vec::new() }
    }

    /// A value that may come from anywhere.
    pub(crate) fn anywhere() -> Self {
        Self::new(&Name { schema: Some("?".to_owned()), name: "?".to_owned() }, "*")
    }

    /// What a function gives of which nothing is known here, by its name as written.
    #[must_use]
    pub(crate) fn called(function: &str) -> Self {
        let relation = Name { schema: Some(CALLED.to_owned()), name: function.to_owned() };
        Self::new(&relation, "*")
    }

    /// The name as written of the function that gives it, if one does.
    #[must_use]
    pub fn function(&self) -> Option<&str> {
        let is_call = self.relation.schema.as_deref() == Some(CALLED);
        is_call.then_some(self.relation.name.as_str())
    }

    /// Its place among the relation's columns, from 1, where it is written so.
    #[must_use]
    pub fn position(&self) -> Option<usize> {
        self.column.strip_prefix('#')?.parse().ok()
    }
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.relation, self.column)
    }
}

/// One column of a result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Its name, where it is known.
    pub name: Option<String>,
    /// The columns whose values may be in it.
    ///
    /// The wire's own origin must be joined with these, not put in their place: a written column
    /// that is returned (`INSERT … SELECT … RETURNING`) holds more than its origin tells.
    pub sources: Vec<Source>,
    /// Whether a value may be another than that of the source: an expression, a cast, a constant.
    pub derived: bool,
    /// Whether it stands for as many columns of the result as its sources have.
    pub star: bool,
    /// Whether it may hold values from anywhere: what an unknown function returns.
    pub opaque: bool,
}

/// Where the values of a result come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outputs {
    /// The columns in order. Empty for a statement without a result.
    pub columns: Vec<Output>,
    /// Whether `columns` has one entry for each column of the result. Where false, use `all_sources`.
    pub exact: bool,
    /// Whether `columns` stand in the result's order, each for one column but for a `star`, which stands for all of its one source.
    pub ordered: bool,
    /// Every column of which the value is used anywhere in the statement outside of predicates.
    pub all_sources: Vec<Source>,
    /// Whether the result may hold values from anywhere: unknown functions, `EXECUTE`, `FETCH`.
    pub opaque: bool,
}

/// For what a column is used without being put out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Usage {
    /// `WHERE`, `HAVING`, `FILTER`, `LIMIT`, `TABLESAMPLE`.
    Predicate,
    /// `ON`, `USING`, `NATURAL`.
    Join,
    /// `ORDER BY`.
    Sort,
    /// `GROUP BY`, `DISTINCT`, `UNION` and its kin, `CYCLE`.
    Group,
    /// Computed with where none of the others is: in what is put out, stored or looked at by nobody.
    Expression,
}

/// In what way it is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum How {
    /// Only whether there is a value.
    NullTest,
    /// Compared for equality with parameters that are bound to the statement.
    EqualsParameter,
    /// Compared for equality with constants in the text.
    EqualsConstant,
    /// Compared with other values of the same column.
    AmongThemselves,
    /// Compared with other values of the same column in an index, in whose order rows may come, or are put.
    ByIndex,
    /// In any other way.
    #[default]
    Other,
}

/// One column used so.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Use {
    /// For what.
    pub usage: Usage,
    /// How.
    pub how: How,
    /// Which column.
    pub source: Source,
}
