//! Values by their bytes: one comes or goes by as many steps as it has bytes. Their ASCII letters are in lower case.

/// The bytes that some value goes on with, and where to.
#[derive(Debug, Default)]
struct Node {
    /// Sorted.
    next: Vec<(u8, usize)>,
    /// How many values go through here.
    through: usize,
    /// Whether one ends here.
    ends: bool,
}

/// A set of values.
#[derive(Debug)]
pub(super) struct Trie {
    /// The first is where all begin.
    nodes: Vec<Node>,
    /// Places that nothing is at.
    free: Vec<usize>,
    /// Whether some value begins with the byte.
    begins: [bool; 256],
}

impl Default for Trie {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], free: vec![], begins: [false; 256] }
    }
}

impl Trie {
    /// Takes in a value that is not there.
    pub(super) fn add(&mut self, value: &[u8]) {
        let mut at = 0;
        for byte in value {
            at = self.step(at, *byte).unwrap_or_else(|| self.grow(at, *byte));
            if let Some(node) = self.nodes.get_mut(at) {
                node.through += 1;
            }
        }
        self.end(at, true);
    }

    /// Takes out a value that is there.
    pub(super) fn remove(&mut self, value: &[u8]) {
        let mut parent = 0;
        for (place, byte) in value.iter().enumerate() {
            let Some(at) = self.step(parent, *byte) else { return };
            let Some(node) = self.nodes.get_mut(at) else { return };
            node.through -= 1;
            if node.through == 0 {
                self.cut(parent, *byte);
                return self.give_back(at, value.get(place + 1..).unwrap_or_default());
            }
            parent = at;
        }
        self.end(parent, false);
    }

    /// How long the longest value is that the text begins with, in whatever case; 0 where there is none.
    #[inline]
    pub(super) fn longest(&self, text: &[u8]) -> usize {
        let begins = |byte: &u8| self.begins.get(usize::from(byte.to_ascii_lowercase()));
        if text.first().and_then(begins) != Some(&true) {
            return 0;
        }
        let (mut at, mut longest) = (0, 0);
        for (place, byte) in text.iter().enumerate() {
            let Some(next) = self.step(at, byte.to_ascii_lowercase()) else { break };
            at = next;
            if self.nodes.get(at).is_some_and(|node| node.ends) {
                longest = place + 1;
            }
        }
        longest
    }

    fn step(&self, at: usize, byte: u8) -> Option<usize> {
        let next = &self.nodes.get(at)?.next;
        let place = next.binary_search_by_key(&byte, |it| it.0).ok()?;
        next.get(place).map(|it| it.1)
    }

    fn grow(&mut self, parent: usize, byte: u8) -> usize {
        let at = self.free.pop().unwrap_or_else(|| {
            self.nodes.push(Node::default());
            self.nodes.len() - 1
        });
        if let Some(Node { next, .. }) = self.nodes.get_mut(parent) {
            let place = next.partition_point(|it| it.0 < byte);
            next.insert(place, (byte, at));
        }
        self.note_first(parent, byte, true);
        at
    }

    fn cut(&mut self, parent: usize, byte: u8) {
        if let Some(node) = self.nodes.get_mut(parent) {
            node.next.retain(|it| it.0 != byte);
        }
        self.note_first(parent, byte, false);
    }

    /// Notes whether some value begins with the byte, where it is one that values begin with.
    fn note_first(&mut self, parent: usize, byte: u8, is_there: bool) {
        if let Some(begins) = self.begins.get_mut(usize::from(byte)).filter(|_| parent == 0) {
            *begins = is_there;
        }
    }

    /// Frees a node that no value goes through any more, and those behind it.
    fn give_back(&mut self, mut at: usize, rest: &[u8]) {
        for byte in rest.iter().map(Some).chain([None]) {
            let next = byte.and_then(|byte| self.step(at, *byte));
            if let Some(node) = self.nodes.get_mut(at) {
                *node = Node::default();
                self.free.push(at);
            }
            let Some(next) = next else { return };
            at = next;
        }
    }

    /// Notes that a value ends here, or no more.
    fn end(&mut self, at: usize, ends: bool) {
        if let Some(node) = self.nodes.get_mut(at) {
            node.ends = ends;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn values_that_come_and_go_are_found_as_in_a_plain_set(
            changes in proptest::collection::vec("[abB]{1,6}", 1..60),
            text in "[aAbB]{0,12}",
        ) {
            let (mut trie, mut plain) = (Trie::default(), BTreeSet::new());
            for value in changes {
                let value = value.to_ascii_lowercase();
                if plain.remove(&value) {
                    trie.remove(value.as_bytes());
                } else {
                    trie.add(value.as_bytes());
                    plain.insert(value);
                }
                let text = text.to_ascii_lowercase();
                let expected = plain.iter().filter(|it| text.starts_with(it.as_str())).map(String::len).max();
                prop_assert_eq!(trie.longest(text.as_bytes()), expected.unwrap_or(0));
            }
            plain.iter().for_each(|value| trie.remove(value.as_bytes()));
            prop_assert_eq!(trie.nodes.len(), trie.free.len() + 1);
            prop_assert!(!trie.begins.contains(&true));
        }
    }
}
