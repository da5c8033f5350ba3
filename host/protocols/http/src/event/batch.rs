//! Bodies that hold requests of their own, for the service that the body is sent to.

use crate::body::{Part, Requests};
use crate::target::is_method;
use crate::{Contents, Kind};

/// Whether something within the body has a method and the path of a request on the service, which has these names.
pub(super) fn holds_requests(contents: &Contents, kind: &Kind, names: &[&str]) -> bool {
    // Objects of JSON were looked at while they were read.
    contents.requests.are_for(names) || told(contents, *kind != Kind::Json).are_for(names)
}

/// The requests that a form's fields are, or members of JSON whose names are paths. `may_be_cut`: a value that is not told may be
/// a method.
fn told(contents: &Contents, may_be_cut: bool) -> Requests {
    let values = |field| {
        let own = contents
            .facts
            .iter()
            .filter(move |(name, _)| name.strip_prefix("body:") == Some(field));
        own.map(|(_, value)| value.as_str())
    };
    let parts = contents.fields.iter().filter_map(|field| {
        let (within, last) = field.rsplit_once('.')?;
        Some((within, Part::of(last)?, field.as_str()))
    });
    let parts: Vec<_> = parts.collect();
    let cut = may_be_cut && contents.cut;
    let mut found = Requests::default();
    for (within, _, method) in parts.iter().filter(|(_, part, _)| *part == Part::Method) {
        if !cut && !values(method).any(|value| is_method(value.trim())) {
            continue;
        }
        for (_, _, path) in parts.iter().filter(|(of, part, _)| of == within && *part == Part::Path)
        {
            let mut said = values(path).peekable();
            if said.peek().is_none() {
                // It is there, and not told.
                found.add("");
            }
            said.for_each(|path| found.add(path));
        }
    }
    found
}
