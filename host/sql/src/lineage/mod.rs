//! Which columns flow into which: flows, the shapes of row sources, and the scopes in which names are looked up.
//!
//! There is no catalog here, so the columns of a base relation are not known: a name may be a column of any
//! relation in scope. Where more than one reading is possible, all of them are taken.

mod flow;
mod scope;
mod shape;

pub(crate) use flow::Flow;
pub(crate) use scope::{Item, Resolved, Scope};
pub(crate) use shape::{Column, Inflow, Piece, Shape};
