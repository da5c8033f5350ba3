//! The columns of a row source, as far as they are known.

use super::Flow;
use crate::{Name, Source};

/// A column whose flow is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Column {
    /// None where the server gives it a name that is not known here.
    pub(crate) name: Option<String>,
    pub(crate) flow: Flow,
}

/// What else a written column holds: its name (none = any) and what was put into it.
pub(crate) type Inflow = Vec<(Option<String>, Flow)>;

/// A part of a row source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// One column.
    Column(Column),
    /// All columns of a relation, whose names and number are not known.
    Star { relation: Name, inflow: Inflow },
    /// Any number of columns, each of which may hold any of this.
    Opaque(Flow),
}

impl Piece {
    /// A column with a name.
    pub(crate) fn column(name: impl Into<String>, flow: Flow) -> Self {
        Self::Column(Column { name: Some(name.into()), flow })
    }

    /// All columns of a relation.
    pub(crate) fn star(relation: Name) -> Self {
        Self::Star { relation, inflow: Vec::new() }
    }

    /// All that any of its columns may hold.
    pub(crate) fn whole(&self) -> Flow {
        match self {
            Self::Column(column) => column.flow.clone(),
            Self::Opaque(flow) => flow.clone(),
            Self::Star { relation, inflow } => {
                let mut flow = Flow::of(relation, "*");
                for (_, more) in inflow {
                    flow.absorb(&more.clone().derive());
                }
                flow
            }
        }
    }

    /// The columns that are read where all of it is.
    pub(super) fn reads(&self) -> Option<Source> {
        match self {
            Self::Star { relation, .. } => Some(Source::new(relation, "*")),
            Self::Column(_) | Self::Opaque(_) => None,
        }
    }
}

/// The columns of a row source, in order as far as that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) pieces: Vec<Piece>,
    /// Whether the pieces stand in the order of the columns.
    pub(crate) exact: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self { pieces: Vec::new(), exact: true }
    }
}

impl Shape {
    /// In this order.
    pub(crate) fn of(pieces: Vec<Piece>) -> Self {
        Self { pieces, exact: true }
    }

    /// Columns of which nothing is known but what they may hold.
    pub(crate) fn opaque(flow: Flow) -> Self {
        Self { pieces: vec![Piece::Opaque(flow)], exact: false }
    }

    /// All that any column may hold.
    pub(crate) fn whole(&self) -> Flow {
        let mut flow = Flow::default();
        for piece in &self.pieces {
            flow.absorb(&piece.whole());
        }
        flow
    }

    /// Whether there is one piece for each column.
    pub(crate) fn is_counted(&self) -> bool {
        self.exact && self.pieces.iter().all(|piece| matches!(piece, Piece::Column(_)))
    }

    /// The columns under other names, the first of them first; the rest keep theirs.
    #[must_use]
    pub(crate) fn renamed(mut self, names: &[String]) -> Self {
        let known =
            self.pieces.iter().take_while(|piece| matches!(piece, Piece::Column(_))).count();
        for (piece, name) in self.pieces.iter_mut().take(known).zip(names) {
            if let Piece::Column(column) = piece {
                column.name = Some(name.clone());
            }
        }
        let beyond = names.get(known..).unwrap_or_default();
        if beyond.is_empty() || known == self.pieces.len() {
            return self;
        }
        // How many columns the pieces from here on have is not known: each name may be any of them.
        let rest = self.pieces.split_off(known);
        let any = Self { pieces: rest.clone(), exact: false }.whole();
        let placed = match rest.as_slice() {
            // A relation's columns have their places.
            [Piece::Star { relation, inflow }] if inflow.is_empty() && self.exact => Some(relation),
            _ => None,
        };
        self.pieces.extend(beyond.iter().zip(1..).map(|(name, place)| {
            let flow = placed.map(|relation| Flow::of(relation, &format!("#{place}")));
            Piece::column(name.clone(), flow.unwrap_or_else(|| any.clone()))
        }));
        self.pieces.extend(rest);
        self.exact = false;
        self
    }

    /// The rows of both, column by column (`UNION` and its kin).
    #[must_use]
    pub(crate) fn united(mut self, other: &Self) -> Self {
        if !(self.is_counted() && other.is_counted() && self.pieces.len() == other.pieces.len()) {
            return self.mixed(other);
        }
        for (mine, theirs) in self.pieces.iter_mut().zip(&other.pieces) {
            if let Piece::Column(column) = mine {
                column.flow.absorb(&theirs.whole());
            }
        }
        self
    }

    /// Every column may hold what any of them may: the columns of a query that refers to itself.
    #[must_use]
    pub(crate) fn mixed_within(mut self) -> Self {
        let whole = self.whole();
        for piece in &mut self.pieces {
            if let Piece::Column(column) = piece {
                column.flow.absorb(&whole);
            }
        }
        self
    }

    fn mixed(mut self, other: &Self) -> Self {
        let mut all = other.whole();
        if !self.is_counted() {
            all.absorb(&self.whole());
            return Self::opaque(all);
        }
        for piece in &mut self.pieces {
            if let Piece::Column(column) = piece {
                column.flow.absorb(&all);
            }
        }
        self
    }
}
