//! Bodies that hold requests of their own, by which one endpoint does what others would be asked for: OData's and Microsoft Graph's
//! `$batch`, Facebook's batches.

use crate::Contents;
use crate::target::is_method;

/// What the path of such a request is called.
const PATHS: [&str; 4] = ["url", "relative_url", "uri", "path"];

/// Whether something within the body has a method and the path of a request on the same service. What names another service is
/// that one's business.
pub(super) fn holds_requests(contents: &Contents) -> bool {
    let facts = || {
        contents.facts.iter().filter_map(|(name, value)| Some((name.strip_prefix("body:")?, value)))
    };
    facts().any(|(name, value)| {
        let Some((within, "method")) = name.rsplit_once('.') else { return false };
        is_method(value)
            && PATHS.iter().any(|path| {
                let path = format!("{within}.{path}");
                let is_told = contents.fields.contains(&path);
                let mut values =
                    facts().filter(|(name, _)| *name == path).map(|(_, value)| value).peekable();
                is_told && (values.peek().is_none() || values.any(|value| !value.contains("://")))
            })
    })
}
