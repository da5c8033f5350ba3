//! Paths within a document, and patterns of where they end.

use super::glob::Glob;

/// The keys and arrays that something lies in, from the document's root.
#[derive(Clone, Debug, Default)]
pub(crate) struct Path {
    /// The folded names one after another.
    names: String,
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// A key, whose name begins here and ends where the next one begins.
    Key(usize),
    Element,
}

/// How long a path was.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Saved {
    names: usize,
    parts: usize,
}

impl Path {
    pub(crate) fn save(&self) -> Saved {
        Saved { names: self.names.len(), parts: self.parts.len() }
    }

    /// Goes into the value of a key, by its folded name.
    pub(crate) fn push_key(&mut self, folded: &str) {
        self.parts.push(Part::Key(self.names.len()));
        self.names.push_str(folded);
    }

    /// Goes into the elements of an array.
    pub(crate) fn push_element(&mut self) {
        self.parts.push(Part::Element);
    }

    /// Goes back to where it was.
    pub(crate) fn restore(&mut self, saved: Saved) {
        self.names.truncate(saved.names);
        self.parts.truncate(saved.parts);
    }

    pub(crate) fn clear(&mut self) {
        self.restore(Saved::default());
    }
}

/// What a rule is for.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    /// The pattern as one on a single key, also where there are dots in it: so may there be in a key.
    key: Glob,
    /// The pattern as one on the end of a path, where it names more than a key.
    steps: Vec<Step>,
    from_root: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(Glob),
    Element,
}

impl Pattern {
    pub(super) fn new(pattern: &str) -> Self {
        let rooted = pattern
            .strip_prefix("$.")
            .or(pattern.strip_prefix('$').filter(|it| it.starts_with('[')));
        let is_path = rooted.is_some() || pattern.contains('.') || pattern.contains("[]");
        let mut steps = Vec::new();
        for part in rooted.unwrap_or(pattern).split('.').filter(|_| is_path) {
            let name = part.trim_end_matches("[]");
            if !name.is_empty() {
                steps.push(Step::Key(Glob::new(name)));
            }
            steps.extend((name.len()..part.len()).step_by(2).map(|_| Step::Element));
        }
        Self { key: Glob::new(pattern), steps, from_root: rooted.is_some() }
    }

    pub(super) fn has_path(&self) -> bool {
        !self.steps.is_empty()
    }

    pub(super) fn is_of_element(&self) -> bool {
        self.steps.last() == Some(&Step::Element)
    }

    /// Whether this is for a key of this folded name, wherever it is.
    pub(super) fn is_key(&self, folded: &str) -> bool {
        self.key.matches(folded)
    }

    /// Whether this is for a key of this folded name, if those above it match.
    pub(super) fn may_end_with(&self, folded: &str) -> bool {
        matches!(self.steps.last(), Some(Step::Key(glob)) if glob.matches(folded))
    }

    /// Whether this may be for what lies in a key of this folded name, or for its elements, if those above it match.
    pub(super) fn may_lie_in(&self, folded: &str) -> bool {
        let mut keys = self.steps.iter().rev().skip_while(|step| **step == Step::Element);
        match keys.next() {
            Some(Step::Key(glob)) => glob.matches(folded),
            // Elements of the whole: they have no name.
            _ => !self.steps.is_empty(),
        }
    }

    /// Whether this is for a key that [`Self::may_end_with`] takes, in an object of this path.
    pub(super) fn ends_at_key(&self, path: &Path, folded: &str) -> bool {
        self.may_end_with(folded) && self.is_end_of(path, 1)
    }

    /// Whether this is for the elements of an array, which have this path.
    pub(super) fn ends_at_element(&self, path: &Path) -> bool {
        self.is_of_element() && self.is_end_of(path, 0)
    }

    /// Whether the steps but for so many at the end are the end of the path.
    fn is_end_of(&self, path: &Path, but: usize) -> bool {
        let mut parts = path.parts.iter().rev();
        let mut end = path.names.len();
        for step in self.steps.iter().rev().skip(but) {
            let fits = loop {
                match (step, parts.next()) {
                    (_, None) => return false,
                    (Step::Element, Some(Part::Element)) => break true,
                    // Arrays that are not named lie in no way.
                    (Step::Key(_), Some(Part::Element)) => {}
                    (Step::Element, Some(Part::Key(_))) => break false,
                    (Step::Key(glob), Some(Part::Key(start))) => {
                        let name = path.names.get(*start..end).unwrap_or_default();
                        end = *start;
                        break glob.matches(name);
                    }
                }
            };
            if !fits {
                return false;
            }
        }
        !self.from_root || parts.all(|part| *part == Part::Element)
    }
}
