//! What a client may know of a representation by its headers, and ask about it by them, where something of it is covered.

use http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use palisade_policy::{Denial, Edition};

use super::exchange::Run;
use super::incoming::Asked;
use super::request::is_safe;
use crate::Query;

/// Digests of a representation as the service has it: what is in the names of headers that have some.
const DIGESTS: [&str; 11] = [
    "checksum", "chksum", "crc32", "crc64", "digest", "etag", "hash", "md5", "sha1", "sha256",
    "sha512",
];
/// Whether it could be had in parts.
const PARTS: &str = "accept-ranges";

/// How the names end of headers that ask about tags of what is read besides the target: those of Amazon S3, Azure, and others
/// like them.
const CONDITIONS: [&str; 2] = ["-if-match", "-if-none-match"];
/// Digests that what is read besides the target must have.
const EXPECTED: [&str; 2] = ["x-ms-source-content-md5", "x-ms-source-content-crc64"];

/// Parameters by which whoever reads an object chooses what it is said to be (Amazon S3, Google's storage): it is masked by that.
const CHOSEN: [&str; 2] = ["response-content-type", "response-content-encoding"];

/// Puts a request's conditions as its service knows them.
///
/// # Errors
/// When it asks about what is masked in a way that the service would answer.
pub(super) fn ask(run: &Run<'_>, headers: &mut HeaderMap) -> Result<(), Denial> {
    let head = &run.request.head;
    let guess = guess(headers, head.target.query.as_ref());
    let is_conditional = headers.contains_key(IF_NONE_MATCH) || headers.contains_key(IF_MATCH);
    if !is_conditional && guess.is_none() {
        return Ok(());
    }
    // The request may have waited for a person, and the policies are others now.
    let (edition, masks) = {
        let mut gate = run.session.gate();
        (gate.renew(), !gate.masks_nothing())
    };
    match guess {
        _ if !masks => return Ok(()),
        Some(denial) => return Err(denial),
        None => {}
    }
    run.session.tags.ask(headers, (&head.target.text(), edition), is_safe(&head.method));
    Ok(())
}

/// The denial, where something is masked, of a request that asks by its headers whether what is elsewhere has some tag or
/// digest, or says by its query what the answer is to be called. They are not put as the service knows them, and without them
/// something else would be done than the client wants.
pub(super) fn guess(headers: &HeaderMap, query: Option<&Query>) -> Option<Denial> {
    let asks = |name: &str, value: &HeaderValue| {
        let is_condition = CONDITIONS.iter().any(|end| name.ends_with(end));
        // Tags are in brackets there, beside those of locks (RFC 4918 section 10.4).
        let has_tags = name == "if" && value.as_bytes().contains(&b'[');
        is_condition || EXPECTED.contains(&name) || has_tags
    };
    let denial = |reason: String, hint: &str| Denial {
        reason,
        rule: "gateway.condition".to_owned(),
        hint: hint.to_owned(),
    };
    if let Some((name, _)) = headers.iter().find(|(name, value)| asks(name.as_str(), value)) {
        let reason = format!("the header {name} asks about a tag or digest of what may be masked");
        return Some(denial(reason, "Leave the condition out."));
    }
    let mut pairs = query.into_iter().flat_map(Query::pairs);
    let chosen = pairs.find_map(|(name, _)| {
        CHOSEN.into_iter().find(|known| name.trim().eq_ignore_ascii_case(known))
    })?;
    let reason =
        format!("the parameter {chosen} says of what type the answer is, by which it is masked");
    Some(denial(reason, "Leave the parameter out."))
}

impl Asked<'_> {
    /// What of a response's validators the client gets: where its body is covered, or was decompressed, they are true of
    /// something else, and a digest would tell of what is covered. A `HEAD` tells no more than a `GET` would. Whoever uploads
    /// an object in parts must name each by the tag that it was given.
    pub(super) fn validators(
        &self,
        status: StatusCode,
        headers: &mut HeaderMap,
        (came, edition): (&HeaderMap, Edition),
        (is_covered, is_decoded): (bool, bool),
    ) {
        if self.stores {
            return;
        }
        if is_covered || is_decoded {
            let is_digest = |name: &&HeaderName| {
                let has = |part: &&str| name.as_str().contains(part);
                **name != ETAG && (name.as_str() == PARTS || DIGESTS.iter().any(has))
            };
            let digests: Vec<HeaderName> = headers.keys().filter(is_digest).cloned().collect();
            digests.iter().for_each(|name| drop(headers.remove(name)));
        }
        // One that a policy has covered is none any more.
        if headers.get(ETAG) != came.get(ETAG) {
            return;
        }
        let masks = !self.session.gate().masks_nothing();
        let tags = &self.session.tags;
        if masks && status == StatusCode::NOT_MODIFIED {
            tags.unchanged(headers, self.target);
        } else if is_covered {
            tags.cover(headers, self.target, edition);
        } else if is_decoded {
            headers.remove(ETAG);
        } else if masks {
            tags.pass(headers, self.target);
        }
    }
}
