//! The one place where the value of a constant is looked at, which takes note of it.
//!
//! What is found out about a text without such a look holds for every text that differs from it in its constants alone
//! (see [`shape`](super::shape)). No other file here binds what an `A_Const` holds; a test sees to that.

use std::cell::Cell;

use pg_query::NodeEnum;
use pg_query::protobuf::{Node, a_const};

/// The constants of one text, and whether any of them was looked at.
#[derive(Debug, Default)]
pub(super) struct Constants {
    looked: Cell<bool>,
}

impl Constants {
    /// Whether what was found depends on the value of a constant.
    pub(super) fn were_looked_at(&self) -> bool {
        self.looked.get()
    }

    /// The text of a constant that is one.
    pub(super) fn text<'n>(&self, node: &'n NodeEnum) -> Option<&'n str> {
        match self.value(node)? {
            a_const::Val::Sval(text) => Some(&text.sval),
            _ => None,
        }
    }

    /// The number of a constant that is a small whole one.
    pub(super) fn number(&self, node: &NodeEnum) -> Option<i32> {
        match self.value(node)? {
            a_const::Val::Ival(number) => Some(number.ival),
            _ => None,
        }
    }

    /// Any constant as text; none for NULL.
    pub(super) fn plain(&self, node: &NodeEnum) -> Option<String> {
        match self.value(node)? {
            a_const::Val::Ival(value) => Some(value.ival.to_string()),
            a_const::Val::Fval(value) => Some(value.fval.clone()),
            a_const::Val::Boolval(value) => Some(value.boolval.to_string()),
            a_const::Val::Sval(value) => Some(value.sval.clone()),
            a_const::Val::Bsval(value) => Some(value.bsval.clone()),
        }
    }

    /// Whether both are constants, and equal.
    pub(super) fn are_equal(&self, left: &Node, right: &Node) -> bool {
        let (Some(NodeEnum::AConst(left)), Some(NodeEnum::AConst(right))) =
            (&left.node, &right.node)
        else {
            return false;
        };
        self.looked.set(true);
        left.isnull == right.isnull && left.val == right.val
    }

    fn value<'n>(&self, node: &'n NodeEnum) -> Option<&'n a_const::Val> {
        let NodeEnum::AConst(constant) = node else { return None };
        self.looked.set(true);
        constant.val.as_ref()
    }
}
