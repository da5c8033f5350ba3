//! Carries the policies' plans out on values of JSON and on texts.

mod texts;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use palisade_mask::stream::{JsonStream, Limits, MaskStream, Masks as Machine};
use palisade_mask::{
    CellForm, CellMask, DocumentMask, MESSAGE, Masker, MessageMask, Seen, Treated,
};
use palisade_policy::{Denial, Edition, GateSession, Masking, Shape};

use crate::json::Json;

/// The media type under which policies plan for JSON.
const JSON: &str = "application/json";
/// So many media types have their plan remembered.
const MOST_PLANS: usize = 32;
/// Whatever came as one message may be held as one value, in bytes.
const LONGEST: usize = 64 << 20;

/// What masks the results of one session.
pub(crate) struct Masks {
    masker: Masker,
    seen: Seen,
    edition: Edition,
    plans: BTreeMap<String, Arc<Prepared>>,
}

/// A plan, ready to be applied.
struct Prepared {
    document: Arc<DocumentMask>,
    /// What is done with texts that lie in no document.
    rest: CellMask,
    /// Whether it goes by keys, or covers whatever it is.
    looks_into: bool,
    /// Whether it goes by where keys are as well.
    by_path: bool,
}

impl Masks {
    pub(crate) fn new(mask_key: [u8; 32]) -> Self {
        let edition = Edition { policies: u64::MAX, context: u64::MAX };
        Self {
            masker: Masker::new(mask_key),
            seen: Seen::default(),
            edition,
            plans: BTreeMap::new(),
        }
    }

    /// The value as the client may see it.
    ///
    /// # Errors
    /// When it must be withheld.
    pub(crate) fn json(&mut self, gate: &mut GateSession, value: &Json) -> Result<Json, Denial> {
        if gate.masks_nothing() {
            return Ok(value.clone());
        }
        let plan = self.plan(gate, JSON)?;
        let text = value.to_text();
        let treated = self.document(&plan, &text)?;
        // What was JSON is JSON.
        let shown = Json::read(treated.as_bytes()).unwrap_or(Json::Null);
        if plan.looks_into { self.texts_within(gate, shown, 0) } else { Ok(shown) }
    }

    /// Whether what cannot be read may pass as it is: pictures, sounds, bytes of some kind.
    ///
    /// # Errors
    /// When a policy gives no plan.
    pub(crate) fn passes(&mut self, gate: &mut GateSession, media: &str) -> Result<bool, Denial> {
        Ok(gate.masks_nothing() || self.plan(gate, media)?.document.is_keep())
    }

    /// The value without pictures, sounds and bytes that may not pass, wherever they lie in it.
    ///
    /// # Errors
    /// When a policy gives no plan.
    pub(crate) fn media(&mut self, gate: &mut GateSession, value: &Json) -> Result<Json, Denial> {
        match value {
            Json::List(list) => {
                let list: Result<_, _> = list.iter().map(|it| self.media(gate, it)).collect();
                Ok(Json::List(list?))
            }
            Json::Object(members) => {
                let blob = value.get("blob").is_some();
                if blob || matches!(value.str_at("type"), Some("image" | "audio")) {
                    let media = value.str_at("mimeType").unwrap_or("application/octet-stream");
                    if !super::is_media(media) || !self.passes(gate, media)? {
                        return Ok(withheld(value, blob));
                    }
                }
                let mut shown = Vec::with_capacity(members.len());
                for (name, inner) in members {
                    shown.push((name.clone(), self.media(gate, inner)?));
                }
                Ok(Json::Object(shown))
            }
            other => Ok(other.clone()),
        }
    }

    /// A text that a server says besides results; empty where the client may see nothing of it.
    ///
    /// # Errors
    /// When a policy gives no plan.
    pub(crate) fn message(
        &mut self,
        gate: &mut GateSession,
        name: &str,
        text: &str,
    ) -> Result<String, Denial> {
        if gate.masks_nothing() {
            return Ok(text.to_owned());
        }
        let planned = gate.plan(&Shape::Document(MESSAGE.to_owned()))?;
        let mask = MessageMask::new(&planned.masking).map_err(|error| unusable(&error))?;
        let shown = self.masker.message(&mask, &self.seen, name, text);
        Ok(shown.map(Cow::into_owned).unwrap_or_default())
    }

    fn plan(&mut self, gate: &mut GateSession, media: &str) -> Result<Arc<Prepared>, Denial> {
        if self.edition != gate.edition() || self.plans.len() >= MOST_PLANS {
            self.edition = gate.edition();
            self.plans.clear();
        }
        if gate.plans_last()
            && let Some(plan) = self.plans.get(media)
        {
            return Ok(Arc::clone(plan));
        }
        let planned = gate.plan(&Shape::Document(media.to_owned()))?;
        let prepared = Arc::new(Prepared::new(&planned.masking)?);
        self.plans.insert(media.to_owned(), Arc::clone(&prepared));
        Ok(prepared)
    }

    /// A text that is JSON, as the client may see it.
    fn document(&mut self, plan: &Prepared, text: &str) -> Result<String, Denial> {
        let before = Json::read(text.as_bytes()).map_err(|refused| unreadable(&refused))?;
        let (out, covered) = self.by_machine(plan, text)?;
        if covered > 0 {
            let after = Json::read(&out).map_err(|refused| unreadable(&refused))?;
            self.remember(&before, &after);
        }
        let out = String::from_utf8(out).map_err(|_| unreadable(&"it is no text"))?;
        if self.seen.is_empty() {
            return Ok(out);
        }
        let shown = Json::read(out.as_bytes()).map_err(|refused| unreadable(&refused))?;
        let again = self.covered_again(&shown);
        Ok(if again == shown { out } else { again.to_text() })
    }

    /// A document as the plan has it, and how much of it is covered.
    fn by_machine(&self, plan: &Prepared, text: &str) -> Result<(Vec<u8>, u64), Denial> {
        let limits = Limits { held: LONGEST, ..Limits::default() };
        let (document, masker) = (Arc::clone(&plan.document), self.masker.clone());
        let mut stream = JsonStream::new(Machine { plan: document, masker, limits });
        let mut out = Vec::new();
        stream.feed(text.as_bytes(), &mut out).map_err(|error| unreadable(&error))?;
        stream.finish(&mut out).map_err(|error| unreadable(&error))?;
        Ok((out, stream.covered()))
    }

    /// The value without what was covered anywhere in this session.
    fn covered_again(&mut self, value: &Json) -> Json {
        match value {
            Json::Object(members) => Json::Object(
                members
                    .iter()
                    .map(|(name, inner)| {
                        (self.seen.cover(name).into_owned(), self.covered_again(inner))
                    })
                    .collect(),
            ),
            Json::List(list) => {
                Json::List(list.iter().map(|inner| self.covered_again(inner)).collect())
            }
            Json::Text(text) => Json::Text(self.seen.cover(text).into_owned()),
            Json::Number(spelled) => match self.seen.cover(spelled) {
                Cow::Borrowed(_) => value.clone(),
                Cow::Owned(covered) => Json::Text(covered),
            },
            Json::Bool(_) | Json::Null => value.clone(),
        }
    }

    /// What was covered is looked for in all that comes later.
    fn remember(&mut self, before: &Json, after: &Json) {
        match (before, after) {
            (Json::Object(before), Json::Object(after)) if before.len() == after.len() => {
                let pairs = before.iter().zip(after);
                pairs.for_each(|((_, before), (_, after))| self.remember(before, after));
            }
            (Json::List(before), Json::List(after)) if before.len() == after.len() => {
                before.iter().zip(after).for_each(|(before, after)| self.remember(before, after));
            }
            (before, after) if before == after => {}
            (before, _) => self.remember_all(before),
        }
    }

    fn remember_all(&mut self, covered: &Json) {
        match covered {
            Json::Object(members) => members.iter().for_each(|(_, it)| self.remember_all(it)),
            Json::List(list) => list.iter().for_each(|it| self.remember_all(it)),
            Json::Text(text) => self.seen.remember(text.as_bytes()),
            Json::Number(spelled) => self.seen.remember(spelled.as_bytes()),
            Json::Bool(_) | Json::Null => {}
        }
    }

    fn plain(&mut self, mask: &CellMask, text: &str) -> String {
        let mut out = Vec::new();
        let treated = match self.masker.treat(mask, CellForm::Text, text.as_bytes(), &mut out) {
            Treated::Null => return String::new(),
            Treated::Unchanged => Cow::Borrowed(text),
            Treated::Changed => Cow::Owned(String::from_utf8_lossy(&out).into_owned()),
        };
        self.seen.cover(&treated).into_owned()
    }
}

impl Prepared {
    fn new(masking: &Masking) -> Result<Self, Denial> {
        let document = DocumentMask::new(masking).map_err(|error| unusable(&error))?;
        let rest = CellMask::new(&masking.rest).map_err(|error| unusable(&error))?;
        let mut keys = masking.documents.iter().flat_map(|rules| &rules.keys).peekable();
        let looks_into = keys.peek().is_some() || rest.covers();
        let by_path = keys.any(|(key, _)| key.contains(['.', '[', '$']));
        Ok(Self { document: Arc::new(document), rest, looks_into, by_path })
    }
}

/// What stands where a picture, a sound or the bytes of a resource were.
fn withheld(value: &Json, is_resource: bool) -> Json {
    let words = format!("[{}]", super::WITHHELD);
    if !is_resource {
        return super::text_part(&words);
    }
    let uri = value.get("uri").cloned().unwrap_or(Json::Null);
    let media = Json::text("text/plain");
    Json::object([("uri", uri), ("mimeType", media), ("text", Json::text(words))])
}

/// A document of one key and its value, which is JSON.
fn pair_of(key: &str, value: &str) -> String {
    format!("{{{}:{value}}}", Json::text(key).to_text())
}

/// The value in a document of one key.
fn value_of(key: &str, document: &[u8]) -> Result<String, Denial> {
    let document = Json::read(document).map_err(|refused| unreadable(&refused))?;
    // A document without the key has nothing to show.
    Ok(document.get(key).unwrap_or(&Json::Null).to_text())
}

fn unreadable(error: &dyn std::fmt::Display) -> Denial {
    Denial {
        reason: format!("a text in the result cannot be masked: {error}"),
        rule: "gateway.mask".to_owned(),
        hint: String::new(),
    }
}

fn unusable(error: &dyn std::fmt::Display) -> Denial {
    Denial {
        reason: format!("the result cannot be masked: {error}"),
        rule: "gateway.mask".to_owned(),
        hint: "Tell whoever operates the gateway.".to_owned(),
    }
}
