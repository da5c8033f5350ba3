//! Validators of responses that are covered (RFC 9110 section 8.8.3): the client gets one of the gateway's own for each of the
//! service's, and what it sends back is the service's again.
//!
//! A service's tag may be a digest of what is covered: who has it can try out what that is, and so can whoever may ask the
//! service whether it has this tag. So no such tag leaves, and of those that come none goes on which this session was not given.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue};
use palisade_policy::Edition;
use ring::hmac;

/// How many of a session's tags are remembered; the oldest go first.
const MOST: usize = 256;
/// Longer tags are none, in bytes.
const LONGEST: usize = 256;
/// What is at longer targets is asked for anew each time, in bytes: a session's tags take little room.
const LONGEST_TARGET: usize = 2048;
/// How many bytes of a digest are a tag.
const SHOWN: usize = 16;
/// A tag that no service has for anything.
const NEVER: HeaderValue = HeaderValue::from_static("\"palisade-none\"");

/// The tags that a session's client was given.
pub(crate) struct Tags {
    key: hmac::Key,
    given: Mutex<VecDeque<Given>>,
}

/// A tag that the client has.
struct Given {
    target: String,
    shown: String,
    service: String,
    /// What it was covered by; none where nothing was covered.
    edition: Option<Edition>,
}

impl std::fmt::Debug for Tags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tags").finish_non_exhaustive()
    }
}

impl Tags {
    /// None yet; those that will be are made with this key.
    pub(crate) fn new(key: &[u8]) -> Self {
        let secret = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), b"palisade tags");
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_ref());
        Self { key, given: Mutex::default() }
    }

    /// Puts a tag of the gateway's own in the place of the service's, for what is covered by these policies.
    pub(crate) fn cover(&self, headers: &mut HeaderMap, target: &str, edition: Edition) {
        let Some(service) = self.taken(headers) else { return };
        let shown = self.own(&service, target, edition);
        if let Ok(value) = HeaderValue::from_str(&shown) {
            headers.insert(ETAG, value);
            self.keep(Given { target: target.to_owned(), shown, service, edition: Some(edition) });
        }
    }

    /// Remembers a tag that goes on as it is, since nothing of what it is of is covered.
    pub(crate) fn pass(&self, headers: &HeaderMap, target: &str) {
        let Some(service) = only(headers) else { return };
        let (target, shown) = (target.to_owned(), service.clone());
        self.keep(Given { target, shown, service, edition: None });
    }

    /// Puts the tag that the client has in the place of the service's, where nothing changed.
    pub(crate) fn unchanged(&self, headers: &mut HeaderMap, target: &str) {
        let Some(service) = self.taken(headers) else { return };
        let given = self.given();
        let of_it = |given: &&Given| given.target == target && given.service == service;
        let shown = given.iter().find(of_it).and_then(|it| HeaderValue::from_str(&it.shown).ok());
        headers.extend(shown.map(|shown| (ETAG, shown)));
    }

    /// The conditions of a request as the service knows them. Where it changes something (`!is_safe`), a condition on a tag
    /// from elsewhere stays: without it more would change than the client wants.
    pub(crate) fn ask(
        &self,
        headers: &mut HeaderMap,
        (target, edition): (&str, Edition),
        is_safe: bool,
    ) {
        self.translate(headers, &IF_NONE_MATCH, (target, edition), false);
        let conditional = headers.contains_key(IF_MATCH);
        self.translate(headers, &IF_MATCH, (target, edition), !is_safe);
        if conditional && !headers.contains_key(IF_MATCH) {
            headers.insert(IF_MATCH, NEVER);
        }
    }

    fn translate(
        &self,
        headers: &mut HeaderMap,
        name: &HeaderName,
        (target, edition): (&str, Edition),
        keeps_others: bool,
    ) {
        if !headers.contains_key(name) {
            return;
        }
        let mut left: Vec<String> = vec![];
        for value in headers.get_all(name) {
            for tag in tags(value.to_str().unwrap_or_default()) {
                match self.known(tag, target, edition) {
                    Some(service) => left.push(service),
                    None if tag == "*" || keeps_others => left.push(tag.to_owned()),
                    None => {}
                }
            }
        }
        headers.remove(name);
        if let (Ok(value), false) = (HeaderValue::from_str(&left.join(", ")), left.is_empty()) {
            headers.insert(name, value);
        }
    }

    /// The service's tag for one that the client was given for this target, if that is covered as it was.
    fn known(&self, tag: &str, target: &str, edition: Edition) -> Option<String> {
        let weak = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
        let given = self.given();
        let it = given.iter().find(|it| {
            it.target == target
                && weak(&it.shown) == weak(tag)
                && it.edition.is_none_or(|then| then == edition)
        })?;
        Some(it.service.clone())
    }

    /// Takes the service's tags away; gives it where there is one.
    fn taken(&self, headers: &mut HeaderMap) -> Option<String> {
        let only = only(headers);
        headers.remove(ETAG);
        only
    }

    /// What the gateway calls a tag of the service's: it tells that something changed, and not what.
    fn own(&self, service: &str, target: &str, edition: Edition) -> String {
        let mut context = hmac::Context::with_key(&self.key);
        for part in [service.as_bytes(), target.as_bytes()] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        context.update(&edition.policies.to_be_bytes());
        context.update(&edition.context.to_be_bytes());
        let digest = context.sign();
        let short = digest.as_ref().get(..SHOWN).unwrap_or_default();
        format!("W/\"{}\"", URL_SAFE_NO_PAD.encode(short))
    }

    fn keep(&self, one: Given) {
        if one.target.len() > LONGEST_TARGET {
            return;
        }
        let mut given = self.given();
        given.retain(|it| it.target != one.target || it.shown != one.shown);
        given.truncate(MOST - 1);
        given.push_front(one);
    }

    fn given(&self) -> MutexGuard<'_, VecDeque<Given>> {
        // An entry comes or goes: a panic elsewhere does not make it wrong.
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tag of a response that has one.
fn only(headers: &HeaderMap) -> Option<String> {
    let mut all = headers.get_all(ETAG).iter();
    let (tag, another) = (all.next()?.to_str().ok()?, all.next());
    (another.is_none() && tag.len() <= LONGEST && tags(tag).eq([tag])).then(|| tag.to_owned())
}

/// The tags of a list, which may have commas within their quotes; what is none is left out.
fn tags(list: &str) -> impl Iterator<Item = &str> {
    let mut rest = list;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if rest.is_empty() {
                return None;
            }
            let quote = rest.strip_prefix("W/").map_or(0, |_| 2);
            let length = match rest.get(quote..).and_then(|tag| tag.strip_prefix('"')) {
                Some(tag) => tag.find('"').map(|end| quote + end + 2),
                None if rest.starts_with('*') => Some(1),
                None => None,
            };
            let Some(length) = length else {
                let next = rest.find(',').unwrap_or(rest.len());
                rest = rest.get(next..).unwrap_or_default();
                continue;
            };
            let (tag, after) = rest.split_at_checked(length)?;
            rest = after;
            return Some(tag);
        }
    })
}

#[cfg(test)]
mod tests;
