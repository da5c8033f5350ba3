//! What is found where values are compared with each other.

use crate::findings::Findings;
use crate::lineage::{Flow, Shape};
use crate::{How, Name, Usage};

impl Findings {
    /// Notes that values are compared with each other: those of one column tell which are the same, and what comes first,
    /// while with a guess among them they tell whether it is right.
    pub(crate) fn compare(&mut self, flow: &Flow) {
        if flow.sources.len() == 1 && !flow.derived {
            self.how = How::AmongThemselves;
        }
        self.consume(flow);
        self.how = How::Other;
    }

    /// Notes that whole rows are compared with each other.
    pub(crate) fn compare_rows(&mut self, shape: &Shape) {
        let before = self.use_for(Usage::Group);
        for piece in &shape.pieces {
            self.compare(&piece.whole());
        }
        self.usage = before;
    }

    /// Notes that an index orders the rows of a relation by a column.
    pub(crate) fn order_by_index(&mut self, relation: &Name, column: &str) {
        let before = self.use_for(Usage::Sort);
        self.how = How::ByIndex;
        self.consume(&Flow::of(relation, column));
        (self.usage, self.how) = (before, How::Other);
    }
}
