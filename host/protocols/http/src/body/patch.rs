//! JSON Patch (RFC 6902) and its like (SCIM, RFC 7644 section 3.5.2): what an operation names by its `path` and `from`, told as
//! if it were written out. They are known by their form, for they are sent as plain JSON as well.

use memchr::memmem;
use palisade_policy::{TooMuch, Within};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{MOST_FACTS, Reading};

/// Tells what the operations in a body name, which was read as JSON.
///
/// # Errors
/// When that is too much.
pub(super) fn read(json: &[u8], reading: &mut Reading, within: Within) -> Result<(), TooMuch> {
    let ways = ["\"op\"", "\"Op\"", "\"oP\"", "\"OP\"", "\\u"];
    if !ways.iter().any(|way| memmem::find(json, way.as_bytes()).is_some()) {
        return Ok(());
    }
    let mut patch = Patch { reading, within, told: Ok(()) };
    let node = Node { patch: &mut patch, into: None, at: 0, looks: true, is_entry: false };
    // It is JSON: it was read before.
    let _ = node.deserialize(&mut serde_json::Deserializer::from_slice(json));
    patch.told
}

struct Patch<'a> {
    reading: &'a mut Reading,
    within: Within,
    told: Result<(), TooMuch>,
}

/// What an object says as an operation.
#[derive(Default)]
struct Step {
    op: Kept,
    path: Kept,
    from: Kept,
    value: Kept,
}

/// What is kept of a value.
#[derive(Default)]
struct Kept {
    said: Vec<Said>,
    /// How many names are among it: the first is that of number 1.
    names: usize,
    values: usize,
}

/// A part of a value, below the name of that number; 0 is the value itself.
enum Said {
    Name(usize, String),
    Value(usize, String),
}

impl Kept {
    /// The text that it is.
    fn text(&self) -> Option<&str> {
        match self.said.as_slice() {
            [Said::Value(0, text)] => Some(text),
            _ => None,
        }
    }

    /// The names that it leads by: those of a text, or a list's entries.
    fn path(&self) -> Option<Vec<String>> {
        if let Some(text) = self.text() {
            return Some(words(text));
        }
        let entries = self.said.iter().map(|said| match said {
            Said::Value(0, text) => Some(text.clone()),
            _ => None,
        });
        entries.collect()
    }

    /// Keeps a value; one more than are told says that there are more.
    fn value(&mut self, outer: usize, value: String) {
        if self.values <= MOST_FACTS {
            self.values += 1;
            self.said.push(Said::Value(outer, value));
        }
    }

    fn name(&mut self, outer: usize, name: String) -> usize {
        self.said.push(Said::Name(outer, name));
        self.names += 1;
        self.names
    }
}

impl Step {
    /// What keeps the value of a name.
    fn keeper(&mut self, name: &str) -> Option<&mut Kept> {
        match name {
            _ if name.eq_ignore_ascii_case("op") => Some(&mut self.op),
            _ if name.eq_ignore_ascii_case("path") => Some(&mut self.path),
            _ if name.eq_ignore_ascii_case("from") => Some(&mut self.from),
            _ if name.eq_ignore_ascii_case("value") => Some(&mut self.value),
            _ => None,
        }
    }

    fn tell(self, reading: &mut Reading, within: Within) -> Result<(), TooMuch> {
        let (Some(_), Some(path)) = (self.op.text(), self.path.path()) else { return Ok(()) };
        // Of longer ones the end is not kept.
        reading.unread |= path.len().max(self.from.values) > MOST_FACTS;
        if let Some(from) = self.from.path() {
            field(&from, reading, within)?;
        }
        let field = field(&path, reading, within)?;
        let mut names = vec![field];
        for said in self.value.said {
            let at = |at: usize| names.get(at).copied().unwrap_or(field);
            match said {
                Said::Name(outer, name) => {
                    let name = reading.field(at(outer), name)?;
                    names.push(name);
                }
                Said::Value(outer, value) => reading.value(at(outer), &value)?,
            }
        }
        Ok(())
    }
}

/// The words of a pointer (RFC 6901), or of a path with dots.
fn words(path: &str) -> Vec<String> {
    match path.strip_prefix('/') {
        Some(path) => path.split('/').map(|it| it.replace("~1", "/").replace("~0", "~")).collect(),
        None => path.split(['.', ':', '/', '#', '[', ']']).map(str::to_owned).collect(),
    }
}

/// Tells the field that words lead to; entries of lists are not told apart.
fn field(words: &[String], reading: &mut Reading, within: Within) -> Result<Within, TooMuch> {
    let is_name = |word: &&String| {
        !word.is_empty() && *word != "-" && !word.bytes().all(|byte| byte.is_ascii_digit())
    };
    let mut words = words.iter().filter(is_name);
    words.try_fold(within, |within, word| reading.field(within, word.as_str()))
}

/// One value.
struct Node<'a, 'b> {
    patch: &'a mut Patch<'b>,
    /// What keeps it, where it is part of what an operation may say.
    into: Option<&'a mut Kept>,
    /// Below which name.
    at: usize,
    /// Whether an object here may be an operation: within the value of another none is.
    looks: bool,
    is_entry: bool,
}

impl Node<'_, '_> {
    fn leaf(self, value: String) {
        if let Some(into) = self.into {
            into.value(self.at, value);
        }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.leaf(value.to_string());
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.leaf(value.to_string());
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.leaf(value.to_string());
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.leaf(value.to_string());
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.leaf("null".to_owned());
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.leaf(value.to_owned());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Self { patch, mut into, at, looks, .. } = self;
        loop {
            let (patch, into) = (&mut *patch, into.as_deref_mut());
            let node = Node { patch, into, at, looks, is_entry: true };
            if entries.next_element_seed(node)?.is_none() {
                return Ok(());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Self { patch, mut into, at, looks, is_entry } = self;
        let mut step = Step::default();
        while let Some(name) = entries.next_key::<String>()? {
            let own = if looks { step.keeper(&name) } else { None };
            let patch = &mut *patch;
            if let Some(own) = own {
                let looks = !is_entry;
                entries.next_value_seed(Node {
                    patch,
                    into: Some(own),
                    at: 0,
                    looks,
                    is_entry: false,
                })?;
                continue;
            }
            let mut below = 0;
            if let Some(into) = into.as_deref_mut() {
                below = into.name(at, name);
            }
            let into = into.as_deref_mut();
            entries.next_value_seed(Node { patch, into, at: below, looks, is_entry: false })?;
        }
        if looks && patch.told.is_ok() {
            patch.told = step.tell(patch.reading, patch.within);
        }
        Ok(())
    }
}
