//! What a request reads or writes besides its own path, as its headers say: a copy in object stores, a move in WebDAV.

use http::{HeaderName, Method, Uri};
use palisade_policy::Operation;

use super::Templates;
use crate::{Head, Target};

/// How the names end of headers that name what is read: those of Amazon S3, Google Cloud Storage, Azure, and others like them.
const READ: [&str; 2] = ["-copy-source", "-copy-from"];
/// The same of what is taken away from where it was.
const MOVED: &str = "-rename-source";
/// Headers by which what is written later gives what they name, by a link or as its parts: OpenStack Swift, Alibaba OSS.
const LINKED: [&str; 2] = ["-symlink-target", "-object-manifest"];
/// The header that names what is written, in COPY and MOVE (RFC 4918 section 10.3).
const WRITTEN: &str = "destination";

/// The operations that headers add to a request's own. `None` where one names something that cannot be told.
pub(super) fn operations(head: &Head, templates: &Templates) -> Option<Vec<Operation>> {
    let mut operations = vec![];
    for (name, value) in &head.headers {
        // What they name is within an account or a bucket, or only a prefix: no path.
        if LINKED.iter().any(|end| name.as_str().ends_with(end)) {
            return None;
        }
        let methods = methods_of(name);
        if methods.is_empty() {
            continue;
        }
        let target = target_of(value.to_str().ok()?, &head.host)?;
        for method in methods {
            let (object, mut facts) = templates.apply(&target.path);
            facts.push(("named-by".to_owned(), name.as_str().to_owned()));
            let action = method.as_str().to_owned();
            operations.push(Operation { action, object, fields: vec![], facts });
        }
    }
    Some(operations)
}

/// What is done with what a header of this name says, in the words of methods.
fn methods_of(name: &HeaderName) -> &'static [Method] {
    match name.as_str() {
        WRITTEN => &[Method::PUT],
        name if READ.iter().any(|end| name.ends_with(end)) => &[Method::GET],
        name if name.ends_with(MOVED) => &[Method::GET, Method::DELETE],
        _ => &[],
    }
}

/// The path that a value names: of a URI of this host, from its slash, or without it.
fn target_of(value: &str, host: &str) -> Option<Target> {
    // Some readers take it for a space.
    if value.contains('+') {
        return None;
    }
    if value.contains("://") {
        let uri: Uri = value.parse().ok()?;
        // What is elsewhere is not what its path is called here.
        let here = uri.host().is_some_and(|name| name.eq_ignore_ascii_case(host));
        let path = uri.path_and_query().filter(|_| here)?;
        return Target::parse(path.as_str().as_bytes()).ok();
    }
    // Amazon's names of access points are no paths.
    if value.starts_with("arn:") || value.starts_with("/arn:") {
        return None;
    }
    let slash = if value.starts_with('/') { "" } else { "/" };
    Target::parse(format!("{slash}{value}").as_bytes()).ok()
}
