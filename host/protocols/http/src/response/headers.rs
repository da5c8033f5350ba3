//! Masks a response's headers: as a document of their names and values.

use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};
use palisade_mask::{DocumentMask, Masker};
use palisade_policy::{Denial, Masking};
use serde_json::{Map, Value};

use super::mask::{machine, unreadable};

/// The media type under which policies plan for headers: a document with their names, in lower case, as keys.
pub(crate) const HEADERS: &str = "application/vnd.palisade.http-headers";

const NO_TEXT: &str = "its headers are no text";

/// The headers as the client may see them; `None` where that is as they are.
///
/// # Errors
/// When they cannot be read.
pub(crate) fn mask_headers(
    headers: &HeaderMap,
    plan: Arc<DocumentMask>,
    masking: &Masking,
    masker: &Masker,
) -> Result<Option<HeaderMap>, Denial> {
    let text = document(headers).map_err(|_| unreadable(NO_TEXT))?;
    let mut mask = machine(plan, masking, masker, "application/json", text.len() + 1)?;
    let mut shown = mask.feed(&text)?;
    mask.finish(&mut shown)?;
    let is_text = |value: &HeaderValue| std::str::from_utf8(value.as_bytes()).is_ok();
    if mask.changed_nothing() && headers.values().all(is_text) {
        return Ok(None);
    }
    let shown = serde_json::from_slice(&shown);
    let shown: Map<String, Value> = shown.map_err(|_| unreadable(NO_TEXT))?;
    let mut left = HeaderMap::with_capacity(headers.len());
    if let Some(kind) = headers.get(CONTENT_TYPE) {
        left.insert(CONTENT_TYPE, kind.clone());
    }
    for (name, values) in shown {
        let values = match values {
            Value::Array(values) => values,
            whole => vec![whole],
        };
        for value in values.iter().filter_map(Value::as_str) {
            let name = HeaderName::from_bytes(name.as_bytes());
            // What is covered so that no header can hold it goes.
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
                left.append(name, value);
            }
        }
    }
    Ok(Some(left))
}

/// The document that they are. The type says how the body is read, and nothing else.
fn document(headers: &HeaderMap) -> serde_json::Result<Vec<u8>> {
    let mut text = Vec::with_capacity(1024);
    for name in headers.keys().filter(|name| **name != CONTENT_TYPE) {
        text.push(if text.is_empty() { b'{' } else { b',' });
        serde_json::to_writer(&mut text, name.as_str())?;
        text.push(b':');
        for (place, value) in headers.get_all(name).iter().enumerate() {
            text.push(if place == 0 { b'[' } else { b',' });
            serde_json::to_writer(&mut text, &String::from_utf8_lossy(value.as_bytes()))?;
        }
        text.push(b']');
    }
    let end: &[u8] = if text.is_empty() { b"{}" } else { b"}" };
    text.extend_from_slice(end);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use palisade_policy::{Action, Plan, Shape};

    use super::*;

    #[test]
    fn headers_are_covered_by_name_searched_for_secrets_and_dropped() {
        let plan = Plan {
            fields: vec![],
            keys: vec![
                ("x-*-token".to_owned(), Action::Replace("****".to_owned())),
                ("set-cookie".to_owned(), Action::Nullify),
            ],
            rest: Action::Scan(vec!["aws-key".to_owned()]),
        };
        let mut masking = Masking::default();
        masking.add(0, &Shape::Document(HEADERS.to_owned()), &plan).unwrap();
        let mask = Arc::new(DocumentMask::new(&masking).unwrap());
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-own-token", "hunter2"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("x-note", "AKIAIOSFODNN7EXAMPLE"),
            ("vary", "a"),
            ("vary", "b"),
            ("content-type", "text/plain"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        let shown = mask_headers(&headers, mask, &masking, &Masker::new([0; 32])).unwrap().unwrap();
        assert_eq!(shown["x-own-token"], "****");
        assert!(!shown.contains_key("set-cookie"));
        assert!(!shown["x-note"].to_str().unwrap().contains("AKIA"));
        assert_eq!(shown.get_all("vary").iter().count(), 2);
        assert_eq!(shown["content-type"], "text/plain");
    }
}
