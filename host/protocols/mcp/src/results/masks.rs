//! Carries the policies' plans out on values of JSON and on texts.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use palisade_mask::{CellForm, CellMask, MESSAGE, Masker, MessageMask, Seen, Treated};
use palisade_policy::{Denial, Edition, GateSession, Masking, Shape, Treatment};
use wildmatch::WildMatch;

use super::embedded::documents;
use crate::json::Json;

/// The media type under which policies plan for JSON.
const JSON: &str = "application/json";
/// So many media types have their plan remembered.
const MOST_PLANS: usize = 32;

/// What masks the results of one session.
pub(crate) struct Masks {
    masker: Masker,
    seen: Seen,
    edition: Edition,
    plans: BTreeMap<String, Arc<Prepared>>,
}

/// A plan, ready to be applied.
struct Prepared {
    keys: Vec<(WildMatch, CellMask)>,
    rest: CellMask,
    keeps: bool,
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
        Ok(self.value(&plan, value, None))
    }

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
        if gate.masks_nothing() {
            return Ok(text.to_owned());
        }
        let json = self.plan(gate, JSON)?;
        let plan = self.plan(gate, media)?;
        if json.keys.is_empty() && !json.rest.covers() {
            return Ok(self.plain(&plan.rest, text));
        }
        let mut shown = String::new();
        let mut at = 0;
        for document in documents(text) {
            shown.push_str(text.get(at..document.start).unwrap_or_default());
            at = document.end;
            shown.push_str(&self.document(&json, text.get(document).unwrap_or_default())?);
        }
        shown.push_str(text.get(at..).unwrap_or_default());
        Ok(self.plain(&plan.rest, &shown))
    }

    /// Whether what cannot be read may pass as it is: pictures, sounds, bytes of some kind.
    ///
    /// # Errors
    /// When a policy gives no plan.
    pub(crate) fn passes(&mut self, gate: &mut GateSession, media: &str) -> Result<bool, Denial> {
        Ok(gate.masks_nothing() || self.plan(gate, media)?.keeps)
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
        let shown = self.masker.message(&mask, &mut self.seen, name, text);
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

    /// A text that is JSON.
    fn document(&mut self, plan: &Prepared, text: &str) -> Result<String, Denial> {
        match Json::read(text.as_bytes()) {
            Ok(value) => {
                let treated = self.value(plan, &value, None);
                Ok(if treated == value { text.to_owned() } else { treated.to_text() })
            }
            // It is JSON for others, and no key in it can be relied on.
            Err(refused) => Err(Denial {
                reason: format!("a text in the result cannot be masked: {refused}"),
                rule: "gateway.mask".to_owned(),
                hint: String::new(),
            }),
        }
    }

    /// A value, all of it under the cover that a key around it calls for.
    fn value(&mut self, plan: &Prepared, value: &Json, cover: Option<&CellMask>) -> Json {
        match value {
            Json::Object(members) => Json::Object(
                members
                    .iter()
                    .map(|(name, inner)| {
                        let cover = plan.key(name).or(cover);
                        (self.plain(&plan.rest, name), self.member(plan, name, inner, cover))
                    })
                    .collect(),
            ),
            Json::List(list) => {
                Json::List(list.iter().map(|inner| self.value(plan, inner, cover)).collect())
            }
            Json::Null => Json::Null,
            leaf => self.leaf(cover.unwrap_or(&plan.rest), leaf),
        }
    }

    fn member(
        &mut self,
        plan: &Prepared,
        name: &str,
        inner: &Json,
        cover: Option<&CellMask>,
    ) -> Json {
        if cover.is_some() || !matches!(inner, Json::Text(_) | Json::Number(_)) {
            return self.value(plan, inner, cover);
        }
        // Some detectors go by the name that stands before a value.
        let pair = Json::Object(vec![(name.to_owned(), inner.clone())]).to_text();
        let mut out = Vec::new();
        match self.masker.treat(&plan.rest, CellForm::JsonText, pair.as_bytes(), &mut out) {
            Treated::Unchanged => self.value(plan, inner, None),
            Treated::Null => Json::Null,
            Treated::Changed => {
                self.remember(inner);
                let read = Json::read(&out).ok().and_then(|pair| pair.members().first().cloned());
                read.map_or(Json::Null, |(_, treated)| treated)
            }
        }
    }

    fn leaf(&mut self, mask: &CellMask, leaf: &Json) -> Json {
        if mask.is_keep() && self.seen.is_empty() {
            return leaf.clone();
        }
        let text = leaf.to_text();
        let mut out = Vec::new();
        match self.masker.treat(mask, CellForm::JsonText, text.as_bytes(), &mut out) {
            Treated::Null => {
                self.remember(leaf);
                Json::Null
            }
            Treated::Changed => {
                self.remember(leaf);
                Json::read(&out).unwrap_or(Json::Null)
            }
            Treated::Unchanged => match leaf {
                Json::Text(text) => Json::Text(self.seen.cover(text).into_owned()),
                other => other.clone(),
            },
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

    fn remember(&mut self, leaf: &Json) {
        match leaf {
            Json::Text(text) => self.seen.remember(text.as_bytes()),
            other => self.seen.remember(other.to_text().as_bytes()),
        }
    }
}

impl Prepared {
    fn new(masking: &Masking) -> Result<Self, Denial> {
        let inspects = |treatment: &Treatment| !treatment.inspect.is_empty();
        if inspects(&masking.rest) || masking.keys.iter().any(|(_, it)| inspects(it)) {
            return Err(unusable(&"a plan inspects values of a document"));
        }
        let keys = masking.keys.iter().map(|(pattern, treatment)| {
            Ok((WildMatch::new_case_insensitive(pattern), CellMask::new(treatment)?))
        });
        let keys = keys.collect::<Result<Vec<_>, palisade_mask::DetectorRefused>>();
        let keys = keys.map_err(|error| unusable(&error))?;
        let rest = CellMask::new(&masking.rest).map_err(|error| unusable(&error))?;
        let keeps = rest.is_keep() && keys.iter().all(|(_, mask)| mask.is_keep());
        Ok(Self { keys, rest, keeps })
    }

    fn key(&self, name: &str) -> Option<&CellMask> {
        self.keys.iter().find(|(pattern, _)| pattern.matches(name)).map(|(_, mask)| mask)
    }
}

fn unusable(error: &dyn std::fmt::Display) -> Denial {
    Denial {
        reason: format!("the result cannot be masked: {error}"),
        rule: "gateway.mask".to_owned(),
        hint: "Tell whoever operates the gateway.".to_owned(),
    }
}
