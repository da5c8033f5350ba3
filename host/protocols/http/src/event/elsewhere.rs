//! What a request reads or writes besides its own path, as its headers say: a copy in object stores, a move in WebDAV.

use http::{HeaderMap, Method, Uri};
use palisade_policy::Operation;

use super::Templates;
use crate::Target;

/// Headers that name what is read, with what is known to send them.
const READ: [&str; 6] = [
    // Amazon S3: CopyObject, UploadPartCopy, RenameObject.
    "x-amz-copy-source",
    "x-amz-rename-source",
    // Google Cloud Storage, Azure Blob Storage, Alibaba's, OpenStack Swift.
    "x-goog-copy-source",
    "x-ms-copy-source",
    "x-oss-copy-source",
    "x-copy-from",
];
/// The header that names what is written, in COPY and MOVE (RFC 4918 section 10.3).
const WRITTEN: &str = "destination";

/// The operations that headers add to a request's own. `None` where one names something that cannot be told.
pub(super) fn operations(headers: &HeaderMap, templates: &Templates) -> Option<Vec<Operation>> {
    let read = READ.into_iter().map(|name| (name, Method::GET));
    let named = read.chain([(WRITTEN, Method::PUT)]);
    let values = named.flat_map(|(name, method)| {
        let all = headers.get_all(name).into_iter();
        all.map(move |value| (name, method.clone(), value))
    });
    let operation = |(name, method, value): (&str, Method, &http::HeaderValue)| {
        let target = target_of(value.to_str().ok()?)?;
        let (object, mut facts) = templates.apply(&target.path);
        facts.push(("named-by".to_owned(), name.to_owned()));
        let action = method.as_str().to_owned();
        Some(Operation { action, object, fields: vec![], facts })
    };
    values.map(operation).collect()
}

/// The path that a value names: of a URI, from its slash, or without it.
fn target_of(value: &str) -> Option<Target> {
    if value.contains("://") {
        let uri: Uri = value.parse().ok()?;
        return Target::parse(uri.path_and_query()?.as_str().as_bytes()).ok();
    }
    // Amazon's names of access points are no paths.
    if value.starts_with("arn:") || value.starts_with("/arn:") {
        return None;
    }
    let slash = if value.starts_with('/') { "" } else { "/" };
    Target::parse(format!("{slash}{value}").as_bytes()).ok()
}
