//! What a client may know of a representation by its headers, and ask about it by them, where something of it is covered.

use http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, StatusCode};
use palisade_policy::Edition;

use super::exchange::Run;
use super::incoming::Asked;
use super::request::is_safe;

/// Digests of a representation as the service has it, and whether it could be had in parts.
const DIGESTS: [&str; 8] = [
    "digest",
    "content-digest",
    "repr-digest",
    "content-md5",
    "accept-ranges",
    "x-goog-hash",
    "x-ms-blob-content-md5",
    "x-ms-content-crc64",
];
/// What the names of more of them begin with.
const CHECKSUMS: &str = "x-amz-checksum-";

/// Puts a request's conditions as its service knows them.
pub(super) fn ask(run: &Run<'_>, headers: &mut HeaderMap) {
    let is_conditional = headers.contains_key(IF_NONE_MATCH) || headers.contains_key(IF_MATCH);
    if !is_conditional || run.session.gate().masks_nothing() {
        return;
    }
    let (head, edition) = (&run.request.head, run.session.teller.newest());
    run.session.tags.ask(headers, (&head.target.text(), edition), is_safe(&head.method));
}

impl Asked<'_> {
    /// What of a response's validators the client gets: where its body is covered, or was decompressed, they are true of
    /// something else, and a digest would tell of what is covered. A `HEAD` tells no more than a `GET` would.
    pub(super) fn validators(
        &self,
        status: StatusCode,
        headers: &mut HeaderMap,
        (came, edition): (&HeaderMap, Edition),
        (is_covered, is_decoded): (bool, bool),
    ) {
        if is_covered || is_decoded {
            let is_digest = |name: &&HeaderName| {
                DIGESTS.contains(&name.as_str()) || name.as_str().starts_with(CHECKSUMS)
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
