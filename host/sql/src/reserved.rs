//! Names that mean something of their own here, and so may be nobody's: a quoted name can be written of any characters.

use crate::analysis::{CALLED, EVERY_COLUMN};

/// What stands where a schema would for what a transaction made that is not over.
pub const FRESH: &str = "(new)";

/// Whether a name is one of these. Whoever reads a text with one cannot tell what is meant; one that the server has goes by another.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    let is_place = |rest: &str| rest.parse::<usize>().is_ok();
    matches!(name, "*" | "?" | CALLED | EVERY_COLUMN | FRESH)
        || name.strip_prefix('#').is_some_and(is_place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_stands_for_something_else_is_nobodys() {
        for name in ["*", "?", "#1", "#+1", "#007", "(new)", "(call)", "(every)"] {
            assert!(is_reserved(name), "{name}");
        }
        for name in ["", "#", "# 1", "no. #1", "(New)", "new", "?column?", "count(*)"] {
            assert!(!is_reserved(name), "{name}");
        }
    }
}
