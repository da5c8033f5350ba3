//! Texts: JSON in them is covered by its keys, whole or broken, however often it is written in a string of JSON.
//!
//! A text goes through passes, one for each form of keys; each leaves alone what one before it has read.

use std::collections::BTreeMap;
use std::ops::Range;

use palisade_policy::{Denial, GateSession, MOST_WITHIN};

use super::{JSON, Masks, Prepared, pair_of, unreadable, value_of};
use crate::json::Json;
use crate::results::broken::{Marks, Pair, Pairs, TooTangled};
use crate::results::embedded::documents;

/// The longest escape of a string, in bytes: one that breaks off has no more of it.
const LONGEST_ESCAPE: usize = 12;

/// A text, and where in it there is what was read already.
struct Passed {
    text: String,
    read: Vec<Range<usize>>,
}

/// What stands in the place of a part of a text.
struct Edit {
    range: Range<usize>,
    text: String,
}

impl Masks {
    /// The text as the client may see it; JSON in it by its keys.
    ///
    /// # Errors
    /// When it must be withheld.
    pub(crate) fn text(
        &mut self,
        gate: &mut GateSession,
        media: &str,
        text: &str,
    ) -> Result<String, Denial> {
        self.text_within(gate, media, (text, 0))
    }

    /// A text that is the value of this key, as the client may see it; empty where there is nothing to see.
    ///
    /// # Errors
    /// When it must be withheld.
    pub(crate) fn value(
        &mut self,
        gate: &mut GateSession,
        key: &str,
        value: &str,
    ) -> Result<String, Denial> {
        let shown = self.json(gate, &Json::object([(key, Json::text(value))]))?;
        match shown.get(key) {
            Some(Json::Text(shown)) if shown == value => self.text(gate, "text/plain", value),
            Some(Json::Text(shown)) => Ok(shown.clone()),
            _ => Ok(String::new()),
        }
    }

    /// The value with the texts in it as [`text`](Self::text) shows them: JSON in a string is covered by its keys as well. So many
    /// strings lie around it.
    pub(super) fn texts_within(
        &mut self,
        gate: &mut GateSession,
        value: Json,
        around: usize,
    ) -> Result<Json, Denial> {
        match value {
            Json::Text(text) if text.contains(['{', '[', ':']) => {
                Ok(Json::Text(self.text_within(gate, "text/plain", (&text, around + 1))?))
            }
            Json::List(list) => {
                let list = list.into_iter().map(|inner| self.texts_within(gate, inner, around));
                Ok(Json::List(list.collect::<Result<_, _>>()?))
            }
            Json::Object(members) => {
                let shown = members.into_iter().map(|(name, inner)| {
                    let inner = self.texts_within(gate, inner, around)?;
                    Ok((name, inner))
                });
                Ok(Json::Object(shown.collect::<Result<_, Denial>>()?))
            }
            other => Ok(other),
        }
    }

    fn text_within(
        &mut self,
        gate: &mut GateSession,
        media: &str,
        (text, around): (&str, usize),
    ) -> Result<String, Denial> {
        if gate.masks_nothing() {
            return Ok(text.to_owned());
        }
        let json = self.plan(gate, JSON)?;
        let plan = self.plan(gate, media)?;
        if !json.looks_into {
            return Ok(self.plain(&plan.rest, text));
        }
        if around > MOST_WITHIN {
            let holds_more = holds_keys(text);
            let too_deep = unreadable(&"too many strings of JSON lie within each other");
            return if holds_more { Err(too_deep) } else { Ok(self.plain(&plan.rest, text)) };
        }
        let mut passed = self.whole(gate, &json, (text, around))?;
        for marks in [Marks::Double, Marks::Single, Marks::Escaped] {
            let edits = self.edits(gate, &json, (&passed, marks, around))?;
            passed = passed.edited(edits);
        }
        Ok(self.plain(&plan.rest, &passed.text))
    }

    /// The text with the documents in it covered.
    fn whole(
        &mut self,
        gate: &mut GateSession,
        plan: &Prepared,
        (text, around): (&str, usize),
    ) -> Result<Passed, Denial> {
        let documents = found(text)?;
        let mut edits = Vec::with_capacity(documents.len());
        for range in documents {
            let document = text.get(range.clone()).unwrap_or_default();
            if !plan.by_path && Json::read(document.as_bytes()).is_err() {
                // It has no single reading: its keys are covered one by one.
                continue;
            }
            let document = self.document(plan, document)?;
            let text = self.looked_into(gate, document, around)?;
            edits.push(Edit { range, text });
        }
        Ok(Passed { text: text.to_owned(), read: vec![] }.edited(edits))
    }

    /// A text that is JSON with what its strings say covered.
    fn looked_into(
        &mut self,
        gate: &mut GateSession,
        text: String,
        around: usize,
    ) -> Result<String, Denial> {
        if !text.contains('"') {
            return Ok(text);
        }
        let value = Json::read(text.as_bytes()).map_err(|refused| unreadable(&refused))?;
        let shown = self.texts_within(gate, value.clone(), around)?;
        Ok(if shown == value { text } else { shown.to_text() })
    }

    /// What covers values by their keys where the JSON around them is not there as a whole.
    fn edits(
        &mut self,
        gate: &mut GateSession,
        plan: &Prepared,
        (passed, marks, around): (&Passed, Marks, usize),
    ) -> Result<Vec<Edit>, Denial> {
        let text = passed.text.as_str();
        let mut covers = BTreeMap::new();
        let mut read = passed.read.iter().peekable();
        let mut pairs = Pairs::of(text);
        let (mut edits, mut from) = (Vec::new(), 0);
        while let Some(pair) = pairs.next(marks, from) {
            while read.next_if(|range| range.end <= pair.start).is_some() {}
            if let Some(range) = read.peek().filter(|range| range.start <= pair.start) {
                from = range.end;
                continue;
            }
            // Another key may be in a value.
            from = pair.value;
            let cover = match covers.get(&pair.key) {
                Some(known) => Option::<String>::clone(known),
                None => {
                    let cover = self.cover_of(plan, &pair.key)?;
                    covers.insert(pair.key.clone(), cover.clone());
                    cover
                }
            };
            let edit = match cover {
                Some(cover) => {
                    let value = pairs.value(&pair).map_err(tangled)?;
                    let Some((range, whole)) = value else { continue };
                    // The mark that ends a string may begin the next key, where it is not clear what is escaped.
                    from = from.max(range.end.saturating_sub(pair.escape.len() + 1));
                    let whole = whole.then(|| text.get(range.clone()).unwrap_or_default());
                    let text = self.covered(plan, &pair, (whole, &cover))?;
                    Some(Edit { range, text })
                }
                // Whatever else it is, keys in it are found as they come.
                None => match pairs.string(&pair) {
                    Some(range) => self.string(gate, (text, range), around)?,
                    None => None,
                },
            };
            let Some(edit) = edit else { continue };
            // The mark that ends a string may begin a key, where the text began within one.
            from = from.max(edit.range.end.saturating_sub(pair.escape.len() + 1));
            edits.push(edit);
        }
        Ok(edits)
    }

    /// What stands in the place of a value that is covered: of one that cannot be read, or is not there as a whole, its cover.
    fn covered(
        &mut self,
        plan: &Prepared,
        pair: &Pair,
        (whole, cover): (Option<&str>, &str),
    ) -> Result<String, Denial> {
        let document = whole.map(|text| pair_of(&pair.key, text));
        let document = document.filter(|document| Json::read(document.as_bytes()).is_ok());
        let value = match document {
            None => cover.to_owned(),
            Some(document) => {
                let treated = self.document(plan, &document)?;
                value_of(&pair.key, treated.as_bytes())?
            }
        };
        Ok(value.replace('"', &format!("{}\"", pair.escape)))
    }

    /// A string as it may be shown, whole or broken off, where it holds JSON; nothing where it does not.
    fn string(
        &mut self,
        gate: &mut GateSession,
        (text, range): (&str, Range<usize>),
        around: usize,
    ) -> Result<Option<Edit>, Denial> {
        let text = text.get(range.clone()).unwrap_or_default();
        if !text.contains("\\\"") && !text.contains("\\u") {
            return Ok(None);
        }
        let Some((said, whole)) = said(text) else { return Ok(None) };
        let shown = self.text_within(gate, "text/plain", (&said, around + 1))?;
        if shown == said {
            return Ok(Some(Edit { range, text: text.to_owned() }));
        }
        let mut written = Json::Text(shown).to_text();
        written.truncate(written.len() - usize::from(!whole));
        Ok(Some(Edit { range, text: written }))
    }

    /// What stands in the place of a key's value; `None` where it is shown.
    fn cover_of(&self, plan: &Prepared, key: &str) -> Result<Option<String>, Denial> {
        let (out, covered) = self.by_machine(plan, &pair_of(key, "\"something\""))?;
        if covered == 0 { Ok(None) } else { value_of(key, &out).map(Some) }
    }
}

impl Passed {
    /// The text with these in their places; they are read from now on.
    fn edited(self, edits: Vec<Edit>) -> Self {
        let Self { text, read } = self;
        let (mut edited, mut now) = (String::with_capacity(text.len()), Vec::new());
        let mut before = read.into_iter().peekable();
        let mut at = 0;
        for Edit { range, text: instead } in edits {
            while let Some(known) = before.next_if(|known| known.end <= range.start) {
                now.push(known.start - at + edited.len()..known.end - at + edited.len());
            }
            // What is replaced has it in it.
            while before.next_if(|known| known.start < range.end).is_some() {}
            edited.push_str(text.get(at..range.start).unwrap_or_default());
            let start = edited.len();
            edited.push_str(&instead);
            now.push(start..edited.len());
            at = range.end;
        }
        let shift = |place: usize| place - at + edited.len();
        now.extend(before.map(|known| shift(known.start)..shift(known.end)));
        edited.push_str(text.get(at..).unwrap_or_default());
        Self { text: edited, read: now }
    }
}

/// Where the documents of a text are.
fn found(text: &str) -> Result<Vec<Range<usize>>, Denial> {
    documents(text).ok_or_else(|| unreadable(&"too many brackets in it are not closed"))
}

fn tangled(_: TooTangled) -> Denial {
    unreadable(&"too much in it may lie within something else")
}

/// Whether a text holds what may be a key with a value.
fn holds_keys(text: &str) -> bool {
    let mut marks = [Marks::Double, Marks::Single, Marks::Escaped].into_iter();
    marks.any(|marks| Pairs::of(text).next(marks, 0).is_some())
}

/// What a string says, and whether it is there as a whole; of one that breaks off, what can be read.
fn said(text: &str) -> Option<(String, bool)> {
    if let Ok(said) = serde_json::from_str(text) {
        return Some((said, true));
    }
    let ends = (text.len().saturating_sub(LONGEST_ESCAPE)..=text.len()).rev();
    let mut heads = ends.filter_map(|end| text.get(..end));
    heads.find_map(|head| serde_json::from_str(&format!("{head}\"")).ok()).map(|said| (said, false))
}
